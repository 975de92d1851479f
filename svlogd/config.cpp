#include "svlogd/config.h"

#include <arpa/inet.h>

#include <charconv>
#include <chrono>

namespace svdir::svlogd {
namespace {

// "16k" with the given suffixes; false for anything else.
struct Suffix {
  char letter;
  std::uint64_t factor;
};

template <std::size_t kCount>
bool parse_number(std::string_view text, const Suffix (&suffixes)[kCount], std::uint64_t& into) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc{}) return false;
  if (rest == end) {
    into = number;
    return true;
  }
  if (rest + 1 != end) return false;
  for (const Suffix suffix : suffixes)
    if (suffix.letter == *rest) return !__builtin_mul_overflow(number, suffix.factor, &into);
  return false;
}

constexpr Suffix kSizes[] = {{'k', 1024}, {'m', 1024 * 1024}, {'g', 1024 * 1024 * 1024}};
constexpr Suffix kCounts[] = {{'k', 1000}};
constexpr Suffix kTimes[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
constexpr std::uint64_t kLongestAge = 3650ull * 86400;

bool parse_age(std::string_view text, Duration& into) {
  std::uint64_t seconds = 0;
  if (!parse_number(text, kTimes, seconds) || seconds > kLongestAge) return false;
  into = std::chrono::seconds(seconds);
  return true;
}

bool parse_udp(std::string_view text, UdpTarget& into) {
  const std::size_t colon = text.find(':');
  const std::string host(text.substr(0, colon));
  in_addr address;
  if (::inet_pton(AF_INET, host.c_str(), &address) != 1) return false;
  std::uint16_t port = 514;
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    const auto [rest, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failure != std::errc{} || rest != digits.data() + digits.size() || port == 0) return false;
  }
  into = {host, port};
  return true;
}

// The lines that begin with a word; a space stands between it and its value. False when there is no such word.
bool apply_word(std::string_view line, OutputConfig& config, const char*& trouble) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view word = line.substr(0, space);
  const std::string_view value = line.substr(line.find_last_of(' ', line.find_first_not_of(' ', space)) + 1);
  if (word == "hup") {
    if (value != "reload" && value != "rotate") trouble = "hup must be `reload` or `rotate`";
    config.hup_rotates = value != "reload";
    return true;
  }
  return false;
}

// The lines of runit: a letter and its value. nullptr, or what is wrong.
const char* apply_letter(char letter, std::string_view value, OutputConfig& config) {
  switch (letter) {
    case 's': return parse_number(value, kSizes, config.size) ? nullptr : "bad number of bytes";
    case 'n': return parse_number(value, kCounts, config.keep) ? nullptr : "bad number of files";
    case 'N': return parse_number(value, kCounts, config.keep_when_full) ? nullptr : "bad number of files";
    case 't': return parse_age(value, config.age) ? nullptr : "bad number of seconds";
    case '!': config.processor = value; return nullptr;
    case 'p': config.prefix = value.substr(0, kLongestPrefix); return value.size() <= kLongestPrefix ? nullptr : "prefix cut";
    case '+': config.lines.add(true, value); return nullptr;
    case '-': config.lines.add(false, value); return nullptr;
    case 'e': config.alerts.add(true, value); return nullptr;
    case 'E': config.alerts.add(false, value); return nullptr;
    case 'u':
    case 'U':
      config.udp_only = letter == 'U';
      return parse_udp(value, config.udp) ? nullptr : "bad address, must be A.B.C.D or A.B.C.D:PORT";
    default: return "unknown line";
  }
}

}  // namespace

void parse_config(std::string_view text, OutputConfig& config) {
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#') continue;
    const char* trouble = nullptr;
    if (!apply_word(line, config, trouble)) trouble = apply_letter(line[0], line.substr(1), config);
    if (trouble == nullptr) continue;
    config.complaints.push_back("line " + std::to_string(number) + ": " + trouble + ": " + std::string(line));
  }
}

}  // namespace svdir::svlogd
