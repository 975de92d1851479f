// What svscan itself needs to know of a service's settings.
//
// Read once for each entry of the scan directory, and again when its directory is seen to change or at HUP.
#pragma once

#include <map>
#include <string>

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
  const Traits& of(const Places& places, const Listed& listed);
  // All that `of` was not asked for since the last call is forgotten.
  void next_round();
  void forget(const Identity& identity) { now_.erase(identity), before_.erase(identity); }
  void forget_all() { now_.clear(), before_.clear(); }

 private:
  std::map<Identity, Traits> before_;
  std::map<Identity, Traits> now_;
};

// Puts NAME-1 … NAME-N in the place of each entry NAME with `instances = N`. The list stays sorted; where an instance
// has the name of another entry, the entry has it.
void expand_instances(const Places& places, TraitsBook& book, std::vector<Listed>& list, Warnings& warnings);

}  // namespace svdir::svscan
