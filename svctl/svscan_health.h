// What can be known of the svscan that looks after a directory.
#pragma once

#include <sys/types.h>

#include "lib/fd.h"

namespace svdir::svctl {

// svscan holds a lock on DIR/.svdir/.lock and has its pid in it. 0: none runs, or we may not look (errno says why).
pid_t find_svscan(int scan_directory);

// The child of svscan that runs in the directory `service`: the supervise of that service, whatever has become of its
// supervise/. 0: there is none, or we may not look.
pid_t find_supervise(pid_t svscan, int service);

}  // namespace svdir::svctl
