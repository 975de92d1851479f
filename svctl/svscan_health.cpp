#include "svctl/svscan_health.h"

#include <cerrno>
#include <charconv>

#include "lib/scan_state.h"
#include "lib/system.h"

namespace svdir::svctl {

pid_t find_svscan(int scan_directory) {
  const Fd lock(sys::openat(scan_directory, kScanLockFile, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  if (!lock) return 0;
  char text[24];
  const ssize_t length = sys::read(lock.get(), text, sizeof text);
  pid_t pid = 0;
  if (length <= 0 || std::from_chars(text, text + length, pid).ec != std::errc{} || pid <= 0) return 0;
  // Asking for a shared lock tells whether svscan still holds its own; a dead one's is free.
  errno = 0;
  if (sys::flock(lock.get(), LOCK_SH | LOCK_NB) == 0) return 0;
  return pid;
}

}  // namespace svdir::svctl
