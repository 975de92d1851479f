// The rotated files of a directory: made from `current`, listed, and deleted when there are too many.
#pragma once

#include <string>
#include <vector>

#include "lib/error.h"
#include "svlogd/rotate.h"

namespace svdir::svlogd {

class OldFiles {
 public:
  // From now on names are made and understood by this format (config.h). Finds the newest name that is there, so that
  // later ones are greater.
  void open(int directory, std::string format);

  // In no order. Files of other kinds are passed over.
  std::vector<OldFile> list() const;
  // The oldest one that waits for a processor; "" if there is none.
  std::string oldest_unprocessed() const;

  // Renames `current` to the name of this moment; the name.
  Result<std::string> set_aside(Stamp moment, char kind);

  // The oldest go until at most `keep` are left (0: all may stay), and until they have at most `total` bytes; the one
  // called `in_use` stays. Those that went.
  std::vector<std::string> delete_beyond(std::uint64_t keep, std::string_view in_use) const;
  std::vector<std::string> delete_over(std::uint64_t total, std::string_view in_use) const;
  // The oldest one goes if there are more than `keep`; its name, or "".
  std::string delete_oldest(std::uint64_t keep, std::string_view in_use) const;

 private:
  std::vector<std::string> remove(std::vector<std::string> names) const;

  int directory_ = -1;
  std::string format_;
  Stamp newest_;
};

}  // namespace svdir::svlogd
