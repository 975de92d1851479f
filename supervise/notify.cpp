#include "supervise/notify.h"

#include <algorithm>
#include <charconv>

namespace svdir {
namespace {

template <class T>
bool number(std::string_view text, T& into) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failure == std::errc{} && end == text.data() + text.size();
}

std::optional<Duration> microseconds(std::string_view text) {
  constexpr long long kMost = 10LL * 365 * 86400 * 1'000'000;  // ten years: further away is a mistake
  long long value = 0;
  if (!number(text, value) || value <= 0 || value > kMost) return std::nullopt;
  return std::chrono::microseconds(value);
}

std::string clean(std::string_view text) {
  std::size_t length = std::min(text.size(), kLongestStatusText);
  // Not in the middle of an UTF-8 sequence, of which all bytes but the first begin with the bits 10.
  while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
  std::string cleaned(text.substr(0, length));
  for (char& c : cleaned)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return cleaned;
}

void take_line(std::string_view key, std::string_view value, Notification& into) {
  if (key == "READY")
    into.ready = value == "1";
  else if (key == "STOPPING")
    into.stopping = value == "1";
  else if (key == "RELOADING")
    into.reloading = value == "1";
  else if (key == "WATCHDOG" && value == "1")
    into.alive = true;
  else if (key == "WATCHDOG" && value == "trigger")
    into.sick = true;
  else if (key == "STATUS")
    into.status = clean(value);
  else if (key == "EXTEND_TIMEOUT_USEC")
    into.extend = microseconds(value);
  else if (key == "WATCHDOG_USEC")
    into.watchdog = microseconds(value);
  else if (pid_t pid = 0; key == "MAINPID" && number(value, pid) && pid > 1)
    into.main_pid = pid;
}

}  // namespace

Notification parse_notification(std::string_view datagram) {
  Notification notification;
  if (datagram.size() > kLongestNotification) return notification;
  while (!datagram.empty()) {
    const std::size_t end = datagram.find('\n');
    const std::string_view line = datagram.substr(0, end);
    datagram.remove_prefix(end == std::string_view::npos ? datagram.size() : end + 1);
    if (const std::size_t equals = line.find('='); equals != std::string_view::npos)
      take_line(line.substr(0, equals), line.substr(equals + 1), notification);
  }
  return notification;
}

}  // namespace svdir
