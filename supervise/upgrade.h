// Upgrade in place: supervise executes its program anew, with the same pid, children and descriptors.
//
// The new program is tried first (`supervise --version` must exit 0), so one that cannot run is noticed while the old
// one is still here. Then everything but these descriptors is closed by exec: both locks, which so are never free, and
// the FIFOs, in which orders and log lines may wait. $SVDIR_HANDOVER names them; the new program takes the locks over
// and closes the rest when it has opened its own. All else is read from `state`, as after a crash.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "lib/error.h"

namespace svdir {

class Upgrade {
 public:
  // Remembers which program we are, where a path to it can be told. `argv` must live as long as the program.
  void remember(char** argv);

  // Starts the trial. Answers by child_ended.
  Result<void> begin();
  // True when `pid` was the trial's.
  bool is_trial(pid_t pid) const { return pid == trial_ && pid != 0; }
  // The trial was killed for taking too long, or ended: whether the new program can be executed.
  void trial_ended() { trial_ = 0; }

  // Does not return if it succeeds. `handed_over` are the descriptors to keep; -1 is allowed.
  Error execute(std::span<const int> handed_over);

  // The descriptors of $SVDIR_HANDOVER, which is removed from the environment; at most `most`, the rest is closed.
  static std::size_t inherited(std::span<int> into);

 private:
  char** argv_ = nullptr;
  std::string program_;  // absolute path
  pid_t trial_ = 0;
};

}  // namespace svdir
