#include "supervise/unit.h"

#include <signal.h>
#include <sys/resource.h>

#include <array>
#include <cstdlib>

#include "lib/say.h"
#include "lib/signals.h"
#include "lib/spawn.h"
#include "lib/system.h"

extern char** environ;

namespace svdir {
namespace {

constexpr std::size_t kReadAtOnce = 128;                               // bytes from the control FIFO
constexpr Duration kScriptTimeout = std::chrono::seconds(5);           // of a control script
constexpr Duration kGroupCheckInterval = std::chrono::milliseconds(20);
constexpr Duration kExitReportPatience = std::chrono::seconds(1);      // for svscan to tell of an orphan's end

Now now() { return {monotonic_now(), wall_now()}; }

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[c & 15];
  }
  return text;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const char pair[3] = {text[i], text[i + 1], '\0'};
    bytes += static_cast<char>(std::strtol(pair, nullptr, 16));
  }
  return bytes;
}

double seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

}  // namespace

Result<void> Unit::open(Fd dir, std::string name, int inherited_lock) {
  dir_ = std::move(dir);
  name_ = std::move(name);
  return files_.open(dir_.get(), name_, inherited_lock);
}

void Unit::begin() {
  listen(true);
  StateRecord left_behind;
  const bool known = files_.load(left_behind);
  const std::string boot = boot_id();
  const bool went_on_purpose = left_behind.leaving && left_behind.state == State::down;
  if (known && left_behind.boot == boot && !went_on_purpose) {
    record_ = std::move(left_behind);
    record_.supervisor = {::getpid(), start_ticks(::getpid())};
    adopt();
    return;
  }
  record_.boot = boot;
  record_.supervisor = {::getpid(), start_ticks(::getpid())};
  struct stat facts;
  Event event{.kind = Event::Kind::begin};
  event.held_down = sys::fstatat(dir_.get(), "down", &facts) == 0;
  apply(event);
}

// --- Events in, actions out ---------------------------------------------------------------------------------------

void Unit::apply(const Event& event) {
  note(event);
  if (!draining_) drain();
}

void Unit::note(const Event& event) {
  for (const Action& action : step(record_, settings_, event, now())) {
    if (queue_count_ == kQueue) {
      warn({name_, ": too many actions wait for a control script; one is dropped"});
      break;
    }
    queue_[(queue_begin_ + queue_count_++) % kQueue] = action;
  }
}

void Unit::drain() {
  draining_ = true;
  for (;;) {
    while (queue_count_ > 0 && holdup_ == Holdup::none) {
      const Action action = queue_[queue_begin_];
      queue_begin_ = (queue_begin_ + 1) % kQueue;
      queue_count_--;
      perform(action);
    }
    if (holdup_ != Holdup::none || input_.empty() || left_) break;
    take_orders();
  }
  draining_ = false;
  settle_down();
}

void Unit::perform(const Action& action) {
  switch (action.kind) {
    case Action::Kind::start: return start();
    case Action::Kind::signal:
      files_.save(record_);
      return send(action);
    case Action::Kind::control: return run_control_script(action);
    case Action::Kind::clear_group: return clear_group();
    case Action::Kind::kill_group:
      if (group_is_left()) sys::kill(-record_.group, SIGKILL);
      return;
    case Action::Kind::finish: return finish();
    case Action::Kind::kill_finish:
      warn({name_, ": finish takes longer than its finish-timeout; it is killed"});
      signal_process(record_.finish.pid, SIGKILL, true);
      return;
    case Action::Kind::read_settings: return;
    case Action::Kind::collect_orphan:
      if (adopted_) adopted_ended(false);
      return;
    case Action::Kind::upgrade:
      holdup_ = Holdup::upgrade;
      return host_.upgrade_wanted(*this);
    case Action::Kind::leave:
      if (left_) return;
      left_ = true;
      files_.publish(record_);
      return host_.unit_left(*this);
  }
}

// Everything has been carried out for now: let the world see it.
void Unit::settle_down() {
  if (holdup_ == Holdup::none) {
    if (input_.empty()) record_.pending.clear();
  }
  files_.publish(record_);
  if (!death_.empty()) {
    files_.note_death(death_);
    death_.clear();
  }
  schedule();
  listen(holdup_ == Holdup::none && !left_);
}

