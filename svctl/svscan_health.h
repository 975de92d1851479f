// What can be known of the svscan that looks after a directory.
#pragma once

#include <sys/types.h>

#include "lib/fd.h"

namespace svdir::svctl {

// svscan holds a lock on DIR/.svdir/.lock and has its pid in it. 0: none runs, or we may not look (errno says why).
pid_t find_svscan(int scan_directory);

}  // namespace svdir::svctl
