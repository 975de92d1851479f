#include "supervise/dependencies.h"

#include <sys/epoll.h>

#include <algorithm>

#include "lib/files.h"
#include "lib/service_dir.h"
#include "lib/system.h"

namespace svdir {
namespace {

constexpr Duration kUnsubscribedPause = std::chrono::milliseconds(250);
// A neighbour's directory that is deleted and made anew takes our FIFO with it; so now and then we look unasked.
constexpr Duration kNetPause = std::chrono::seconds(2);

bool is_there(const StateRecord& state) { return state.state == State::up && state.ready; }

}  // namespace

void Dependencies::open(std::string scan_directory, std::string own_name, std::string boot) {
  scan_directory_ = std::move(scan_directory);
  own_name_ = std::move(own_name);
  boot_ = std::move(boot);
}

Dependencies::Verdict Dependencies::begin(const Settings& settings, Callback on_change) {
  stop();
  on_change_ = on_change;
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  for (const auto* names : {&settings.depends, &settings.after})
    for (const std::string& name : *names) {
      Neighbour& neighbour = neighbours_.emplace_back();
      neighbour.name = name;
      neighbour.required = names == &settings.depends;
      subscribe(neighbour);
    }
  if (epoll_) poll_.start(loop_, epoll_.get(), Poll::For::reading, callback<&Dependencies::on_event>(this));
  Verdict verdict = look(settings);
  std::vector<std::string> path;
  std::vector<std::string> seen;
  if (!verdict.missing.empty() && find_cycle(own_name_, path, seen)) {
    for (const std::string& name : path) verdict.cycle += name + " -> ";
    verdict.cycle += own_name_;
  }
  return verdict;
}

Dependencies::Verdict Dependencies::look(const Settings&) {
  Verdict verdict;
  for (Neighbour& neighbour : neighbours_) {
    if (!neighbour.subscribed) subscribe(neighbour);
    if (const std::string what = obstacle(neighbour); !what.empty())
      verdict.missing.append(verdict.missing.empty() ? "" : ", ").append(what);
  }
  if (!verdict.missing.empty()) arm_timer();
  return verdict;
}

void Dependencies::started(const Settings& settings) {
  if (!settings.depends_restart) return stop();
  timer_.stop();
  for (Neighbour& neighbour : neighbours_)
    if (StateRecord state; state_of(neighbour.name, state)) neighbour.starts = state.starts;
}

bool Dependencies::was_restarted(const Settings& settings) {
  if (!settings.depends_restart) return false;
  return std::any_of(neighbours_.begin(), neighbours_.end(), [&](const Neighbour& neighbour) {
    StateRecord state;
    return neighbour.required && state_of(neighbour.name, state) && is_there(state) &&
           state.starts != neighbour.starts;
  });
}

void Dependencies::stop() {
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

bool Dependencies::state_of(const std::string& name, StateRecord& into) const {
  const std::string path = service_path(scan_directory_, name) + "/";
  const auto text = read_small(AT_FDCWD, (path + file::kState).c_str(), kLongestState);
  if (text && unpack(*text, into)) return into.boot == boot_;
  // A genuine runsv next door says less, but it says whether the service runs.
  const auto status = read_small(AT_FDCWD, (path + file::kStatus).c_str(), 64);
  RunitStatus runit;
  if (!status || !unpack(*status, runit)) return false;
  into = {};
  into.want = runit.want_up ? Want::up : Want::down;
  into.state = runit.phase == RunitStatus::Phase::run ? State::up : State::down;
  into.ready = into.state == State::up;
  return true;
}

// What a person is told about a neighbour that is in the way; "" when it is not.
std::string Dependencies::obstacle(Neighbour& neighbour) {
  StateRecord state;
  const std::string path = service_path(scan_directory_, neighbour.name);
  if (!state_of(neighbour.name, state)) {
    struct stat facts;
    if (::stat(path.c_str(), &facts) != 0) return neighbour.required ? neighbour.name + " (no such service)" : "";
    return neighbour.name + " (not supervised yet)";
  }
  if (is_there(state)) return {};
  if (!neighbour.required) {
    const bool on_its_way = state.want == Want::up && state.state != State::failed;
    return on_its_way ? neighbour.name : std::string();
  }
  if (state.state == State::failed) return neighbour.name + " (failed: " + state.reason + ")";
  if (state.want != Want::up && !neighbour.told) {
    const Fd control(sys::open((path + "/" + file::kControl).c_str(), O_WRONLY | O_NONBLOCK));
    neighbour.told = control && sys::write(control.get(), "u", 1) == 1;
  }
  return neighbour.name;
}

// Depth first over what the neighbours' settings name, but for those that are there already: they wait for nobody.
bool Dependencies::find_cycle(const std::string& name, std::vector<std::string>& path,
                              std::vector<std::string>& seen) const {
  seen.push_back(name);
  path.push_back(name);
  const Fd dir(sys::open(service_path(scan_directory_, name).c_str(), O_RDONLY | O_DIRECTORY));
  const auto settings = dir ? read_settings(dir.get(), nullptr) : Settings{};
  if (settings)
    for (const auto* names : {&settings->depends, &settings->after})
      for (const std::string& next : *names) {
        if (next == own_name_) return true;
        StateRecord state;
        if (std::find(seen.begin(), seen.end(), next) != seen.end()) continue;
        if (state_of(next, state) && is_there(state)) continue;
        if (find_cycle(next, path, seen)) return true;
      }
  path.pop_back();
  return false;
}

void Dependencies::on_event() {
  for (Neighbour& neighbour : neighbours_)
    if (neighbour.subscribed) neighbour.events.drain();
  on_change_();
}

void Dependencies::arm_timer() {
  const bool all = std::all_of(neighbours_.begin(), neighbours_.end(), [](const auto& n) { return n.subscribed; });
  timer_.start(loop_, monotonic_now() + (all ? kNetPause : kUnsubscribedPause), on_change_);
}

}  // namespace svdir
