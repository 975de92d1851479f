#include "svlogd/config.h"

#include <arpa/inet.h>

#include <chrono>

#include "lib/values.h"
#include "svlogd/schedule.h"

namespace svdir::svlogd {
namespace {

constexpr long long kMostFiles = 1'000'000;
constexpr std::uint64_t kDefaultFloor = 10;

bool parse_count(std::string_view text, std::uint64_t& into) {
  long long number = 0;
  if (!parse_number(text, 0, kMostFiles, number)) return false;
  into = static_cast<std::uint64_t>(number);
  return true;
}

bool parse_udp(std::string_view text, UdpTarget& into) {
  const std::size_t colon = text.find(':');
  const std::string host(text.substr(0, colon));
  in_addr address;
  if (::inet_pton(AF_INET, host.c_str(), &address) != 1) return false;
  long long port = 514;
  if (colon != std::string_view::npos && !parse_number(text.substr(colon + 1), 1, 65535, port)) return false;
  into = {host, static_cast<std::uint16_t>(port)};
  return true;
}

bool parse_every(std::string_view text, Duration& into) {
  using namespace std::chrono;
  if (text == "hour")
    into = hours(1);
  else if (text == "day")
    into = days(1);
  else if (text == "week")
    into = days(7);
  else if (!parse_duration(text, into))
    return false;
  return is_period(into);
}

// full block | drop | delete
bool parse_full(std::string_view text, OutputConfig& config) {
  if (text != "block" && text != "drop" && text != "delete") return false;
  config.when_full = text == "drop" ? WhenFull::drop : WhenFull::block;
  config.deletes_when_full = text == "delete";
  return true;
}

// One row for each line that begins with a word; a blank stands between it and its value.
struct Word {
  std::string_view word;
  const char* trouble;
  bool (*apply)(std::string_view value, OutputConfig& config);
};

constexpr Word kWords[] = {
    {"hup", "hup must be `rotate` or `reload`",
     [](std::string_view value, OutputConfig& config) {
       config.hup_rotates = value != "reload";
       return value == "reload" || value == "rotate";
     }},
    {"every", "every must be a time that divides a day, or days, as 15m, 1h, day, week",
     [](std::string_view value, OutputConfig& config) { return parse_every(value, config.every); }},
    {"names", "names must be a time format without a slash that can be read back, as %Y%m%d.%H%M%S",
     [](std::string_view value, OutputConfig& config) {
       if (!is_name_format(std::string(value))) return false;
       config.names = value;
       return true;
     }},
    {"total", "bad number of bytes",
     [](std::string_view value, OutputConfig& config) { return parse_size(value, config.total); }},
    {"full", "full must be `block`, `drop` or `delete`", parse_full},
    {"priority", "priority must be FACILITY.SEVERITY, as daemon.info",
     [](std::string_view value, OutputConfig& config) { return parse_priority(value, config.priority); }},
};

// False when the line begins with no such word.
bool apply_word(std::string_view line, OutputConfig& config, const char*& trouble) {
  std::string_view rest = line;
  const std::string_view first = line.substr(0, line.find(' '));
  if (first.size() == line.size()) return false;
  for (const Word& word : kWords) {
    if (word.word != first) continue;
    take_word(rest);
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
    if (!word.apply(rest, config)) trouble = word.trouble;
    return true;
  }
  return false;
}

// The lines of runit: a letter and its value. nullptr, or what is wrong.
const char* apply_letter(char letter, std::string_view value, OutputConfig& config) {
  switch (letter) {
    case 's': return parse_size(value, config.size) ? nullptr : "bad number of bytes";
    case 'n': return parse_count(value, config.keep) ? nullptr : "bad number of files";
    case 'N': return parse_count(value, config.keep_when_full.emplace()) ? nullptr : "bad number of files";
    case 't': return parse_duration(value, config.age) ? nullptr : "bad number of seconds";
    case '!': config.processor = value; return nullptr;
    case 'p':
      config.prefix = value.substr(0, kLongestPrefix);
      return value.size() <= kLongestPrefix ? nullptr : "prefix cut after 1000 bytes";
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

// By their numbers.
constexpr std::string_view kFacilities[] = {
    "kern", "user", "mail", "daemon", "auth",   "syslog", "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
    "",     "",     "",     "",       "local0", "local1", "local2", "local3", "local4", "local5", "local6",   "local7"};
constexpr std::string_view kSeverities[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

}  // namespace

std::optional<std::uint64_t> OutputConfig::floor_when_full() const {
  if (deletes_when_full) return keep_when_full.value_or(0);
  const std::uint64_t least = keep_when_full.value_or(kDefaultFloor);
  return least < keep ? std::optional(least) : std::nullopt;
}

bool parse_priority(std::string_view text, unsigned& into) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  for (unsigned facility = 0; facility < std::size(kFacilities); ++facility)
    for (unsigned severity = 0; severity < std::size(kSeverities); ++severity)
      if (text.substr(0, dot) == kFacilities[facility] && text.substr(dot + 1) == kSeverities[severity]) {
        into = facility * 8 + severity;
        return true;
      }
  return false;
}

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
