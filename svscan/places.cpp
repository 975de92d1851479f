#include "svscan/places.h"

#include <limits.h>
#include <time.h>

#include <cstdlib>

#include "lib/files.h"
#include "lib/program_path.h"
#include "lib/say.h"
#include "lib/scan_state.h"
#include "lib/system.h"

namespace svdir::svscan {
namespace {

std::string absolute_path(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) != nullptr) return resolved;
  return path;
}

bool is_same_file(const char* one, const char* other) {
  struct stat a;
  struct stat b;
  return ::stat(one, &a) == 0 && ::stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Our own program, by the path it was started by: that is where a new version of it will be. argv[0] may be anything,
// so it is held against /proc, where there is one.
std::string find_self(const char* argv0) {
  constexpr char kProc[] = "/proc/self/exe";
  std::string path = own_program(argv0);
  if (!path.empty() && (::access(kProc, F_OK) != 0 || is_same_file(path.c_str(), kProc))) return path;
  return absolute_path(kProc);
}

std::string find_supervise(const Options& options, const std::string& self) {
  if (!options.supervise.empty()) return find_program(options.supervise);
  std::string found = sibling_program(self, "supervise");
  return found.empty() && options.face == Face::runsvdir ? find_program("runsv") : found;
}

pid_t holder_of(int lock) {
  char digits[24] = {};
  if (::pread(lock, digits, sizeof digits - 1, 0) <= 0) return 0;
  return static_cast<pid_t>(std::strtol(digits, nullptr, 10));
}

// A child of a killed svscan holds the lock until it has executed its program: that takes microseconds, so a lock
// whose owner is dead is asked for again for a while. Only at its start, before anything runs, does svscan ever sleep.
bool take_lock(int lock, bool patiently) {
  for (int tries = patiently ? 100 : 1; tries > 0; --tries) {
    if (sys::flock(lock, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
    const pid_t holder = holder_of(lock);
    if (holder > 0 && (::kill(holder, 0) == 0 || errno == EPERM)) break;
    const timespec pause{0, 10'000'000};
    if (patiently) ::nanosleep(&pause, nullptr);
  }
  errno = EWOULDBLOCK;
  return false;
}

// .svdir and the lock in it, made and taken.
Result<void> make_own(Places& places, bool patiently) {
  constexpr const char* kLock = kScanLockFile;
  if (sys::mkdirat(places.work.get(), kOwn, 0755) != 0 && errno != EEXIST)
    return system_error(places.scan_path, "cannot be written to");
  Fd lock(sys::openat(places.work.get(), kLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644));
  if (!lock) return system_error("unable to open " + places.scan_path + "/", kLock);
  if (!take_lock(lock.get(), patiently)) {
    if (errno != EWOULDBLOCK) return system_error("unable to lock " + places.scan_path + "/", kLock);
    const pid_t holder = holder_of(lock.get());
    return user_error(places.scan_path + " is already looked after by " +
                      (holder > 0 ? "svscan, pid " + std::to_string(holder) : std::string("another svscan")));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (sys::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0)
    warn({"unable to write ", places.scan_path, "/", kLock, ": ", ::strerror(errno)});
  places.lock = std::move(lock);
  places.has_own = true;
  return {};
}

Result<void> lock_work(Places& places, int inherited_lock) {
  if (inherited_lock >= 0) {
    ::fcntl(inherited_lock, F_SETFD, FD_CLOEXEC);
    places.lock.reset(inherited_lock);
    places.has_own = true;
    return {};
  }
  Result<void> made = make_own(places, true);
  if (made || made.error().fault == Fault::user) return made;
  warn({made.error().text(), ": going on without a lock against a second svscan; -s gives state a place"});
  return {};
}

}  // namespace

Result<void> open_places(const Options& options, const char* argv0, int inherited_lock, Places& into) {
  into.scan_path = options.directory;
  Result<Fd> scan = open_directory(options.directory.c_str());
  if (!scan) {
    if (!is_shortage(scan.error().number)) scan.error().fault = Fault::user;
    scan.error().what = "unable to open the scan directory " + options.directory;
    return std::unexpected(scan.error());
  }
  into.scan = std::move(*scan);
  const std::string absolute = absolute_path(options.directory);
  if (absolute.starts_with('/')) into.absolute = absolute;
  if (options.state_directory.empty()) {
    into.work.reset(::fcntl(into.scan.get(), F_DUPFD_CLOEXEC, 3));
    if (!into.work) return system_error("unable to duplicate a descriptor");
  } else {
    if (::mkdir(options.state_directory.c_str(), 0755) != 0 && errno != EEXIST)
      return system_error("unable to make the state directory", options.state_directory);
    Result<Fd> work = open_directory(options.state_directory.c_str());
    if (!work) return std::unexpected(work.error());
    into.work = std::move(*work);
    into.separate = true;
  }
  into.start_directory.reset(sys::open(".", O_PATH | O_DIRECTORY));
  into.self = find_self(argv0);
  into.supervise = find_supervise(options, into.self);
  if (into.supervise.empty())
    return user_error(
        "no program `supervise` beside svscan or in $PATH; install it there, or name it with --supervise");
  return lock_work(into, inherited_lock);
}

Result<void> claim_own(Places& places) {
  return make_own(places, false);
}

bool reopen_scan_directory(Places& places) {
  Result<Fd> scan = open_directory(places.scan_path.c_str());
  if (!scan) return false;
  Fd work;
  if (!places.separate) {
    work.reset(::fcntl(scan->get(), F_DUPFD_CLOEXEC, 3));
    if (!work) return false;
    // The lock on the old directory goes with it. Not being the first in the new one is no reason to end.
    places.lock.reset();
    places.has_own = false;
    places.work = std::move(work);
  }
  places.scan = std::move(*scan);
  if (!places.separate)
    if (const Result<void> locked = lock_work(places, -1); !locked) warn(locked.error());
  return true;
}

}  // namespace svdir::svscan
