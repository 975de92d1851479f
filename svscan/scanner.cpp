#include "svscan/scanner.h"

#include <sys/prctl.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstring>

#include "lib/say.h"
#include "lib/system.h"
#include "svscan/mirror.h"

namespace svdir::svscan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kBellsInATurn = 256;
constexpr Duration kSlowRescan = seconds(60);  // the net below inotify
constexpr Duration kPlainRescan = seconds(1);  // where there is no inotify

// File systems on which others make changes that inotify does not see (statfs(2)).
bool is_changed_elsewhere(int directory) {
  struct statfs facts;
  if (::fstatfs(directory, &facts) != 0) return false;
  switch (static_cast<unsigned long>(facts.f_type)) {
    case 0x6969:      // NFS
    case 0x01021997:  // 9P
    case 0x65735546:  // FUSE
    case 0xff534d42:  // CIFS
    case 0xfe534d42:  // SMB2
    case 0x00c36400:  // Ceph
      return true;
    default: return false;
  }
}

bool is_stop(const Decision& decision) {
  return decision.what == Decision::What::stop;
}

bool has_stops(const std::vector<Decision>& decisions) {
  return std::ranges::any_of(decisions, is_stop);
}

// Stops come first in a plan, in the order of the services.
bool contains_stop(const std::vector<Decision>& decisions, const Decision& stop) {
  const auto at = std::ranges::lower_bound(decisions.begin(), std::ranges::find_if_not(decisions, is_stop), stop.known,
                                           {}, &Decision::known);
  return at != decisions.end() && is_stop(*at) && at->known == stop.known;
}

}  // namespace

Scanner::Scanner(const Options& options, Places& places, Role role, char** argv)
    : options_(options),
      places_(places),
      role_(role),
      argv_(argv),
      orphans_(roster_),
      starter_(options, places, roster_, orphans_, bells_, outputs_),
      is_init_(::getpid() == 1) {}

Result<void> Scanner::open() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (Result<void> opened = signals_.open(signals_of_interest()); !opened) return opened;
  if (Result<void> opened = bells_.open(); !opened) return opened;
  const int failure = signal_poll_.start(loop_, signals_.fd(), Poll::For::reading, callback<&Scanner::on_signal>(this));
  const int bells = bell_poll_.start(loop_, bells_.fd(), Poll::For::reading, callback<&Scanner::on_bell>(this));
  if (failure != 0 || bells != 0) {
    errno = failure != 0 ? -failure : -bells;
    return system_error("unable to wait for events");
  }
  if (options_.title != nullptr && !title_log_.start(loop_, options_.title))
    return system_error("unable to make a pipe");
  if (!options_.prefix) return {};
  if (Result<void> opened = outputs_.open(places_.work.get()); !opened) return opened;
  output_poll_.start(loop_, outputs_.fd(), Poll::For::reading, callback<&Scanner::on_output>(this));
  return {};
}

int Scanner::run() {
  watch_scan_directory();
  scan();
  reap();  // children that an upgrade has handed us may have ended in the meantime
  if (options_.program != nullptr && !foreground_.is_running()) {
    if (const Result<void> started = foreground_.start(options_.program); !started) {
      say("fatal", {started.error().text()});
      begin_stop(Foreground::exit_code_of(started.error()));
    }
  }
  loop_.run();
  return exit_code_;
}

// --- Signals -------------------------------------------------------------------------------------------------------

void Scanner::on_signal() {
  // All of them first, the children last: a stop that is under way should know of it.
  bool children_ended = false;
  for (int number; (number = signals_.next()) != 0;) {
    if (number == SIGCHLD)
      children_ended = true;
    else
      react(number);
  }
  if (children_ended && !is_leaving_) reap();
}

void Scanner::react(int signal) {
  const int number = rewritten(signal, options_.rewrites);
  if (number == 0 || is_leaving_) return;
  switch (reaction_to(number, role_)) {
    case Reaction::stop: told_to_stop(); break;
    case Reaction::rescan: rescan_everything(); break;
    case Reaction::leave: leave(0); break;
    case Reaction::stop_rudely:
      roster_.each([&](Slot slot, Service&) { tell_to_stop(slot); });
      leave(kExitSystem);
      break;
    case Reaction::upgrade: begin_upgrade(); break;
    case Reaction::forward: foreground_.forward(number); break;
    case Reaction::forward_stop: forward_stop(number == SIGRTMIN + 3 ? SIGTERM : number); break;
    case Reaction::reap:
    case Reaction::none: break;
  }
}

void Scanner::on_bell() {
  std::uint64_t tag;
  for (int bells = 0; bells < kBellsInATurn && bells_.next(tag); ++bells) {
    const Slot slot = static_cast<Slot>(tag);
    if ((tag & Essentials::kTag) != 0) {
      if (roster_.contains(slot)) essential_changed(slot);
      continue;
    }
    if (roster_.contains(slot) && roster_[slot].phase == Phase::held) holder_ended(slot);
  }
}

