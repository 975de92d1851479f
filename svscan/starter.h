// Starts supervises, in the order they were asked for, as fast as the machine can execute them and no faster.
//
// spawn() returns when the child has executed its program, so the parent is held back by the very work it asks for;
// between batches the loop gets its turn. When the machine has no room for another process, everything waits a
// second, with one line said, and goes on by itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/clock.h"
#include "svscan/holders.h"
#include "svscan/orphans.h"
#include "svscan/outputs.h"
#include "svscan/places.h"
#include "svscan/roster.h"

namespace svdir::svscan {

class Starter {
 public:
  Starter(const Options& options, const Places& places, Roster& roster, Orphans& orphans, Bells& bells,
          Outputs& outputs);

  // At the next batch. Nothing happens to one that is queued already.
  void queue(Slot slot);
  // At `due`, in the given phase (delayed or elsewhere).
  void delay(Slot slot, Instant due, Phase phase);
  // After the death of its supervise: at once; but from the second death in a row on that came within a second, after
  // 1, 2, 4 … 30 seconds.
  void delay_after_death(Slot slot, Instant now);

  // Starts some; when to call again, or "never" when there is nothing to wait for. Never takes much longer than
  // kBatch.
  Instant run(Instant now);

  // The scan directory has a .defaults, or has none any more.
  void set_defaults(bool are_there) { has_defaults_ = are_there; }
  // Services told to stop whose supervise, one that could not be watched, has gone in the meantime.
  std::vector<Slot> take_released() { return std::exchange(released_, {}); }

 private:
  struct Due {
    Instant at;
    Slot slot;
  };
  static bool later(const Due& a, const Due& b) { return a.at > b.at; }

  void take_due(Instant now);
  bool starts_by_itself(const Service& service) const;
  bool start(Slot slot, Instant now);
  void watch_holder(Slot slot, Instant now);
  bool spawn_supervise(Slot slot, Instant now);
  char* const* environment(const Service& service);

  static constexpr Duration kBatch = std::chrono::milliseconds(4);
  const Options& options_;
  const Places& places_;
  Roster& roster_;
  Orphans& orphans_;
  Bells& bells_;
  Outputs& outputs_;
  std::vector<Slot> queue_;  // from head_ on
  std::size_t head_ = 0;
  std::vector<Due> due_;  // a heap; entries whose service has another `due` by now are of no account
  std::vector<Slot> released_;
  Instant resume_;         // no start before
  bool is_short_ = false;  // of processes or memory, and it has been said
  bool has_defaults_ = false;
  std::string defaults_;  // "SVDIR_DEFAULTS=/path/.defaults"
  std::string instance_;  // "INSTANCE=3", for the start at hand
  std::vector<char*> environment_;
};

}  // namespace svdir::svscan
