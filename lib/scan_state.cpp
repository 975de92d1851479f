#include "lib/scan_state.h"

#include <charconv>

namespace svdir {
namespace {

constexpr std::string_view kFirst = "svscan=1\n";
constexpr std::string_view kLast = "\nend=1\n";

void put(std::string& text, std::string_view key, std::string_view value) {
  text.append(key).append("=");
  for (const char c : value) text.push_back(c == '\n' || c == '\0' ? ' ' : c);
  text.push_back('\n');
}
void put(std::string& text, std::string_view key, long long value) {
  put(text, key, std::to_string(value));
}
void put(std::string& text, std::string_view key, Stamp stamp) {
  put(text, key, std::to_string(stamp.seconds) + " " + std::to_string(stamp.nanoseconds));
}

void take(std::string_view value, std::string& into) {
  into = value;
}
void take(std::string_view value, bool& into) {
  into = value == "1";
}
template <class T>
  requires std::is_integral_v<T>
void take(std::string_view value, T& into) {
  T number{};
  if (std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc{}) into = number;
}
void take(std::string_view value, Stamp& into) {
  const std::size_t blank = value.find(' ');
  if (blank == std::string_view::npos) return;
  take(value.substr(0, blank), into.seconds);
  take(value.substr(blank + 1), into.nanoseconds);
}

// The one list of fields, for writing and for reading.
template <class State, class Visit>
void each_field(State& state, Visit visit) {
  visit("pid", state.pid);
  visit("since", state.since);
  visit("version", state.version);
  visit("directory", state.directory);
  visit("stopping", state.stopping);
  visit("services", state.services);
  visit("running", state.running);
  visit("held", state.held);
  visit("pending", state.pending);
  visit("delayed", state.delayed);
  visit("left-alone", state.left_alone);
  visit("restarts", state.restarts);
}

}  // namespace

std::string pack(const ScanState& state) {
  std::string text(kFirst);
  each_field(state, [&](std::string_view key, const auto& value) { put(text, key, value); });
  return text.append(kLast.substr(1));
}

bool unpack(std::string_view text, ScanState& into) {
  while (text.ends_with("\n\n")) text.remove_suffix(1);  // see write_atomically
  if (!text.starts_with(kFirst) || !text.ends_with(kLast)) return false;
  ScanState state;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    each_field(state, [&](std::string_view key, auto& value) {
      if (line.substr(0, equals) == key) take(line.substr(equals + 1), value);
    });
  }
  into = std::move(state);
  return true;
}

}  // namespace svdir
