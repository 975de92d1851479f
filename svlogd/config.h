// What one output is to do: the lines of DIR/config, and of -c on the command line. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "svlogd/match.h"

namespace svdir::svlogd {

inline constexpr std::size_t kLongestPrefix = 1000;

struct UdpTarget {
  std::string host;  // numeric IPv4; empty: none
  std::uint16_t port = 514;
};

struct OutputConfig {
  std::uint64_t size = 1'000'000;  // bytes at which current is rotated; 0: never
  std::uint64_t keep = 10;         // old files; 0: all
  std::uint64_t keep_when_full = 10;  // on a full disk old files are deleted down to this, if it is less than `keep`
  Duration age{};                  // of a non-empty current before it is rotated; 0: never
  std::string processor;           // for `sh -c`; empty: none
  UdpTarget udp;
  bool udp_only = false;
  std::string prefix;
  PatternList lines{true};    // what goes to the output
  PatternList alerts{false};  // what goes to standard error
  bool hup_rotates = true;

  // What could not be understood: "line 3: bad number of bytes: sabc". The rest is in force all the same, because a
  // logger that does not start loses more than one that rotates too late.
  std::vector<std::string> complaints;
};

// Applies the lines of `text` to `config`, later ones on top of earlier ones.
void parse_config(std::string_view text, OutputConfig& config);

}  // namespace svdir::svlogd
