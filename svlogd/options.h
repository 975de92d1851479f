// The command line, see kUsage. Pure.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace svdir::svlogd {

enum class StampKind { none, tai64n, space, letter_t, format };  // -t, -tt, -ttt, -T

enum class TargetKind { directory, standard_output, standard_error, null, syslog };

struct Target {
  std::string text;    // a directory, stdout, stderr, null, syslog, syslog:udp:HOST:PORT, syslog:tcp:HOST:PORT
  std::string config;  // lines given by -c

  TargetKind kind() const;
};

struct Options {
  StampKind stamp = StampKind::none;
  std::string stamp_format = {};  // -T, for strftime(3)
  bool utc = false;               // -U: -T in UTC, not in local time
  bool json = false;              // -j
  std::string service = {};       // -n: for JSON and syslog; "": by the name of the directory we run in
  std::string stream = "stdout";  // -s: for JSON
  bool verbose = false;
  bool show_version = false;
  bool replaces = false;
  char replacement = '_';
  std::string replaced = {};  // in addition to what is not printable
  std::size_t head = 1000;    // -l: bytes of a line that patterns, standard error and datagrams see
  std::size_t buffer = 1024;  // -b: kept for compatibility; the size of our buffer adapts itself
  std::vector<Target> targets = {};
};

inline constexpr std::string_view kUsage =
    "usage: svlogd [-tttv] [-r c] [-R xyz] [-l len] [-b buflen] [-T format [-U]] [-j] [-n name] [-s stream] "
    "[[-c line] target] ...\n";
inline constexpr std::size_t kLongestHead = 64 * 1024;  // more is taken as this
inline constexpr std::size_t kLongestJsonHead = 32 * 1024;
inline constexpr std::size_t kMostTargets = 8;

struct Refusal {
  std::string text;          // one line; may be empty with `shows_usage`
  bool shows_usage = false;  // as runit's svlogd says it: the text, then the usage
};
std::expected<Options, Refusal> parse_options(int argc, const char* const* argv);

}  // namespace svdir::svlogd
