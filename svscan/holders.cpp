#include "svscan/holders.h"

#include <sys/epoll.h>

#include "lib/files.h"
#include "lib/spawn.h"
#include "lib/system.h"

namespace svdir::svscan {
namespace {

bool read_state(int work, const std::string& path, StateRecord& record) {
  const Result<std::string> text = read_small(work, (path + "/" + file::kState).c_str(), kLongestState);
  return text && unpack(*text, record);
}

}  // namespace

bool is_lock_held(int work, const std::string& path) {
  const Fd lock(sys::openat(work, (path + "/" + file::kLock).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  return lock && sys::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Holder find_holder(int work, const std::string& path) {
  StateRecord record;
  if (!read_state(work, path, record) || record.supervisor.pid <= 1) return {};
  Fd pidfd(sys::pidfd_open(record.supervisor.pid));
  if (!pidfd) return {};
  // Opened first and compared then, so the number cannot change hands in between.
  const unsigned long long ticks = start_ticks(record.supervisor.pid);
  if (ticks != record.supervisor.ticks && ticks != 0 && record.supervisor.ticks != 0) return {};
  return {record.supervisor.pid, std::move(pidfd)};
}

bool was_told_to_exit(int work, const std::string& path) {
  StateRecord record;
  return read_state(work, path, record) && record.leaving;
}

bool send_command(int work, const std::string& path, char letter) {
  const Fd control(sys::openat(work, (path + "/" + file::kControl).c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY));
  struct stat facts;
  if (!control || ::fstat(control.get(), &facts) != 0 || !S_ISFIFO(facts.st_mode)) return false;
  return sys::write(control.get(), &letter, 1) == 1;
}

Result<void> Bells::open() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return system_error("unable to make an epoll descriptor");
  return {};
}

bool Bells::add(int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Bells::next(std::uint64_t& tag) {
  epoll_event event;
  if (::epoll_wait(epoll_.get(), &event, 1, 0) != 1) return false;
  tag = event.data.u64;
  return true;
}

}  // namespace svdir::svscan
