// Unit, the way down: signals, control scripts and endings.
#include <signal.h>
#include <sys/resource.h>

#include "lib/cgroup.h"
#include "lib/files.h"
#include "lib/say.h"
#include "lib/spawn.h"
#include "lib/system.h"
#include "supervise/unit.h"

namespace svdir {
namespace {

constexpr std::size_t kLongestRefusal = 1000;  // bytes

constexpr Duration kScriptTimeout = std::chrono::seconds(5);  // of a control script
constexpr Duration kGroupCheckInterval = std::chrono::milliseconds(20);

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

rusage reap(pid_t pid) {
  rusage usage{};
  while (sys::wait4(pid, nullptr, 0, &usage) < 0 && errno == EINTR) {
  }
  return usage;
}

std::string text(const Number& number) {
  return std::string(std::string_view(number));
}

}  // namespace

// --- Signals and control scripts -----------------------------------------------------------------------------------

void Unit::send(const Action& action) {
  if (record_.main.pid == 0) return;
  if (action.letter != 0) {
    held_ = action;
    run_control_script(action.letter);
    if (holdup_ != Holdup::none) {
      holdup_ = Holdup::signal;
      return;
    }
  }
  deliver(action.signal, action.group);
}

void Unit::deliver(int signal, bool group) {
  if (record_.main.pid == 0) return;
  signal_process(record_.main.pid, signal, group);
  const auto ladder = settings_.ladder();
  if (record_.state == State::stopping && record_.step < ladder.size() && ladder[record_.step].signal == signal)
    record_.step_done = true;
}

// Starts control/`letter`, which then holds up the queue; does nothing where there is none.
void Unit::run_control_script(char letter) {
  const std::string path = std::string("control/") + letter;
  struct stat facts;
  if (role_ == Role::logger || sys::fstatat(dir_.get(), path.c_str(), &facts) != 0 || (facts.st_mode & S_IXUSR) == 0 ||
      !S_ISREG(facts.st_mode))
    return;
  files_.save(record_);
  Program script = script_program(path);
  host_.connect(*this, script, false);
  const auto child = script.spawn();
  if (!child) return warn({name_, ": unable to run ", path, ": ", ::strerror(child.error().number)});
  script_letter_ = letter;
  holdup_ = Holdup::notice;
  script_ = *child;
  script_timer_.start(loop_, monotonic_now() + kScriptTimeout, callback<&Unit::on_script_due>(this));
}

void Unit::on_script_due() {
  if (script_ == 0) return;
  warn({name_, ": control/", {&script_letter_, 1}, " takes longer than 5s; it is killed and counts as failed"});
  sys::kill(-script_, SIGKILL);
}

void Unit::control_script_ended(bool handled) {
  script_timer_.stop();
  const Holdup what = holdup_;
  holdup_ = Holdup::none;
  script_ = 0;
  if (what == Holdup::before_start) launch();
  if (what == Holdup::signal && !handled) deliver(held_.signal, held_.group);
  if (!draining_) drain();
}

// --- Endings -------------------------------------------------------------------------------------------------------

bool Unit::take_ended_child(const siginfo_t& info) {
  if (info.si_pid == script_) {
    reap(info.si_pid);
    control_script_ended(info.si_code == CLD_EXITED && info.si_status == 0);
    return true;
  }
  if (readiness_.take_ended_child(info)) return true;
  if (info.si_pid != record_.main.pid && info.si_pid != record_.finish.pid) return false;
  // While we wait to hear how an orphan ended, its number is free and may be that of a child of ours.
  const ProcessId& known = info.si_pid == record_.main.pid ? record_.main : record_.finish;
  if (gone_ && start_ticks(info.si_pid) != known.ticks) return false;
  gone_ = false;
  exit_report_timer_.stop();
  Ending ending{Ending::Kind::exited, info.si_status, info.si_code == CLD_DUMPED};
  if (info.si_code != CLD_EXITED) ending.kind = Ending::Kind::signalled;
  if (info.si_pid == record_.main.pid) {
    main_ended(info, ending);
  } else {
    reap(info.si_pid);
    apply({.kind = Event::Kind::finish_ended, .ending = ending});
  }
  return true;
}

void Unit::main_ended(const siginfo_t& info, const Ending& ending) {
  readiness_.stop();
  adopted_poll_.stop();  // it may have become our child since we adopted it
  adopted_.reset();
  unheld_ = false;
  note({.kind = Event::Kind::main_ended, .ending = ending, .reason = reason_of_svrun(ending)});
  files_.save(record_);  // before the status is gone for good
  const rusage usage = reap(info.si_pid);
  describe_death(info.si_pid, ending, seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
  if (!draining_) drain();
}

// What svrun has left to be told of, when it has ended in run's place.
std::string Unit::reason_of_svrun(const Ending& ending) const {
  const bool refused =
      ending.kind == Ending::Kind::exited && (ending.value == kExitUser || ending.value == kExitSystem);
  if (!refused || settings_.svrun.empty() || !command_.empty()) return {};
  const auto text = read_small(dir_.get(), file::kRefused, kLongestRefusal);
  if (!text || text->empty()) return {};
  return std::string(kBySvrun).append(*text, 0, text->find('\n'));
}

// Settings that could not be taken while it ran are no reason for its end.
std::string_view Unit::reason_of_end() const {
  return record_.reason.starts_with(kMisconfigured) ? std::string_view() : std::string_view(record_.reason);
}

// Prepares the line for `deaths`; it is written when the service is up again.
void Unit::describe_death(pid_t pid, const Ending& ending, double cpu_seconds, long max_rss_kib) {
  char label[kTai64nLabelSize + 1] = {};
  write_tai64n_label(record_.last_ended, label);
  const double up = std::chrono::duration<double>(monotonic_now() - record_.started_at).count();
  char line[160];
  std::snprintf(line, sizeof line, "%s pid=%d %s up=%.3f cpu=%.3f maxrss=%ld", label, pid, describe(ending).c_str(), up,
                cpu_seconds, max_rss_kib);
  death_ = line;
  if (const std::string_view reason = reason_of_end(); !reason.empty()) death_.append(" reason ").append(reason);
}

// Run is dead and reaped: nothing of its process group, nor of its control group, may be left when the next one starts.
void Unit::clear_group() {
  signal_groups(SIGTERM);
  if (const std::string cgroup = cgroup_with_leftovers(); !cgroup.empty()) signal_cgroup(cgroup, SIGTERM);
  check_group();
}

void Unit::kill_group() {
  signal_groups(SIGKILL);
  if (const std::string cgroup = cgroup_with_leftovers(); !cgroup.empty() && !kill_cgroup(cgroup))
    signal_cgroup(cgroup, SIGKILL);
}

void Unit::signal_groups(int signal) {
  for (const pid_t group : {record_.group, former_})
    if (group_is_left(group)) sys::kill(-group, signal);
}

// A process of the group's very number would be a stranger who has it now, and the group gone; but for a child of ours
// that has named another main process and lives on.
bool Unit::group_is_left(pid_t group) const {
  if (role_ == Role::logger || settings_.leftovers == Leftovers::leave || group == 0) return false;
  siginfo_t ended;
  if (!is_child(group, ended) && (sys::kill(group, 0) == 0 || errno != ESRCH)) return false;
  return sys::kill(-group, 0) == 0;
}

// The directory of the control group of its last run; "" where it has none.
std::string Unit::own_cgroup() const {
  return record_.cgroup.empty() ? "" : cgroup_directory(record_.cgroup).value_or("");
}

// The same when there is somebody in it who must not be left.
std::string Unit::cgroup_with_leftovers() const {
  if (settings_.leftovers == Leftovers::leave) return {};
  std::string directory = own_cgroup();
  if (directory.empty() || !cgroup_has_processes(directory)) return {};
  return directory;
}

void Unit::check_group() {
  if (record_.state != State::stopping || record_.main.pid != 0) return;
  if (group_is_left(record_.group) || group_is_left(former_) || !cgroup_with_leftovers().empty()) {
    group_timer_.start(loop_, monotonic_now() + kGroupCheckInterval, callback<&Unit::check_group>(this));
    return;
  }
  group_timer_.stop();
  apply({.kind = Event::Kind::group_cleared});
}

void Unit::finish() {
  struct stat facts;
  if (role_ == Role::logger || sys::fstatat(dir_.get(), "finish", &facts) != 0)
    return apply({.kind = Event::Kind::finish_ended});
  const Ending& last = record_.last;
  const bool exited = last.kind == Ending::Kind::exited;
  Program script = script_program("./finish");
  script.argument(Number(exited ? last.value : -1));
  script.argument(Number(exited ? 0 : last.value + (last.core ? 128 : 0)));
  script.argument(name_);
  script.argument(Number(record_.group));
  script.variable("SVDIR_NAME", name_);
  script.variable("SVDIR_ENDING", describe(last));
  script.variable("SVDIR_REASON", reason_of_end());
  script.variable("SVDIR_WANT", name_of(record_.want));
  script.variable("SVDIR_UP", text(Number((monotonic_now() - record_.started_at) / std::chrono::seconds(1))));
  script.variable("SVDIR_STARTS", text(Number(static_cast<long long>(record_.starts))));
  const bool failed = record_.want == Want::up && is_failed_start(record_, settings_, monotonic_now());
  script.variable("SVDIR_FAILURES", text(Number(record_.failures + (failed ? 1 : 0))));
  host_.connect(*this, script, false);
  script.before_exec(&Unit::record_child, this);
  spawning_ = Event::Kind::finish_spawned;
  adopted_.reset();
  gone_ = false;
  if (const auto child = script.spawn(); !child) {
    warn({name_, ": unable to run finish: ", ::strerror(child.error().number)});
    apply({.kind = Event::Kind::finish_ended});
  }
}

}  // namespace svdir
