// Reads the scan directory: what is a service there, and why something is none.
#pragma once

#include <string>
#include <vector>

#include "svscan/plan.h"
#include "svscan/warnings.h"

namespace svdir::svscan {

// One service of the listing.
struct Listed {
  std::string name;
  std::string source;  // the entry it comes from; differs from `name` for instances
  Identity identity;
  Kind kind = Kind::directory;
};

struct Listing {
  std::vector<Listed> services;  // sorted by name
  // Inodes of entries whose name was not there any more when it was looked at: gone, or given another name.
  std::vector<ino_t> in_motion;
};

// Services in the directory open as `directory`: subdirectories, executable files, and symbolic links to either. Names
// that cannot be a service's, and links that lead nowhere, get one warning each, as long as they stay. Returns 0, or
// the errno for which the directory could not be read (EMFILE, ENOENT when it was removed…).
int read_listing(int directory, Listing& into, Warnings& warnings);

// Whether what is to be executed, NAME/run or a bare file NAME, can be: it is an executable regular file that nobody
// is writing to just now. Executing a file that is open for writing fails (ETXTBSY), and half a script is worse.
enum class Runnable : std::uint8_t { yes, missing, busy };
Runnable look_at_run(int directory, const char* path);

}  // namespace svdir::svscan
