// svrun: sets up a process and executes a program in its place. Also chpst, and daemontools' softlimit, setuidgid,
// envuidgid, envdir, pgrphack and setlock, by the name it is called.
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstring>
#include <optional>

#include "lib/fd.h"
#include "lib/say.h"
#include "lib/system.h"
#include "svrun/faces.h"
#include "svrun/options.h"
#include "svrun/process.h"
#include "svrun/texts.h"

using namespace svdir;
using namespace svdir::svrun;

namespace {

// The service that the options are settings of: the working directory is its directory. Opened before anything
// changes.
class Service {
 public:
  Service() : state_(sys::open("supervise", O_PATH | O_DIRECTORY)) {
    char here[PATH_MAX];
    if (::getcwd(here, sizeof here) != nullptr) name_ = std::strrchr(here, '/') + 1;
  }
  // Leaves the error for supervise to show (lib/status.h), and names the service in it.
  void tell(Error& error) const {
    const std::string text = error.text() + "\n";
    const Fd file(sys::openat(state_.get(), "refused", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (file && sys::write(file.get(), text.data(), text.size()) < 0) warn({"unable to write supervise/refused"});
    error.what.insert(0, name_ + ": ");
  }

 private:
  std::string name_;
  Fd state_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string_view name = argc > 0 ? argv[0] : "svrun";
  name.remove_prefix(name.rfind('/') + 1);  // npos + 1 is 0
  const ChpstFace* face = find_face(name);
  set_program_name(face == nullptr ? "svrun" : face->name);

  const std::span<const char* const> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  std::expected<RunPlan, Refusal> plan = face == nullptr ? parse_options(arguments) : face->parse(arguments);
  if (!plan) {
    std::fputs(plan.error().text.c_str(), plan.error().exit_code == 0 ? stdout : stderr);
    return plan.error().exit_code;
  }
  const std::optional<Service> service =
      plan->attributes.explain ? std::optional<Service>(std::in_place) : std::nullopt;
  Error error = execute(*plan);
  if (service) service->tell(error);
  if (!plan->like_chpst) return fatal(error);
  say("fatal", {chpst_text(error)});
  return kExitSystem;
}
