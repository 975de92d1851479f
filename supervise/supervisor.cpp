#include "supervise/supervisor.h"

#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include "lib/files.h"
#include "lib/memory.h"
#include "lib/program_path.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir {
namespace {

// When the service has ended and somebody else still holds its end of the log pipe, the logger never sees an end of
// input; it is then stopped like any service.
constexpr Duration kDrainPatience = std::chrono::seconds(10);
constexpr Duration kTrialPatience = std::chrono::seconds(10);  // for a new supervise to show that it runs

// The order in which descriptors are handed over: the locks and the socket that the service tells it is ready through
// are taken over, the others only kept open meanwhile.
enum Handover : std::size_t { service_lock, logger_lock, errors_lock, notify_socket, others };
constexpr std::size_t kHandedOver = 12;

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

// Where its neighbours are: beside the service directory, but for one that svscan has made in .svdir. Known at the
// first start only, for the same reason.
std::string neighbours_directory(const char* directory, bool upgraded) {
  if (const char* told = std::getenv(kNeighboursVariable); upgraded && told != nullptr) return told;
  std::string path = directory;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  std::string parent = path == "." ? ".." : slash == std::string::npos ? "." : path.substr(0, slash + 1);
  char resolved[PATH_MAX];
  if (::realpath(parent.c_str(), resolved) == nullptr) return {};
  std::string found = resolved;
  if (found.ends_with("/.svdir")) found.resize(found.rfind('/'));
  ::setenv(kNeighboursVariable, found.c_str(), 1);
  return found;
}

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

Supervisor::Supervisor()
    : service_(Unit::Role::service, *this, loop_),
      logger_(Logger::kOutput, *this, loop_),
      errors_(Logger::kErrors, *this, loop_) {}

Result<void> Supervisor::open(const char* directory, const char* argv0) {
  upgrade_.remember(argv0);
  std::array<int, kHandedOver> inherited;
  inherited.fill(-1);
  const bool upgraded = Upgrade::inherited(inherited, name_);
  if (!upgraded) name_ = name_of_directory(directory);
  const std::string defaults = defaults_file(directory);
  std::string neighbours = neighbours_directory(directory, upgraded);
  auto dir = open_directory(directory);
  if (!dir) return std::unexpected(dir.error());
  if (::fchdir(dir->get()) != 0) return system_error("unable to enter", name_);

  logger_.inherit_lock(inherited[logger_lock]);
  errors_.inherit_lock(inherited[errors_lock]);
  Unit::Place place;
  place.dir = std::move(*dir);
  place.name = last_part(name_);
  place.inherited_lock = inherited[service_lock];
  place.defaults = defaults;
  place.scan_directory = std::move(neighbours);
  if (auto opened = service_.open(std::move(place)); !opened) return opened;
  // Whoever loses its parent below us comes to us, not to somebody who knows nothing of it.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  auto opened = signals_.open({SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1});
  if (!opened) return opened;
  signal_poll_.start(loop_, signals_.fd(), Poll::For::reading, callback<&Supervisor::on_signal>(this));

  // log/run before the service; a logger of its settings when they have been read.
  if (auto taken = logger_.take(service_, {}); !taken) return taken;
  service_.inherit_notify_socket(Fd(inherited[notify_socket]));
  service_.begin();
  if (auto taken = take_loggers(); !taken) return taken;
  // Where the disk was full when the predecessor ended, a logger's record may be of another day than the service's.
  if (!service_.state().leaving)
    for (Logger* logger : loggers())
      if (logger->unit().state().leaving || logger->unit().state().want == Want::once) logger->unit().stay();
  for (std::size_t i = others; i < kHandedOver; ++i) Fd(inherited[i]).reset();
  reap_children();
  return {};
}

void Supervisor::run() {
  release_unused_stack();  // of opening, which goes deeper than the loop does
  loop_.run();
  if (!service_.has_left() || !loggers_have_left()) return;  // it was told to quit
  for (Logger* logger : loggers()) logger->unit().sign_off();
  service_.sign_off();
}

// The program and arguments of a logger that is named by settings: svlogd, which runs in the service directory.
std::vector<std::string> Supervisor::svlogd_command(const std::vector<std::string>& targets,
                                                    std::string_view stream) const {
  const Settings& settings = service_.settings();
  const bool is_shaped = settings.log_stamp != LogStamp::none || settings.log_json;
  const auto is_only = [&](const char* target) { return targets == std::vector<std::string>{target}; };
  if (targets.empty() || is_only("null") || (is_only("stdout") && !is_shaped)) return {};
  constexpr const char* kStampOptions[] = {"", "-t", "-tt", "-ttt"};  // in the order of LogStamp
  std::vector<std::string> command{sibling_program(upgrade_.program(), "svlogd")};
  if (settings.log_stamp != LogStamp::none)
    command.emplace_back(kStampOptions[static_cast<std::size_t>(settings.log_stamp)]);
  if (settings.log_json) command.emplace_back("-j");
  command.insert(command.end(), {"-n", service_.name(), "-s", std::string(stream), "--"});
  command.insert(command.end(), targets.begin(), targets.end());
  return command;
}

Result<void> Supervisor::take_loggers() {
  const Settings& settings = service_.settings();
  if (auto taken = logger_.take(service_, svlogd_command(settings.log, "stdout")); !taken) return taken;
  if (settings.stderr_to != StderrTo::target) return {};
  return errors_.take(service_, svlogd_command({settings.stderr_target}, "stderr"));
}

void Supervisor::before_start(Unit& unit) {
  if (&unit != &service_) return;
  if (auto taken = take_loggers(); !taken) warn(taken.error());
}

bool Supervisor::connect(const Unit& unit, Program& program, bool is_run) {
  if (&unit == &service_) return connect_service(unit.settings(), program);
  if (is_run) program.input_from((logger_.has(unit) ? logger_ : errors_).open_pipe(O_RDONLY));
  return true;
}

Fd Supervisor::open_error_target(const std::string& target) const {
  if (errors_.is_here()) return errors_.open_pipe(O_RDWR);
  return target == "stdout" ? Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) : Fd(sys::open("/dev/null", O_WRONLY));
}

