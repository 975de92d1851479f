// Signals as events: a signalfd that the loop polls.
//
// All signals of interest stay blocked for the life of the program, and no handler is ever installed; so nothing of
// ours can run in a child between fork and exec, and a signal is never lost between two looks. Children must call
// `restore_signals_in_child` before exec.
#pragma once

#include <initializer_list>

#include "lib/error.h"
#include "lib/fd.h"

namespace svdir {

// Keeps these from ending the program before its `Signals` are open, and from being lost where nothing ends it (PID 1):
// they wait. Called first thing in main.
void hold_signals(std::initializer_list<int> numbers);

class Signals {
 public:
  // Blocks these signals and opens the signalfd; ignores SIGPIPE.
  Result<void> open(std::initializer_list<int> numbers);
  int fd() const { return fd_.get(); }
  // The next pending signal, or 0 when there is none.
  int next();

 private:
  Fd fd_;
};

// Async-signal-safe. Every disposition to default (also what we inherited as ignored), empty mask.
void restore_signals_in_child();

// Makes descriptors 0, 1 and 2 exist (/dev/null where they were closed), ignores SIGPIPE, hears of children again where
// the parent ignored SIGCHLD, and raises the soft limit of descriptors to the hard one. Every program calls it first.
void sanitize_process();

// Part of the above.
void raise_descriptor_limit();

// Our own files have the modes that their formats promise, whatever umask we were started with; our children get that
// one back.
void use_standard_umask();
void restore_umask_in_child();

// The soft NOFILE limit that the program was started with, for its children.
void restore_descriptor_limit_in_child();

}  // namespace svdir