void Scanner::on_output() {
  constexpr Duration kFullPause = milliseconds(10);
  if (outputs_.pass_on()) {
    if (!output_poll_.is_running())
      output_poll_.start(loop_, outputs_.fd(), Poll::For::reading, callback<&Scanner::on_output>(this));
    return;
  }
  output_poll_.stop();
  output_timer_.start(loop_, monotonic_now() + kFullPause, callback<&Scanner::on_output>(this));
}

// --- When to look --------------------------------------------------------------------------------------------------

void Scanner::watch_scan_directory() {
  const int failure =
      is_displaced_ ? 0 : watch_.start(loop_, places_.scan_path.c_str(), callback<&Scanner::on_directory_change>(this));
  watch_works_ = failure == 0 && !is_displaced_;
  if (failure != 0 && !said_no_watch_) {
    warn({"unable to watch ", places_.scan_path, " (", ::strerror(-failure), "): looking for changes every second"});
    said_no_watch_ = true;
  }
  if (is_changed_elsewhere(places_.scan.get())) watch_works_ = false;
  slow_timer_.start(loop_, monotonic_now() + (watch_works_ ? kSlowRescan : kPlainRescan),
                    callback<&Scanner::on_slow_time>(this));
}

void Scanner::on_slow_time() {
  follow_replaced_directory();
  struct stat facts;
  const bool can_tell = ::fstat(places_.scan.get(), &facts) == 0;
  // A directory that has been changed within the granularity of its stamp may change again without showing it.
  const bool is_same = can_tell && facts.st_mtim.tv_sec == scanned_change_.tv_sec &&
                       facts.st_mtim.tv_nsec == scanned_change_.tv_nsec &&
                       facts.st_mtim.tv_sec + 1 < wall_now().seconds;
  if (watch_works_ || !is_same || scan_failure_ != 0 || std::exchange(look_again_, false)) request_scan();
  slow_timer_.start(loop_, monotonic_now() + (watch_works_ ? kSlowRescan : kPlainRescan),
                    callback<&Scanner::on_slow_time>(this));
}

// A failure to write that is over when somebody makes room.
void Scanner::look_again_after(const Error& error) {
  if (is_shortage(error.number) || error.number == ENOSPC || error.number == EDQUOT) look_again_soon();
}

void Scanner::look_again_soon() {
  look_again_ = true;
  slow_timer_.start(loop_, monotonic_now() + kPlainRescan, callback<&Scanner::on_slow_time>(this));
}

// The scan directory may be removed, and be there again later: made anew, renamed into place, mounted, unmounted. No
// event tells of that, so as long as its path does not lead to it, it is looked for every second.
void Scanner::follow_replaced_directory() {
  struct stat now;
  struct stat ours;
  const bool can_tell = sys::fstatat(AT_FDCWD, places_.scan_path.c_str(), &now) == 0;
  if (!can_tell && errno != ENOENT && errno != ENOTDIR) return;
  const bool is_there = can_tell && S_ISDIR(now.st_mode);
  const bool is_same =
      is_there && ::fstat(places_.scan.get(), &ours) == 0 && ours.st_dev == now.st_dev && ours.st_ino == now.st_ino;
  if (is_same || !is_there) {
    if (is_there == is_displaced_) {
      is_displaced_ = !is_there;
      if (is_displaced_) warn({places_.scan_path, " is not there any more; looking for it every second"});
      watch_scan_directory();
    }
    return;
  }
  if (!reopen_scan_directory(places_)) return;
  is_displaced_ = false;
  info({places_.scan_path, " is another directory now; going on with it"});
  watch_scan_directory();
  request_scan();
}

void Scanner::on_directory_change() {
  request_scan();
}

// Changes come in floods; a scan serves all that came before it. It gets a fifth of the time at most.
void Scanner::request_scan() {
  if (scan_requested_ || is_stopping_ || is_leaving_) return;
  scan_requested_ = true;
  scan_timer_.start(loop_, last_scan_end_ + 4 * last_scan_cost_, callback<&Scanner::scan>(this));
}

void Scanner::rescan_everything() {
  if (is_stopping_) return;
  reap();  // a supervise that has just left is one that HUP starts again
  warnings_ = {};
  traits_.distrust();
  roster_.each([&](Slot slot, Service& service) {
    const Listed listed{service.name, service.source, service.identity, service.kind};
    if (needs_mirror(places_, listed) && !service.gone)
      if (const Result<void> made = make_mirror(places_, listed, service.path); !made) warn(made.error());
    if (service.phase == Phase::left_alone) starter_.queue(slot);
    if (service.phase == Phase::running || service.phase == Phase::held || service.phase == Phase::elsewhere)
      for (const std::string_view logger : std::span(file::kUnits).subspan(1))
        send_command(places_.work.get(), service.path + std::string(logger), 'a');
  });
  follow_replaced_directory();
  watch_scan_directory();
  request_scan();
  run_starter();
}

