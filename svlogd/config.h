// What one output is to do: the lines of DIR/config, and of -c on the command line. Pure.
#pragma once

#include <cstdint>
#include <optional>
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

// What happens when the disk is full and no old file may go any more.
enum class WhenFull {
  block,  // nothing is read until there is room; the writers wait
  drop,   // lines are dropped, counted, and the count is written when there is room again
};

struct OutputConfig {
  std::uint64_t size = 1'000'000;  // bytes at which current is rotated; 0: never
  std::uint64_t keep = 10;         // old files; 0: all
  // On a full disk old files are deleted down to this. Not set (runit's default): 10 if `keep` is more, else none are;
  // with `full delete`: 0.
  std::optional<std::uint64_t> keep_when_full;
  bool deletes_when_full = false;  // `full delete`
  WhenFull when_full = WhenFull::block;
  std::uint64_t total = 0;  // bytes that old files and current may have together; 0: no limit
  Duration age{};           // of a non-empty current before it is rotated; 0: never
  Duration every{};         // rotated when the clock passes a multiple of this; 0: never
  std::string names;        // strftime(3) format of the names of old files; empty: TAI64N labels
  std::string processor;    // for `sh -c`; empty: none
  UdpTarget udp;
  bool udp_only = false;
  std::string prefix;
  PatternList lines{true};    // what goes to the output
  PatternList alerts{false};  // what goes to standard error
  bool hup_rotates = true;
  // Old files that stay on a full disk; none when none may be deleted.
  std::optional<std::uint64_t> floor_when_full() const;

  unsigned priority = 30;  // of syslog messages: facility * 8 + severity; daemon.info

  // What could not be understood: "line 3: bad number of bytes: sabc". The rest is in force all the same, because a
  // logger that does not start loses more than one that rotates too late.
  std::vector<std::string> complaints;
};

// Applies the lines of `text` to `config`, later ones on top of earlier ones.
void parse_config(std::string_view text, OutputConfig& config);

// "daemon.info", "local0.err"; false for anything else. Source: syslog(3), RFC 5424 section 6.2.1.
bool parse_priority(std::string_view text, unsigned& into);

}  // namespace svdir::svlogd
