#include "svctl/svscan_health.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "lib/files.h"
#include "lib/scan_state.h"
#include "lib/system.h"
#include "lib/values.h"

namespace svdir::svctl {
namespace {
constexpr std::size_t kLongestChildren = 1024 * 1024;
}

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

pid_t find_supervise(pid_t svscan, int service) {
  struct stat wanted;
  const std::string task = std::to_string(svscan);
  const auto children =
      read_small(AT_FDCWD, ("/proc/" + task + "/task/" + task + "/children").c_str(), kLongestChildren);
  if (!children || ::fstat(service, &wanted) != 0) return 0;
  for (const std::string& child : split_words(*children)) {
    struct stat facts;
    if (::stat(("/proc/" + child + "/cwd").c_str(), &facts) == 0 && facts.st_dev == wanted.st_dev &&
        facts.st_ino == wanted.st_ino)
      return std::atoi(child.c_str());
  }
  return 0;
}

}  // namespace svdir::svctl