// Something changed in the directory of a service with instances: there may be more of them now, or fewer.
void Scanner::on_change_within() {
  traits_.distrust();
  request_scan();
}

// --- The scan ------------------------------------------------------------------------------------------------------

void Scanner::scan() {
  scan_requested_ = false;
  if (is_stopping_ || is_leaving_) return;
  const Instant begin = monotonic_now();
  follow_replaced_directory();
  struct stat facts;
  if (::fstat(places_.scan.get(), &facts) == 0) scanned_change_ = facts.st_mtim;
  warnings_.next_round();
  if (!places_.has_own) {
    if (const Result<void> claimed = claim_own(places_); claimed)
      info({places_.scan_path, " can be written to now"});
    else
      look_again_after(claimed.error());
  }
  std::vector<Decision> decisions;
  std::vector<Slot> slots;
  int failure = look(decisions, slots);
  // What gets another name while a large directory is read may be missing under both. So only what is missing twice
  // is gone.
  if (failure == 0 && has_stops(decisions)) {
    const std::vector<Decision> before = std::move(decisions);
    failure = look(decisions, slots);
    if (std::erase_if(decisions, [&](const Decision& each) { return is_stop(each) && !contains_stop(before, each); }))
      look_again_soon();
  }
  if (failure != 0) {
    if (failure != scan_failure_)
      warn({"unable to read ", places_.scan_path, ": ", ::strerror(failure),
            "; services go on, looking again every second"});
    scan_failure_ = failure;
    scan_requested_ = true;
    scan_timer_.start(loop_, begin + seconds(1), callback<&Scanner::scan>(this));
    return;
  }
  if (scan_failure_ != 0) info({places_.scan_path, " can be read again"});
  scan_failure_ = 0;
  starter_.set_defaults(::faccessat(places_.scan.get(), ".defaults", F_OK, 0) == 0);
  apply(decisions, slots);
  // Services that vanish may be the beginning of the end of the directory itself, of which there is no event as long
  // as we have it open.
  if (has_stops(decisions)) look_again_soon();
  check_pending();
  run_starter();
  last_scan_end_ = monotonic_now();
  last_scan_cost_ = last_scan_end_ - begin;
}

// What is to be done about the directory as it is now; `slots` are of the services that the decisions number. Returns
// 0, or the errno for which the directory could not be read.
int Scanner::look(std::vector<Decision>& decisions, std::vector<Slot>& slots) {
  if (const int failure = read_listing(places_.scan.get(), listing_, warnings_); failure != 0) return failure;
  traits_.next_round();
  expand_instances(places_, traits_, listing_.services, warnings_);
  if (traits_.is_unsettled()) look_again_soon();
  std::vector<Sighting> entries;
  entries.reserve(listing_.services.size());
  for (const Listed& listed : listing_.services) entries.push_back({listed.name, listed.identity, listed.kind, false});
  std::vector<Sighting> known;
  known.reserve(roster_.size());
  slots.clear();
  slots.reserve(roster_.size());
  roster_.each([&](Slot slot, const Service& service) {
    known.push_back({service.name, service.identity, service.kind, service.gone});
    slots.push_back(slot);
  });
  decisions = make_plan(entries, known);
  const auto is_in_motion = [&](const Decision& decision) {
    return is_stop(decision) && std::ranges::find(listing_.in_motion, roster_[slots[decision.known]].identity.inode) !=
                                    listing_.in_motion.end();
  };
  if (std::erase_if(decisions, is_in_motion) != 0) look_again_soon();
  return 0;
}

void Scanner::apply(const std::vector<Decision>& decisions, const std::vector<Slot>& slots) {
  for (const Decision& decision : decisions) {
    const Slot slot = decision.known == kNobody ? kNobody : slots[decision.known];
    switch (decision.what) {
      case Decision::What::start: begin_service(listing_.services[decision.entry], slot); break;
      case Decision::What::stop: stop_service(slot); break;
      case Decision::What::rename: rename_service(slot, listing_.services[decision.entry]); break;
      case Decision::What::refresh: refresh_service(slot, listing_.services[decision.entry]); break;
      case Decision::What::duplicate:
        if (warnings_.is_new(listing_.services[decision.entry].name))
          warn({"skipping ", listing_.services[decision.entry].name, ": another name of ",
                slot == kNobody ? std::string_view("another new service") : std::string_view(roster_[slot].name)});
        break;
    }
  }
}

// --- Starting ------------------------------------------------------------------------------------------------------

void Scanner::on_start_time() {
  run_starter();
}

void Scanner::run_starter() {
  if (is_leaving_) return;
  const Instant next = starter_.run(monotonic_now());
  for (const Slot slot : starter_.take_released()) service_is_down(slot);
  if (next.is_set())
    start_timer_.start(loop_, next, callback<&Scanner::on_start_time>(this));
  else
    start_timer_.stop();
  note_change();
}

}  // namespace svdir::svscan
