#include "supervise/readiness.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstring>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir {
namespace {

constexpr char kFifo[] = "supervise/ready.pipe";
constexpr char kSocket[] = "supervise/notify";
constexpr Duration kFirstPause = std::chrono::milliseconds(50);
constexpr Duration kLongestPause = std::chrono::seconds(1);

// Where the socket is found by a service, whose working directory may be any: an absolute path, or where that would
// be longer than an address can be, a name in the abstract namespace (unix(7)).
std::string socket_address() {
  char here[PATH_MAX];
  std::string address = ::getcwd(here, sizeof here) != nullptr ? here : "";
  address.append("/").append(kSocket);
  if (address.size() < sizeof(sockaddr_un::sun_path)) return address;
  struct stat facts;
  if (::stat(".", &facts) != 0) return {};
  return "@svdir/" + std::to_string(facts.st_dev) + "-" + std::to_string(facts.st_ino);
}

}  // namespace

Result<void> Readiness::prepare(const Settings& settings, int dir, Program& run) {
  stop();
  dir_ = dir;
  if (settings.ready == Ready::fd) {
    if (auto opened = open_fifo(); !opened) return opened;
    char old[256];  // what a forgotten process of the last run wrote says nothing of this one
    while (sys::read(channel_.get(), old, sizeof old) > 0) {
    }
    run.pass(Fd(sys::openat(dir, kFifo, O_WRONLY | O_NOFOLLOW)), settings.ready_fd);
  } else if (settings.ready == Ready::notify) {
    if (auto opened = open_socket(); !opened) return opened;
    run.variable("NOTIFY_SOCKET", socket_address());
    if (settings.check_interval.count() > 0)
      run.variable("WATCHDOG_USEC", std::to_string(settings.check_interval / std::chrono::microseconds(1)));
  }
  return {};
}

Result<void> Readiness::watch(const Settings& settings, int dir, pid_t main, bool ready) {
  settings_ = &settings;
  dir_ = dir;
  main_ = main;
  ready_ = ready;
  failures_ = 0;
  pause_ = kFirstPause;
  watchdog_ = settings.ready == Ready::notify ? settings.check_interval : Duration{};
  if (settings.ready == Ready::fd && !ready) {
    if (!channel_)
      if (auto opened = open_fifo(); !opened) return opened;
    listen(channel_.get(), callback<&Readiness::on_fifo>(this));
  } else if (settings.ready == Ready::notify) {
    if (!channel_)
      if (auto opened = open_socket(); !opened) return opened;
    listen(channel_.get(), callback<&Readiness::on_socket>(this));
  }
  if (ready) became_ready();
  else if (settings.ready == Ready::check) check_after(kFirstPause);
  return {};
}

void Readiness::became_ready() {
  ready_ = true;
  failures_ = 0;
  if (settings_->ready == Ready::fd) {
    poll_.stop();
    channel_.reset();
  }
  if (watchdog_.count() > 0) return feed_watchdog();
  struct stat facts;
  if (settings_->check_interval.count() > 0 && sys::fstatat(dir_, "check", &facts) == 0)
    check_after(settings_->check_interval);
}

void Readiness::stop() {
  poll_.stop();
  channel_.reset();
  check_timer_.stop();
  watchdog_timer_.stop();
  if (check_ != 0) sys::kill(-check_, SIGKILL);
  main_ = 0;
}

void Readiness::listen(int fd, Callback on_readable) { poll_.start(loop_, fd, Poll::For::reading, on_readable); }

// --- fd:N -------------------------------------------------------------------------------------------------------------

Result<void> Readiness::open_fifo() {
  if (auto made = ensure_fifo(dir_, kFifo, 0600); !made) return made;
  channel_.reset(sys::openat(dir_, kFifo, O_RDWR | O_NONBLOCK | O_NOFOLLOW));
  if (!channel_) return system_error("unable to open", kFifo);
  return {};
}

void Readiness::on_fifo() {
  char text[256];
  const ssize_t length = sys::read(channel_.get(), text, sizeof text);
  if (length <= 0 || std::memchr(text, '\n', static_cast<std::size_t>(length)) == nullptr) return;
  listener_.service_ready();
}

// --- notify -----------------------------------------------------------------------------------------------------------

