#include "lib/system.h"

#ifdef SVDIR_FAULTS
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

// SVDIR_FAIL=N:ERRNO[:CALL]   the N-th call (of that name, where one is given) fails with ERRNO, a number
// SVDIR_KILL=N[:CALL]         the process is killed with SIGKILL just before the N-th call
// SVDIR_ONLY=PROGRAM          both apply only to the program of that name (argv[0] without its directory)
namespace svdir::sys {
namespace {

struct Plan {
  long at = 0;
  int number = 0;
  const char* call = nullptr;

  static Plan from(const char* variable, bool with_number) {
    Plan plan;
    const char* only = std::getenv("SVDIR_ONLY");
    const char* text = std::getenv(variable);
    if (text == nullptr) return plan;
    if (only != nullptr && std::strcmp(only, program_invocation_short_name) != 0) return plan;
    char* rest = nullptr;
    plan.at = std::strtol(text, &rest, 10);
    if (with_number && *rest == ':') plan.number = static_cast<int>(std::strtol(rest + 1, &rest, 10));
    if (*rest == ':') plan.call = rest + 1;
    return plan;
  }

  bool reached(const char* name) {
    if (at == 0 || (call != nullptr && std::strcmp(call, name) != 0)) return false;
    return --at == 0;
  }
};

}  // namespace

bool fails(const char* call) {
  static Plan failure = Plan::from("SVDIR_FAIL", true);
  static Plan death = Plan::from("SVDIR_KILL", false);
  if (death.reached(call)) ::kill(::getpid(), SIGKILL);
  if (!failure.reached(call)) return false;
  errno = failure.number;
  return true;
}

}  // namespace svdir::sys
#endif
