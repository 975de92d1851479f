#include "svlogd/stamp.h"

#include <time.h>

#include "svlogd/json.h"
#include "svlogd/schedule.h"

namespace svdir::svlogd {
namespace {

// `digits` decimal digits of `value`, with leading zeros.
char* put_number(char* to, long value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
  return to + digits;
}

// "2026-11-20T10:15:30.12345", with so many digits of the second's fraction.
char* put_civil(char* to, Stamp stamp, char between, int digits) {
  const time_t seconds = stamp.seconds;
  tm civil{};
  ::gmtime_r(&seconds, &civil);
  to = put_number(to, civil.tm_year + 1900, 4);
  *to++ = '-';
  to = put_number(to, civil.tm_mon + 1, 2);
  *to++ = '-';
  to = put_number(to, civil.tm_mday, 2);
  *to++ = between;
  to = put_number(to, civil.tm_hour, 2);
  *to++ = ':';
  to = put_number(to, civil.tm_min, 2);
  *to++ = ':';
  to = put_number(to, civil.tm_sec, 2);
  *to++ = '.';
  long fraction = stamp.nanoseconds;
  for (int i = digits; i < 9; ++i) fraction /= 10;
  return put_number(to, fraction, digits);
}

}  // namespace

StampMaker::StampMaker(const Options& options, const std::string& service)
    : kind_(options.stamp), format_(options.stamp_format), utc_(options.utc), json_(options.json) {
  if (!json_) return;
  after_time_ =
      "\",\"service\":\"" + escape_json(service) + "\",\"stream\":\"" + escape_json(options.stream) + "\",\"text\":\"";
}

void StampMaker::make(Stamp stamp, std::string& into) const {
  into.clear();
  if (is_silent()) return;
  if (json_) into = "{\"time\":\"";
  char text[32];
  if (kind_ == StampKind::format) {
    into += json_ ? escape_json(format_time(format_, stamp, utc_)) : format_time(format_, stamp, utc_);
  } else if (json_) {
    into.append(text, put_civil(text, stamp, 'T', 9)) += 'Z';  // RFC 3339
  } else if (kind_ == StampKind::tai64n) {
    write_tai64n_label(stamp, text);
    into.append(text, kTai64nLabelSize);
  } else {
    into.append(text, put_civil(text, stamp, kind_ == StampKind::space ? '_' : 'T', 5));
  }
  into += json_ ? std::string_view(after_time_) : std::string_view(" ");
}

}  // namespace svdir::svlogd
