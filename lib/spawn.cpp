#include "lib/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/say.h"
#include "lib/signals.h"
#include "lib/system.h"

extern char** environ;

namespace svdir {
namespace {

// Moves a descriptor that sits on a number we are about to fill out of the way.
int lift(int fd, int above) {
  return fd >= 0 && fd <= above ? ::fcntl(fd, F_DUPFD_CLOEXEC, above + 1) : fd;
}

// Our own descriptors are close-on-exec, but we may have inherited others that are not. A kernel before 5.11 lets them
// through.
void close_on_exec_all_but(int kept) {
  if (kept > 3) ::close_range(3, static_cast<unsigned>(kept) - 1, CLOSE_RANGE_CLOEXEC);
  ::close_range(kept > 2 ? static_cast<unsigned>(kept) + 1 : 3, ~0U, CLOSE_RANGE_CLOEXEC);
}

// Runs in the child. Returns only when exec failed, with the errno of it.
int become(const ChildPlan& plan) {
  if (plan.new_session) ::setsid();
  const int highest = plan.extra_as > 2 ? plan.extra_as : 2;
  int sources[3] = {lift(plan.input, highest), lift(plan.output, highest), lift(plan.error, highest)};
  const int extra = lift(plan.extra, highest);
  for (int fd = 0; fd <= 2; ++fd)
    if (sources[fd] >= 0 && ::dup2(sources[fd], fd) < 0) return errno;
  if (extra >= 0 && ::dup2(extra, plan.extra_as) < 0) return errno;
  close_on_exec_all_but(extra >= 0 ? plan.extra_as : -1);
  if (plan.directory >= 0 && ::fchdir(plan.directory) != 0) return errno;
  if (plan.lowest_priority && ::nice(19) < 0) errno = 0;  // a courtesy, not a condition
  if (plan.before_exec != nullptr)
    if (const int failure = plan.before_exec(plan.context, ::getpid()); failure != 0) return failure;
  restore_descriptor_limit_in_child();
  restore_umask_in_child();
  restore_signals_in_child();
  if (sys::fails("exec")) return errno;
  ::execve(plan.path, const_cast<char* const*>(plan.argv), plan.environment != nullptr ? plan.environment : environ);
  return errno;
}

}  // namespace

std::expected<pid_t, SpawnError> spawn(const ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  volatile int failure = 0;
  const pid_t pid = sys::fails("fork") ? -1 : ::vfork();
  if (pid == 0) {
    failure = become(plan);
    ::_exit(111);
  }
  const int fork_failure = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return std::unexpected(SpawnError{fork_failure, false});
  if (failure != 0) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return std::unexpected(SpawnError{failure, true});
  }
  return pid;
}

ProcessFacts process_facts(pid_t pid) {
  char path[40];
  const Number number(pid);
  const std::string_view digits = number;
  char* end = path;
  for (const char c : std::string_view("/proc/")) *end++ = c;
  for (const char c : digits) *end++ = c;
  for (const char c : std::string_view("/stat")) *end++ = c;
  *end = '\0';
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char text[512];
  const ssize_t length = ::read(fd, text, sizeof text - 1);
  ::close(fd);
  if (length <= 0) return {};
  text[length] = '\0';
  // The command name stands in parentheses and may hold anything, so fields are counted from the last ')'.
  const char* at = text + length;
  while (at > text && *at != ')') --at;
  ProcessFacts facts;
  for (int field = 2; field < 22; ++field) {
    while (*at != '\0' && *at != ' ') ++at;
    if (*at == '\0') return {};
    ++at;
    if (field == 3) facts.parent = static_cast<pid_t>(std::strtol(at, nullptr, 10));
  }
  facts.start_ticks = std::strtoull(at, nullptr, 10);
  return facts;
}

}  // namespace svdir
