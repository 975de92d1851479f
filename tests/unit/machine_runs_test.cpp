// A run from its start to its stop: readiness, the stop ladder, waiting, misconfiguration, and what a successor does.
#include <catch2/catch.hpp>
#include <csignal>
#include <string>

#include "tests/unit/machine_driver.h"

using namespace svdir;
using namespace svdir::test;
using namespace std::chrono_literals;

namespace {

Driver with_ready(Ready ready, Duration timeout = {}) {
  Driver it;
  it.settings.ready = ready;
  it.settings.ready_timeout = timeout;
  return it;
}

// What a successor does that finds this record: the machine keeps nothing else.
std::string resumed(Driver& it) {
  StateRecord found;
  REQUIRE(unpack(pack(it.record), found));
  REQUIRE(found == it.record);
  return it.give({.kind = Event::Kind::resume});
}

}  // namespace

TEST_CASE("a new supervise starts its service, unless there is a file down", "[machine]") {
  Driver it;
  CHECK(it.begin() == "start");
  CHECK(it.record.want == Want::up);
  Driver held;
  CHECK(held.begin(true) == "-");
  CHECK(held.state() == "down");
  CHECK(held.record.want == Want::down);
}

TEST_CASE("without a ready setting a run is ready from its start", "[machine]") {
  Driver it;
  it.begin();
  it.spawned();
  CHECK(it.state() == "up");
  CHECK(it.record.ready);
  CHECK(it.record.became_ready == it.now.wall);
  CHECK(it.record.starts == 1);
}

TEST_CASE("with a ready setting it is starting until it says so, and says it once", "[machine]") {
  Driver it = with_ready(Ready::fd);
  it.starts();
  CHECK(it.state() == "starting");
  CHECK_FALSE(it.record.ready);
  CHECK(it.until_due() == 0s);  // no timeout by default
  it.pass(3s);
  const Stamp at = it.now.wall;
  it.ready();
  CHECK(it.state() == "up");
  it.pass(3s);
  it.ready();
  CHECK(it.record.became_ready == at);
}

TEST_CASE("not ready in time is a failed start: stopped, then a pause", "[machine]") {
  Driver it = with_ready(Ready::fd, 5s);
  it.starts();
  CHECK(it.until_due() == 5s);
  CHECK(it.due() == "TERM/t CONT");
  CHECK(it.state() == "stopping");
  CHECK(it.record.reason == "not ready within 5s");
  it.pass(60s);
  CHECK(it.ends(0) == "-");
  CHECK(it.state() == "backoff");
  CHECK(it.record.failures == 1);
}

TEST_CASE("ready in time lifts the deadline, and a short run that was ready has not failed", "[machine]") {
  Driver it = with_ready(Ready::fd, 5s);
  it.settings.restart_delay = 0s;
  it.starts();
  it.ready();
  CHECK(it.until_due() == 0s);
  CHECK(it.ends(0) == "start");
  CHECK(it.record.failures == 0);
}

TEST_CASE("readiness that comes while it is being stopped changes nothing of that", "[machine]") {
  Driver it = with_ready(Ready::fd);
  it.starts();
  it.order("d");
  CHECK(it.ready() == "-");
  CHECK(it.state() == "stopping");
}

TEST_CASE("the ladder climbs rung by rung, each with its wait", "[machine]") {
  Driver it;
  it.settings.stop = {{SIGINT, 10s}, {SIGTERM, 20s}, {SIGKILL, 0s}};
  it.starts();
  CHECK(it.order("d") == "INT/i CONT control/d");
  CHECK(it.until_due() == 10s);
  CHECK(it.due() == "TERM/t CONT");
  CHECK(it.until_due() == 20s);
  CHECK(it.due() == "KILL+");  // no script and no discussion
  CHECK(it.until_due() == 0s);
}

TEST_CASE("the default ladder is TERM, 30 s, KILL", "[machine]") {
  Driver it = in_situation("up");
  CHECK(it.order("d") == "TERM/t CONT control/d");
  CHECK(it.until_due() == 30s);
  CHECK(it.due() == "KILL+");
}

TEST_CASE("a ladder without KILL waits for ever", "[machine]") {
  Driver it;
  it.settings.stop = {{SIGTERM, 0s}};
  it.starts();
  it.order("d");
  CHECK(it.due() == "never due");
  CHECK(it.state() == "stopping");
}

TEST_CASE("a second down sends the signal of the present rung again and starts its wait anew", "[machine]") {
  Driver it = in_situation("up");
  it.order("d");
  it.pass(20s);
  CHECK(it.order("d") == "TERM/t CONT control/d");
  CHECK(it.until_due() == 30s);
}