void Unit::schedule() {
  if (record_.wake_at == scheduled_) return;
  scheduled_ = record_.wake_at;
  if (scheduled_.is_set()) due_timer_.start(loop_, scheduled_, callback<&Unit::on_due>(this));
  else due_timer_.stop();
}

void Unit::on_due() {
  scheduled_ = {};
  if (record_.wake_at.is_set() && record_.wake_at <= monotonic_now()) apply({.kind = Event::Kind::due});
  else schedule();
}

// --- Orders ---------------------------------------------------------------------------------------------------------

void Unit::listen(bool on) {
  if (on == control_poll_.is_running()) return;
  if (on) control_poll_.start(loop_, files_.control(), Poll::For::reading, callback<&Unit::on_control>(this));
  else control_poll_.stop();
}

void Unit::on_control() {
  char bytes[kReadAtOnce];
  const ssize_t length = sys::read(files_.control(), bytes, sizeof bytes);
  if (length > 0) inject({bytes, static_cast<std::size_t>(length)});
}

void Unit::inject(std::string_view orders) {
  input_.append(orders);
  record_.pending = to_hex(input_);
  once_in_this_write_ = false;
  if (!draining_) drain();
}

void Unit::leave_at_end_of_input() {
  may_leave_ = true;
  inject(record_.want == Want::down ? "x" : "ox");
}

// Takes orders until one asks for something to be done; `input_` keeps the rest.
void Unit::take_orders() {
  while (!input_.empty() && queue_count_ == 0 && holdup_ == Holdup::none) {
    const char byte = input_.front();
    input_.erase(0, 1);
    Event event{.kind = Event::Kind::order};
    if (!parser_.take(byte, event.order)) continue;
    if (event.order.command == Command::token) {
      record_.ack.assign(event.order.token.data(), event.order.token.size());
      continue;
    }
    if (event.order.command == Command::exit && role_ == Role::logger && !may_leave_) continue;
    if (event.order.command == Command::once) once_in_this_write_ = true;
    event.after_once = once_in_this_write_;
    apply(event);
  }
}

// --- Starting -------------------------------------------------------------------------------------------------------

void Unit::start() {
  host_.before_start(*this);
  if (role_ == Role::service) {
    const Action hook{.kind = Action::Kind::control, .letter = 'u'};
    held_ = hook;
    run_control_script(hook);
    if (holdup_ == Holdup::notice) {
      holdup_ = Holdup::before_start;
      return;
    }
  }
  launch();
}

int Unit::record_child(void* self, pid_t pid) {
  Unit& unit = *static_cast<Unit*>(self);
  const Event event{.kind = unit.spawning_, .process = {pid, start_ticks(pid)}};
  step(unit.record_, unit.settings_, event, now());
  unit.files_.save(unit.record_);
  return 0;
}

void Unit::launch() {
  const char* const argv[] = {"./run", nullptr};
  ChildPlan plan;
  plan.path = argv[0];
  plan.argv = argv;
  plan.directory = dir_.get();
  const Fd nothing(sys::open("/dev/null", O_RDONLY));
  const Fd pipe(host_.open_log_pipe(*this, role_ == Role::service ? O_RDWR : O_RDONLY));
  plan.input = role_ == Role::logger && pipe ? pipe.get() : nothing.get();
  if (role_ == Role::service && pipe) plan.output = plan.error = pipe.get();
  plan.before_exec = &Unit::record_child;
  plan.context = this;
  spawning_ = Event::Kind::spawned;
  adopted_.reset();
  if (const auto child = spawn(plan); !child) {
    const SpawnError& failure = child.error();
    const std::string reason =
        std::string(failure.could_fork ? "unable to execute run: " : "unable to start a process: ") +
        ::strerror(failure.number);
    warn({name_, ": ", reason});
    apply({.kind = failure.could_fork ? Event::Kind::exec_failed : Event::Kind::spawn_failed,
           .number = failure.number,
           .reason = reason});
  }
}

