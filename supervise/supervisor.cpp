#include "supervise/supervisor.h"

#include <sys/prctl.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "lib/files.h"
#include "lib/program_path.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir {
namespace {

// When the service has ended and somebody else still holds its end of the log pipe, the logger never sees an end of
// input; it is then stopped like any service.
constexpr Duration kDrainPatience = std::chrono::seconds(10);

enum Handover : std::size_t { service_lock, logger_lock, fifos };
constexpr std::size_t kHandedOver = 7;

std::string name_of_directory(const char* path) {
  std::string name = path;
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  if (name != "." && name != ".." && name != "/") return name;
  char resolved[PATH_MAX];
  return ::realpath(path, resolved) != nullptr ? resolved : name;
}

// svscan tells where it is; otherwise it stands beside the service directory. An upgraded supervise is started within
// the service directory, so the answer is kept in the environment from there on; Program hides it from the service.
std::string defaults_file(const char* directory) {
  if (const char* told = std::getenv(kDefaultsVariable); told != nullptr) return told;
  std::string path = directory;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  char resolved[PATH_MAX];
  if (::realpath(path == "." ? ".." : parent.c_str(), resolved) == nullptr) return {};
  const std::string found = std::string(resolved) + "/.defaults";
  ::setenv(kDefaultsVariable, found.c_str(), 1);
  return found;
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Supervisor::Supervisor()
    : service_(Unit::Role::service, *this, loop_), logger_(Unit::Role::logger, *this, loop_) {}

Result<void> Supervisor::open(const char* directory, const char* argv0) {
  upgrade_.remember(argv0);
  std::array<int, kHandedOver> inherited;
  inherited.fill(-1);
  if (!Upgrade::inherited(inherited, name_)) name_ = name_of_directory(directory);
  const std::string defaults = defaults_file(directory);
  auto dir = open_directory(directory);
  if (!dir) return std::unexpected(dir.error());
  if (::fchdir(dir->get()) != 0) return system_error("unable to enter", name_);

  inherited_logger_lock_ = inherited[logger_lock];
  Unit::Place place;
  place.dir = std::move(*dir);
  place.name = last_part(name_);
  place.inherited_lock = inherited[service_lock];
  place.defaults = defaults;
  place.scan_directory = defaults.substr(0, defaults.rfind('/'));
  if (auto opened = service_.open(std::move(place)); !opened) return opened;
  open_logger();
  for (std::size_t i = fifos; i < kHandedOver; ++i) Fd(inherited[i]).reset();

  // Whoever loses its parent below us comes to us, not to somebody who knows nothing of it.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto opened = signals_.open({SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1});
  if (!opened) return opened;
  signal_poll_.start(loop_, signals_.fd(), Poll::For::reading, callback<&Supervisor::on_signal>(this));

  if (has_logger_) logger_.begin();
  service_.begin();
  reap_children();
  return {};
}

void Supervisor::run() { loop_.run(); }

// The logger is ours when there is log/run and nobody else holds its lock. It may appear later: each start of the
// service looks again.
void Supervisor::open_logger() {
  struct stat facts;
  if (has_logger_ || sys::fstatat(service_.directory(), "log/run", &facts) != 0) return;
  Unit::Place place;
  place.name = service_.name() + "/log";
  place.inherited_lock = std::exchange(inherited_logger_lock_, -1);
  place.dir.reset(sys::openat(service_.directory(), "log", O_RDONLY | O_DIRECTORY));
  if (!place.dir) return warn({"unable to open ", place.name, ": ", ::strerror(errno)});
  if (auto opened = logger_.open(std::move(place)); !opened)
    return warn({opened.error().text(), "; the logger is left to whoever has it"});
  if (auto made = ensure_fifo(service_.directory(), file::kLogPipe, 0600); !made) return warn(made.error());
  log_pipe_ = open_log_pipe(O_RDWR | O_NONBLOCK);
  if (!log_pipe_) return warn({"unable to open ", service_.name(), "/", file::kLogPipe, ": ", ::strerror(errno)});
  has_logger_ = true;
}

void Supervisor::before_start(Unit& unit) {
  if (unit.role() != Unit::Role::service || has_logger_) return;
  open_logger();
  if (has_logger_) logger_.begin();
}

// A new description each time: a program that sets O_NONBLOCK on its standard output changes nobody else's.
Fd Supervisor::open_log_pipe(int flags) {
  return Fd(sys::openat(service_.directory(), file::kLogPipe, flags | O_NOFOLLOW));
}

// The service's end of the pipe is open for reading as well, so that it never breaks.
void Supervisor::connect(const Unit& unit, Program& program, bool is_run) {
  if (unit.role() == Unit::Role::logger) {
    if (is_run) program.input_from(open_log_pipe(O_RDONLY));
  } else if (has_logger_) {
    program.output_to(open_log_pipe(O_RDWR), unit.settings().stderr_to == StderrTo::merge);
  }
}

std::string Supervisor::svrun_program() const { return sibling_program(upgrade_.program(), "svrun"); }

void Supervisor::on_signal() {
  for (int number; (number = signals_.next()) != 0;) {
    switch (number) {
      case SIGCHLD: reap_children(); break;
      case SIGTERM:
      case SIGINT: service_.inject("x"); break;
      case SIGHUP: service_.inject("z"); break;
      case SIGUSR1: service_.inject("e"); break;
      case SIGQUIT: loop_.stop(); break;  // everything goes on, for a successor to adopt
      default: break;
    }
  }
}

// Every child is looked at first and reaped by whom it belongs to, once it is on record how it ended. Strangers are
// orphans of the service's that came to us as subreaper.
void Supervisor::reap_children() {
  for (;;) {
    siginfo_t info{};
    if (sys::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == EINTR) continue;
    if (info.si_pid == 0) break;
    if (service_.take_ended_child(info) || (has_logger_ && logger_.take_ended_child(info))) continue;
    sys::waitpid(info.si_pid, nullptr, WNOHANG);
    if (upgrade_.is_trial(info.si_pid)) upgrade_tried(info.si_code == CLD_EXITED && info.si_status == 0);
  }
  service_.check_group();
}

void Supervisor::unit_left(Unit& unit) {
  if (&unit == &logger_ || !has_logger_ || logger_.has_left()) return loop_.stop();
  log_pipe_.reset();
  logger_.leave_at_end_of_input();
  if (!logger_.has_left())
    drain_timer_.start(loop_, monotonic_now() + kDrainPatience, callback<&Supervisor::on_drain_overdue>(this));
}

void Supervisor::on_drain_overdue() {
  warn({service_.name(), ": somebody still holds the log pipe after the end of the service; stopping the logger"});
  logger_.inject("x");
}

void Supervisor::upgrade_wanted(Unit& unit) {
  upgrading_ = &unit;
  auto begun = upgrade_.begin();
  if (begun) return;
  warn({begun.error().text(), "; not upgraded"});
  unit.upgrade_refused();
}

void Supervisor::upgrade_tried(bool works) {
  upgrade_.trial_ended();
  if (works) {
    service_.prepare_upgrade();
    if (has_logger_) logger_.prepare_upgrade();
    const Record& own = service_.files();
    const Record& log = logger_.files();
    const int keep[kHandedOver] = {own.lock(), log.lock(), own.control(), own.ok(), log.control(), log.ok(),
                                   log_pipe_.get()};
    warn(upgrade_.execute(keep, name_));
  } else {
    warn({"the new supervise does not run; not upgraded"});
  }
  upgrading_->upgrade_refused();
}

}  // namespace svdir
