// From a service to its log, and from bytes of a log to lines with times. How a log directory is read is LogTail's
// business (lib/log_tail.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "lib/error.h"
#include "svctl/service.h"

namespace svdir::svctl {

// A line for a person: a TAI64N label as local time.
std::string readable_line(std::string_view line);

// "10m" (ago), "2026-01-31", "14:30", "14:30:05", "2026-01-31 14:30", with a blank or 'T' between; local time.
std::optional<Stamp> parse_since(std::string_view text, Stamp now);

// Where the service's log is kept, that of its output or that of its standard error alone: the directory that the
// logger has open, else one that the logger's `run` or the service's settings name, else `main` in the logger's
// directory or that itself. An error says where it was looked for.
Result<std::string> find_log_directory(const Target& service, Stream stream);

struct LogLine {
  Stamp stamp;       // of the line, else of the last line before it that has one, else `otherwise`
  std::string text;  // without the newline
};

// Cuts a text into lines; a last one without its newline counts.
std::vector<LogLine> split_lines(std::string_view text, Stamp otherwise);

// The last lines of a log, the oldest first, what is not complete yet included.
Result<std::vector<LogLine>> last_lines(const std::string& directory, unsigned long count);

}  // namespace svdir::svctl
