#include "svscan/listing.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/say.h"
#include "lib/service_dir.h"
#include "lib/system.h"

namespace svdir::svscan {
namespace {

// Bare files count by their owner's x bit, as in lib/service_dir.
bool is_script(const struct stat& facts) {
  return S_ISREG(facts.st_mode) && (facts.st_mode & S_IXUSR) != 0;
}

// An answer about the name, not a failure to get one.
bool is_answer(int number) {
  return number == ENOENT || number == ELOOP || number == ENOTDIR || number == EACCES || number == ENAMETOOLONG;
}

// 0, or the errno for which nothing could be learned.
int consider(int directory, const dirent& entry, Listing& into, Warnings& warnings) {
  const std::string_view name = entry.d_name;
  struct stat facts;
  if (sys::fstatat(directory, entry.d_name, &facts) != 0) {
    // A name that has gone since it was read is nothing to speak of; a link that stays and leads nowhere is.
    const int failure = errno;
    if (!is_answer(failure)) return failure;
    if (entry.d_type != DT_LNK)
      into.in_motion.push_back(entry.d_ino);
    else if (sys::fstatat(directory, entry.d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && warnings.is_new(name))
      warn({"skipping ", name, ": the link leads nowhere: ", ::strerror(failure)});
    return 0;
  }
  if (!S_ISDIR(facts.st_mode) && !is_script(facts)) return 0;
  if (const std::string_view why = why_bad_name(name); !why.empty()) {
    if (warnings.is_new(name)) warn({"skipping ", name.substr(0, 64), ": not a name for a service: ", why});
    return 0;
  }
  into.services.push_back({std::string(name), std::string(name), Identity{facts.st_dev, facts.st_ino, 0},
                           S_ISDIR(facts.st_mode) ? Kind::directory : Kind::script});
  return 0;
}

}  // namespace

int read_listing(int directory, Listing& into, Warnings& warnings) {
  std::vector<Listed>& services = into.services;
  services.clear();
  into.in_motion.clear();
  const int fd = sys::openat(directory, ".", O_RDONLY | O_DIRECTORY);
  if (fd < 0) return errno;
  DIR* listing = ::fdopendir(fd);
  if (listing == nullptr) {
    const int failure = errno;
    ::close(fd);
    return failure;
  }
  // Half a listing would stop the other half of the services, so any failure spoils all of it.
  int failure = 0;
  errno = 0;
  for (const dirent* entry; failure == 0 && (entry = ::readdir(listing)) != nullptr; errno = 0)
    if (entry->d_name[0] != '.') failure = consider(directory, *entry, into, warnings);
  if (failure == 0) failure = errno;
  ::closedir(listing);
  if (failure != 0) return failure;
  std::ranges::sort(services, {}, &Listed::name);
  // A directory that is written to while it is read may show a name twice.
  const auto twice = std::ranges::unique(services, {}, &Listed::name);
  services.erase(twice.begin(), twice.end());
  return 0;
}

Runnable look_at_run(int directory, const char* path) {
  struct stat facts;
  if (sys::fstatat(directory, path, &facts) != 0 || !S_ISREG(facts.st_mode) || (facts.st_mode & 0111) == 0)
    return Runnable::missing;
  constexpr std::int64_t kFresh = 3;  // seconds; nobody takes longer between two writes of a run script
  const std::int64_t age = wall_now().seconds - facts.st_ctim.tv_sec;
  if (age >= kFresh || age < -kFresh) return Runnable::yes;
  if (facts.st_size == 0) return Runnable::busy;
  // A read lease is refused (EAGAIN) while anybody has the file open for writing: fcntl(2). Where leases are not to
  // be had at all, there is nothing to learn.
  const Fd fd(sys::openat(directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd) return Runnable::yes;
  if (::fcntl(fd.get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN ? Runnable::busy : Runnable::yes;
  ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
  return Runnable::yes;
}

}  // namespace svdir::svscan
