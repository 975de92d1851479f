#include "supervise/readiness.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/spawn.h"
#include "lib/system.h"

namespace svdir {
namespace {

constexpr char kFifo[] = "supervise/ready.pipe";
constexpr char kSocket[] = "supervise/notify";
constexpr Duration kFirstPause = std::chrono::milliseconds(50);
constexpr Duration kLongestPause = std::chrono::seconds(1);
constexpr int kMostAncestors = 64;  // that are looked at to tell whose process one is

// The service directory as working directory for a while: an address can only be a path, and a logger's directory is
// not the one that supervise works in.
class Visit {
 public:
  explicit Visit(int dir) : home_(sys::open(".", O_RDONLY | O_DIRECTORY)) { arrived_ = home_ && ::fchdir(dir) == 0; }
  ~Visit() {
    if (arrived_ && ::fchdir(home_.get()) != 0) std::abort();  // an open directory can always be entered
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

 private:
  Fd home_;
  bool arrived_ = false;
};

// Where the socket is found by a service, whose working directory may be any: an absolute path, or where that would
// be longer than an address can be, a name in the abstract namespace (unix(7)). Within a Visit.
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
  settings_ = &settings;
  dir_ = dir;
  if (settings.ready == Ready::fd) {
    sys::unlinkat(dir, kFifo);  // what a forgotten process of the last run still holds says nothing of this one
    if (auto opened = open_fifo(); !opened) return opened;
    run.pass(Fd(sys::openat(dir, kFifo, O_RDWR | O_NOFOLLOW)), settings.ready_fd);
  } else if (settings.ready == Ready::notify) {
    const Visit visit(dir);
    if (auto opened = open_socket(); !opened) return opened;
    run.variable("NOTIFY_SOCKET", socket_address());
    run.without("WATCHDOG_PID");
    run.without("WATCHDOG_USEC");
    if (settings.check_interval.count() > 0 && !has_check())
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
  said_trouble_ = false;
  pause_ = kFirstPause;
  watchdog_ = settings.ready == Ready::notify && !has_check() ? settings.check_interval : Duration{};
  Result<void> opened;
  if (settings.ready == Ready::fd && !ready) {
    if (!channel_) opened = reopen_fifo();
    if (channel_) listen(channel_.get(), callback<&Readiness::on_fifo>(this));
  } else if (settings.ready == Ready::notify) {
    if (!channel_) {
      const Visit visit(dir);
      opened = open_socket();
    }
    if (channel_) listen(channel_.get(), callback<&Readiness::on_socket>(this));
  }
  if (ready)
    became_ready();
  else if (settings.ready == Ready::check)
    check_after(kFirstPause);
  return opened;
}

void Readiness::became_ready() {
  ready_ = true;
  failures_ = 0;
  if (settings_->ready == Ready::fd) {
    poll_.stop();
    channel_.reset();
  }
  if (watchdog_.count() > 0) return feed_watchdog();
  if (settings_->check_interval.count() > 0 && has_check()) check_after(settings_->check_interval);
}

void Readiness::stop() {
  poll_.stop();
  channel_.reset();
  check_timer_.stop();
  watchdog_timer_.stop();
  abandon_check();
  main_ = 0;
}

void Readiness::abandon_check() {
  if (check_ == 0) return;
  sys::kill(-check_, SIGKILL);
  abandoned_ = true;
}

bool Readiness::has_check() const {
  struct stat facts;
  return sys::fstatat(dir_, "check", &facts) == 0;
}

void Readiness::listen(int fd, Callback on_readable) {
  poll_.start(loop_, fd, Poll::For::reading, on_readable);
}

// --- fd:N ----------------------------------------------------------------------------------------------------------

Result<void> Readiness::open_fifo() {
  if (auto made = ensure_fifo(dir_, kFifo, 0600); !made) return made;
  channel_.reset(sys::openat(dir_, kFifo, O_RDWR | O_NONBLOCK | O_NOFOLLOW));
  if (!channel_) return system_error("unable to open", kFifo);
  return {};
}

// After a predecessor. When nobody has it open for writing any more, run has closed it, and the newline is lost that it
// most probably wrote before.
Result<void> Readiness::reopen_fifo() {
  const Fd look(sys::openat(dir_, kFifo, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  char text[256];
  const ssize_t length = look ? sys::read(look.get(), text, sizeof text) : -1;
  if (auto opened = open_fifo(); !opened) return opened;
  const bool told = length == 0 || (length > 0 && std::memchr(text, '\n', static_cast<std::size_t>(length)) != nullptr);
  if (told && sys::write(channel_.get(), "\n", 1) != 1) return system_error("unable to write to", kFifo);
  return {};
}

void Readiness::on_fifo() {
  char text[256];
  const ssize_t length = sys::read(channel_.get(), text, sizeof text);
  if (length <= 0 || std::memchr(text, '\n', static_cast<std::size_t>(length)) == nullptr) return;
  listener_.service_ready();
}

// --- notify --------------------------------------------------------------------------------------------------------

Result<void> Readiness::open_socket() {
  const std::string address = socket_address();
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  const bool abstract = address.starts_with('@');
  // By the short relative path, which always fits; an abstract name begins with a NUL.
  const std::string_view name = abstract ? std::string_view(address) : std::string_view(kSocket);
  std::memcpy(where.sun_path, name.data(), name.size());
  if (abstract)
    where.sun_path[0] = '\0';
  else
    sys::unlinkat(dir_, kSocket);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
  channel_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int yes = 1;
  if (!channel_ || ::setsockopt(channel_.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0 ||
      ::bind(channel_.get(), reinterpret_cast<const sockaddr*>(&where), size) != 0) {
    channel_.reset();
    return system_error("unable to make the socket", kSocket);
  }
  if (!abstract) keep_reachable();
  return {};
}

// The service may run as somebody else; who may speak is decided by whose process it is, not by mode.
void Readiness::keep_reachable() const {
  struct stat facts;
  if (socket() < 0 || ::geteuid() != 0 || sys::fstatat(dir_, kSocket, &facts, AT_SYMLINK_NOFOLLOW) != 0) return;
  ::fchmodat(dir_, kSocket, 0666, 0);
  if (sys::fstatat(dir_, "supervise", &facts) == 0) ::fchmodat(dir_, "supervise", (facts.st_mode & 07777) | 0011, 0);
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
  Notification notification = parse_notification(text);
  if (notification.main_pid && !is_of_service(*notification.main_pid)) notification.main_pid.reset();
  if (notification.watchdog) watchdog_ = *notification.watchdog;
  listener_.service_says(notification);
  if (main_ == 0) return;
  if (notification.ready && !ready_) listener_.service_ready();
  if (notification.sick)
    listener_.service_unhealthy("it asked for a restart (WATCHDOG=trigger)");
  else if (ready_ && watchdog_.count() > 0 && (notification.alive || notification.watchdog))
    feed_watchdog();
}

// Of run's session, or descended from run. Who has lost its parents is supervise's own child: it is the service's, too.
bool Readiness::is_of_service(pid_t process) const {
  if (process <= 1 || main_ <= 0) return false;
  const pid_t session = ::getsid(process);
  if (process == main_ || (session > 0 && session == ::getsid(main_))) return true;
  const pid_t own = ::getpid();
  if (process == own) return false;
  for (int i = 0; i < kMostAncestors && process > 1; ++i) {
    const pid_t parent = process_facts(process).parent;
    if (parent == main_ || parent == own) return true;
    process = parent;
  }
  return false;
}

void Readiness::feed_watchdog() {
  watchdog_timer_.start(loop_, monotonic_now() + watchdog_, callback<&Readiness::on_watchdog>(this));
}

void Readiness::on_watchdog() {
  found_unwell("no WATCHDOG=1 in time");
}

void Readiness::found_unwell(std::string_view reason) {
  if (listener_.service_unhealthy(reason) || main_ == 0) return;
  failures_ = 0;
  if (watchdog_.count() > 0)
    feed_watchdog();
  else
    check_again();
}

// --- check ---------------------------------------------------------------------------------------------------------

void Readiness::check_after(Duration pause) {
  check_timer_.start(loop_, monotonic_now() + pause, callback<&Readiness::on_check_due>(this));
}

// The next one, at the pace of the state.
void Readiness::check_again() {
  check_after(ready_ ? settings_->check_interval : pause_);
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void Readiness::on_check_due() {
  if (main_ == 0) return;
  if (check_ != 0) return check_after(kFirstPause);  // the last run's, killed but not reaped yet
  Program check = listener_.check_program();
  check.output_to(Fd(sys::open("/dev/null", O_WRONLY)), true);
  // One that hangs must not stay behind when supervise is killed.
  check.before_exec([](void*, pid_t) { return ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ? errno : 0; }, nullptr);
  const auto child = check.spawn();
  if (!child) {
    if (!std::exchange(said_trouble_, true))
      warn({listener_.service_name(), ": unable to run check: ", ::strerror(child.error().number)});
    return check_again();
  }
  check_ = *child;
  abandoned_ = false;
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
  if (main_ == 0 || std::exchange(abandoned_, false)) return true;
  check_timer_.stop();
  check_ended(info.si_code == CLD_EXITED && info.si_status == 0);
  return true;
}

void Readiness::check_ended(bool well) {
  if (!ready_ && well) return listener_.service_ready();
  failures_ = well ? 0 : failures_ + 1;
  if (ready_ && failures_ >= settings_->check_failures)
    return found_unwell(std::to_string(failures_) + " checks in a row failed");
  check_again();
}

}  // namespace svdir
