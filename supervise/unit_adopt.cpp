// Unit, the processes of a predecessor: they are adopted, never signalled by mistake, and their end is heard of.
#include <signal.h>
#include <time.h>

#include "lib/say.h"
#include "lib/spawn.h"
#include "lib/system.h"
#include "supervise/unit.h"

namespace svdir {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(20);          // at least what start ticks are rounded by
constexpr Duration kAdoptAgain = std::chrono::milliseconds(200);   // when there was no descriptor for a pidfd
constexpr Duration kExitReportPatience = std::chrono::seconds(1);  // for svscan to tell of an orphan's end

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
  const auto since_boot = std::chrono::seconds(boot_time.tv_sec) + Duration(boot_time.tv_nsec);
  const auto age = since_boot - Duration(static_cast<long long>(ticks) * (1'000'000'000 / ::sysconf(_SC_CLK_TCK)));
  // It wrote down its start itself, so ours is a little older than that.
  return started.is_set() && monotonic_now() - started < age + kTick ? Life::known : Life::over;
}

}  // namespace

// Whether it is a child of ours that has not been reaped. `ended` tells how it ended; its si_pid is 0 while it runs.
bool Unit::is_child(pid_t pid, siginfo_t& ended) {
  ended = {};
  return sys::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0;
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
  if (group)
    sys::kill(pid == record_.main.pid && record_.group != 0 ? -record_.group : -pid, signal);
  else if (!adopted_)
    sys::kill(pid, signal);
}

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
  siginfo_t ended;
  if (is_child(process.pid, ended)) return;
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
  siginfo_t ended;
  const ProcessId& process = record_.main.pid != 0 ? record_.main : record_.finish;
  if (process.pid != 0 && is_child(process.pid, ended) && ended.si_pid == process.pid && take_ended_child(ended))
    return;
  gone_ = true;
  adopted_ended(false);
}

void Unit::on_exit_report_overdue() {
  adopted_ended(true);
}

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
  note({.kind = Event::Kind::main_ended, .ending = ending, .reason = reason_of_svrun(ending)});
  describe_death(pid, ending, 0, 0);
  if (!draining_) drain();
}

}  // namespace svdir
