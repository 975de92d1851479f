// What must hold of the machine whatever happens: random settings, orders and processes under a virtual clock. The
// seed of a sequence is in the message of a failure; tests/simulation does the same with the supervisor's edge, its
// disk and its death.
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <random>
#include <string>

#include "tests/unit/machine_driver.h"

using namespace svdir;
using namespace svdir::test;
using namespace std::chrono_literals;

namespace {

// The processes of one service, as an edge would have them. Breaches are noted in `breach`.
class World {
 public:
  explicit World(unsigned seed) : random_(seed) { draw_settings(); }

  Driver it;
  bool kind = false;  // from now on everything goes well: starts succeed, whatever has to end ends
  std::string breach;

  bool left() const { return left_; }
  bool runs() const { return main_ != Life::none; }
  void begin() { take({.kind = Event::Kind::begin, .held_down = chance(30)}); }
  void order(std::string_view letters);
  void something_happens();
  // Time passes, and everything that is due or dying comes to pass.
  void settle();
  // A run that is dead already is known to be dead.
  void hear_of_death() {
    if (main_ == Life::dying) main_ends();
  }

 private:
  enum class Life { none, alive, dying };

  bool chance(unsigned percent) { return random_() % 100 < percent; }
  Duration some(std::initializer_list<Duration> of) { return of.begin()[random_() % of.size()]; }
  Ending some_ending();
  void draw_settings();
  void take(const Event& event);
  void carry_out(const Action& action);
  void start();
  void finish();
  void signal(const Action& action);
  void check(bool holds, std::string_view what) {
    if (!holds && breach.empty()) breach = what;
  }
  void tried();
  void main_ends();
  void finish_ends();
  void group_empties();
  void come_due();

