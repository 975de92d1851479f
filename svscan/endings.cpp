// Ends of supervises, and of processes that are none.
#include <sys/wait.h>

#include "lib/say.h"
#include "lib/status.h"
#include "lib/system.h"
#include "svscan/mirror.h"
#include "svscan/scanner.h"
#include "svscan/upgrade.h"

namespace svdir::svscan {
namespace {
constexpr Duration kReapAgain = std::chrono::milliseconds(10);
constexpr Duration kTrialPatience = std::chrono::seconds(10);
}  // namespace

void Scanner::reap() {
  for (int status; !is_leaving_;) {
    const pid_t pid = sys::waitpid(-1, &status, WNOHANG);
    // There is no second SIGCHLD for what was not reaped at the first.
    if (pid < 0 && errno != ECHILD)
      reap_timer_.start(loop_, monotonic_now() + kReapAgain, callback<&Scanner::reap>(this));
    if (pid <= 0) break;
    child_ended(pid, status);
  }
  if (is_stopping_) advance_stop();
  run_starter();
}

void Scanner::child_ended(pid_t pid, int status) {
  if (pid == trial_) {
    trial_ended(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return;
  }
  if (foreground_.is(pid)) {
    const int code = foreground_.ended(status);
    if (!is_stopping_) begin_stop(code);
    return;
  }
  const Slot slot = roster_.find_child(pid);
  if (slot == kNobody) {
    orphans_.ended(places_.work.get(), pid, status);
    return;
  }
  const bool exited_zero = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!exited_zero && !roster_[slot].told_to_stop)
    warn({"supervise ", roster_[slot].name, " (pid ", Number(pid), ") ", describe(ending_of(status))});
  supervise_ended(slot, exited_zero);
}

void Scanner::holder_ended(Slot slot) {
  roster_[slot].pidfd.reset();
  // Not our child, so its exit code is not ours to see; its last word on disk is.
  const bool told = was_told_to_exit(places_.work.get(), roster_[slot].path);
  supervise_ended(slot, told);
  if (is_stopping_) advance_stop();
  run_starter();
}

void Scanner::supervise_ended(Slot slot, bool told_to_exit) {
  Service& service = roster_[slot];
  const Instant now = monotonic_now();
  roster_.clear_child(slot);
  service.phase = Phase::left_alone;
  if (!told_to_exit) {
    keep_pipes(slot);
    service.has_died = true;
    orphans_.collect(places_.work.get(), slot);
  }
  if (is_stopping_ || service.gone) {
    // What a killed supervise left behind needs another one to be stopped in its ladder's way.
    service.has_orphans = !told_to_exit && force_ == 0 && orphans_.has_any(slot);
    if (service.has_orphans)
      adopt_to_stop(slot);
    else
      service_is_down(slot);
    return;
  }
  if (service.told_to_stop) {  // it was gone, and has come back
    service.told_to_stop = false;
    admit(slot);
    return;
  }
  if (!told_to_exit) ++restarts_;
  if (!told_to_exit) starter_.delay_after_death(slot, now);
}

void Scanner::keep_pipes(Slot slot) {
  const bool timer_runs = !kept_pipes_.is_empty();
  kept_pipes_.keep(places_.work.get(), slot, roster_[slot].path);
  if (!timer_runs && !kept_pipes_.is_empty())
    kept_timer_.start(loop_, monotonic_now() + KeptPipes::kSettled, callback<&Scanner::on_kept_time>(this));
}

void Scanner::on_kept_time() {
  const Instant now = monotonic_now();
  kept_pipes_.release_settled(roster_, now);
  if (!kept_pipes_.is_empty())
    kept_timer_.start(loop_, now + KeptPipes::kSettled, callback<&Scanner::on_kept_time>(this));
}

// Nothing of it runs any more, and nothing will.
void Scanner::service_is_down(Slot slot) {
  Service& service = roster_[slot];
  if (is_stopping_) {
    service.phase = Phase::left_alone;
    stop_order_.ended(service.stop_index);
    return;
  }
  if (service.gone) {
    let_go(slot);
    return;
  }
  service.told_to_stop = false;
  admit(slot);
}

// Forgets a service whose directory has gone; who has waited for the name is next.
void Scanner::let_go(Slot slot) {
  const Slot successor = roster_[slot].successor;
  std::erase(pending_, slot);
  lookouts_.release(slot);
  instance_lookouts_.release(slot);
  essentials_.release(slot);
  outputs_.release(slot);
  kept_pipes_.release(slot);
  if (roster_[slot].has_died) orphans_.forget(slot);
  const Service& service = roster_[slot];
  if (needs_mirror(places_, {service.name, service.source, service.identity, service.kind}) &&
      (successor == kNobody || !roster_.contains(successor)))
    unmake_mirror(places_, service.path);
  roster_.remove(slot);
  if (successor == kNobody || !roster_.contains(successor) || roster_[successor].phase != Phase::behind) return;
  if (roster_[successor].gone)
    let_go(successor);
  else
    admit(successor);
}

void Scanner::essential_changed(Slot slot) {
  const int code = essentials_.look(places_.work.get(), roster_[slot].path, slot);
  if (code < 0 || is_stopping_) return;
  info({roster_[slot].name, " is essential and has ended for good: stopping everything"});
  begin_stop(code);
}

// --- Upgrades ------------------------------------------------------------------------------------------------------

void Scanner::take_over(Handover handover) {
  if (handover.since.is_set()) started_ = handover.since;
  restarts_ = handover.restarts;
  for (Service& service : handover.services) {
    const Listed listed{service.name, service.source, service.identity, service.kind};
    service.path = service_directory_of(places_, listed);
    service.since = monotonic_now();
    const pid_t pid = std::exchange(service.supervisor, 0);
    const Phase phase = service.phase;
    service.phase = Phase::left_alone;
    const Slot slot = roster_.add(std::move(service));
    siginfo_t info;
    const bool is_child =
        pid > 1 && sys::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    if (is_child) {
      roster_[slot].phase = Phase::running;
      roster_.set_child(slot, pid);
      if (roster_[slot].has_died) orphans_.collect(places_.work.get(), slot);
    } else if (phase != Phase::left_alone) {
      if (roster_[slot].has_died) keep_pipes(slot);
      admit(slot);
    }
  }
}

void Scanner::begin_upgrade() {
  if (trial_ != 0 || is_stopping_) return;
  const Result<pid_t> trial = begin_trial(places_.self);
  if (!trial) {
    warn({trial.error().text(), "; not upgraded"});
    return;
  }
  trial_ = *trial;
  trial_timer_.start(loop_, monotonic_now() + kTrialPatience, callback<&Scanner::on_trial_overdue>(this));
}

void Scanner::on_trial_overdue() {
  if (trial_ != 0) ::kill(trial_, SIGKILL);
}

void Scanner::trial_ended(bool works) {
  trial_ = 0;
  trial_timer_.stop();
  if (is_stopping_) return;
  if (works)
    warn({execute_anew(
              places_, argv_,
              pack_handover({.lock = places_.lock.get(), .since = started_, .restarts = restarts_, .services = {}},
                            roster_))
              .text(),
          "; not upgraded"});
  else
    warn({"the new ", places_.self, " does not run; not upgraded"});
}

}  // namespace svdir::svscan
