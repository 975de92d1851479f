// svctl: the person's tool. It writes bytes into control FIFOs and reads state files; it holds no state of its own.
//
// Called sv, svc, svok, svstat or tai64nlocal it is that tool; by any other name it does not know, it is an init.d
// script for the service of that name, as sv is.
#include <span>

#include "lib/say.h"
#include "lib/signals.h"
#include "svctl/actions.h"
#include "svctl/faces.h"
#include "svctl/request.h"

namespace {

using namespace svdir;

constexpr std::string_view kVersion = "svctl (svdir) 0.1\n";

void print(std::string_view text) {
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) return;
}

Action act(const Request& request) {
  switch (request.verb->verb) {
    case Verb::status: return show_status(request);
    default: return command_services(request);
  }
}

int run_svctl(std::span<const char* const> arguments) {
  const auto request = parse_request(arguments);
  if (!request) {
    warn(request.error());
    return kExitUser;
  }
  if (request->help || request->version) {
    print(request->help ? help_text() : std::string(kVersion));
    return 0;
  }
  const Action code = act(*request);
  return code ? *code : fatal(code.error());
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

int main(int argc, char** argv) {
  sanitize_process();
  const std::string_view name = argc > 0 ? base_name(argv[0]) : "svctl";
  set_program_name(name);
  const std::span<const char* const> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (name == "svctl") return run_svctl(arguments);
  if (name == "svc") return run_svc(arguments);
  if (name == "svok") return run_svok(arguments);
  if (name == "svstat") return run_svstat(arguments);
  if (name == "tai64nlocal") return run_tai64nlocal();
  return run_sv(name, arguments);
}
