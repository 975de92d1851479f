// The rotated files of a directory: made from `current`, listed, and deleted when there are too many.
#pragma once

#include <string>
#include <vector>

#include "lib/error.h"
#include "svlogd/rotate.h"

namespace svdir::svlogd {

class OldFiles {
 public:
  // In no order. Files of other kinds are passed over.
  static std::vector<OldFile> list(int directory);

  // Finds the newest name that is there, so that later ones are greater.
  void look(int directory);
  // Renames `current` to the name of this moment; the name.
  Result<std::string> set_aside(int directory, char kind);

 private:
  Stamp newest_;
};

}  // namespace svdir::svlogd
