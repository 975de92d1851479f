#include "supervise/dependencies.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "lib/service_dir.h"
#include "lib/system.h"

namespace svdir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kUnsubscribedPause = milliseconds(250);
// A neighbour's directory that is deleted and made anew takes our FIFO with it; so now and then we look unasked.
constexpr Duration kNetPause = seconds(2);
// Circles are looked for after so long, then after pauses that double up to the longest.
constexpr Duration kFirstSearch = milliseconds(500);
constexpr Duration kLongestSearchPause = seconds(60);
// One that nobody supervises is waited for so long where only order is asked for: svscan may be about to start it.
constexpr Duration kAfterPatience = seconds(30);
// A supervise of ours that is just beginning looks like a genuine runsv whose service is down, for so long at most.
constexpr Duration kBeginning = seconds(2);

}  // namespace

void Dependencies::open(std::string scan_directory, std::string own_name, std::string boot) {
  scan_directory_ = std::move(scan_directory);
  own_name_ = std::move(own_name);
  boot_ = std::move(boot);
}

Dependencies::Verdict Dependencies::begin(const Settings& settings, Callback on_change) {
  take(settings, on_change);
  return look();
}

void Dependencies::take(const Settings& settings, Callback on_change) {
  stop();
  on_change_ = on_change;
  began_ = monotonic_now();
  search_pause_ = kFirstSearch;
  // Who names itself need not wait to be told.
  const auto names_us = [&](const auto& names) { return std::ranges::find(names, own_name_) != names.end(); };
  search_at_ = names_us(settings.depends) || names_us(settings.after) ? began_ : began_ + kFirstSearch;
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  for (const std::string& name : settings.depends) add(name, true);
  for (const std::string& name : settings.after) add(name, false);
  if (epoll_) poll_.start(loop_, epoll_.get(), Poll::For::reading, callback<&Dependencies::on_event>(this));
}

void Dependencies::add(std::string name, bool required) {
  Neighbour& neighbour = neighbours_.emplace_back();
  neighbour.name = std::move(name);
  neighbour.required = required;
  subscribe(neighbour);
}

// A service with `instances` never is supervised itself: those take its place, as soon as they are there.
void Dependencies::resolve_instances() {
  for (std::size_t i = 0; i < neighbours_.size(); ++i) {
    const std::string name = neighbours_[i].name;
    if (neighbours_[i].is_instance || view_of(name).is_known) continue;
    const std::string first = name + "-1";
    // Where state is kept apart, only the instances have a directory there.
    for (const std::string& path : {service_path(scan_directory_, name), service_path(scan_directory_, first)}) {
      const Fd dir(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY));
      const auto settings = dir ? read_settings(dir.get(), nullptr) : Settings{};
      if (!settings || settings->instances == 0) continue;
      const bool required = neighbours_[i].required;
      neighbours_.erase(neighbours_.begin() + static_cast<std::ptrdiff_t>(i));
      for (unsigned number = 1; number <= settings->instances; ++number) {
        add(name + "-" + std::to_string(number), required);
        neighbours_.back().is_instance = true;
      }
      --i;
      break;
    }
  }
}

Dependencies::Verdict Dependencies::look() {
  Verdict verdict;
  resolve_instances();
  for (Neighbour& neighbour : neighbours_) {
    if (!neighbour.subscribed) subscribe(neighbour);
    if (const std::string what = obstacle(neighbour); !what.empty())
      verdict.missing.append(verdict.missing.empty() ? "" : ", ").append(what);
  }
  if (verdict.missing.empty()) return verdict;
  if (search_at_ <= monotonic_now()) search_cycle(verdict);
  arm_timer();
  return verdict;
}

void Dependencies::started(const Settings& settings) {
  if (!settings.depends_restart) return stop();
  timer_.stop();
}

void Dependencies::resume(const Settings& settings, Callback on_change, Instant started_at) {
  take(settings, on_change);
  for (Neighbour& neighbour : neighbours_) {
    const NeighbourView view = view_of(neighbour.name);
    // One less is as good as any other number: it is only ever compared.
    neighbour.starts = view.state.started_at > started_at ? view.state.starts - 1 : view.state.starts;
  }
  timer_.start(loop_, monotonic_now(), on_change_);
}

bool Dependencies::was_restarted() {
  bool restarted = false;
  for (Neighbour& neighbour : neighbours_) {
    if (!neighbour.required) continue;
    const NeighbourView view = view_of(neighbour.name);
    if (view.is_up && std::exchange(neighbour.starts, view.state.starts) != view.state.starts) restarted = true;
  }
  return restarted;
}

