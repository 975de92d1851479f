// supervise killed with KILL before every single system call of a start, a restart, a stop and an exit; and then
// another one takes over.
#include <catch2/catch.hpp>

#include "tests/integration/crash.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// The child between vfork and exec makes a few calls too, and dies in the supervise's place; so one that survives is
// no proof yet that all calls have been gone through.
constexpr int kSurvivors = 8;

std::map<std::string, std::string> killed_before(int call) {
  return {{"SVDIR_KILL", std::to_string(call)}, {"SVDIR_ONLY", "supervise"}};
}

// Calls `attempt` with 1, 2, 3… until it has said several times in a row that supervise outlived the number.
template <class Attempt>
int each_call(Attempt attempt) {
  int call = 0;
  for (int survivors = 0; survivors < kSurvivors; survivors = attempt(call) ? survivors + 1 : 0) ++call;
  return call - kSurvivors;
}

// Brings the victim up under a supervise that is then killed, and lets a doomed one take over.
void adopt_with_doomed(Victim& victim, int call) {
  victim.supervise();
  victim.wait([&] { return victim.is_up(); }, "the victim to be up");
  victim.kill_supervise();
  victim.supervise(killed_before(call));
  victim.wait_until_it_supervises();
}

// A supervise that has survived so far may still die while it exits: another one is to do that.
void end(Victim& victim, bool survived) {
  if (survived) {
    victim.kill_supervise();
    victim.supervise();
    victim.wait_until_it_supervises();
  }
  victim.end();
}

// Orders it, and has it carried out by whichever supervise there is. True when the doomed one lived through it all.
// `again` tells how often it was said.
template <class Condition>
bool order(Victim& victim, const std::string& letters, Condition is_done, int& again) {
  again = victim.order(letters) ? 1 : 0;
  victim.wait([&] { return victim.current().has_ended() || is_done(); }, "the doomed supervise to die or to obey");
  if (!victim.current().has_ended()) return true;
  victim.supervise();
  victim.wait_until_it_supervises();
  if (!victim.is_acknowledged()) {
    REQUIRE(victim.order(letters));
    ++again;
  }
  victim.wait(is_done, "the successor to obey");
  return false;
}

}  // namespace

TEST_CASE("killed anywhere in a start, supervise leaves one that runs once", "[crash]") {
  const int calls = each_call([](int call) {
    Victim victim;
    victim.supervise(killed_before(call));
    victim.wait([&] { return victim.current().has_ended() || victim.is_up(); }, "the first supervise");
    const bool survived = !victim.current().has_ended();
    if (!survived) victim.supervise();
    victim.wait_until_it_supervises();
    victim.wait([&] { return victim.is_up(); }, "the victim to be up");
    INFO("killed before call " << call);
    CHECK(victim.copies() == 1);
    CHECK(victim.starts().size() == 1);
    end(victim, survived);
    return survived;
  });
  CHECK(calls > 20);
}

TEST_CASE("killed anywhere while it adopts and restarts, supervise restarts exactly what it was told", "[crash]") {
  const int calls = each_call([](int call) {
    Victim victim;
    adopt_with_doomed(victim, call);
    const pid_t old = victim.starts().back();
    int said = 0;
    const bool survived =
        order(victim, "r", [&] { return victim.is_acknowledged() && victim.is_up() && victim.pid() != old; }, said);
    INFO("killed before call " << call);
    CHECK(victim.copies() == 1);
    // Said twice it may be done twice, but no oftener.
    CHECK(victim.starts().size() >= 2);
    CHECK(victim.starts().size() <= 1U + static_cast<unsigned>(said));
    CHECK(victim.dir().state().want == Want::up);
    end(victim, survived);
    return survived;
  });
  CHECK(calls > 50);
}

TEST_CASE("killed anywhere while it stops a service, supervise leaves it stopped for good", "[crash]") {
  const int calls = each_call([](int call) {
    Victim victim;
    adopt_with_doomed(victim, call);
    int said = 0;
    const bool survived = order(victim, "d", [&] { return victim.is_acknowledged() && victim.is_down(); }, said);
    INFO("killed before call " << call);
    CHECK(victim.starts().size() == 1);
    CHECK(victim.dir().state().want == Want::down);
    // One more death: still down.
    victim.kill_supervise();
    victim.supervise();
    victim.wait_until_it_supervises();
    CHECK(victim.order("z"));
    victim.wait([&] { return victim.is_acknowledged(); }, "the successor to answer");
    CHECK(victim.is_down());
    CHECK(victim.starts().size() == 1);
    victim.end();
    return survived;
  });
  CHECK(calls > 30);
}

TEST_CASE("killed anywhere while it exits, supervise is followed by one that exits too", "[crash]") {
  const int calls = each_call([](int call) {
    Victim victim;
    adopt_with_doomed(victim, call);
    const bool taken = victim.order("x");
    victim.wait([&] { return victim.current().has_ended(); }, "the doomed supervise to end");
    const int code = victim.current().wait();
    INFO("killed before call " << call);
    if (code != 0) {
      victim.supervise();
      victim.wait_until_it_supervises();
      if (!taken || (!victim.current().has_ended() && !victim.dir().state().leaving)) victim.order("x");
      victim.wait([&] { return victim.current().has_ended(); }, "the successor to exit");
      CHECK(victim.current().wait() == 0);
    }
    CHECK(victim.copies() == 0);
    CHECK(victim.starts().size() == 1);
    return code == 0;
  });
  CHECK(calls > 30);
}

TEST_CASE("killed with nothing to do, supervise is followed by one that restarts nothing", "[crash]") {
  Victim victim;
  victim.supervise();
  victim.wait([&] { return victim.is_up(); }, "the victim to be up");
  for (int i = 0; i < 20; ++i) {
    victim.kill_supervise();
    victim.supervise();
    victim.wait_until_it_supervises();
  }
  CHECK(victim.is_up());
  CHECK(victim.starts().size() == 1);
  CHECK(victim.dir().state().starts == 1);
  victim.end();
}
