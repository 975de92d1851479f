// Unit, the way up: settings, neighbours, control/u, run, and what run says of itself.
#include "lib/access.h"
#include "lib/cgroup.h"
#include "lib/say.h"
#include "lib/spawn.h"
#include "lib/system.h"
#include "lib/trust.h"
#include "supervise/unit.h"

namespace svdir {
namespace {

constexpr std::size_t kLongestSummary = 2000;  // of the settings, in the record; longer ones are read again instead
constexpr std::string_view kReloading = "reloading";

}  // namespace

void Unit::start() {
  struct stat facts;
  if (::fstat(dir_.get(), &facts) == 0 && facts.st_nlink == 0) {
    warn({name_, ": its directory has been removed; leaving"});
    return inject("x");
  }
  const bool has_settings = std::exchange(settings_are_fresh_, false) || refresh_settings();
  if (!has_settings && is_starved_) return apply({.kind = Event::Kind::spawn_failed, .reason = misconfigured_});
  if (!has_settings || !may_start()) return apply({.kind = Event::Kind::misconfigured, .reason = misconfigured_});
  record_.reason = misconfigured_;
  host_.before_start(*this);
  if (wait_for_neighbours()) return;
  run_control_script('u');
  if (holdup_ == Holdup::notice) {
    holdup_ = Holdup::before_start;
    return;
  }
  launch();
}

// Reads the settings; bad ones leave the last good ones in force. False when there are none.
bool Unit::refresh_settings() {
  auto read = read_settings(dir_.get(), defaults_.empty() ? nullptr : defaults_.c_str());
  if (read) {
    if (record_.reason.starts_with(kMisconfigured)) record_.reason.clear();
    misconfigured_.clear();
    is_starved_ = false;
    settings_ = std::move(*read);
    has_settings_ = true;
    record_.settings = summary(settings_);
    if (record_.settings.size() > kLongestSummary) record_.settings = "*";
    return take_access();
  }
  is_starved_ = is_shortage(read.error().number);
  std::string text = std::string(kMisconfigured).append(read.error().message());
  if (std::swap(text, misconfigured_); text != misconfigured_)  // said once
    warn({name_, ": ", misconfigured_, has_settings_ ? "; the last good settings stay" : "; not started"});
  record_.reason = misconfigured_;
  return has_settings_;
}

// Gives supervise/ to whom the settings say. False when that cannot be done; then nobody else may do anything.
bool Unit::take_access() {
  const bool wanted = has_access_settings(settings_);
  if (!wanted && !has_access_) return true;
  has_access_ = wanted;
  const auto applied = apply_access(dir_.get(), settings_);
  readiness_.keep_reachable();
  if (applied) return true;
  misconfigured_.assign(kMisconfigured).append(applied.error().text());
  warn({name_, ": ", misconfigured_});
  record_.reason = misconfigured_;
  has_settings_ = false;
  return false;
}

// Root runs nothing that somebody else could have changed.
bool Unit::may_start() {
  const Trust trust = judge_trust(dir_.get(), defaults_.empty() ? nullptr : defaults_.c_str(), settings_);
  users_own_ = trust.users_own;
  if (trust.refusal.empty()) return true;
  misconfigured_.assign(kMisconfigured).append(trust.refusal);
  warn({name_, ": ", misconfigured_, "; not started"});
  return false;
}

// After a predecessor: the settings the service was started with, not those that stand in the files by now.
void Unit::restore_settings() {
  if (record_.settings == "*") {
    refresh_settings();
    return;
  }
  std::string_view rest = record_.settings;
  has_settings_ = true;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos ||
        !set_setting(one.substr(0, equals), one.substr(equals + 1), SettingsSource::defaults, settings_))
      warn({name_, ": a setting of the running service is not understood: ", one});
  }
}

// --- Neighbours ----------------------------------------------------------------------------------------------------

bool Unit::wait_for_neighbours() {
  if (settings_.depends.empty() && settings_.after.empty()) return false;
  if (is_held_up(dependencies_.begin(settings_, callback<&Unit::on_neighbour_changed>(this)))) return true;
  dependencies_.started(settings_);
  return false;
}

// True when the start has to wait, or cannot be.
bool Unit::is_held_up(const Dependencies::Verdict& verdict) {
  if (!verdict.cycle.empty()) {
    dependencies_.stop();
    const std::string reason = std::string(kDependsOnItself).append(verdict.cycle);
    warn({name_, ": ", reason, "; not started"});
    apply({.kind = Event::Kind::misconfigured, .reason = reason});
    return true;
  }
  if (verdict.missing.empty()) return false;
  if (record_.state != State::waiting || verdict.missing != record_.reason)
    apply({.kind = Event::Kind::held, .reason = verdict.missing});
  return true;
}

void Unit::on_neighbour_changed() {
  if (record_.state == State::waiting) {
    if (!is_held_up(dependencies_.look())) apply({.kind = Event::Kind::released});
  } else if (record_.main.pid != 0 && dependencies_.was_restarted() && record_.want == Want::up) {
    inject("r");
  }
}

