// The end: in order and with patience first, then without either.
#include <sys/syscall.h>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/scan_state.h"
#include "lib/settings.h"
#include "lib/spawn.h"
#include "lib/status.h"
#include "lib/system.h"
#include "svscan/scanner.h"

namespace svdir::svscan {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Between KILL to the services and KILL to the supervises, and from there to the exit.
constexpr Duration kNudge = milliseconds(10);
constexpr Duration kKillPause = seconds(1);
constexpr Duration kEcho = microseconds(500);

void kill_group(const ProcessId& process) {
  if (process.pid <= 1) return;
  const unsigned long long ticks = start_ticks(process.pid);
  if (ticks != 0 && process.ticks != 0 && ticks != process.ticks) return;  // the number is a stranger's by now
  ::kill(-process.pid, SIGKILL);
  ::kill(process.pid, SIGKILL);
}

// What must outlive the service. Settings that cannot be read order nothing; supervise has said what is wrong.
std::vector<std::string> what_it_stands_on(const Places& places, const std::string& path) {
  const Fd dir(sys::openat(places.work.get(), path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!dir) return {};
  auto settings = read_settings(dir.get(), nullptr);
  if (!settings) return {};
  std::vector<std::string> names = std::move(settings->depends);
  names.insert(names.end(), std::make_move_iterator(settings->after.begin()),
               std::make_move_iterator(settings->after.end()));
  return names;
}

// KILL to all that `state` says is running.
void kill_recorded(int work, const std::string& base, bool with_loggers) {
  for (const std::string_view unit : std::span(file::kUnits).first(with_loggers ? file::kUnits.size() : 1)) {
    const Result<std::string> text =
        read_small(work, std::string(base).append(unit).append(file::kState).c_str(), kLongestState);
    StateRecord record;
    if (!text || !unpack(*text, record)) continue;
    kill_group(record.main);
    kill_group(record.finish);
    if (record.group > 1) ::kill(-record.group, SIGKILL);
  }
}

}  // namespace

// timeout(1) and some terminals signal a process and then its group: that is one wish, not two.
bool Scanner::is_echo() const {
  return told_at_.is_set() && monotonic_now() - told_at_ < kEcho;
}

void Scanner::told_to_stop() {
  if (!is_stopping_) {
    told_at_ = monotonic_now();
    begin_stop(0);
    return;
  }
  if (is_echo()) return;
  info({"told to stop again: killing what is left"});
  kill_services();
}

// The foreground program is expected to end; that ends everything. A second time, or too late, it is killed.
void Scanner::forward_stop(int signal) {
  if (stop_deadline_.is_set()) {
    if (is_echo()) return;
    info({"told to stop again: killing what is left"});
    kill_services();
    return;
  }
  told_at_ = monotonic_now();
  stop_deadline_ = told_at_ + options_.grace;
  stop_timer_.start(loop_, stop_deadline_, callback<&Scanner::on_stop_time>(this));
  foreground_.forward(signal);
}

void Scanner::begin_stop(int code) {
  is_stopping_ = true;
  exit_code_ = code;
  write_state();
  if (!stop_deadline_.is_set()) stop_deadline_ = monotonic_now() + options_.grace;
  if (foreground_.is_running()) foreground_.forward(SIGTERM);  // an essential service has ended
  watch_.stop();
  slow_timer_.stop();
  scan_timer_.stop();
  pending_timer_.stop();
  std::vector<StopRequest> requests;
  requests.reserve(roster_.size());
  roster_.each([&](Slot slot, Service& service) {
    service.stop_index = static_cast<std::uint32_t>(requests.size());
    requests.push_back({service.name, what_it_stands_on(places_, service.path)});
    stop_slots_.push_back(slot);
  });
  stop_order_ = StopOrder(requests);
  stop_timer_.start(loop_, stop_deadline_, callback<&Scanner::on_stop_time>(this));
  advance_stop();
}

// Tells those whose turn it is, until all of them have something to wait for.
void Scanner::advance_stop() {
  for (;;) {
    const std::vector<std::uint32_t> turn = stop_order_.ready();
    if (turn.empty()) break;
    for (const std::uint32_t index : turn)
      if (!tell_to_stop(stop_slots_[index])) stop_order_.ended(index);
  }
  run_starter();
  finish_if_done();
}

// False when nothing of it runs.
bool Scanner::tell_to_stop(Slot slot) {
  Service& service = roster_[slot];
  service.told_to_stop = true;
  switch (service.phase) {
    case Phase::running: ::kill(service.supervisor, SIGTERM); return true;
    case Phase::held:
      if (::syscall(SYS_pidfd_send_signal, service.pidfd.get(), SIGTERM, nullptr, 0) != 0)
        send_command(places_.work.get(), service.path, 'x');
      return true;
    case Phase::elsewhere:
      // Nobody hears it while a child of a dead supervise has not executed its program yet; the next one will.
      service.has_orphans = !send_command(places_.work.get(), service.path, 'x') && service.has_died;
      if (service.has_orphans) nudge_soon();
      return true;
    case Phase::queued:
    case Phase::delayed:
      service.has_orphans = service.has_died && orphans_.has_any(slot);
      if (!service.has_orphans)
        service.phase = Phase::left_alone;
      else
        adopt_to_stop(slot);
      return service.has_orphans;
    case Phase::pending:
    case Phase::left_alone:
    case Phase::behind: break;
  }
  return false;
}

void Scanner::adopt_to_stop(Slot slot) {
  starter_.queue(slot);
  nudge_soon();
}

void Scanner::nudge_soon() {
  nudge_timer_.start(loop_, monotonic_now() + kNudge, callback<&Scanner::nudge_adopters>(this));
}

// A supervise that is started only to stop what another one left takes its order when it has got that far: a TERM
// before it minds its signals would just end it.
void Scanner::nudge_adopters() {
  bool any = false;
  roster_.each([&](Slot, Service& service) {
    if (!service.has_orphans) return;
    const bool is_there = service.phase == Phase::running || service.phase == Phase::held;
    if (is_there && send_command(places_.work.get(), service.path, 'x'))
      service.has_orphans = false;
    else
      any = true;
  });
  if (any) nudge_soon();
}

// Its directory has gone.
void Scanner::stop_service(Slot slot) {
  roster_[slot].gone = true;
  if (!tell_to_stop(slot)) service_is_down(slot);
}

void Scanner::on_stop_time() {
  if (force_ == 0) {
    info({"the grace period is over: killing what is left"});
    kill_services();
  } else if (force_ == 1) {
    kill_supervises();
  } else {
    leave(exit_code_);
  }
}

void Scanner::kill_services() {
  if (force_ != 0) {
    kill_supervises();
    return;
  }
  foreground_.kill();
  if (!is_stopping_) begin_stop(128 + SIGKILL);
  if (is_leaving_) return;
  force_ = 1;
  if (strays_were_told_) ::kill(-1, SIGKILL);
  // First nobody starts anything again, then nothing is left.
  roster_.each([&](Slot slot, Service& service) {
    if (!service.told_to_stop) tell_to_stop(slot);
  });
  roster_.each([&](Slot, Service& service) {
    if (service.phase == Phase::left_alone || service.phase == Phase::pending) return;
    send_command(places_.work.get(), service.path, 'k');
    kill_recorded(places_.work.get(), service.path, false);
  });
  stop_timer_.start(loop_, monotonic_now() + kKillPause, callback<&Scanner::on_stop_time>(this));
  advance_stop();
}

void Scanner::kill_supervises() {
  force_ = 2;
  roster_.each([&](Slot, Service& service) {
    if (service.phase == Phase::running) ::kill(service.supervisor, SIGKILL);
    if (service.phase == Phase::held) ::syscall(SYS_pidfd_send_signal, service.pidfd.get(), SIGKILL, nullptr, 0);
    kill_recorded(places_.work.get(), service.path, true);
  });
  stop_timer_.start(loop_, monotonic_now() + kKillPause, callback<&Scanner::on_stop_time>(this));
}

void Scanner::finish_if_done() {
  if (!is_stopping_ || is_leaving_ || !stop_order_.is_done() || foreground_.is_running()) return;
  if (is_init_)
    end_strays();
  else
    leave(exit_code_);
}

// PID 1 leaves when nobody is left: daemons that have left their service, children of the foreground program.
void Scanner::end_strays() {
  siginfo_t info;
  if (sys::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD) {
    leave(exit_code_);
    return;
  }
  if (strays_were_told_) return;
  strays_were_told_ = true;
  ::kill(-1, force_ == 0 ? SIGTERM : SIGKILL);
  ::kill(-1, SIGCONT);
}

void Scanner::leave(int code) {
  is_leaving_ = true;
  exit_code_ = code;
  if (options_.prefix) outputs_.flush();
  if (is_init_) ::kill(-1, SIGKILL);
  if (places_.has_own) remove_written(places_.work.get(), kScanStateFile);
  loop_.stop();
}

}  // namespace svdir::svscan
