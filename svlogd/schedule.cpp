#include "svlogd/schedule.h"

#include <time.h>

#include <chrono>

namespace svdir::svlogd {
namespace {

constexpr std::int64_t kDay = 86400;

std::int64_t whole_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

// %N and %1N…%9N replaced by digits; everything else is left to strftime.
std::string put_nanoseconds(const std::string& format, std::int32_t nanoseconds) {
  std::string digits = std::to_string(1'000'000'000 + static_cast<std::int64_t>(nanoseconds)).substr(1);
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::string_view rest = std::string_view(format).substr(i);
    if (rest.starts_with("%N")) {
      text += digits;
      i += 1;
    } else if (rest.size() > 2 && rest[0] == '%' && rest[1] >= '1' && rest[1] <= '9' && rest[2] == 'N') {
      text.append(digits, 0, static_cast<std::size_t>(rest[1] - '0'));
      i += 2;
    } else if (rest.starts_with("%%")) {
      text += "%%";
      i += 1;
    } else {
      text += format[i];
    }
  }
  return text;
}

}  // namespace

bool is_period(Duration every) {
  const std::int64_t seconds = whole_seconds(every);
  if (seconds <= 0 || every != std::chrono::seconds(seconds)) return false;
  return kDay % seconds == 0 || seconds % kDay == 0;
}

Stamp next_boundary(Stamp now, Duration every) {
  const std::int64_t period = whole_seconds(every);
  const time_t moment = now.seconds;
  tm local{};
  ::localtime_r(&moment, &local);
  if (period < kDay) {
    // Counted from midnight by the local clock, so that a zone half an hour off has its own full hours.
    const std::int64_t clock = (local.tm_hour * 60 + local.tm_min) * 60 + local.tm_sec;
    return {now.seconds + period - clock % period, 0};
  }
  // Days are counted from a Monday; mktime(3) knows how long each is.
  const std::int64_t days = period / kDay;
  const std::int64_t day = (now.seconds + local.tm_gmtoff) / kDay + 3;  // 1970-01-01 was a Thursday
  local.tm_mday += static_cast<int>(days - day % days);
  local.tm_hour = local.tm_min = local.tm_sec = 0;
  local.tm_isdst = -1;
  return {::mktime(&local), 0};
}

std::string format_time(const std::string& format, Stamp stamp, bool utc) {
  const time_t moment = stamp.seconds;
  tm civil{};
  if (utc)
    ::gmtime_r(&moment, &civil);
  else
    ::localtime_r(&moment, &civil);
  char text[kLongestTime + 1];
  const std::string plain = put_nanoseconds(format, stamp.nanoseconds);
  return {text, ::strftime(text, sizeof text, plain.c_str(), &civil)};
}

bool is_name_format(const std::string& format) {
  constexpr Stamp kSome{1700000000, 0};
  const std::string name = format_time(format, kSome, false);
  if (name.empty() || name[0] == '.' || name[0] == '@' || name.find('/') != std::string::npos) return false;
  return parse_time(format, name).has_value();
}

std::optional<Stamp> parse_time(const std::string& format, const std::string& name) {
  tm civil{};
  civil.tm_mday = 1;
  civil.tm_isdst = -1;
  const char* const end = ::strptime(name.c_str(), format.c_str(), &civil);
  if (end == nullptr || *end != '\0') return {};
  civil.tm_isdst = -1;
  return Stamp{::mktime(&civil), 0};
}

}  // namespace svdir::svlogd
