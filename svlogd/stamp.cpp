#include "svlogd/stamp.h"

#include <time.h>

namespace svdir::svlogd {
namespace {

// `digits` decimal digits of `value`, with leading zeros.
char* put_number(char* to, long value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
  return to + digits;
}

char* put_civil(char* to, Stamp stamp, char between) {
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
  return put_number(to, stamp.nanoseconds / 10'000, 5);
}

}  // namespace

StampText::StampText(StampKind kind, Stamp stamp) {
  if (kind == StampKind::none) return;
  char* end = text_.data();
  if (kind == StampKind::tai64n) {
    write_tai64n_label(stamp, end);
    end += kTai64nLabelSize;
  } else {
    end = put_civil(end, stamp, kind == StampKind::space ? '_' : 'T');
  }
  *end++ = ' ';
  length_ = static_cast<std::size_t>(end - text_.data());
}

}  // namespace svdir::svlogd