bool Supervisor::connect_service(const Settings& settings, Program& program) {
  if (logger_.is_missing() || errors_.is_missing()) return false;
  const bool merge = settings.stderr_to == StderrTo::merge;
  const bool null = settings.log == std::vector<std::string>{"null"};
  const bool logged = logger_.is_here() && (logger_.has_own_run() || (!settings.log.empty() && !null));
  if (logged || (null && !logger_.has_own_run())) {
    Fd output = logged ? logger_.open_pipe(O_RDWR) : Fd(sys::open("/dev/null", O_WRONLY));
    if (!output) return warn({service_.name(), ": unable to open its log pipe: ", ::strerror(errno)}), false;
    program.output_to(std::move(output), merge);
  }
  if (settings.stderr_to == StderrTo::target) {
    Fd error = open_error_target(settings.stderr_target);
    if (!error) return warn({service_.name(), ": unable to open its log pipe: ", ::strerror(errno)}), false;
    program.error_to(std::move(error));
  }
  return true;
}

std::string Supervisor::svrun_program() const {
  return sibling_program(upgrade_.program(), "svrun");
}

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
    if (service_.take_ended_child(info) ||
        std::ranges::any_of(loggers(), [&](Logger* logger) { return logger->unit().take_ended_child(info); }))
      continue;
    sys::waitpid(info.si_pid, nullptr, WNOHANG);
    if (upgrade_.is_trial(info.si_pid)) upgrade_tried(info.si_code == CLD_EXITED && info.si_status == 0);
  }
  service_.check_group();
}

// Those that there are.
std::vector<Logger*> Supervisor::loggers() {
  std::vector<Logger*> here;
  for (Logger* logger : {&logger_, &errors_})
    if (logger->is_here()) here.push_back(logger);
  return here;
}

bool Supervisor::loggers_have_left() {
  return std::ranges::all_of(loggers(), [](Logger* logger) { return logger->unit().has_left(); });
}

// First the service, then its loggers, when they have read all there is. (A successor may find that a logger has left
// before it has looked at its service.)
void Supervisor::unit_left(Unit& unit) {
  if (&unit == &service_) {
    for (Logger* logger : loggers())
      if (!logger->unit().has_left()) logger->drain();
    drain_timer_.start(loop_, monotonic_now() + kDrainPatience, callback<&Supervisor::on_drain_overdue>(this));
  }
  if (service_.has_left() && loggers_have_left()) loop_.stop();
}

void Supervisor::on_drain_overdue() {
  warn({service_.name(), ": its logger has not ended ", Number(kDrainPatience / std::chrono::seconds(1)),
        " seconds after it; stopping the logger"});
  for (Logger* logger : loggers())
    if (!logger->unit().has_left()) logger->unit().inject("x");
}

void Supervisor::upgrade_wanted(Unit& unit) {
  upgrading_ = &unit;
  auto begun = upgrade_.begin();
  if (begun)
    return trial_timer_.start(loop_, monotonic_now() + kTrialPatience, callback<&Supervisor::on_trial_overdue>(this));
  warn({begun.error().text(), "; not upgraded"});
  unit.upgrade_refused();
}

void Supervisor::on_trial_overdue() {
  upgrade_.kill_trial();
}

void Supervisor::upgrade_tried(bool works) {
  trial_timer_.stop();
  upgrade_.trial_ended();
  bool recorded = service_.prepare_upgrade();
  for (Logger* logger : loggers()) recorded = logger->unit().prepare_upgrade() && recorded;
  if (!works)
    warn({"the new supervise does not run; not upgraded"});
  else if (!recorded)
    warn({service_.name(), ": its record cannot be written; not upgraded"});
  else
    warn(execute_upgrade());  // only a failure returns
  upgrading_->upgrade_refused();
}

Error Supervisor::execute_upgrade() {
  std::array<int, kHandedOver> keep;
  keep.fill(-1);
  std::size_t next = others;
  const auto hand_over = [&](const Unit& unit, Handover lock) {
    keep[lock] = unit.files().lock();
    keep[next++] = unit.files().control();
    keep[next++] = unit.files().ok();
  };
  hand_over(service_, service_lock);
  keep[notify_socket] = service_.notify_socket();
  for (Logger* logger : loggers()) {
    hand_over(logger->unit(), logger == &logger_ ? logger_lock : errors_lock);
    keep[next++] = logger->pipe();
  }
  return upgrade_.execute(keep, name_);
}

}  // namespace svdir
