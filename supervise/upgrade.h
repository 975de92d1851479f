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
  // Remembers which program we are; to be called in the working directory of the start. `argv0` must live on.
  void remember(const char* argv0);

  // The program's absolute path, or "" where it cannot be told.
  const std::string& program() const { return program_; }

  // Starts the trial. Answers by child_ended.
  Result<void> begin();
  // True when `pid` was the trial's.
  bool is_trial(pid_t pid) const { return pid == trial_ && pid != 0; }
  // It takes too long; its end will tell that it failed.
  void kill_trial();
  // The trial was killed for taking too long, or ended: whether the new program can be executed.
  void trial_ended() { trial_ = 0; }

  // Executes `PROGRAM .` in the present working directory, the service's; it will call the service `name`. Does not
  // return if it succeeds. `handed_over` are the descriptors to keep; -1 is allowed.
  Error execute(std::span<const int> handed_over, const std::string& name);

  // Takes $SVDIR_HANDOVER out of the environment: true when there is one. Fills `descriptors` in the order they were
  // handed over; what is missing stays as it is.
  static bool inherited(std::span<int> descriptors, std::string& name);

 private:
  const char* argv0_ = nullptr;
  std::string program_;  // absolute path
  pid_t trial_ = 0;
};

}  // namespace svdir
