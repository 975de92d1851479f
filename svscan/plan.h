// What to do about a listing of the scan directory. Pure: a listing and the known services in, decisions out.
//
// Identity. A service that is a directory is its (device, inode), as in runit and daemontools: under a new name it is
// the same service and keeps running; another directory under an old name is another service. A service that is a
// bare executable file is its name, because editors replace files; only when its name is gone, the same file under
// another name is taken for a rename.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace svdir::svscan {

enum class Kind : std::uint8_t { directory, script };

struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  unsigned instance = 0;  // 1, 2, … of a service with `instances`; 0: it has none
  auto operator<=>(const Identity&) const = default;
};

// A service as the scan directory shows it, or as we know it. Names are unique within a listing, and among the known
// services that are not `gone`.
struct Sighting {
  std::string_view name;
  Identity identity;
  Kind kind = Kind::directory;
  bool gone = false;  // known services only: its directory has vanished, its supervise is being stopped
};

struct Decision {
  enum class What : std::uint8_t {
    start,      // `entry` is new; `known`, if any, is the service of that name that has to end first
    stop,       // `known` is not there any more
    rename,     // `known` now has the name of `entry`
    refresh,    // `known` is there under its name, but was `gone`, or is another file now
    duplicate,  // `entry` is another name of `known`: leave it alone
  };
  What what;
  std::uint32_t entry = 0;
  std::uint32_t known = 0;
};

inline constexpr std::uint32_t kNobody = std::numeric_limits<std::uint32_t>::max();

// `entries` are sorted by name; decisions come in their order, stops first. O(n log n).
// For a duplicate of an entry that is itself new, `known` is kNobody.
std::vector<Decision> make_plan(std::span<const Sighting> entries, std::span<const Sighting> known);

}  // namespace svdir::svscan
