#include "svscan/starter.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/say.h"
#include "lib/service_dir.h"
#include "lib/spawn.h"

extern char** environ;

namespace svdir::svscan {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLongEnough = seconds(1);
constexpr Duration kLongestPause = seconds(5);  // without a supervise, nobody hears what a service is told
constexpr Duration kShortagePause = seconds(1);
constexpr Duration kElsewherePause = seconds(1);

constexpr std::size_t kExtraVariables = 3;
char down_variable[] = "SVDIR_DOWN=1";  // supervise(8): at first, the service is not started

// What svscan tells supervise is not what somebody told svscan.
bool is_between_us(std::string_view variable) {
  return variable.starts_with("SVDIR_DEFAULTS=") || variable.starts_with("SVDIR_DOWN=");
}

}  // namespace

Starter::Starter(const Options& options, const Places& places, Roster& roster, Orphans& orphans, Bells& bells,
                 Outputs& outputs)
    : options_(options), places_(places), roster_(roster), orphans_(orphans), bells_(bells), outputs_(outputs) {
  defaults_ = "SVDIR_DEFAULTS=" + (places.absolute.empty() ? places.scan_path : places.absolute) + "/.defaults";
  environment_.assign(kExtraVariables, nullptr);
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!is_between_us(*variable)) environment_.push_back(*variable);
  environment_.push_back(nullptr);
}

// Ours come first, where getenv(3) of the child finds them; unused places are skipped.
char* const* Starter::environment(const Service& service) {
  std::size_t first = kExtraVariables;
  if (has_defaults_) environment_[--first] = defaults_.data();
  if (service.identity.instance != 0) {
    instance_ = "INSTANCE=" + std::to_string(service.identity.instance);
    environment_[--first] = instance_.data();
  }
  if (!starts_by_itself(service)) environment_[--first] = down_variable;
  return environment_.data() + first;
}

bool Starter::starts_by_itself(const Service& service) const {
  if (options_.start_all) return true;
  return std::any_of(options_.start.begin(), options_.start.end(),
                     [&](const std::string& glob) { return glob_matches(glob.c_str(), service.name.c_str()); });
}

void Starter::queue(Slot slot) {
  if (roster_[slot].phase == Phase::queued) return;
  roster_[slot].phase = Phase::queued;
  queue_.push_back(slot);
}

void Starter::delay(Slot slot, Instant due, Phase phase) {
  roster_[slot].phase = phase;
  roster_[slot].due = due;
  due_.push_back({due, slot});
  std::push_heap(due_.begin(), due_.end(), later);
}

void Starter::delay_after_death(Slot slot, Instant now) {
  Service& service = roster_[slot];
  if (now - service.since >= kLongEnough) service.quick_deaths = 0;
  if (service.quick_deaths++ == 0) {
    queue(slot);
    return;
  }
  const unsigned doublings = std::min(service.quick_deaths - 2, 3u);
  delay(slot, now + std::min<Duration>(seconds(1) * (1 << doublings), kLongestPause), Phase::delayed);
}

void Starter::take_due(Instant now) {
  while (!due_.empty() && due_.front().at <= now) {
    const Due next = due_.front();
    std::pop_heap(due_.begin(), due_.end(), later);
    due_.pop_back();
    if (!roster_.contains(next.slot)) continue;
    const Service& service = roster_[next.slot];
    const bool waits = service.phase == Phase::delayed || service.phase == Phase::elsewhere;
    if (waits && service.due == next.at) queue(next.slot);
  }
}

Instant Starter::run(Instant now) {
  take_due(now);
  const Instant end = now + kBatch;
  while (head_ < queue_.size() && now >= resume_) {
    const Slot slot = queue_[head_];
    // A slot in the queue may have been emptied, or filled anew, since.
    if (roster_.contains(slot) && roster_[slot].phase == Phase::queued && !start(slot, now)) break;
    ++head_;
    if ((now = monotonic_now()) >= end) break;
  }
  if (head_ == queue_.size()) {
    queue_.clear();
    head_ = 0;
  }
  Instant next;
  if (head_ < queue_.size()) next = std::max(resume_, now);
  if (!due_.empty() && (!next.is_set() || due_.front().at < next)) next = due_.front().at;
  return next;
}

// False when the machine has no room: then this one stays first in the queue.
bool Starter::start(Slot slot, Instant now) {
  if (is_lock_held(places_.work.get(), roster_[slot].path)) {
    watch_holder(slot, now);
    return true;
  }
  if (roster_[slot].told_to_stop && !roster_[slot].has_orphans) {
    released_.push_back(slot);
    return true;
  }
  if (roster_[slot].has_died) orphans_.collect(places_.work.get(), slot);
  return spawn_supervise(slot, now);
}

void Starter::watch_holder(Slot slot, Instant now) {
  Service& service = roster_[slot];
  Holder holder = find_holder(places_.work.get(), service.path);
  if (holder.pidfd && bells_.add(holder.pidfd.get(), slot)) {
    service.phase = Phase::held;
    service.supervisor = holder.pid;
    service.pidfd = std::move(holder.pidfd);
    service.since = now;
    service.quick_deaths = 0;
    return;
  }
  // Most likely a child of a dead supervise that has not executed its program yet: look again in a moment, then in
  // longer ones. It may as well be a genuine runsv, which tells nobody its number.
  const unsigned doublings = std::min(service.quick_deaths++, 9u);
  delay(slot, now + std::min<Duration>(milliseconds(2) * (1 << doublings), kElsewherePause), Phase::elsewhere);
}

bool Starter::spawn_supervise(Slot slot, Instant now) {
  Service& service = roster_[slot];
  const std::string directory = service.path.starts_with('-') ? "./" + service.path : service.path;  // no option
  const char* const argv[] = {options_.face == Face::runsvdir ? "runsv" : "supervise", directory.c_str(), nullptr};
  const Fd output = outputs_.open_for_child(slot);
  const ChildPlan plan{.path = places_.supervise.c_str(),
                       .argv = argv,
                       .environment = environment(service),
                       .directory = places_.work.get(),
                       .output = output.get(),
                       .error = output.get(),
                       .new_session = options_.new_session};
  const auto spawned = spawn(plan);
  if (!spawned) {
    resume_ = now + kShortagePause;
    if (!is_short_)
      warn({"unable to start ", places_.supervise, " for ", service.name, ": ", ::strerror(spawned.error().number),
            "; trying again every second"});
    is_short_ = true;
    return false;
  }
  if (is_short_) info({"supervises can be started again"});
  is_short_ = false;
  service.phase = Phase::running;
  service.since = now;
  roster_.set_child(slot, *spawned);
  return true;
}

}  // namespace svdir::svscan
