// When a command counts as carried out.
#include <catch2/catch.hpp>

#include "svctl/judge.h"

using namespace svdir;
using namespace svdir::svctl;

namespace {

View ours(State state, pid_t pid, unsigned long long starts) {
  View view;
  view.exists = true;
  view.supervisor = View::Supervisor::running;
  view.source = View::Source::state;
  view.record.state = state;
  view.record.want = state == State::down ? Want::down : Want::up;
  view.record.main.pid = pid;
  view.record.starts = starts;
  view.record.ready = pid != 0;
  return view;
}

View genuine(RunitStatus::Phase phase, pid_t pid, std::int64_t changed, bool want_up) {
  View view;
  view.exists = true;
  view.supervisor = View::Supervisor::running;
  view.source = View::Source::status;
  RunitStatus status;
  status.phase = phase;
  status.pid = pid;
  status.changed = {1'700'000'000, static_cast<std::int32_t>(changed)};
  status.want_up = want_up;
  view.record = record_from(status);
  return view;
}

Verdict judged(Verb verb, const View& before, const View& now, bool acknowledged = true) {
  const VerbRow& row = row_of(verb);
  return judge({&row, row.goal, acknowledged}, before, now);
}

constexpr auto kRun = RunitStatus::Phase::run;
constexpr auto kDown = RunitStatus::Phase::down;

}  // namespace

TEST_CASE("nothing counts before our supervise has acknowledged", "[svctl]") {
  const View down = ours(State::down, 0, 1);
  CHECK(judged(Verb::start, down, ours(State::up, 7, 2), false).outcome == Outcome::pending);
  CHECK(judged(Verb::start, down, ours(State::up, 7, 2)).outcome == Outcome::ok);
  CHECK(judged(Verb::stop, ours(State::up, 7, 1), down, false).outcome == Outcome::pending);
}

TEST_CASE("start tells a new run from one that was there", "[svctl]") {
  CHECK(judged(Verb::start, ours(State::down, 0, 1), ours(State::up, 7, 2)).text == "started, pid 7");
  CHECK(judged(Verb::start, ours(State::up, 7, 2), ours(State::up, 7, 2)).text == "already running, pid 7");
}

TEST_CASE("start waits for readiness where there is a ready setting", "[svctl]") {
  View starting = ours(State::starting, 7, 2);
  starting.record.ready = false;
  const View down = ours(State::down, 0, 1);
  CHECK(judged(Verb::start, down, starting).outcome == Outcome::pending);
  CHECK(judged(Verb::start, down, starting).text == "running, not ready yet, pid 7");
  View ready = ours(State::up, 7, 2);
  ready.record.started = {100, 0};
  ready.record.became_ready = {101, 0};
  CHECK(judged(Verb::start, down, ready).text == "ready, pid 7");
}

TEST_CASE("restart is done only by a new run, also within the second of the start", "[svctl]") {
  const View before = ours(State::up, 7, 2);
  CHECK(judged(Verb::restart, before, before).outcome == Outcome::pending);
  CHECK(judged(Verb::restart, before, ours(State::stopping, 7, 2)).outcome == Outcome::pending);
  CHECK(judged(Verb::restart, before, ours(State::up, 8, 3)).text == "restarted, pid 8");
  const View runit = genuine(kRun, 7, 500, true);
  CHECK(judged(Verb::restart, runit, runit).outcome == Outcome::pending);
  CHECK(judged(Verb::restart, runit, genuine(kRun, 8, 501, true)).outcome == Outcome::ok);
}

TEST_CASE("a run that crashed and came back by itself is not taken for the restart", "[svctl]") {
  const View before = ours(State::up, 7, 2);
  View crashed_and_stopping = ours(State::stopping, 8, 3);  // our restart is now ending this one
  CHECK(judged(Verb::restart, before, crashed_and_stopping).outcome == Outcome::pending);
}

TEST_CASE("settings that are not taken are told behind the success", "[svctl]") {
  View now = ours(State::up, 8, 3);
  now.record.reason = "misconfigured: conf:1: unknown setting `x`";
  const Verdict verdict = judged(Verb::restart, ours(State::up, 7, 2), now);
  CHECK(verdict.outcome == Outcome::ok);
  CHECK(verdict.text == "restarted, pid 8; its new settings are not taken: conf:1: unknown setting `x`");
  CHECK(verdict.is_flawed);
  CHECK_FALSE(judged(Verb::restart, ours(State::up, 7, 2), ours(State::up, 8, 3)).is_flawed);
}

TEST_CASE("what has gone while it was waited for is down", "[svctl]") {
  const auto waited = [](Goal goal, const View& now) {
    return judge({&row_of(Verb::wait), goal, true}, ours(State::up, 7, 2), now).outcome;
  };
  CHECK(waited(Goal::is_down, View{}) == Outcome::ok);
  CHECK(waited(Goal::is_up, View{}) == Outcome::failed);
  View left = ours(State::down, 0, 2);
  left.supervisor = View::Supervisor::gone;
  CHECK(waited(Goal::is_down, left) == Outcome::ok);
  left.record.supervisor.pid = 5;  // it was killed
  CHECK(waited(Goal::is_down, left) == Outcome::pending);
}

TEST_CASE("a start that fails is told at once, with why", "[svctl]") {
  const View before = ours(State::down, 0, 1);
  View backoff = ours(State::backoff, 0, 2);
  backoff.record.last = {Ending::Kind::exited, 3, false};
  backoff.record.last_ended = {100, 0};
  const Verdict verdict = judged(Verb::start, before, backoff);
  CHECK(verdict.outcome == Outcome::failed);
  CHECK(verdict.text == "exited 3; will be tried again");
  View failed = ours(State::failed, 0, 2);
  failed.record.reason = "run exited 100: it gives up";
  CHECK(judged(Verb::start, before, failed).text == "failed: run exited 100: it gives up");
}

TEST_CASE("a service that is down for the moment is not stopped until it is not wanted", "[svctl]") {
  const View sleeping = genuine(kDown, 0, 500, true);  // runsv sleeps its second
  CHECK(judged(Verb::stop, genuine(kRun, 7, 1, true), sleeping).outcome == Outcome::pending);
  CHECK(judged(Verb::stop, genuine(kRun, 7, 1, true), genuine(kDown, 0, 500, false)).text == "stopped");
  CHECK(judged(Verb::stop, ours(State::down, 0, 1), ours(State::down, 0, 1)).text == "already down");
  View finishing = ours(State::finishing, 0, 1);
  finishing.record.finish.pid = 9;
  finishing.record.want = Want::down;
  CHECK(judged(Verb::stop, ours(State::up, 7, 1), finishing).outcome == Outcome::pending);
}

TEST_CASE("exit is done when the supervisor is gone", "[svctl]") {
  View gone = ours(State::down, 0, 1);
  CHECK(judged(Verb::exit, gone, gone).outcome == Outcome::pending);
  gone.supervisor = View::Supervisor::gone;
  CHECK(judged(Verb::exit, gone, gone).outcome == Outcome::ok);
  CHECK(judge_beforehand({&row_of(Verb::exit), Goal::gone, false}, gone).outcome == Outcome::ok);
}

TEST_CASE("what cannot be done is known beforehand", "[svctl]") {
  const auto beforehand = [](Verb verb, const View& view, bool needs_process = false) {
    return judge_beforehand({&row_of(verb), row_of(verb).goal, false, needs_process}, view).outcome;
  };
  View view = ours(State::down, 0, 1);
  CHECK(beforehand(Verb::hup, view, true) == Outcome::not_running);
  CHECK(beforehand(Verb::try_restart, view) == Outcome::ok);
  CHECK(beforehand(Verb::start, view) == Outcome::pending);
  CHECK(beforehand(Verb::reload_settings, genuine(kRun, 7, 1, true)) == Outcome::failed);
  view.supervisor = View::Supervisor::gone;
  CHECK(beforehand(Verb::start, view) == Outcome::no_supervisor);
  view.supervisor = View::Supervisor::unknown;
  CHECK(beforehand(Verb::start, view) == Outcome::denied);
  view.exists = false;
  CHECK(beforehand(Verb::start, view) == Outcome::not_found);
}
