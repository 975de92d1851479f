// Unit, the way down: signals, control scripts, endings, and the processes of a predecessor.
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/cgroup.h"
#include "lib/say.h"
#include "lib/spawn.h"
#include "lib/system.h"
#include "supervise/unit.h"

namespace svdir {
namespace {

constexpr Duration kScriptTimeout = std::chrono::seconds(5);  // of a control script
constexpr Duration kGroupCheckInterval = std::chrono::milliseconds(20);
constexpr Duration kAdoptAgain = std::chrono::milliseconds(200);   // when there was no descriptor for a pidfd
constexpr Duration kExitReportPatience = std::chrono::seconds(1);  // for svscan to tell of an orphan's end

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

rusage reap(pid_t pid) {
  rusage usage{};
  while (sys::wait4(pid, nullptr, 0, &usage) < 0 && errno == EINTR) {
  }
  return usage;
}

enum class Life { over, known, possible };

// Whether a process still runs that may not be our child. `possible`: there is one of its number, but nothing more can
// be told, for want of descriptors. Where its ticks could not be recorded it was started at `started`, or unset.
Life life_of(const ProcessId& process, Instant started) {
  const auto ticks = start_ticks(process.pid);
  if (process.ticks != 0) {
    if (ticks == process.ticks) return Life::known;
    return ticks == 0 && ::getsid(process.pid) > 0 ? Life::possible : Life::over;
  }
  if (::getsid(process.pid) != process.pid) return Life::over;
  if (ticks == 0) return Life::known;  // there is no /proc, and nothing better to go by
  timespec boot_time;
  ::clock_gettime(CLOCK_BOOTTIME, &boot_time);
  const auto age = std::chrono::seconds(boot_time.tv_sec) -
                   std::chrono::seconds(static_cast<long long>(ticks) / ::sysconf(_SC_CLK_TCK));
  return started.is_set() && monotonic_now() - started < age + std::chrono::seconds(2) ? Life::known : Life::over;
}

std::string text(const Number& number) { return std::string(std::string_view(number)); }

}  // namespace

// --- Signals and control scripts --------------------------------------------------------------------------------------

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

// Never to a stranger: our own child keeps its number until we reap it, an adopted one is held by pidfd.
void Unit::signal_process(pid_t pid, int signal, bool group) {
  if (gone_ || pid == 0) return;
  if (unheld_) {
    const bool is_main = pid == record_.main.pid;
    const Life life = life_of(is_main ? record_.main : record_.finish, is_main ? record_.started_at : Instant{});
    if (life != Life::known) return;
  }
  if (adopted_ && sys::pidfd_send_signal(adopted_.get(), group ? 0 : signal) != 0) return;
  if (group) sys::kill(pid == record_.main.pid && record_.group != 0 ? -record_.group : -pid, signal);
  else if (!adopted_) sys::kill(pid, signal);
}

// Starts control/`letter`, which then holds up the queue; does nothing where there is none.
void Unit::run_control_script(char letter) {
  const std::string path = std::string("control/") + letter;
  struct stat facts;
  if (role_ == Role::logger || sys::fstatat(dir_.get(), path.c_str(), &facts) != 0 ||
      (facts.st_mode & S_IXUSR) == 0 || !S_ISREG(facts.st_mode))
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

// --- Endings ----------------------------------------------------------------------------------------------------------

bool Unit::take_ended_child(const siginfo_t& info) {
  if (info.si_pid == script_) {
    reap(info.si_pid);
    control_script_ended(info.si_code == CLD_EXITED && info.si_status == 0);
    return true;
  }
  if (readiness_.take_ended_child(info)) return true;
  if (info.si_pid != record_.main.pid && info.si_pid != record_.finish.pid) return false;
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
  note({.kind = Event::Kind::main_ended, .ending = ending});
  files_.save(record_);  // before the status is gone for good
  const rusage usage = reap(info.si_pid);
  describe_death(info.si_pid, ending, seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
  if (!draining_) drain();
}

// Prepares the line for `deaths`; it is written when the service is up again.
void Unit::describe_death(pid_t pid, const Ending& ending, double cpu_seconds, long max_rss_kib) {
  char label[kTai64nLabelSize + 1] = {};
  write_tai64n_label(record_.last_ended, label);
  const double up = std::chrono::duration<double>(monotonic_now() - record_.started_at).count();
  char line[160];
  std::snprintf(line, sizeof line, "%s pid=%d %s up=%.3f cpu=%.3f maxrss=%ld", label, pid,
                describe(ending).c_str(), up, cpu_seconds, max_rss_kib);
  death_ = line;
  if (!record_.reason.empty()) death_.append(" reason ").append(record_.reason);
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
  siginfo_t info{};
  const bool is_ours = sys::waitid(P_PID, static_cast<id_t>(group), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  if (!is_ours && (sys::kill(group, 0) == 0 || errno != ESRCH)) return false;
  return sys::kill(-group, 0) == 0;
}

// The service's own control group when there is somebody in it; "" otherwise.
std::string Unit::cgroup_with_leftovers() const {
  const std::string_view setting = settings_.attribute("cgroup");
  if (setting.empty() || role_ == Role::logger || settings_.leftovers == Leftovers::leave) return {};
  Result<std::string> directory = service_cgroup(setting);
  if (!directory || !cgroup_has_processes(*directory)) return {};
  return std::move(*directory);
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
  script.variable("SVDIR_REASON", record_.reason);
  script.variable("SVDIR_WANT", name_of(record_.want));
  script.variable("SVDIR_UP", text(Number((monotonic_now() - record_.started_at) / std::chrono::seconds(1))));
  script.variable("SVDIR_STARTS", text(Number(static_cast<long long>(record_.starts))));
  script.variable("SVDIR_FAILURES", text(Number(record_.failures)));
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

// --- The predecessor's processes --------------------------------------------------------------------------------------

void Unit::adopt() {
  restore_settings();
  if (const ProcessId& process = record_.main.pid != 0 ? record_.main : record_.finish; process.pid != 0)
    adopt_process(process);
  if (record_.main.pid != 0 && !gone_)
    if (auto watched = readiness_.watch(settings_, dir_.get(), record_.main.pid, record_.ready); !watched)
      warn(watched.error());
  if (record_.main.pid != 0 && settings_.depends_restart && !settings_.depends.empty())
    dependencies_.resume(settings_, callback<&Unit::on_neighbour_changed>(this), record_.started_at);
  apply({.kind = Event::Kind::resume});
}

// Holds on to a process that may not be our child. One that is (we are the predecessor, upgraded) needs nothing; one
// that is gone already ends like one that ends later.
void Unit::adopt_process(const ProcessId& process) {
  adopted_poll_.stop();
  adopted_.reset();
  unheld_ = false;
  siginfo_t info{};
  if (sys::waitid(P_PID, static_cast<id_t>(process.pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0) return;
  adopted_.reset(sys::pidfd_open(process.pid));
  const bool starved = !adopted_ && errno != ESRCH;
  const pid_t parent = process_facts(process.pid).parent;
  somebody_reports_ = parent == 0 || parent == ::getppid();
  const Life life = life_of(process, record_.main.pid != 0 ? record_.started_at : Instant{});
  if (life == Life::over || !(adopted_ || starved)) {
    adopted_.reset();
    gone_ = true;
    exit_report_timer_.start(loop_, monotonic_now(), callback<&Unit::on_adopted_ended>(this));
  } else if (adopted_ && life == Life::known) {
    adopted_poll_.start(loop_, adopted_.get(), Poll::For::reading, callback<&Unit::on_adopted_ended>(this));
  } else {
    adopted_.reset();
    unheld_ = true;
    exit_report_timer_.start(loop_, monotonic_now() + kAdoptAgain, callback<&Unit::on_adopt_again>(this));
  }
}

void Unit::on_adopt_again() {
  if (unheld_) adopt_process(record_.main.pid != 0 ? record_.main : record_.finish);
}

void Unit::on_adopted_ended() {
  adopted_poll_.stop();
  // It may have become our child meanwhile, by the death of its parent.
  siginfo_t info{};
  const ProcessId& process = record_.main.pid != 0 ? record_.main : record_.finish;
  if (process.pid != 0 && sys::waitid(P_PID, static_cast<id_t>(process.pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
      info.si_pid == process.pid && take_ended_child(info))
    return;
  gone_ = true;
  adopted_ended(false);
}

void Unit::on_exit_report_overdue() { adopted_ended(true); }

// Its parent was not us, so somebody else has its exit status. When that was our own parent it is svscan, which
// writes it to supervise/exit and says so; from anybody else nothing will come.
void Unit::adopted_ended(bool waited) {
  if (!gone_) return;
  const bool finishing = record_.main.pid == 0;
  const pid_t pid = finishing ? record_.finish.pid : record_.main.pid;
  Ending ending{Ending::Kind::unknown, 0, false};
  if (!files_.read_exit(pid, ending) && !waited && somebody_reports_) {
    exit_report_timer_.start(loop_, monotonic_now() + kExitReportPatience,
                             callback<&Unit::on_exit_report_overdue>(this));
    return;
  }
  exit_report_timer_.stop();
  gone_ = false;
  adopted_.reset();
  if (finishing) return apply({.kind = Event::Kind::finish_ended, .ending = ending});
  readiness_.stop();
  note({.kind = Event::Kind::main_ended, .ending = ending});
  describe_death(pid, ending, 0, 0);
  if (!draining_) drain();
}

}  // namespace svdir
