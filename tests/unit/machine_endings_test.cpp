// What follows the end of a run: leftovers, finish, the restart policy and its pauses, and giving up.
#include <catch2/catch.hpp>
#include <csignal>
#include <string>

#include "tests/unit/machine_driver.h"

using namespace svdir;
using namespace svdir::test;
using namespace std::chrono_literals;

namespace {

// A run of `length` that ends so; what the machine does then, up to the next start or rest.
std::string run_for(Driver& it, Duration length, int exit_code = 0) {
  it.starts();
  it.pass(length);
  return it.ends(exit_code);
}

std::string die_for(Driver& it, int signal) {
  it.starts();
  it.pass(10s);
  it.dies(signal);
  it.cleared();
  return it.no_finish();
}

Driver with_restart(Restart restart) {
  Driver it;
  it.settings.restart = restart;
  return it;
}

}  // namespace

TEST_CASE("a run that ended is followed by its leftovers, then finish, then the next start", "[machine]") {
  Driver it = in_situation("up");
  it.pass(10s);
  CHECK(it.exits(3) == "clear");
  CHECK(it.state() == "stopping");
  CHECK(it.record.main.pid == 0);
  CHECK(it.record.group == 100);
  CHECK(it.cleared() == "finish");
  CHECK(it.state() == "finishing");
  CHECK(it.finish_spawned() == "-");
  CHECK(it.record.finish.pid == 200);
  CHECK(it.finish_exits() == "start");
  CHECK(it.record.finish.pid == 0);
  CHECK(it.record.last == Ending{Ending::Kind::exited, 3, false});
}

TEST_CASE("what is left in the group is killed after 5 s, again and again until it is gone", "[machine]") {
  Driver it = in_situation("clearing");
  CHECK(it.until_due() == 5s);
  CHECK(it.due() == "kill-group");
  CHECK(it.until_due() == 5s);
  CHECK(it.due() == "kill-group");
  CHECK(it.cleared() == "finish");
}

TEST_CASE("a finish that takes longer than its timeout is killed", "[machine]") {
  Driver it;
  it.settings.finish_timeout = 7s;
  it.starts();
  it.exits(0);
  it.cleared();
  CHECK(it.until_due() == 0s);  // nothing to wait for before it runs
  it.finish_spawned();
  CHECK(it.until_due() == 7s);
  CHECK(it.due() == "kill-finish");
  CHECK(it.state() == "finishing");
  CHECK(it.due() == "kill-finish");  // once more, in case that a crash came between
}

TEST_CASE("restart = always starts it again whatever the end", "[machine]") {
  Driver it = with_restart(Restart::always);
  CHECK(run_for(it, 10s, 0) == "start");
  CHECK(run_for(it, 10s, 7) == "start");
  CHECK(die_for(it, SIGSEGV) == "start");
}

TEST_CASE("restart = on-failure leaves a success alone", "[machine]") {
  Driver it = with_restart(Restart::on_failure);
  it.settings.success_codes = {0, 7};
  CHECK(run_for(it, 10s, 1) == "start");
  CHECK(die_for(it, SIGTERM) == "start");
  CHECK(run_for(it, 10s, 7) == "-");
  CHECK(it.state() == "down");
  CHECK(it.record.want == Want::down);
  CHECK(it.record.reason.find("exited 7") != std::string::npos);
}

TEST_CASE("restart = on-crash starts it again only after a signal", "[machine]") {
  Driver it = with_restart(Restart::on_crash);
  CHECK(die_for(it, SIGSEGV) == "start");
  CHECK(run_for(it, 10s, 1) == "-");
  CHECK(it.state() == "down");
}

TEST_CASE("restart = never leaves it alone, but an order to restart is obeyed", "[machine]") {
  Driver it = with_restart(Restart::never);
  CHECK(die_for(it, SIGKILL) == "-");
  CHECK(it.state() == "down");
  it.starts();
  it.order("r");
  it.dies(SIGTERM);
  it.cleared();
  CHECK(it.no_finish() == "start");
}

TEST_CASE("an unknown end counts as a crash", "[machine]") {
  Driver it = with_restart(Restart::on_crash);
  it.starts();
  it.pass(10s);
  it.give({.kind = Event::Kind::main_ended, .ending = {Ending::Kind::unknown, 0, false}});
  it.cleared();
  CHECK(it.no_finish() == "start");
}

TEST_CASE("failed starts in a row wait 1, 2, 4, 8, 16, 30, 30 seconds", "[machine]") {
  Driver it;
  for (const int seconds : {1, 2, 4, 8, 16, 30, 30}) {
    CHECK(run_for(it, 500ms) == "-");
    CHECK(it.state() == "backoff");
    CHECK(it.until_due() == std::chrono::seconds(seconds));
    CHECK(it.due() == "start");
  }
  CHECK(it.record.failures == 7);
}

