// Processes that a dead supervise left to us, and the news of how they ended.
//
// svscan is their subreaper (or PID 1), so it is svscan's waitpid that sees their status; the supervise that has
// adopted them cannot. The news goes into supervise/exit of the service ("PID WAITSTATUS\n"), and the byte `!` into
// the control FIFO says that it is there.
//
// What a dead supervise ran is known from its `state`, which names every process before it executes anything. Two
// orders are possible: the orphan ends first (its status is kept among the last kKept strangers until we learn
// whose it was), or supervise does.
#pragma once

#include <sys/types.h>

#include <array>
#include <unordered_map>

#include "svscan/roster.h"

namespace svdir::svscan {

class Orphans {
 public:
  explicit Orphans(const Roster& roster) : roster_(roster) {}

  // Reads what the service's dead supervise was running. `work` is the work directory. To be called when it has died
  // and again just before its successor starts: only then is it certain that nothing is about to be recorded.
  void collect(int work, Slot slot);
  // A child that is nobody we know has ended.
  void ended(int work, pid_t pid, int status);
  // Whether a process that the service's dead supervise left is still alive.
  bool has_any(Slot slot) const;
  void forget(Slot slot);

 private:
  struct Owner {
    Slot slot = kNobody;
    std::string_view unit;  // of file::kUnits
  };
  struct Stranger {
    pid_t pid = 0;
    int status = 0;
  };
  void note(int work, pid_t pid, Owner owner);
  void tell(int work, pid_t pid, int status, Owner owner) const;

  static constexpr std::size_t kKept = 64;
  const Roster& roster_;
  std::unordered_map<pid_t, Owner> owners_;
  std::array<Stranger, kKept> strangers_{};
  std::size_t next_stranger_ = 0;
};

}  // namespace svdir::svscan
