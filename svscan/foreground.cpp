#include "svscan/foreground.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/program_path.h"
#include "lib/spawn.h"

namespace svdir::svscan {
namespace {

// Runs in the child, with all signals blocked: so SIGTTOU cannot stop it.
int take_terminal(void*, pid_t self) {
  ::setpgid(0, 0);
  if (::isatty(STDIN_FILENO) != 0) ::tcsetpgrp(STDIN_FILENO, self);
  return 0;
}

}  // namespace

Result<void> Foreground::start(char** argv) {
  const std::string path = find_program(argv[0]);
  const ChildPlan plan{
      .path = path.empty() ? argv[0] : path.c_str(), .argv = argv, .new_session = false, .before_exec = take_terminal};
  const auto child = spawn(plan);
  if (!child) {
    errno = child.error().number;
    return system_error("unable to execute", argv[0]);
  }
  pid_ = *child;
  return {};
}

void Foreground::forward(int signal) const {
  if (pid_ == 0) return;
  ::kill(pid_, signal);
  if (signal == SIGTERM) ::kill(pid_, SIGCONT);  // a stopped program cannot end
}

void Foreground::kill() const {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

int Foreground::ended(int wait_status) {
  pid_ = 0;
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace svdir::svscan
