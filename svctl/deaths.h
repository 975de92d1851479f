// The lines of supervise/deaths, as supervise writes them: pure.
//
//   @TAI64N pid=N exited 1 up=12.345 cpu=0.010 maxrss=1234[ reason TEXT]
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"

namespace svdir::svctl {

struct Death {
  Stamp when;
  long pid = 0;
  std::string ending;  // "exited 1", "killed by SIGSEGV (core dumped)"
  double up = 0;       // seconds it lived
  double cpu = 0;      // seconds of processor time; negative: not known
  long max_rss = -1;   // KiB; negative: not known
  std::string reason;  // why it was ended, where that was on purpose
};

std::optional<Death> parse_death(std::string_view line);
std::vector<Death> parse_deaths(std::string_view text);

// "2026-11-20 10:02:04.123  killed by SIGTERM after 1.552s (pid 29654, 0.001s of processor, 1.6 MiB): stop\n"
std::string death_line(const Death& death);

// Local time, to the millisecond.
std::string local_time(Stamp stamp);

}  // namespace svdir::svctl
