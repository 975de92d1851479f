#include "svctl/deaths.h"

#include <time.h>

#include <charconv>
#include <cstdio>

#include "svctl/render.h"

namespace svdir::svctl {
namespace {

template <class T>
void read_number(std::string_view text, T& into) {
  std::from_chars(text.data(), text.data() + text.size(), into);
}

std::string in_size(long kib) {
  char text[32];
  if (kib < 1024)
    std::snprintf(text, sizeof text, "%ld KiB", kib);
  else
    std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(kib) / 1024);
  return text;
}

std::string in_seconds(double seconds) {
  return short_duration(std::chrono::milliseconds(static_cast<long long>(seconds * 1000 + 0.5)));
}

}  // namespace

std::optional<Death> parse_death(std::string_view line) {
  Death death;
  if (!read_tai64n_label(line, death.when) || line.size() <= kTai64nLabelSize) return {};
  line.remove_prefix(kTai64nLabelSize + 1);
  death.cpu = -1;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    if (word == "reason") {
      death.reason = line.substr(std::min(end + 1, line.size()));
      break;
    }
    const std::size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (equals == std::string_view::npos)
      (death.ending += death.ending.empty() ? "" : " ") += word;
    else if (key == "pid")
      read_number(value, death.pid);
    else if (key == "up")
      read_number(value, death.up);
    else if (key == "cpu")
      read_number(value, death.cpu);
    else if (key == "maxrss")
      read_number(value, death.max_rss);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return death;
}

std::vector<Death> parse_deaths(std::string_view text) {
  std::vector<Death> deaths;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto death = parse_death(text.substr(0, end))) deaths.push_back(std::move(*death));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return deaths;
}

std::string local_time(Stamp stamp) {
  const time_t seconds = stamp.seconds;
  tm local{};
  char date[64] = "?";
  if (::localtime_r(&seconds, &local) != nullptr) ::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local);
  char text[80];
  std::snprintf(text, sizeof text, "%s.%03d", date, static_cast<int>(stamp.nanoseconds / 1'000'000));
  return text;
}

std::string death_line(const Death& death) {
  std::string text = local_time(death.when) + "  " + death.ending + " after " + in_seconds(death.up) + " (pid " +
                     std::to_string(death.pid);
  if (death.cpu >= 0) text += ", " + in_seconds(death.cpu) + " of processor time";
  if (death.max_rss >= 0) text += ", at most " + in_size(death.max_rss);
  text += ")";
  if (!death.reason.empty()) text += ": " + death.reason;
  return printable(text) + "\n";
}

}  // namespace svdir::svctl
