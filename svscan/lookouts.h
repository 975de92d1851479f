// A handful of directory watches for services that are being filled, or whose number of instances may change.
//
// They share the loop's one inotify instance. There is a fixed number of them: who gets none is looked at by the
// clock instead.
#pragma once

#include <array>

#include "lib/loop.h"
#include "svscan/roster.h"

namespace svdir::svscan {

class Lookouts {
 public:
  // True when `path` is watched for `slot` from now on, or was already.
  bool watch(Loop& loop, Slot slot, const char* path, Callback on_change) {
    Place* free = nullptr;
    for (Place& place : places_) {
      if (place.slot == slot) return true;
      if (place.slot == kNobody) free = &place;
    }
    if (free == nullptr || free->watch.start(loop, path, on_change) != 0) return false;
    free->slot = slot;
    return true;
  }
  void release(Slot slot) {
    for (Place& place : places_) {
      if (place.slot != slot) continue;
      place.watch.stop();
      place.slot = kNobody;
    }
  }

 private:
  struct Place {
    DirectoryWatch watch;
    Slot slot = kNobody;
  };
  std::array<Place, 32> places_;
};

}  // namespace svdir::svscan
