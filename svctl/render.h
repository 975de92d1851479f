// What svctl says, as text: pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "lib/scan_state.h"
#include "svctl/client.h"
#include "svctl/deaths.h"
#include "svctl/judge.h"
#include "svctl/service.h"

namespace svdir::svctl {

enum class Paint : bool { plain, coloured };

// "0.012s" below ten seconds, then "12.4s", "3m12s", "5h02m", "12d3h".
std::string short_duration(Duration duration);

// "1 service", "2 services".
std::string counted(std::size_t number, std::string_view what);

// As it must be typed to a shell: in quotes where it needs them.
std::string shell_word(std::string_view text);

struct LoggerRow {
  Stream stream = Stream::output;
  View view;
  std::string trouble;  // what svlogd says is wrong with the log itself
};

// A service and its loggers, as looked at.
struct StatusRow {
  Target target;
  View view;
  std::vector<LoggerRow> loggers;  // that of its output first
};

// Now, by both clocks: since when something is so is known by the wall clock, when it ends by the monotonic one.
struct Now {
  Stamp wall;
  Instant monotonic;
};

// What is shown as the state: "up", "backoff", "no supervisor", "misconfigured"…
std::string state_word(const View& view);
// LSB: 0 up, 3 down, 4 unknown.
int lsb_code(const View& view);

// "http-8000  up        pid 1234  3m12s  ready; log up, pid 1233\n". Names are padded to `name_width`.
std::string status_line(const StatusRow& row, const Now& now, std::size_t name_width, Paint paint);

// "ok: http-8000: started, pid 123 (0.012s)\n"
std::string outcome_line(const Job& job, Paint paint);
std::string_view outcome_word(Outcome outcome);

// The exit code for what came of all jobs: 0; 3 or 4 when all the rest is not running or without a supervisor; else 1.
int exit_code_of(const std::vector<Job>& jobs);

// One JSON object and a newline.
std::string status_json(const StatusRow& row, const Now& now);
std::string outcome_json(const Job& job);
std::string pid_json(const Target& target, pid_t pid);
std::string death_json(const Target& target, const Death& death);

// Prometheus' text format.
std::string metrics_text(const std::vector<StatusRow>& rows);

// svscan's own state, and how many services are in which.
struct ScanSummary {
  std::string directory;
  pid_t pid = 0;
  std::string program;
  ScanState said;  // by svscan; all zero where it says nothing
  std::size_t services = 0;
  std::vector<std::pair<std::string, std::size_t>> by_state;

  void add(const std::string& state);
};
std::string scan_text(const ScanSummary& summary, const Now& now);
std::string scan_json(const ScanSummary& summary);

// Text fit for one line of a terminal: control characters shown as '?'.
std::string printable(std::string_view text);

}  // namespace svdir::svctl