Result<void> Readiness::open_socket() {
  const std::string address = socket_address();
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  const bool abstract = address.starts_with('@');
  // By the short relative path, which always fits; an abstract name begins with a NUL.
  const std::string_view name = abstract ? std::string_view(address) : std::string_view(kSocket);
  std::memcpy(where.sun_path, name.data(), name.size());
  if (abstract) where.sun_path[0] = '\0';
  else sys::unlinkat(dir_, kSocket);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
  channel_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  if (!channel_ || ::setsockopt(channel_.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0 ||
      ::bind(channel_.get(), reinterpret_cast<const sockaddr*>(&where), size) != 0) {
    channel_.reset();
    return system_error("unable to make the socket", kSocket);
  }
  // The service may run as somebody else; who may speak is decided by session, not by mode.
  if (!abstract && ::getuid() == 0) {
    ::fchmodat(dir_, kSocket, 0666, 0);
    ::fchmodat(dir_, "supervise", 0711, 0);
  }
  return {};
}

void Readiness::on_socket() {
  char text[kLongestNotification + 1];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 253)];
  iovec part{text, sizeof text};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t length = ::recvmsg(channel_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return;
  pid_t sender = 0;
  for (cmsghdr* part_of = CMSG_FIRSTHDR(&message); part_of != nullptr; part_of = CMSG_NXTHDR(&message, part_of)) {
    if (part_of->cmsg_level != SOL_SOCKET) continue;
    if (part_of->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials;
      std::memcpy(&credentials, CMSG_DATA(part_of), sizeof credentials);
      sender = credentials.pid;
    } else if (part_of->cmsg_type == SCM_RIGHTS) {
      // Descriptors are not for us. Closing them is what sd_notify_barrier(3) waits for.
      for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= part_of->cmsg_len; at += sizeof(int)) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(part_of) + at, sizeof fd);
        Fd(fd).reset();
      }
    }
  }
  if ((message.msg_flags & MSG_TRUNC) == 0) take_datagram({text, static_cast<std::size_t>(length)}, sender);
}

void Readiness::take_datagram(std::string_view text, pid_t sender) {
  if (!is_of_service(sender)) return;
  const Notification notification = parse_notification(text);
  if (notification.watchdog) watchdog_ = *notification.watchdog;
  listener_.service_says(notification, sender);
  if (notification.ready && !ready_) listener_.service_ready();
  if (notification.sick) listener_.service_unhealthy("it asked for a restart (WATCHDOG=trigger)");
  else if (notification.alive && ready_ && watchdog_.count() > 0) feed_watchdog();
}

bool Readiness::is_of_service(pid_t sender) const {
  return sender > 0 && main_ > 0 && (sender == main_ || ::getsid(sender) == ::getsid(main_));
}

void Readiness::feed_watchdog() {
  watchdog_timer_.start(loop_, monotonic_now() + watchdog_, callback<&Readiness::on_watchdog>(this));
}

void Readiness::on_watchdog() { listener_.service_unhealthy("no WATCHDOG=1 within its check-interval"); }

// --- check ------------------------------------------------------------------------------------------------------------

void Readiness::check_after(Duration pause) {
  check_timer_.start(loop_, monotonic_now() + pause, callback<&Readiness::on_check_due>(this));
}

void Readiness::on_check_due() {
  if (main_ == 0) return;
  if (check_ != 0) return check_after(kFirstPause);  // the last run's, killed but not reaped yet
  Program check = listener_.check_program();
  check.output_to(Fd(sys::open("/dev/null", O_WRONLY)), true);
  const auto child = check.spawn();
  if (!child) {
    warn({"unable to run check: ", ::strerror(child.error().number)});
    return check_ended(false);
  }
  check_ = *child;
  check_timer_.start(loop_, monotonic_now() + settings_->check_timeout, callback<&Readiness::on_check_overdue>(this));
}

void Readiness::on_check_overdue() {
  if (check_ != 0) sys::kill(-check_, SIGKILL);
}

bool Readiness::take_ended_child(const siginfo_t& info) {
  if (info.si_pid != check_ || check_ == 0) return false;
  // What it left behind goes with it; while it is a zombie its process group is surely its own.
  sys::kill(-check_, SIGKILL);
  sys::waitpid(check_, nullptr, 0);
  check_ = 0;
  if (main_ == 0) return true;
  check_timer_.stop();
  check_ended(info.si_code == CLD_EXITED && info.si_status == 0);
  return true;
}

void Readiness::check_ended(bool well) {
  if (!ready_) {
    if (well) return listener_.service_ready();
    check_after(pause_);
    pause_ = std::min(pause_ * 2, kLongestPause);
    return;
  }
  failures_ = well ? 0 : failures_ + 1;
  if (failures_ >= settings_->check_failures)
    return listener_.service_unhealthy(std::to_string(failures_) + " checks in a row failed");
  check_after(settings_->check_interval);
}

}  // namespace svdir
