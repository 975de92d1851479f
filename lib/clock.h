// Time: a monotonic clock for every deadline, a wall clock for every stamp, and TAI64N for stamps on disk.
//
// Deadlines never use the wall clock, so setting it back and forth changes nothing that svdir does. CLOCK_MONOTONIC
// is common to all processes of a boot, so a deadline may be handed to a successor together with the boot id.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <string_view>

namespace svdir {

using Duration = std::chrono::nanoseconds;

// A point of the monotonic clock, in nanoseconds since some moment before the boot's first process.
// The default, zero, stands for "never".
struct Instant {
  std::int64_t nanoseconds = 0;

  auto operator<=>(const Instant&) const = default;
  bool is_set() const { return nanoseconds != 0; }
  friend Instant operator+(Instant a, Duration d) { return {a.nanoseconds + d.count()}; }
  friend Instant operator-(Instant a, Duration d) { return {a.nanoseconds - d.count()}; }
  friend Duration operator-(Instant a, Instant b) { return Duration(a.nanoseconds - b.nanoseconds); }
};

// A point of the wall clock (UTC, Unix time); `nanoseconds` is 0..999999999. The default stands for "never".
struct Stamp {
  std::int64_t seconds = 0;
  std::int32_t nanoseconds = 0;

  auto operator<=>(const Stamp&) const = default;
  bool is_set() const { return seconds != 0 || nanoseconds != 0; }
};

Instant monotonic_now();
Stamp wall_now();

// TAI64N, 12 bytes big-endian: seconds + 2^62 + 10, then nanoseconds.
// Source: https://cr.yp.to/libtai/tai64.html. Like runit and daemontools we use a fixed offset of 10 seconds instead
// of a table of leap seconds, so that labels agree with theirs.
inline constexpr std::size_t kTai64nSize = 12;
inline constexpr std::size_t kTai64nLabelSize = 25;  // '@' and 24 hexadecimal digits

std::array<unsigned char, kTai64nSize> pack_tai64n(Stamp stamp);
// `bytes` are kTai64nSize bytes.
Stamp unpack_tai64n(const unsigned char* bytes);

// Writes kTai64nLabelSize characters, no terminator: "@400000006afff54d24b076b4".
void write_tai64n_label(Stamp stamp, char* to);
// False unless `text` begins with such a label.
bool read_tai64n_label(std::string_view text, Stamp& into);

}  // namespace svdir
