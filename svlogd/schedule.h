// Times of the wall clock as people write them: the next full hour, names of files, formats. Pure but for the time
// zone of the process ($TZ or /etc/localtime).
#pragma once

#include <optional>
#include <string>

#include "lib/clock.h"

namespace svdir::svlogd {

// True for times that divide a day without rest, and for whole days.
bool is_period(Duration every);

// The first multiple of `every` after `now`, by the local clock: hours begin at the full hour, days at midnight
// (also where a day has 23 or 25 hours), weeks on Monday.
Stamp next_boundary(Stamp now, Duration every);

// strftime(3) in local time or UTC, with %N for nanoseconds and %3N, %6N for milliseconds and microseconds. Empty when
// the result is longer than kLongestTime.
inline constexpr std::size_t kLongestTime = 100;
std::string format_time(const std::string& format, Stamp stamp, bool utc);

// A format for file names: what it makes begins with neither '.' nor '@', has no '/', and strptime(3) understands it.
bool is_name_format(const std::string& format);
// The moment that a name made by `format` in local time stands for; none if it was not made by it.
std::optional<Stamp> parse_time(const std::string& format, const std::string& name);

}  // namespace svdir::svlogd
