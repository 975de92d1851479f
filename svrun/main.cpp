// svrun: sets up a process and executes a program in its place. Also chpst, and daemontools' softlimit, setuidgid,
// envuidgid, envdir, pgrphack and setlock, by the name it is called.
#include <unistd.h>

#include <cstdio>

#include "lib/say.h"
#include "svrun/faces.h"
#include "svrun/options.h"
#include "svrun/process.h"
#include "svrun/texts.h"

using namespace svdir;
using namespace svdir::svrun;

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
  const Error error = execute(*plan);
  if (!plan->like_chpst) return fatal(error);
  say("fatal", {chpst_text(error)});
  return kExitSystem;
}
