#include "svctl/change_watch.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/system.h"

namespace svdir::svctl {
namespace {
constexpr int kPollMilliseconds = 10;
constexpr std::size_t kFew = 32;  // each FIFO takes three descriptors and six calls that change a directory
constexpr std::uint64_t kInotifyKey = ~std::uint64_t{0};
constexpr std::uint64_t kEndOf = std::uint64_t{1} << 62;  // a pidfd's key is its service's with this bit

bool poll_for_reading(int epoll, int fd, std::uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}
}  // namespace

ChangeWatch::ChangeWatch(std::size_t services) : are_few_(services <= kFew), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

ChangeWatch::Means ChangeWatch::add(int service_dir, std::size_t key) {
  if (key >= entries_.size()) entries_.resize(key + 1);
  remove(key);
  Entry& entry = entries_[key];
  if (are_few_ && add_fifo(service_dir, key)) return entry.means = Means::fifo;
  if (add_inotify(service_dir, key, IN_MOVED_TO | IN_DELETE_SELF)) return entry.means = Means::inotify;
  if (!are_few_ && add_fifo(service_dir, key)) return entry.means = Means::fifo;
  ++polled_;
  return entry.means = Means::polling;
}

void ChangeWatch::remove(std::size_t key) {
  if (key >= entries_.size()) return;
  Entry& entry = entries_[key];
  if (entry.means == Means::polling) --polled_;
  if (entry.means == Means::inotify) {
    ::inotify_rm_watch(inotify_.get(), entry.watch);
    key_of_watch_.erase(entry.watch);
  }
  entry.fifo.close();  // also takes it out of the epoll set
  entry.supervisor.reset();
  entry.means = Means::none;
}

void ChangeWatch::watch_end(int service_dir, std::size_t key, pid_t supervisor) {
  Entry& entry = entries_[key];
  if (supervisor != 0) {
    entry.supervisor.reset(sys::pidfd_open(supervisor));
    if (entry.supervisor) poll_for_reading(epoll_.get(), entry.supervisor.get(), key | kEndOf);
  } else if (entry.means == Means::inotify) {
    add_inotify(service_dir, key, IN_CLOSE_NOWRITE);
  }
}

bool ChangeWatch::add_inotify(int service_dir, std::size_t key, std::uint32_t mask) {
  if (!inotify_) {
    inotify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_ || !poll_for_reading(epoll_.get(), inotify_.get(), kInotifyKey)) return inotify_.reset(), false;
  }
  const Fd supervise(sys::openat(service_dir, "supervise", O_RDONLY | O_DIRECTORY));
  if (!supervise) return false;
  char path[40];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", supervise.get());
  const int watch = ::inotify_add_watch(inotify_.get(), path, mask | IN_ONLYDIR | IN_MASK_ADD);
  if (watch < 0) return false;
  // The same directory under two names gives the same watch; the second one is polled then.
  const auto [at, fresh] = key_of_watch_.emplace(watch, key);
  if (!fresh && at->second != key) return false;
  entries_[key].watch = watch;
  return true;
}

bool ChangeWatch::add_fifo(int service_dir, std::size_t key) {
  Entry& entry = entries_[key];
  // A genuine runsv writes nothing there; but it has no `state` either.
  if (::faccessat(service_dir, "supervise/state", F_OK, 0) != 0) return false;
  return entry.fifo.open(service_dir) && poll_for_reading(epoll_.get(), entry.fifo.fd(), key);
}

void ChangeWatch::report(std::size_t key) {
  Entry& entry = entries_[key];
  if (entry.reported || entry.means == Means::none) return;
  entry.reported = true;
  changed_.push_back(key);
}

void ChangeWatch::read_inotify() {
  alignas(inotify_event) char bytes[16384];
  for (;;) {
    const ssize_t length = ::read(inotify_.get(), bytes, sizeof bytes);
    if (length <= 0) return;
    for (const char* at = bytes; at < bytes + length;) {
      inotify_event event;
      std::memcpy(&event, at, sizeof event);
      const std::string_view name(event.len > 0 ? at + sizeof event : "");
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0)
        for (std::size_t key = 0; key < entries_.size(); ++key) report(key);
      // `pid` and `stat` say nothing that `state` or `status` do not say.
      if ((event.mask & IN_MOVED_TO) != 0 && name != "state" && name != "status") continue;
      // Our own reading of `state` closes a file, too.
      if ((event.mask & IN_CLOSE_NOWRITE) != 0 && name != "ok") continue;
      if (const auto found = key_of_watch_.find(event.wd); found != key_of_watch_.end()) report(found->second);
    }
  }
}

const std::vector<std::size_t>& ChangeWatch::wait(int milliseconds) {
  changed_.clear();
  if (polled_ > 0) milliseconds = milliseconds < 0 ? kPollMilliseconds : std::min(milliseconds, kPollMilliseconds);
  epoll_event events[64];
  const int count = ::epoll_wait(epoll_.get(), events, 64, milliseconds);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == kInotifyKey) {
      read_inotify();
      continue;
    }
    const auto key = static_cast<std::size_t>(events[i].data.u64 & ~kEndOf);
    if ((events[i].data.u64 & kEndOf) != 0)
      entries_[key].supervisor.reset();  // readable from now on, and no news any more
    else if (entries_[key].fifo.fd() >= 0)
      entries_[key].fifo.drain();
    report(key);
  }
  if (polled_ > 0)
    for (std::size_t key = 0; key < entries_.size(); ++key)
      if (entries_[key].means == Means::polling) report(key);
  for (const std::size_t key : changed_) entries_[key].reported = false;
  return changed_;
}

}  // namespace svdir::svctl