void Dependencies::stop() {
  if (neighbours_.empty()) return;
  poll_.stop();
  timer_.stop();
  epoll_.reset();
  neighbours_.clear();
}

void Dependencies::subscribe(Neighbour& neighbour) {
  const Fd dir(sys::open(service_path(scan_directory_, neighbour.name).c_str(), O_RDONLY | O_DIRECTORY));
  if (!dir || !neighbour.events.open(dir.get())) return;
  epoll_event event{};
  event.events = EPOLLIN;
  neighbour.subscribed = epoll_ && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, neighbour.events.fd(), &event) == 0;
}

NeighbourView Dependencies::view_of(const std::string& name) const {
  return look_at_neighbour(service_path(scan_directory_, name), boot_);
}

// What a person is told about a neighbour that is in the way; "" when it is not.
std::string Dependencies::obstacle(Neighbour& neighbour) {
  NeighbourView view = view_of(neighbour.name);
  neighbour.is_precise = view.is_precise && view.is_supervised;
  if (!view.is_precise && !view.is_up && monotonic_now() - began_ < kBeginning)
    view.is_known = view.is_supervised = false;
  if (view.is_up) {
    neighbour.starts = view.state.starts;
    return {};
  }
  if (!neighbour.required) {
    if (view.is_circular() && waits_for_itself()) return neighbour.name;
    if (!view.exists || (view.is_known && !view.is_coming())) return {};
    if (!view.is_supervised && monotonic_now() - began_ > kAfterPatience) return {};
  }
  if (!view.exists) return neighbour.name + " (no such service)";
  if (!view.is_known) return neighbour.name + " (not supervised yet)";
  if (!neighbour.required) return neighbour.name;
  if (view.state.state == State::failed) return neighbour.name + " (failed: " + view.state.reason + ")";
  if (view.state.want != Want::up && !neighbour.told) neighbour.told = tell_to_come_up(neighbour.name);
  return view.is_supervised ? neighbour.name : neighbour.name + " (not supervised)";
}

// One that was refused as part of a circle is not on its way any more; but if the circle is ours too, so are we.
bool Dependencies::waits_for_itself() {
  search_at_ = monotonic_now();
  return !find_cycle(own_name_, *this).empty();
}

bool Dependencies::tell_to_come_up(const std::string& name) const {
  const std::string path = service_path(scan_directory_, name) + "/" + file::kControl;
  const Fd control(sys::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW));
  struct stat facts;
  return control && ::fstat(control.get(), &facts) == 0 && S_ISFIFO(facts.st_mode) &&
         sys::write(control.get(), "u", 1) == 1;
}

// Only who does not run can wait. An `after` is in the way while its service is coming up; and a circle that it closes
// is one, though another member has been refused for it already.
std::vector<std::string> Dependencies::waits_for(const std::string& name) {
  const bool is_us = name == own_name_;
  if (!is_us)
    if (const NeighbourView view = view_of(name); view.is_known && view.state.main.pid != 0) return {};
  const Fd dir(sys::open(service_path(scan_directory_, name).c_str(), O_RDONLY | O_DIRECTORY));
  auto settings = dir ? read_settings(dir.get(), nullptr) : Settings{};
  if (!settings) return {};
  std::vector<std::string> names = std::move(settings->depends);
  for (std::string& other : settings->after)
    if (const NeighbourView view = view_of(other); other == own_name_ || view.is_coming() || view.is_circular())
      names.push_back(std::move(other));
  return names;
}

void Dependencies::search_cycle(Verdict& into) {
  into.cycle = find_cycle(own_name_, *this);
  search_at_ = monotonic_now() + search_pause_;
  search_pause_ = std::min(search_pause_ * 2, kLongestSearchPause);
}

void Dependencies::on_event() {
  for (Neighbour& neighbour : neighbours_)
    if (neighbour.subscribed) neighbour.events.drain();
  on_change_();
}

void Dependencies::arm_timer() {
  const bool all = std::ranges::all_of(neighbours_, [](const auto& n) { return n.subscribed && n.is_precise; });
  const Instant now = monotonic_now();
  timer_.start(loop_, std::min(now + (all ? kNetPause : kUnsubscribedPause), std::max(search_at_, now)), on_change_);
}

}  // namespace svdir
