#include "tests/unit/machine_driver.h"

#include <cerrno>
#include <csignal>

namespace svdir::test {
namespace {

std::string word(const Action& action) {
  using Kind = Action::Kind;
  switch (action.kind) {
    case Kind::start: return "start";
    case Kind::control: return std::string("control/") + action.letter;
    case Kind::clear_group: return "clear";
    case Kind::kill_group: return "kill-group";
    case Kind::finish: return "finish";
    case Kind::kill_finish: return "kill-finish";
    case Kind::read_settings: return "read-settings";
    case Kind::collect_orphan: return "collect";
    case Kind::upgrade: return "upgrade";
    case Kind::leave: return "leave";
    case Kind::signal: break;
  }
  std::string text = signal_name(action.signal);
  if (action.letter != 0) text.append("/").push_back(action.letter);
  return action.group ? text + "+" : text;
}

}  // namespace

std::string words(const Actions& actions) {
  std::string text;
  for (const Action& action : actions) text.append(text.empty() ? "" : " ").append(word(action));
  return text.empty() ? "-" : text;
}

std::string Driver::give(const Event& event) {
  return words(step(record, settings, event, now));
}

std::string Driver::order(std::string_view letters, bool after_once) {
  ControlParser parser;
  std::string said = "-";
  for (const char letter : letters) {
    Event event{.kind = Event::Kind::order, .after_once = after_once};
    if (parser.take(letter, event.order)) said = give(event);
  }
  return said;
}

std::string Driver::begin(bool held_down) {
  return give({.kind = Event::Kind::begin, .held_down = held_down});
}
std::string Driver::spawned(pid_t pid) {
  return give({.kind = Event::Kind::spawned, .process = {pid, 7}});
}
std::string Driver::cannot_spawn() {
  return give({.kind = Event::Kind::spawn_failed, .reason = "no process"});
}
std::string Driver::cannot_exec() {
  return give({.kind = Event::Kind::exec_failed, .reason = "no run"});
}
std::string Driver::exits(int code) {
  return give({.kind = Event::Kind::main_ended, .ending = {Ending::Kind::exited, code, false}});
}
std::string Driver::dies(int signal) {
  return give({.kind = Event::Kind::main_ended, .ending = {Ending::Kind::signalled, signal, false}});
}
std::string Driver::cleared() {
  return give({.kind = Event::Kind::group_cleared});
}
std::string Driver::finish_spawned(pid_t pid) {
  return give({.kind = Event::Kind::finish_spawned, .process = {pid, 8}});
}
std::string Driver::finish_exits(int code) {
  return give({.kind = Event::Kind::finish_ended, .ending = {Ending::Kind::exited, code, false}});
}

std::string Driver::due() {
  if (!record.wake_at.is_set()) return "never due";
  if (record.wake_at > now.monotonic) pass(record.wake_at - now.monotonic);
  return give({});
}

void Driver::pass(Duration time) {
  now.monotonic = now.monotonic + time;
  const auto nanoseconds = now.wall.nanoseconds + time.count();
  now.wall = {now.wall.seconds + nanoseconds / 1'000'000'000, static_cast<std::int32_t>(nanoseconds % 1'000'000'000)};
}

void Driver::starts(pid_t pid) {
  if (record.state != State::starting) order("u");
  spawned(pid);
}

std::string Driver::ends(int code) {
  exits(code);
  cleared();
  return no_finish();
}

Duration Driver::until_due() const {
  return record.wake_at.is_set() ? record.wake_at - now.monotonic : Duration(0);
}

Driver in_situation(std::string_view situation) {
  Driver it;
  it.settings.start_limit = 1;
  if (situation == "starting") it.settings.ready = Ready::notify;
  if (situation == "backoff") it.settings.start_limit = 0;
  it.begin(situation == "down");
  if (situation == "waiting") it.give({.kind = Event::Kind::held, .reason = "db"});
  if (situation == "down" || situation == "waiting") return it;
  it.spawned();
  if (situation == "stopping") it.order("d");
  if (situation == "starting" || situation == "up" || situation == "stopping") return it;
  it.exits(1);
  if (situation == "clearing") return it;
  it.cleared();
  if (situation == "finishing")
    it.finish_spawned();
  else
    it.no_finish();
  return it;
}

}  // namespace svdir::test
