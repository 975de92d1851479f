// sv's words and when each has had its effect: pure. The effects are sv's as measured, not svctl's: `sv hup` on a
// service that is down is a success, `sv pause` too.
#pragma once

#include <string_view>

#include "svctl/judge.h"

namespace svdir::svctl {

struct SvCommand {
  std::string_view word;  // the whole word, or, when one letter long, the first letter of any other word
  std::string_view bytes;
  Goal goal;    // as far as the client must know it
  bool waits;   // without -v
  bool forced;  // KILL when the time is up
  bool runs_check;
  Verdict (*judge)(const Question&, const View& before, const View& now);
  bool is_status = false;
};

// nullptr for a word sv does not know.
const SvCommand* find_sv_command(std::string_view word);

Verdict sv_judge_beforehand(const Question& question, const View& before);

}  // namespace svdir::svctl
