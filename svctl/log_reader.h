// Reading the log directories of svlogd, multilog and s6-log: `current` and the rotated files beside it, as one
// stream of lines, by time; the last lines without reading whole files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "svctl/service.h"

namespace svdir::svctl {

// The stamp at the head of a line: a TAI64N label, or svlogd's "2026-01-31_14:30:00.12345" (with '_' or 'T', UTC).
std::optional<Stamp> stamp_of_line(std::string_view line);

// The same line for a person: a TAI64N label as local time.
std::string readable_line(std::string_view line);

// "10m" (ago), "2026-01-31", "14:30", "14:30:05", "2026-01-31 14:30", with a blank or 'T' between; local time.
std::optional<Stamp> parse_since(std::string_view text, Stamp now);

// Where the service's log is kept: the directory that its logger has open, else one that its log/run or its settings
// name, else log/main or log itself. An error says where it was looked for.
Result<std::string> find_log_directory(const Target& service);

struct LogLine {
  Stamp stamp;       // of the line, else of the last line before it that has one, else of its file's last change
  std::string text;  // without the newline
};

struct LogRange {
  unsigned long lines = 10;    // at most so many, the last ones
  std::optional<Stamp> since;  // none older
  off_t current_end = -1;      // of `current` only what comes before this offset, where it is not negative
};

// Lines, the oldest first, from `current` and as many rotated files as are needed. A last line without its newline
// counts. Compressed files are passed over.
Result<std::vector<LogLine>> read_log(const std::string& directory, const LogRange& range);

// Follows `current` from the end of its last whole line, across rotations.
class LogFollower {
 public:
  Result<void> open(const std::string& directory);
  // Where in `current` it begins.
  off_t begin() const { return begin_; }
  // Appends whole lines written since; none when nothing is new.
  void take(std::vector<LogLine>& into);

 private:
  void read_rest(std::vector<LogLine>& into);

  std::string directory_;
  Fd file_;
  off_t begin_ = 0;
  std::string held_;  // a line not yet ended
  Stamp last_;
};

}  // namespace svdir::svctl
