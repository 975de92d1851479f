// A state machine at hand: its record, its settings, a clock that stands still until told to go on, and its actions as
// words that a test can read.
#pragma once

#include <string>
#include <string_view>

#include "supervise/machine.h"

namespace svdir::test {

class Driver {
 public:
  StateRecord record;
  Settings settings;
  Now now{Instant{1'000'000'000'000}, Stamp{1'700'000'000, 0}};

  // What the machine asks for, in words: "start", "TERM/t" (a signal, and the letter of the script that may stand in
  // for it), "KILL+" (to the whole group), "control/d", "clear", "finish", "leave"…; "-" for nothing.
  std::string give(const Event& event);
  std::string order(std::string_view letters, bool after_once = false);  // the last one's answer
  std::string begin(bool held_down = false);
  std::string spawned(pid_t pid = 100);
  std::string cannot_spawn();
  std::string cannot_exec();
  std::string exits(int code);   // run
  std::string dies(int signal);  // run
  std::string cleared();
  std::string finish_spawned(pid_t pid = 200);
  std::string finish_exits(int code = 0);
  std::string no_finish() { return finish_exits(0); }
  std::string ready() { return give({.kind = Event::Kind::ready}); }
  std::string due();  // goes on to wake_at

  void pass(Duration time);
  void starts(pid_t pid = 100);  // from rest: up, and spawned
  std::string ends(int code);    // run exits, nothing is left, no finish: what the machine then asks for
  std::string state() const { return std::string(name_of(record.state)); }
  // "up for 3s" and the like is for people; tests ask how long until the next `due`.
  Duration until_due() const;
};

std::string words(const Actions& actions);

// Brings a fresh machine into a situation of this list; `clearing` is stopping with run dead and its group not empty.
inline constexpr std::string_view kSituations[] = {"down",     "waiting",   "starting", "up",    "stopping",
                                                   "clearing", "finishing", "backoff",  "failed"};
Driver in_situation(std::string_view situation);

}  // namespace svdir::test
