// Service directories that svscan makes itself, out of links: for a bare executable file, for the instances of a
// service, and for everything when state is kept apart from a read-only service tree.
#pragma once

#include <string>

#include "lib/error.h"
#include "svscan/listing.h"
#include "svscan/places.h"

namespace svdir::svscan {

// True when `listed` cannot be supervised where it is.
bool needs_mirror(const Places& places, const Listed& listed);
// Its service directory as seen from the work directory.
std::string service_directory_of(const Places& places, const Listed& listed);

// Makes the service directory at `path`, or brings it up to date: links to what is in the original, none to what is
// not there any more. What supervise and the logger have made in it stays.
Result<void> make_mirror(const Places& places, const Listed& listed, const std::string& path);

// Takes the service directory away, but for what a logger has written in it.
void unmake_mirror(const Places& places, const std::string& path);

}  // namespace svdir::svscan
