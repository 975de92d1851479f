// The program in the foreground: `svscan DIR -- PROGRAM ARGUMENT…`.
//
// It runs in a process group of its own, which is made the terminal's foreground group when standard input is a
// terminal, so that ^C reaches the program and not its supervisor. Otherwise it gets what svscan was given: the
// environment, the directory, descriptors 0 to 2.
#pragma once

#include <sys/types.h>

#include "lib/error.h"

namespace svdir::svscan {

class Foreground {
 public:
  // An error carries the exit code of shells and container engines: 127 when there is no such program, 126 when it
  // cannot be executed (see exit_code_of).
  Result<void> start(char** argv);
  bool is_running() const { return pid_ != 0; }
  bool is(pid_t pid) const { return pid_ != 0 && pid == pid_; }
  void forward(int signal) const;
  // KILL to its process group.
  void kill() const;
  // It has ended with this wait status; the exit code that stands for it, 128 + signal for a signal.
  int ended(int wait_status);

  static int exit_code_of(const Error& error) { return error.number == ENOENT ? 127 : 126; }

 private:
  pid_t pid_ = 0;
};

}  // namespace svdir::svscan
