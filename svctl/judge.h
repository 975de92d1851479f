// Whether a command has had its effect: pure.
//
// What is compared is the look taken before the command was sent with the present one. A supervise of ours
// acknowledges: once it has, everything in its record is later than the command, and its count of starts tells a new
// run from the old one even when both began in the same second. A genuine runsv has no more than the stamp of its
// last change, which is compared to the nanosecond.
#pragma once

#include <string>

#include "svctl/service.h"
#include "svctl/verbs.h"

namespace svdir::svctl {

enum class Outcome : std::uint8_t { pending, ok, failed, timeout, not_running, no_supervisor, denied, not_found };

struct Verdict {
  Outcome outcome = Outcome::pending;
  std::string text;        // "started, pid 123"; while pending: what is missing
  bool is_flawed = false;  // done, and yet something is wrong: told with -q, too
};

struct Question {
  const VerbRow* verb = nullptr;
  Goal goal = Goal::taken;     // the verb's, or what an option made of it
  bool acknowledged = false;   // by a supervise of ours
  bool needs_process = false;  // the command is a signal for a run
};

Verdict judge(const Question& question, const View& before, const View& now);

// Where there is nothing to send: the service is not there, has no supervisor, does not run… pending: go on.
Verdict judge_beforehand(const Question& question, const View& before);

// The same for `wait`, which waits for a supervisor as well, and for commands that do not need one.
Verdict judge_patiently(const Question& question, const View& before);
Verdict judge_indifferently(const Question& question, const View& before);

// "no such service", and what to do about it.
std::string why_not_found(const View& view);

// A state in a few words, for "still …" and "now …": "stopping, pid 12".
std::string state_in_words(const View& view);

}  // namespace svdir::svctl
