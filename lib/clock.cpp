#include "lib/clock.h"

#include <time.h>

namespace svdir {
namespace {

constexpr std::uint64_t kTaiOffset = (std::uint64_t{1} << 62) + 10;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Instant monotonic_now() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return {std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

Stamp wall_now() {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec, static_cast<std::int32_t>(now.tv_nsec)};
}

std::array<unsigned char, kTai64nSize> pack_tai64n(Stamp stamp) {
  std::array<unsigned char, kTai64nSize> bytes{};
  std::uint64_t seconds = static_cast<std::uint64_t>(stamp.seconds) + kTaiOffset;
  for (int i = 7; i >= 0; --i, seconds >>= 8) bytes[static_cast<std::size_t>(i)] = static_cast<unsigned char>(seconds);
  auto nanoseconds = static_cast<std::uint32_t>(stamp.nanoseconds);
  for (int i = 11; i >= 8; --i, nanoseconds >>= 8)
    bytes[static_cast<std::size_t>(i)] = static_cast<unsigned char>(nanoseconds);
  return bytes;
}

Stamp unpack_tai64n(const unsigned char* bytes) {
  std::uint64_t seconds = 0;
  for (int i = 0; i < 8; ++i) seconds = seconds << 8 | bytes[i];
  std::uint32_t nanoseconds = 0;
  for (int i = 8; i < 12; ++i) nanoseconds = nanoseconds << 8 | bytes[i];
  return {static_cast<std::int64_t>(seconds - kTaiOffset), static_cast<std::int32_t>(nanoseconds)};
}

void write_tai64n_label(Stamp stamp, char* to) {
  constexpr char kDigits[] = "0123456789abcdef";
  *to++ = '@';
  for (const unsigned char byte : pack_tai64n(stamp)) {
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
}

bool read_tai64n_label(std::string_view text, Stamp& into) {
  if (text.size() < kTai64nLabelSize || text[0] != '@') return false;
  std::array<unsigned char, kTai64nSize> bytes{};
  for (std::size_t i = 0; i < kTai64nSize; ++i) {
    const int high = hex_value(text[1 + 2 * i]);
    const int low = hex_value(text[2 + 2 * i]);
    if (high < 0 || low < 0) return false;
    bytes[i] = static_cast<unsigned char>(high << 4 | low);
  }
  into = unpack_tai64n(bytes.data());
  return true;
}

}  // namespace svdir