// --- Signals and control scripts ------------------------------------------------------------------------------------

void Unit::send(const Action& action) {
  if (record_.main.pid == 0) return;
  if (action.letter != 0 && role_ == Role::service) {
    held_ = action;
    run_control_script(action);
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
  if (gone_) return;
  if (adopted_ && sys::pidfd_send_signal(adopted_.get(), group ? 0 : signal) != 0) return;
  if (group) sys::kill(-pid, signal);
  else if (!adopted_) sys::kill(pid, signal);
}

// Starts control/`letter` and holds up the queue; where there is none, does nothing.
void Unit::run_control_script(const Action& action) {
  if (role_ == Role::logger) return;
  const char path[] = {'c', 'o', 'n', 't', 'r', 'o', 'l', '/', action.letter, '\0'};
  struct stat facts;
  if (sys::fstatat(dir_.get(), path, &facts) != 0 || (facts.st_mode & S_IXUSR) == 0 || !S_ISREG(facts.st_mode)) return;
  files_.save(record_);
  const char* const argv[] = {path, nullptr};
  ChildPlan plan;
  plan.path = path;
  plan.argv = argv;
  plan.directory = dir_.get();
  const Fd nothing(sys::open("/dev/null", O_RDONLY));
  const Fd pipe(host_.open_log_pipe(*this, O_RDWR));
  plan.input = nothing.get();
  plan.output = pipe ? pipe.get() : -1;
  plan.error = plan.output;
  const auto child = spawn(plan);
  if (!child) {
    warn({name_, ": unable to run ", path, ": ", ::strerror(child.error().number)});
    return;
  }
  held_ = action;
  holdup_ = Holdup::notice;
  script_ = *child;
  script_timer_.start(loop_, monotonic_now() + kScriptTimeout, callback<&Unit::on_script_due>(this));
}

void Unit::on_script_due() {
  if (script_ == 0) return;
  const char letter[] = {held_.letter, '\0'};
  warn({name_, ": control/", letter, " takes longer than 5s; it is killed and counts as failed"});
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

void Unit::upgrade_refused() {
  holdup_ = Holdup::none;
  if (!draining_) drain();
}

void Unit::prepare_upgrade() {
  record_.pending = to_hex(input_);
  files_.save(record_);
}

// --- Endings --------------------------------------------------------------------------------------------------------

bool Unit::take_ended_child(const siginfo_t& info) {
  const pid_t pid = info.si_pid;
  double cpu = 0;
  long rss = 0;
  if (pid == script_) {
    reap(pid, cpu, rss);
    control_script_ended(info.si_code == CLD_EXITED && info.si_status == 0);
    return true;
  }
  if (pid != record_.main.pid && pid != record_.finish.pid) return false;
  Ending ending{Ending::Kind::exited, info.si_status, info.si_code == CLD_DUMPED};
  if (info.si_code != CLD_EXITED) ending.kind = Ending::Kind::signalled;
  if (pid == record_.finish.pid) {
    reap(pid, cpu, rss);
    apply({.kind = Event::Kind::finish_ended, .ending = ending});
    return true;
  }
  note({.kind = Event::Kind::main_ended, .ending = ending});
  files_.save(record_);  // before the status is gone for good
  reap(pid, cpu, rss);
  describe_death(ending, cpu, rss);
  if (!draining_) drain();
  return true;
}

int Unit::reap(pid_t pid, double& cpu_seconds, long& max_rss_kib) {
  int status = 0;
  rusage usage{};
  while (sys::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  max_rss_kib = usage.ru_maxrss;
  return status;
}

// Prepares the line for `deaths`; it is written when the service is up again.
void Unit::describe_death(const Ending& ending, double cpu_seconds, long max_rss_kib) {
  char label[kTai64nLabelSize + 1] = {};
  write_tai64n_label(record_.last_ended, label);
  const auto up = std::chrono::duration<double>(monotonic_now() - record_.started_at).count();
  char text[160];
  std::snprintf(text, sizeof text, "%s pid=%d %s up=%.3f cpu=%.3f maxrss=%ld", label, record_.group,
                describe(ending).c_str(), up, cpu_seconds, max_rss_kib);
  death_ = text;
  if (!record_.reason.empty()) death_.append(" ").append(record_.reason);
}

// Run is dead and reaped: nothing of its process group may be left when the next one starts.
void Unit::clear_group() {
  if (group_is_left()) sys::kill(-record_.group, SIGTERM);
  check_group();
}

// A process of the group's very number would be a stranger who has it now; the group is gone then.
bool Unit::group_is_left() const {
  if (role_ == Role::logger || settings_.leftovers == Leftovers::leave || record_.group == 0) return false;
  return sys::kill(record_.group, 0) != 0 && errno == ESRCH && sys::kill(-record_.group, 0) == 0;
}

void Unit::check_group() {
  if (record_.state != State::stopping || record_.main.pid != 0) return;
  if (group_is_left()) {
    group_timer_.start(loop_, monotonic_now() + kGroupCheckInterval, callback<&Unit::check_group>(this));
    return;
  }
  group_timer_.stop();
  apply({.kind = Event::Kind::group_cleared});
}

void Unit::finish() {
  struct stat facts;
  const bool there = role_ == Role::service && sys::fstatat(dir_.get(), "finish", &facts) == 0;
  if (!there) return apply({.kind = Event::Kind::finish_ended});
  const Ending& last = record_.last;
  const bool exited = last.kind == Ending::Kind::exited;
  const Number code(exited ? last.value : -1);
  const Number signal(exited ? 0 : last.value + (last.core ? 128 : 0));
  const Number group(record_.group);
  const auto text = [](const Number& number) { return std::string(std::string_view(number)); };
  const std::string arguments[] = {text(code), text(signal), name_, text(group)};
  const char* const argv[] = {"./finish",           arguments[0].c_str(), arguments[1].c_str(),
                              arguments[2].c_str(), arguments[3].c_str(), nullptr};
  ChildPlan plan;
  plan.path = argv[0];
  plan.argv = argv;
  plan.directory = dir_.get();
  const Fd nothing(sys::open("/dev/null", O_RDONLY));
  const Fd pipe(host_.open_log_pipe(*this, O_RDWR));
  plan.input = nothing.get();
  plan.output = plan.error = pipe ? pipe.get() : -1;
  plan.before_exec = &Unit::record_child;
  plan.context = this;
  spawning_ = Event::Kind::finish_spawned;
  adopted_.reset();
  if (const auto child = spawn(plan); !child) {
    warn({name_, ": unable to run finish: ", ::strerror(child.error().number)});
    apply({.kind = Event::Kind::finish_ended});
  }
}

// --- The predecessor's processes ------------------------------------------------------------------------------------

void Unit::adopt() {
  input_ = from_hex(record_.pending);
  const ProcessId process = record_.main.pid != 0 ? record_.main : record_.finish;
  if (process.pid != 0) adopt_process(process);
  apply({.kind = Event::Kind::resume});
}

// Holds on to a process of the predecessor's. One that is our own child (we are the predecessor, upgraded) needs
// nothing; one that is gone ends like one that ends later.
void Unit::adopt_process(const ProcessId& process) {
  siginfo_t info{};
  if (sys::waitid(P_PID, static_cast<id_t>(process.pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0) return;
  adopted_.reset(sys::pidfd_open(process.pid));
  const ProcessFacts facts = process_facts(process.pid);
  somebody_reports_ = facts.parent == 0 || facts.parent == ::getppid();
  const bool same = adopted_ && (process.ticks == 0 ? ::getsid(process.pid) == process.pid
                                                    : facts.start_ticks == process.ticks);
  if (!same) {
    adopted_.reset();
    gone_ = true;
    exit_report_timer_.start(loop_, monotonic_now() + Duration(1), callback<&Unit::on_adopted_ended>(this));
    return;
  }
  adopted_poll_.start(loop_, adopted_.get(), Poll::For::reading, callback<&Unit::on_adopted_ended>(this));
}

void Unit::on_adopted_ended() {
  adopted_poll_.stop();
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
  note({.kind = Event::Kind::main_ended, .ending = ending});
  describe_death(ending, 0, 0);
  if (!draining_) drain();
}

}  // namespace svdir
