// Where svscan works: the scan directory, the directory that holds state, and the lock on it.
#pragma once

#include <string>

#include "lib/error.h"
#include "lib/fd.h"
#include "svscan/options.h"

namespace svdir::svscan {

inline constexpr char kOwn[] = ".svdir";  // our own directory in the work directory

struct Places {
  std::string scan_path;  // as given
  std::string absolute;   // the scan directory's absolute path; "" when it cannot be told
  Fd scan;                // the scan directory
  Fd work;                // where service directories are found: the scan directory, or the state directory
  bool separate = false;  // the two are not the same
  bool has_own = false;   // .svdir is there and can be written to
  Fd lock;                // held while we live; none where .svdir is not to be had
  std::string supervise;  // path of the program; absolute where possible
  std::string self;       // path of our own program, for upgrades; "" when it cannot be told
  Fd start_directory;     // where we were started, for an upgrade's relative arguments
};

// Opens all of them. A second svscan on the same directory is refused, with the first one's pid in the message; a
// directory that cannot be written to is one warning, and there is no lock then. `inherited_lock` is the lock's
// descriptor after an upgrade, or -1.
Result<void> open_places(const Options& options, const char* argv0, int inherited_lock, Places& into);

// Tries again for the .svdir and the lock that were not to be had (has_own).
Result<void> claim_own(Places& places);

// The scan directory anew, after another one has taken its place; false when it cannot be had just now. State in a
// directory of its own stays where it is.
bool reopen_scan_directory(Places& places);

}  // namespace svdir::svscan
