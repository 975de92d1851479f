// The log pipes of services whose supervise has died, until its successor has them.
//
// A FIFO keeps its bytes as long as anybody has it open. Its service, its logger and supervise have; but all three may
// be killed before the next supervise is there, and svscan, which hears of supervise's death first, holds it for them.
// For reading only: so the logger still sees the end of its input when the others have let go.
//
// That costs descriptors where many supervises die together: it takes no more than half of what svscan may have.
#pragma once

#include <unordered_map>

#include "svscan/roster.h"

namespace svdir::svscan {

class KeptPipes {
 public:
  // The service's supervise has died. `work` is the work directory. Where there is no pipe, or none can be opened,
  // nothing is kept.
  void keep(int work, Slot slot, const std::string& path);
  void release(Slot slot) { pipes_.erase(slot); }
  // Lets go of the pipes of those that have no successor to wait for, or one that has lived for kSettled.
  void release_settled(const Roster& roster, Instant now);
  bool is_empty() const { return pipes_.empty(); }

  static constexpr Duration kSettled = std::chrono::seconds(10);

 private:
  struct Pipes {
    Fd output;
    Fd errors;
  };
  std::unordered_map<Slot, Pipes> pipes_;
};

}  // namespace svdir::svscan