TEST_CASE("stop-group sends the ladder's signals to the group", "[machine]") {
  Driver it;
  it.settings.stop_group = true;
  it.starts();
  CHECK(it.order("d") == "TERM/t+ CONT+ control/d");
}

TEST_CASE("settings that shorten the ladder under way leave its last rung", "[machine]") {
  Driver it;
  it.settings.stop = {{SIGINT, 1s}, {SIGTERM, 1s}, {SIGQUIT, 1s}, {SIGKILL, 0s}};
  it.starts();
  it.order("d");
  it.due();
  it.due();
  it.settings.stop = {{SIGTERM, 0s}};
  CHECK(it.order("d") == "TERM/t CONT control/d");
}

TEST_CASE("what has to wait is waiting until it is released, or no longer wanted", "[machine]") {
  Driver it = in_situation("waiting");
  CHECK(it.record.reason == "db");
  CHECK(it.give({.kind = Event::Kind::released}) == "start");
  CHECK(it.record.reason.empty());
  Driver stopped = in_situation("waiting");
  stopped.order("d");
  CHECK(stopped.give({.kind = Event::Kind::released}) == "-");
  CHECK(stopped.state() == "down");
}

TEST_CASE("what is misconfigured is failed and says why; what runs goes on", "[machine]") {
  Driver it;
  it.begin();
  CHECK(it.give({.kind = Event::Kind::misconfigured, .reason = "conf:3: unknown setting"}) == "-");
  CHECK(it.state() == "failed");
  CHECK(it.record.reason == "conf:3: unknown setting");
  Driver up = in_situation("up");
  CHECK(up.give({.kind = Event::Kind::misconfigured, .reason = "conf:3: unknown setting"}) == "-");
  CHECK(up.state() == "up");
}

TEST_CASE("an unhealthy run is stopped and started again", "[machine]") {
  Driver it = in_situation("up");
  it.pass(60s);
  CHECK(it.give({.kind = Event::Kind::unhealthy, .reason = "check failed 3 times"}) == "TERM/t CONT");
  CHECK(it.give({.kind = Event::Kind::unhealthy, .reason = "again"}) == "-");
  CHECK(it.ends(0) == "start");
}

TEST_CASE("a service may name another main process", "[machine]") {
  Driver it = in_situation("up");
  it.give({.kind = Event::Kind::main_changed, .process = {300, 9}});
  CHECK(it.record.main == ProcessId{300, 9});
  CHECK(it.record.starts == 1);
}

TEST_CASE("an event that comes too late does nothing", "[machine]") {
  for (const auto situation : {"down", "waiting", "backoff", "failed"}) {
    for (const auto kind : {Event::Kind::main_ended, Event::Kind::group_cleared, Event::Kind::finish_ended,
                            Event::Kind::ready, Event::Kind::unhealthy, Event::Kind::main_changed}) {
      Driver it = in_situation(situation);
      const StateRecord before = it.record;
      CHECK(it.give({.kind = kind}) == "-");
      CHECK(it.record == before);
    }
  }
}

TEST_CASE("a successor goes on where the record says its predecessor stopped", "[machine]") {
  constexpr std::pair<std::string_view, std::string_view> kDoes[] = {
      {"down", "-"},         {"waiting", "start"}, {"starting", "-"}, {"up", "-"},     {"stopping", "TERM/t CONT"},
      {"clearing", "clear"}, {"finishing", "-"},   {"backoff", "-"},  {"failed", "-"},
  };
  for (const auto& [situation, does] : kDoes) {
    Driver it = in_situation(situation);
    const StateRecord before = it.record;
    INFO(situation);
    CHECK(resumed(it) == does);
    CHECK(it.record.want == before.want);
    CHECK(it.record.wake_at == (situation == "waiting" ? Instant{} : before.wake_at));
  }
}

TEST_CASE("a successor starts what was about to be started, and runs the finish that was about to run", "[machine]") {
  Driver starting;
  starting.begin();
  CHECK(resumed(starting) == "start");
  Driver finishing = in_situation("clearing");
  finishing.cleared();
  CHECK(resumed(finishing) == "finish");
}

TEST_CASE("a successor does not repeat the rung that was carried out", "[machine]") {
  Driver it = in_situation("stopping");
  it.record.step_done = true;
  CHECK(resumed(it) == "-");
}

TEST_CASE("a successor leaves where its predecessor was about to leave", "[machine]") {
  Driver it = in_situation("down");
  it.order("x");
  CHECK(resumed(it) == "leave");
}