TEST_CASE("a run that lived longer than start-time is started at once and resets the pause", "[machine]") {
  Driver it;
  for (int i = 0; i < 3; ++i) {
    run_for(it, 0s);
    it.due();
  }
  CHECK(run_for(it, 1s) == "start");
  CHECK(it.record.failures == 0);
  run_for(it, 0s);
  CHECK(it.until_due() == 1s);
}

TEST_CASE("starts are restart-delay apart even where start-time is shorter", "[machine]") {
  Driver it;
  it.settings.start_time = 0s;
  it.settings.restart_delay = 10s;
  CHECK(run_for(it, 3s) == "-");
  CHECK(it.state() == "backoff");
  CHECK(it.until_due() == 7s);
}

TEST_CASE("a restart-delay of zero still comes due, and leaves time to breathe", "[machine]") {
  Driver it;
  it.settings.restart_delay = 0s;
  CHECK(run_for(it, 0s) == "-");
  CHECK(it.until_due() > 0s);
  CHECK(it.due() == "start");
  CHECK(it.cannot_spawn() == "-");
  CHECK(it.until_due() > 0s);
  CHECK(it.due() == "start");
}

TEST_CASE("the pause never exceeds the maximum, nor overflows", "[machine]") {
  Settings settings;
  CHECK(restart_pause(settings, 1) == 1s);
  CHECK(restart_pause(settings, 6) == 30s);
  CHECK(restart_pause(settings, 4'000'000'000) == 30s);
  settings.restart_delay = 60s;  // above the maximum: the delay stands
  CHECK(restart_pause(settings, 1) == 60s);
  CHECK(restart_pause(settings, 9) == 60s);
}

TEST_CASE("start-limit failed starts in a row are enough", "[machine]") {
  Driver it;
  it.settings.start_limit = 3;
  run_for(it, 0s, 9);
  it.due();
  run_for(it, 0s, 9);
  it.due();
  CHECK(run_for(it, 0s, 9) == "-");
  CHECK(it.state() == "failed");
  CHECK(it.record.want == Want::up);
  CHECK(it.record.reason == "3 failed starts in a row, the last exited 9");
  CHECK(it.until_due() == 0s);
  CHECK(it.order("u") == "start");  // a person may try again, and has all tries again
  CHECK(it.record.failures == 0);
}

TEST_CASE("run gives up by exiting 100, finish by exiting 125", "[machine]") {
  Driver it;
  CHECK(run_for(it, 10s, 100) == "-");
  CHECK(it.state() == "failed");
  Driver other;
  other.starts();
  other.pass(10s);
  other.exits(0);
  other.cleared();
  other.finish_spawned();
  CHECK(other.finish_exits(125) == "-");
  CHECK(other.state() == "failed");
}

TEST_CASE("who asked for a restart gets it from a run that gives up, too", "[machine]") {
  Driver it = in_situation("up");
  it.order("r");
  it.exits(100);
  it.cleared();
  CHECK(it.no_finish() == "start");
}

TEST_CASE("a service wanted once is down after its end", "[machine]") {
  Driver it;
  it.begin(true);
  it.order("o");
  it.spawned();
  CHECK(it.ends(1) == "-");
  CHECK(it.state() == "down");
  CHECK(it.record.want == Want::down);
}

TEST_CASE("a failed fork is a pause, not a failure of the service", "[machine]") {
  Driver it;
  it.settings.start_limit = 1;
  it.begin();
  for (int i = 0; i < 3; ++i) {
    CHECK(it.cannot_spawn() == "-");
    CHECK(it.state() == "backoff");
    CHECK(it.until_due() == 1s);
    CHECK(it.due() == "start");
  }
  CHECK(it.record.failures == 0);
}

TEST_CASE("a run that cannot be executed counts as one that exited 111, and finish hears of it", "[machine]") {
  Driver it;
  it.begin();
  CHECK(it.cannot_exec() == "finish");
  CHECK(it.record.last == Ending{Ending::Kind::exited, 111, false});
  CHECK(it.no_finish() == "-");
  CHECK(it.state() == "backoff");
  CHECK(it.record.failures == 1);
}

TEST_CASE("after a signal that a person sent, the next start does not wait", "[machine]") {
  for (const std::string order : {"t", "k", "i", "q", "b"}) {
    Driver it = in_situation("up");
    it.order(order);
    it.dies(SIGTERM);
    it.cleared();
    INFO(order);
    CHECK(it.no_finish() == "start");
  }
}
