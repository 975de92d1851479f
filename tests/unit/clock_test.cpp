#include "lib/clock.h"

#include <catch2/catch.hpp>
#include <limits>
#include <random>

using namespace svdir;

namespace {
std::string label(Stamp stamp) {
  std::string text(kTai64nLabelSize, ' ');
  write_tai64n_label(stamp, text.data());
  return text;
}
}  // namespace

TEST_CASE("a TAI64N label is the one that runit and daemontools write for the same moment", "[clock]") {
  // Seconds 0 of the Unix epoch is 2^62 + 10; the other was taken from a status file of runit.
  CHECK(label({0, 0}) == "@400000000000000a00000000");
  CHECK(label({0x6afff54d - 10, 0x24b076b4}) == "@400000006afff54d24b076b4");
}

TEST_CASE("a TAI64N label reads back as the stamp it was made from", "[clock]") {
  std::minstd_rand random(1);
  for (int i = 0; i < 10'000; ++i) {
    const Stamp stamp{static_cast<std::int64_t>(random()) * 4 - 1'000'000,
                      static_cast<std::int32_t>(random() % 1'000'000'000)};
    Stamp back;
    REQUIRE(read_tai64n_label(label(stamp) + " and the line", back));
    REQUIRE(back == stamp);
    REQUIRE(unpack_tai64n(pack_tai64n(stamp).data()) == stamp);
  }
}

TEST_CASE("what is no TAI64N label is not read as one", "[clock]") {
  Stamp stamp{1, 2};
  CHECK_FALSE(read_tai64n_label("", stamp));
  CHECK_FALSE(read_tai64n_label("@", stamp));
  CHECK_FALSE(read_tai64n_label("@400000006afff54d24b076b", stamp));
  CHECK_FALSE(read_tai64n_label("400000006afff54d24b076b4 ", stamp));
  CHECK_FALSE(read_tai64n_label("@40000000zafff54d24b076b4", stamp));
  CHECK(stamp == Stamp{1, 2});
}

TEST_CASE("the monotonic clock never goes back, and both clocks are set", "[clock]") {
  const Instant first = monotonic_now();
  CHECK(first.is_set());
  CHECK(monotonic_now() >= first);
  CHECK(wall_now().seconds > 1'600'000'000);
  CHECK_FALSE(Instant{}.is_set());
  CHECK_FALSE(Stamp{}.is_set());
}

TEST_CASE("instants and durations add up", "[clock]") {
  const Instant at{5'000};
  CHECK((at + Duration(10)).nanoseconds == 5'010);
  CHECK((at - Duration(10)).nanoseconds == 4'990);
  CHECK((Instant{5'010} - at) == Duration(10));
}
