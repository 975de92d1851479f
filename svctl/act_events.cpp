// `svctl events`: a line for each change, as it happens.
#include <fcntl.h>
#include <poll.h>

#include "lib/say.h"
#include "svctl/actions.h"
#include "svctl/change_watch.h"
#include "svctl/render.h"
#include "svctl/screen.h"
#include "svctl/survey.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {

constexpr int kRelistMilliseconds = 1000;  // services that come and go; a supervisor that died

// What must differ before something is told: not the acknowledgement of a token, not a countdown.
std::string essence(const View& view) {
  const StateRecord& record = view.record;
  return state_word(view) + " " + std::to_string(record.main.pid) + " " + std::to_string(record.finish.pid) +
         (record.ready ? " ready" : "") + (record.paused ? " paused" : "") + std::string(name_of(record.want)) +
         record.reason + record.status_text + std::to_string(record.starts);
}

class Reporter {
 public:
  Reporter(const Request& request, Screen& screen) : request_(request), screen_(screen) {}

  // Looks whether there are other services than before; tells of those that came and went.
  Result<void> relist() {
    auto targets = find_targets(request_.directory, request_.names);
    if (!targets) return std::unexpected(targets.error());
    std::vector<bool> still(known_.size(), false);
    for (const Target& target : targets->list) {
      std::size_t key = 0;
      while (key < known_.size() && known_[key].target.name != target.name) ++key;
      if (key == known_.size()) {
        known_.push_back({target, "", false});
        still.push_back(true);
      }
      still[key] = true;
      known_[key].target = target;
      if (!known_[key].is_watched) watch(key);
    }
    targets_ = std::move(*targets);  // holds the descriptor that their paths are relative to
    for (std::size_t key = 0; key < known_.size(); ++key)
      if (still[key] || !known_[key].shown.empty()) look_again(key);
    return {};
  }

  Result<void> run() {
    if (auto listed = relist(); !listed) return listed;
    Instant next = monotonic_now();
    while (screen_.is_well()) {
      screen_.flush();
      pollfd reader{STDOUT_FILENO, 0, 0};
      if (::poll(&reader, 1, 0) == 1 && (reader.revents & (POLLERR | POLLHUP)) != 0) return {};
      for (const std::size_t key : watch_.wait(kRelistMilliseconds)) look_again(key);
      if (monotonic_now() < next) continue;
      if (auto listed = relist(); !listed) return listed;
      next = monotonic_now() + std::chrono::milliseconds(kRelistMilliseconds);
    }
    return {};
  }

 private:
  struct Known {
    Target target;
    std::string shown;
    bool is_watched;
  };

  void watch(std::size_t key) {
    const auto dir = open_service(known_[key].target);
    known_[key].is_watched = dir && watch_.add(dir->get(), key) != ChangeWatch::Means::polling;
  }

  void look_again(std::size_t key) {
    Known& known = known_[key];
    const StatusRow row = survey_one(known.target, false);
    std::string now = essence(row.view);
    if (!row.view.exists) known.is_watched = false;
    if (now == known.shown) return;
    const bool first = known.shown.empty();
    known.shown = std::move(now);
    if (first && request_.quiet) return;
    const Now clock{wall_now(), monotonic_now()};
    if (request_.json)
      screen_.put(status_json(row, clock));
    else
      screen_.put(local_time(clock.wall) + "  " + status_line(row, clock, 0, screen_.paint()));
  }

  const Request& request_;
  Screen& screen_;
  ChangeWatch watch_{SIZE_MAX};
  Targets targets_;
  std::vector<Known> known_;
};

}  // namespace

Action show_events(const Request& request) {
  Screen screen;
  if (const auto ran = Reporter(request, screen).run(); !ran) return std::unexpected(ran.error());
  return 0;
}

}  // namespace svdir::svctl
