// svctl: the person's tool. It writes bytes into control FIFOs and reads state files; it holds no state of its own.
//
// Called sv, svc, svok, svstat or tai64nlocal it is that tool; by any other name it does not know, it is an init.d
// script for the service of that name, as sv is.
#include <span>

#include "lib/say.h"
#include "lib/signals.h"
#include "svctl/actions.h"
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

}  // namespace

int main(int argc, char** argv) {
  sanitize_process();
  set_program_name("svctl");
  const std::span<const char* const> arguments(argv, static_cast<std::size_t>(argc));
  return run_svctl(arguments.subspan(argc > 0 ? 1 : 0));
}
