// What svscan itself needs to know of a service's settings.
//
// Read once for each entry of the scan directory, and again when its directory is seen to change or at HUP. What cannot
// be read leaves what was known; and fewer instances are believed when they have been so for kGrace, because an editor
// may have the settings in its hands: moved away, empty, half written.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "lib/clock.h"
#include "svscan/listing.h"
#include "svscan/places.h"

namespace svdir::svscan {

struct Traits {
  unsigned instances = 0;  // 0: one service under the entry's own name
  bool essential = false;
  bool has_logger = false;  // log/run, or a `log` setting
};

class TraitsBook {
 public:
  static constexpr Duration kGrace = std::chrono::milliseconds(900);

  const Traits& of(const Places& places, const Listed& listed);
  // All that `of` was not asked for since the last call is forgotten.
  void next_round();
  // Everything is to be read again, in the next round.
  void distrust();
  // Something is to be looked at again after kGrace.
  bool is_unsettled() const { return unsettled_; }

 private:
  struct Page {
    Traits traits;
    bool is_stale = false;
    Instant fewer_since;  // instances than `traits` has
  };
  Page reread(const std::optional<Traits>& read, const Page& known);

  std::map<Identity, Page> before_;
  std::map<Identity, Page> now_;
  bool unsettled_ = false;
};

// Puts NAME-1 … NAME-N in the place of each entry NAME with `instances = N`. The list stays sorted; where an instance
// has the name of another entry, the entry has it.
void expand_instances(const Places& places, TraitsBook& book, std::vector<Listed>& list, Warnings& warnings);

}  // namespace svdir::svscan
