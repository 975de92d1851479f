// The command line: svlogd [-tttv] [-r C] [-R XYZ] [-l LEN] [-b BUFLEN] [-c LINE] TARGET... Pure.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace svdir::svlogd {

enum class StampKind { none, tai64n, space, letter_t };  // -t, -tt, -ttt

struct Target {
  std::string text;    // a directory
  std::string config;  // lines given by -c
};

struct Options {
  StampKind stamp = StampKind::none;
  bool verbose = false;
  bool show_version = false;
  bool replaces = false;
  char replacement = '_';
  std::string replaced;          // in addition to what is not printable
  std::size_t head = 1000;       // -l: bytes of a line that patterns, standard error and datagrams see
  std::size_t buffer = 1024;     // -b: kept for compatibility; the size of our buffer adapts itself
  std::vector<Target> targets;
};

inline constexpr std::string_view kUsage =
    "usage: svlogd [-tttv] [-r c] [-R xyz] [-l len] [-b buflen] [-c line] dir ...\n";
inline constexpr std::size_t kLongestHead = 64 * 1024;  // more is taken as this
inline constexpr std::size_t kMostTargets = 8;

// The error is one line, or empty where only the usage is to be shown.
std::expected<Options, std::string> parse_options(int argc, const char* const* argv);

}  // namespace svdir::svlogd
