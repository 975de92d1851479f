// The services that svscan knows, each in a slot that keeps its number.
#pragma once

#include <sys/types.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "lib/clock.h"
#include "lib/fd.h"
#include "svscan/plan.h"

namespace svdir::svscan {

using Slot = std::uint32_t;

enum class Phase : std::uint8_t {
  pending,     // its `run` is not there yet; watched
  queued,      // its supervise is to be started
  running,     // its supervise is a child of ours
  held,        // its supervise is not our child, and is watched by pidfd
  elsewhere,   // its lock is held by something that cannot be watched; looked at now and then
  delayed,     // its supervise has died, and is started again at `due`
  left_alone,  // its supervise was told to exit; started again by HUP, or when the directory comes back
  behind,      // waits for the service that had the name before it to end
};

struct Service {
  std::string name;
  std::string source;  // the entry of the scan directory it comes from
  std::string path;    // of the service directory, as seen from the work directory
  Identity identity;
  Kind kind = Kind::directory;
  Phase phase = Phase::pending;
  bool gone = false;  // the directory has vanished
  bool told_to_stop = false;
  bool has_died = false;     // a supervise of it has died and may have left processes to adopt
  bool has_orphans = false;  // while it is being stopped: a supervise is needed to stop what another one left
  bool is_essential = false;
  bool has_logger = false;
  bool lacks_run = false;        // its supervise was started without a `run` that can be executed
  unsigned quick_deaths = 0;     // in a row
  pid_t supervisor = 0;          // while running or held
  Instant since;                 // when it appeared, or its supervise was started
  Instant due;                   // while delayed or elsewhere
  Fd pidfd;                      // while held
  Slot successor = kNobody;      // who is `behind` it
  std::uint32_t stop_index = 0;  // its number in the stop order
};

class Roster {
 public:
  Slot add(Service service) {
    Slot slot;
    if (free_.empty()) {
      slot = static_cast<Slot>(slots_.size());
      slots_.push_back({});
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot] = {std::move(service), true};
    ++size_;
    return slot;
  }
  void remove(Slot slot) {
    clear_child(slot);
    slots_[slot] = {};
    free_.push_back(slot);
    --size_;
  }
  Service& operator[](Slot slot) { return slots_[slot].service; }
  const Service& operator[](Slot slot) const { return slots_[slot].service; }
  bool contains(Slot slot) const { return slot < slots_.size() && slots_[slot].is_used; }
  std::size_t size() const { return size_; }

  void set_child(Slot slot, pid_t pid) {
    slots_[slot].service.supervisor = pid;
    children_[pid] = slot;
  }
  // Its supervise is our child no more.
  void clear_child(Slot slot) {
    if (slots_[slot].service.phase == Phase::running) children_.erase(slots_[slot].service.supervisor);
    slots_[slot].service.supervisor = 0;
  }
  // kNobody when `pid` is no supervise of ours.
  Slot find_child(pid_t pid) const {
    const auto at = children_.find(pid);
    return at == children_.end() ? kNobody : at->second;
  }

  template <class Visit>
  void each(Visit visit) {
    for (Slot slot = 0; slot < slots_.size(); ++slot)
      if (slots_[slot].is_used) visit(slot, slots_[slot].service);
  }

 private:
  struct Place {
    Service service;
    bool is_used = false;
  };
  std::vector<Place> slots_;
  std::vector<Slot> free_;
  std::unordered_map<pid_t, Slot> children_;
  std::size_t size_ = 0;
};

}  // namespace svdir::svscan