  std::mt19937 random_;
  Life main_ = Life::none;
  Life finish_ = Life::none;
  bool group_left_ = false;
  bool clearing_ = false;
  bool left_ = false;
  bool forbidden_ = false;  // `down` or `exit` was the last order about it
  bool asked_ = false;      // a person has asked for a start, or for an end, since the last one
  Instant last_try_;
  pid_t next_pid_ = 100;
};

void World::draw_settings() {
  Settings& to = it.settings;
  to.restart = static_cast<Restart>(random_() % 4);
  to.restart_delay = some({0s, 100ms, 1s, 10s});
  to.restart_delay_max = some({1s, 30s});
  to.start_time = some({0s, 1s, 5s});
  to.start_limit = chance(50) ? 0 : random_() % 4;
  if (chance(30)) to.stop = {{SIGINT, 3s}, {SIGTERM, 10s}, {SIGKILL, 0s}};
  if (chance(10)) to.stop = {{SIGTERM, 0s}};
  to.ready = chance(30) ? Ready::notify : Ready::none;
  to.ready_timeout = some({0s, 5s});
}

Ending World::some_ending() {
  if (chance(30)) return {Ending::Kind::signalled, SIGSEGV, chance(50)};
  if (chance(5)) return {Ending::Kind::unknown, 0, false};
  constexpr int kCodes[] = {0, 0, 1, 7, 100};
  return {Ending::Kind::exited, kCodes[random_() % 5], false};
}

void World::take(const Event& event) {
  const Actions actions = step(it.record, it.settings, event, it.now);
  const bool starts = !actions.empty() && (actions.end() - 1)->kind == Action::Kind::start;
  check(!starts || actions.end() - actions.begin() == 1, "a start is not the only action");
  StateRecord read_back;
  check(unpack(pack(it.record), read_back) && read_back == it.record, "the record does not survive the disk");
  for (const Action& action : actions) carry_out(action);
}

void World::carry_out(const Action& action) {
  check(!left_, "an action after leaving");
  switch (action.kind) {
    case Action::Kind::start: return start();
    case Action::Kind::signal: return signal(action);
    case Action::Kind::clear_group:
      check(main_ == Life::none, "leftovers are cleared beside a run");
      clearing_ = true;
      if (!group_left_) group_empties();
      return;
    case Action::Kind::kill_group:
      check(clearing_, "a group is killed that is not being cleared");
      group_left_ = false;
      return;
    case Action::Kind::finish: return finish();
    case Action::Kind::kill_finish:
      check(finish_ != Life::none, "a signal to a finish that is gone");
      finish_ = Life::dying;
      return;
    case Action::Kind::leave:
      check(main_ == Life::none && finish_ == Life::none && !clearing_, "it leaves something behind");
      left_ = true;
      return;
    case Action::Kind::control:
    case Action::Kind::read_settings:
    case Action::Kind::collect_orphan:
    case Action::Kind::upgrade: return;
  }
}

void World::tried() {
  const Duration apart = it.now.monotonic - last_try_;
  check(asked_ || !last_try_.is_set() || apart >= it.settings.restart_delay, "starts are too close together");
  last_try_ = it.now.monotonic;
  asked_ = false;
}

void World::start() {
  check(main_ == Life::none && finish_ == Life::none && !clearing_, "started beside something that is left");
  check(!forbidden_, "started although it is to be down");
  if (!kind && chance(8)) return take({.kind = Event::Kind::held, .reason = "db"});
  if (!kind && chance(4)) return take({.kind = Event::Kind::misconfigured, .reason = "conf:1"});
  tried();
  if (!kind && chance(8)) return take({.kind = Event::Kind::spawn_failed, .reason = "no process"});
  if (!kind && chance(8)) return take({.kind = Event::Kind::exec_failed, .reason = "no run"});
  main_ = Life::alive;
  group_left_ = chance(20);
  take({.kind = Event::Kind::spawned, .process = {next_pid_++, 1}});
}

void World::finish() {
  check(main_ == Life::none && finish_ == Life::none && !clearing_, "finish runs beside something that is left");
  if (chance(40)) return take({.kind = Event::Kind::finish_ended});
  finish_ = Life::alive;
  take({.kind = Event::Kind::finish_spawned, .process = {next_pid_++, 1}});
}

void World::signal(const Action& action) {
  check(main_ != Life::none, "a signal to a run that is gone");
  const bool obeys = kind || action.signal == SIGKILL || (action.signal != SIGCONT && chance(70));
  if (obeys && action.signal != SIGSTOP && action.signal != SIGCONT) main_ = Life::dying;
}

void World::main_ends() {
  main_ = Life::none;
  take({.kind = Event::Kind::main_ended, .ending = some_ending()});
}

void World::finish_ends() {
  finish_ = Life::none;
  take({.kind = Event::Kind::finish_ended, .ending = {Ending::Kind::exited, !kind && chance(10) ? 125 : 0, false}});
}

void World::group_empties() {
  clearing_ = false;
  take({.kind = Event::Kind::group_cleared});
}

void World::come_due() {
  if (it.record.wake_at > it.now.monotonic) it.pass(it.record.wake_at - it.now.monotonic);
  take({});
}

void World::order(std::string_view letters) {
  for (const char letter : letters) {
    if (left_) return;
    Event event{.kind = Event::Kind::order, .after_once = letters.starts_with('o')};
    const CommandRow& row = *find_command(letter);
    event.order = {row.command, row.signal, {}};
    if (letter == 'd' || (letter == 'x' && letters != "ox")) forbidden_ = true;
    if (letter == 'u' || letter == 'o' || letter == 'r') forbidden_ = false;
    if (row.signal != 0 || letter == 'u' || letter == 'o' || letter == 'r') asked_ = true;
    take(event);
  }
}

void World::something_happens() {
  if (left_) return;
  constexpr std::string_view kOrders[] = {"u", "d", "o", "r", "t", "k", "p", "c", "h", "i", "q", "du", "ud", "z", "b"};
  it.pass(some({0s, 1ms, 300ms, 1s, 20s}));
  if (it.record.wake_at.is_set() && it.record.wake_at <= it.now.monotonic) return take({});
  if (chance(25)) return order(kOrders[random_() % std::size(kOrders)]);
  if (main_ == Life::dying) return main_ends();
  if (finish_ != Life::none && chance(50)) return finish_ends();
  if (clearing_ && chance(50)) return group_empties();
  if (it.record.state == State::waiting && chance(50)) return take({.kind = Event::Kind::released});
  if (chance(5)) return take({.kind = Event::Kind::resume});
  if (main_ == Life::alive && chance(30)) return main_ends();
  if (main_ == Life::alive && chance(20)) return take({.kind = Event::Kind::ready});
  if (main_ == Life::alive && chance(5)) return take({.kind = Event::Kind::unhealthy, .reason = "check"});
}

void World::settle() {
  for (int i = 0; i < 200 && !left_; ++i) {
    if (main_ == Life::dying || (main_ == Life::alive && it.record.state == State::stopping))
      main_ends();
    else if (finish_ != Life::none)
      finish_ends();
    else if (clearing_)
      group_empties();
    else if (it.record.state == State::waiting)
      take({.kind = Event::Kind::released});
    else if (it.record.state == State::starting)
      take({.kind = Event::Kind::ready});
    else if (it.record.wake_at.is_set())
      come_due();
    else
      return;
  }
}

constexpr unsigned kSequences = 3000;
constexpr int kEvents = 60;

World after_anything(unsigned seed) {
  World world(seed);
  world.begin();
  for (int i = 0; i < kEvents; ++i) world.something_happens();
  world.kind = true;
  return world;
}

}  // namespace

TEST_CASE("whatever happens: one run at a time, no signal to what is gone, nothing started against a down",
          "[machine][property]") {
  for (unsigned seed = 0; seed < kSequences; ++seed) {
    World world = after_anything(seed);
    world.settle();
    INFO("seed " << seed);
    REQUIRE(world.breach == "");
  }
}

TEST_CASE("whatever has happened, up brings it up", "[machine][property]") {
  for (unsigned seed = 0; seed < kSequences; ++seed) {
    World world = after_anything(seed);
    world.hear_of_death();  // an order and an end may cross each other; then the restart policy decides
    world.order("u");
    world.settle();
    INFO("seed " << seed);
    REQUIRE(world.breach == "");
    REQUIRE(world.it.state() == "up");
    REQUIRE(world.runs());
  }
}

TEST_CASE("whatever has happened, down takes it down and it stays so", "[machine][property]") {
  for (unsigned seed = 0; seed < kSequences; ++seed) {
    World world = after_anything(seed);
    world.order("d");
    world.settle();
    world.it.pass(3600s);
    world.settle();
    INFO("seed " << seed);
    REQUIRE(world.breach == "");
    REQUIRE(world.it.state() == "down");
    REQUIRE_FALSE(world.runs());
  }
}

TEST_CASE("whatever has happened, exit reaches the end", "[machine][property]") {
  for (unsigned seed = 0; seed < kSequences; ++seed) {
    World world = after_anything(seed);
    world.order("x");
    world.settle();
    INFO("seed " << seed);
    REQUIRE(world.breach == "");
    REQUIRE(world.left());
  }
}
