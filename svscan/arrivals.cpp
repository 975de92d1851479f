// Services that appear, complete or still being filled, and such as come back or get another name.
#include "lib/say.h"
#include "lib/system.h"
#include "svscan/mirror.h"
#include "svscan/scanner.h"

namespace svdir::svscan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kFillTime = seconds(2);  // a directory may be without `run` so long before supervise says so
constexpr Duration kBusyLook = milliseconds(5);
constexpr Duration kUnwatchedLook = milliseconds(100);
constexpr Duration kLateLook = seconds(5);  // as kUnwatchedLook, when the fill time is over

}  // namespace

void Scanner::begin_service(const Listed& listed, Slot predecessor) {
  Service service;
  service.name = listed.name;
  service.source = listed.source;
  service.path = service_directory_of(places_, listed);
  service.identity = listed.identity;
  service.kind = listed.kind;
  const Traits& traits = traits_.of(places_, listed);
  service.is_essential = traits.essential;
  service.has_logger = traits.has_logger;
  service.since = monotonic_now();
  if (needs_mirror(places_, listed)) {
    if (const Result<void> made = make_mirror(places_, listed, service.path); !made) {
      if (warnings_.is_new(listed.name)) warn({"unable to supervise ", listed.name, ": ", made.error().text()});
      look_again_after(made.error());
      return;
    }
  }
  const Slot slot = roster_.add(std::move(service));
  if (roster_[slot].is_essential) essentials_.watch(places_.work.get(), roster_[slot].path, slot, bells_);
  if (options_.prefix && !roster_[slot].has_logger) outputs_.attach(roster_[slot], slot);
  if (listed.identity.instance == 1 && listed.kind == Kind::directory)
    instance_lookouts_.watch(loop_, slot, (places_.scan_path + "/" + listed.source).c_str(),
                             callback<&Scanner::on_change_within>(this));
  if (predecessor != kNobody && roster_.contains(predecessor)) {
    roster_[slot].phase = Phase::behind;
    // A third directory under the same name takes the place of the second, which never started.
    if (const Slot other = roster_[predecessor].successor; other != kNobody && roster_.contains(other)) {
      roster_[predecessor].successor = kNobody;
      if (roster_[other].phase == Phase::behind) let_go(other);
    }
    roster_[predecessor].successor = slot;
    return;
  }
  admit(slot);
}

// Starts it, or waits until there is something to start.
void Scanner::admit(Slot slot) {
  roster_[slot].phase = Phase::pending;
  roster_[slot].since = monotonic_now();
  Instant next;
  if (check_one_pending(slot, monotonic_now(), next)) return;
  pending_.push_back(slot);
}

void Scanner::rename_service(Slot slot, const Listed& listed) {
  Service& service = roster_[slot];
  const std::string path = service_directory_of(places_, listed);
  if (needs_mirror(places_, listed)) {
    const bool moved = sys::renameat(places_.work.get(), service.path.c_str(), places_.work.get(), path.c_str()) == 0;
    const Result<void> made = moved ? make_mirror(places_, listed, path) : std::unexpected(Error{"", errno});
    if (!made) {
      warn({"unable to rename ", service.name, " to ", listed.name, " in place; starting it anew"});
      stop_service(slot);
      begin_service(listed, slot);
      return;
    }
  }
  service.name = listed.name;
  service.source = listed.source;
  service.path = path;
  outputs_.rename(service, slot);
  refresh_service(slot, listed);
}

// It is there, after it was gone or was another file.
void Scanner::refresh_service(Slot slot, const Listed& listed) {
  Service& service = roster_[slot];
  service.identity = listed.identity;
  if (!service.gone) return;
  service.gone = false;
  // One that is being stopped is started again when its supervise has ended, see supervise_ended.
}

// --- Directories that are being filled -----------------------------------------------------------------------------

void Scanner::check_pending() {
  const Instant now = monotonic_now();
  Instant next;
  std::erase_if(pending_, [&](Slot slot) { return check_one_pending(slot, now, next); });
  if (next.is_set()) pending_timer_.start(loop_, next, callback<&Scanner::check_pending>(this));
  run_starter();
}

// True when there is nothing more to wait for; else `next` is at most the instant of the next look.
bool Scanner::check_one_pending(Slot slot, Instant now, Instant& next) {
  if (!roster_.contains(slot)) return true;
  Service& service = roster_[slot];
  if (service.gone || (service.phase != Phase::pending && !service.lacks_run)) {
    lookouts_.release(slot);
    return true;
  }
  const bool in_time = now - service.since < kFillTime;
  const Runnable run = look_at_run(places_.work.get(), (service.path + "/run").c_str());
  if (run == Runnable::yes || (run == Runnable::busy && !in_time)) {
    lookouts_.release(slot);
    if (service.phase == Phase::pending) starter_.queue(slot);
    // Its supervise waits longer and longer between two tries; it is told that now is the time.
    else if (service.phase == Phase::running)
      ::kill(service.supervisor, SIGHUP);
    service.lacks_run = false;
    return true;
  }
  const std::string watched = places_.scan_path + "/" + service.source;
  const bool is_watched = lookouts_.watch(loop_, slot, watched.c_str(), callback<&Scanner::check_pending>(this));
  if (!in_time && service.phase == Phase::pending) {
    service.lacks_run = true;  // what is wrong is for its supervise to say and to show
    starter_.queue(slot);
  }
  Instant look = now + (in_time ? kUnwatchedLook : kLateLook);
  if (run == Runnable::busy)
    look = now + kBusyLook;
  else if (is_watched && in_time)
    look = service.since + kFillTime;
  else if (is_watched)
    return false;
  if (!next.is_set() || look < next) next = look;
  return false;
}

}  // namespace svdir::svscan
