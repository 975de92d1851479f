#include "lib/events.h"

#include <dirent.h>

#include "lib/status.h"
#include "lib/system.h"

namespace svdir {
namespace {

constexpr char kSupervise[] = "supervise";
constexpr char kEvent[] = "event";  // below supervise/

// Made by root in somebody else's directory, a thing is handed to that somebody.
void hand_over(int fd, const struct stat& to) {
  if (::geteuid() == 0 && to.st_uid != 0 && ::fchown(fd, to.st_uid, to.st_gid) != 0) return;
}

Fd open_event_dir(int supervise_dir) {
  // The last waiter removes event/, perhaps between our mkdir and our open; hence more than one try.
  for (int tries = 0; tries < 20; ++tries) {
    const bool made = sys::mkdirat(supervise_dir, kEvent, 0700) == 0;
    if (!made && errno != EEXIST) return {};
    Fd dir(sys::openat(supervise_dir, kEvent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat owner;
    if (dir && made && ::fstat(supervise_dir, &owner) == 0) hand_over(dir.get(), owner);
    if (dir || errno != ENOENT) return dir;
  }
  return {};
}

void tell_waiter(int events, const char* name) {
  const Fd fifo(sys::openat(events, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW));
  if (!fifo) {
    if (errno == ENXIO) sys::unlinkat(events, name);
    return;
  }
  struct stat facts;  // full: it has not looked yet, and will
  if (::fstat(fifo.get(), &facts) == 0 && S_ISFIFO(facts.st_mode) && sys::write(fifo.get(), "c", 1) < 0) return;
}

}  // namespace

EventFifo& EventFifo::operator=(EventFifo&& other) noexcept {
  if (this == &other) return *this;
  close();
  fifo_ = std::move(other.fifo_);
  supervise_dir_ = std::move(other.supervise_dir_);
  event_dir_ = std::move(other.event_dir_);
  std::memcpy(name_, other.name_, sizeof name_);
  return *this;
}

Result<void> EventFifo::open(int service_dir) {
  static unsigned count = 0;
  close();
  supervise_dir_.reset(sys::openat(service_dir, kSupervise, O_RDONLY | O_DIRECTORY));
  if (!supervise_dir_) return system_error("unable to open", kSupervise);
  std::snprintf(name_, sizeof name_, ".%d.%u", static_cast<int>(::getpid()), count++);
  for (int tries = 0; tries < 20; ++tries) {
    event_dir_ = open_event_dir(supervise_dir_.get());
    if (!event_dir_) return system_error("unable to make", file::kEvent);
    if (sys::mkfifoat(event_dir_.get(), name_, 0600) == 0) break;
    if (errno == EEXIST)
      sys::unlinkat(event_dir_.get(), name_);  // of a process of our number, dead long since
    else if (errno != ENOENT)
      return system_error("unable to make a FIFO in", file::kEvent);
  }
  fifo_.reset(sys::openat(event_dir_.get(), name_, O_RDWR | O_NONBLOCK | O_NOFOLLOW));
  struct stat owner;
  struct stat facts;
  if (!fifo_ || ::fstat(fifo_.get(), &facts) != 0 || !S_ISFIFO(facts.st_mode))
    return system_error("unable to open a FIFO in", file::kEvent);
  if (::fstat(event_dir_.get(), &owner) == 0) hand_over(fifo_.get(), owner);
  if (sys::renameat(event_dir_.get(), name_, event_dir_.get(), name_ + 1) != 0) {
    const int failure = errno;
    sys::unlinkat(event_dir_.get(), name_);
    fifo_.reset();
    errno = failure;
    return system_error("unable to rename a FIFO in", file::kEvent);
  }
  return {};
}

void EventFifo::drain() {
  char bytes[256];
  while (sys::read(fifo_.get(), bytes, sizeof bytes) == sizeof bytes) {
  }
}

void EventFifo::close() {
  if (fifo_) {
    sys::unlinkat(event_dir_.get(), name_ + 1);
    sys::unlinkat(supervise_dir_.get(), kEvent, AT_REMOVEDIR);  // refused while others wait
  }
  fifo_.reset();
  event_dir_.reset();
  supervise_dir_.reset();
}

void tell_waiters(int service_dir) {
  const Fd events(sys::openat(service_dir, file::kEvent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!events) return;
  // Not readdir(3), whose buffer of 32 KiB a supervise would keep from then on.
  alignas(dirent64) char listing[1024];
  for (ssize_t length; (length = ::getdents64(events.get(), listing, sizeof listing)) > 0;) {
    for (const char* at = listing; at < listing + length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(at);
      at += entry->d_reclen;
      if (entry->d_name[0] != '.') tell_waiter(events.get(), entry->d_name);
    }
  }
}

}  // namespace svdir