// --- Run -----------------------------------------------------------------------------------------------------------

// In the child, before it executes anything; its memory is ours (lib/spawn.h).
int Unit::record_child(void* self, pid_t pid) {
  Unit& unit = *static_cast<Unit*>(self);
  const Event event{.kind = unit.spawning_, .process = {pid, start_ticks(pid)}};
  step(unit.record_, unit.settings_, event, {monotonic_now(), wall_now()});
  unit.files_.save(unit.record_);
  return 0;
}

// Where there is none to be had, svrun says why.
void Unit::choose_own_cgroup() {
  const std::string_view setting = settings_.attribute("cgroup");
  std::string group =
      setting.empty() || role_ == Role::logger ? "" : choose_cgroup(setting, record_.cgroup).value_or("");
  if (group == record_.cgroup) return;
  if (const std::string before = own_cgroup(); !before.empty()) remove_cgroup(before);
  record_.cgroup = std::move(group);
}

// run itself where nothing has to be set up for it, else svrun, which executes it.
Program Unit::run_program() const {
  if (!command_.empty()) {
    Program program(command_directory_, command_.front());
    for (std::size_t i = 1; i < command_.size(); ++i) program.argument(command_[i]);
    return program;
  }
  if (settings_.svrun.empty()) return Program(dir_.get(), "./run");
  Program program(dir_.get(), host_.svrun_program());
  sys::unlinkat(dir_.get(), file::kRefused);
  if (users_own_) program.argument("--ids-first");
  for (const std::string& option : settings_.svrun)
    program.argument(option.starts_with("--cgroup=") && !record_.cgroup.empty() ? "--cgroup=" + record_.cgroup
                                                                                : option);
  program.argument("./run");
  return program;
}

// finish, or a control script: as the service's user where it is in his hands.
Program Unit::script_program(const std::string& path) const {
  Program program(dir_.get(), users_own_ ? host_.svrun_program() : path);
  if (users_own_) {
    program.argument("--explain");
    program.argument("--ids-first");
    program.argument(std::string("--user=").append(settings_.attribute("user")));
    program.argument(path);
  }
  return program;
}

void Unit::set_command(int where, std::vector<std::string> command) {
  const bool other = !command_.empty() && command != command_;
  command_directory_ = where;
  command_ = std::move(command);
  if (other) inject("t");
}

void Unit::launch() {
  choose_own_cgroup();
  Program run = run_program();
  if (!host_.connect(*this, run, true))
    return apply({.kind = Event::Kind::spawn_failed, .reason = "its standard output is not to be had"});
  if (auto prepared = readiness_.prepare(settings_, dir_.get(), run); !prepared) {
    warn(prepared.error());
    return apply({.kind = Event::Kind::spawn_failed, .reason = prepared.error().text()});
  }
  run.before_exec(&Unit::record_child, this);
  spawning_ = Event::Kind::spawned;
  former_ = 0;
  adopted_.reset();
  gone_ = false;
  if (const auto child = run.spawn(); !child) {
    const bool no_process = !child.error().could_fork;
    const std::string reason = std::string(no_process ? "unable to start a process: " : "unable to execute run: ") +
                               ::strerror(child.error().number);
    warn({name_, ": ", reason});
    return apply({.kind = no_process ? Event::Kind::spawn_failed : Event::Kind::exec_failed, .reason = reason});
  }
  if (auto watched = readiness_.watch(settings_, dir_.get(), record_.main.pid, record_.ready); !watched)
    warn(watched.error());
}

void Unit::service_ready() {
  if (record_.main.pid == 0 || record_.ready) return;
  apply({.kind = Event::Kind::ready});
  readiness_.became_ready();
}

bool Unit::service_unhealthy(std::string_view reason) {
  if (record_.main.pid == 0 || record_.state == State::stopping || record_.paused) return false;
  warn({name_, ": unhealthy: ", reason, "; restarting it"});
  apply({.kind = Event::Kind::unhealthy, .reason = reason});
  return true;
}

void Unit::service_says(const Notification& notification) {
  if (notification.ready && record_.status_text == kReloading) record_.status_text.clear();
  if (notification.reloading) record_.status_text = kReloading;
  if (notification.stopping) record_.status_text = "stopping";
  if (notification.status) record_.status_text = *notification.status;
  if (notification.main_pid && *notification.main_pid != record_.main.pid) {
    const ProcessId process{*notification.main_pid, start_ticks(*notification.main_pid)};
    if (former_ == 0) former_ = record_.main.pid;
    adopt_process(process);
    note({.kind = Event::Kind::main_changed, .process = process, .group = ::getpgid(process.pid)});
    readiness_.main_changed(process.pid);
  }
  if (notification.extend) note({.kind = Event::Kind::extended, .duration = *notification.extend});
  if (!draining_) drain();
}

}  // namespace svdir
