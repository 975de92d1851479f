#include <signal.h>

#include <catch2/catch.hpp>
#include <random>

#include "lib/values.h"

using namespace svdir;
using namespace std::chrono_literals;

TEST_CASE("durations are a number and a unit, seconds without one") {
  Duration duration{};
  CHECK((parse_duration("500ms", duration) && duration == 500ms));
  CHECK((parse_duration("10s", duration) && duration == 10s));
  CHECK((parse_duration("5m", duration) && duration == 5min));
  CHECK((parse_duration("1h", duration) && duration == 1h));
  CHECK((parse_duration("1d", duration) && duration == 24h));
  CHECK((parse_duration("7", duration) && duration == 7s));
  CHECK((parse_duration("3652d", duration) && duration == 24h * 3652));
}

TEST_CASE("a duration may have a decimal fraction, as long as it is a whole number of milliseconds") {
  Duration duration{};
  CHECK((parse_duration("1.5s", duration) && duration == 1500ms));
  CHECK((parse_duration("0.25s", duration) && duration == 250ms));
  CHECK((parse_duration("0.5", duration) && duration == 500ms));
  CHECK((parse_duration("0.001", duration) && duration == 1ms));
  CHECK((parse_duration("1.0ms", duration) && duration == 1ms));
  CHECK((parse_duration("0.0", duration) && duration == 0ms));
  CHECK((parse_duration("1.50000000000000000000000000s", duration) && duration == 1500ms));
  CHECK((parse_duration("0.75m", duration) && duration == 45s));
  CHECK((parse_duration("1.5h", duration) && duration == 90min));
  CHECK((parse_duration("0.5d", duration) && duration == 12h));
  CHECK((parse_duration("0.0009765625d", duration) && duration == 84375ms));  // 2^-10, all of its digits
  CHECK((parse_duration("3651.9999d", duration) && duration == 24h * 3652 - 8640ms));
  CHECK((parse_duration("3652.0d", duration) && duration == 24h * 3652));
  for (const char* text :
       {"0.0005s", "0.1ms", "1.0001", "0.00048828125d", "0.00000000001d", "3652.0001d", "99999999999999999999.5",
        "1.99999999999999999999d", ".5s", "1.s", "1.", ".", "1.5.5s", "1. 5s", "1,5s", "1.-5s", "1.5e3s", "-0.5s"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text, duration));
  }
}

TEST_CASE("what is no duration, or longer than ten years, is refused") {
  Duration duration{};
  for (const char* text : {"", "s", "10 s", "-1s", "+1s", "1w", "3653d", "99999999999999999999", "10S", "1s1s"})
    CHECK_FALSE(parse_duration(text, duration));
}

TEST_CASE("a duration written is the duration read") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    const auto bound = std::uint64_t{1} << (random() % 38 + 1);
    const Duration duration = std::chrono::milliseconds(static_cast<std::int64_t>(random() % bound));
    Duration read{};
    INFO(format_duration(duration));
    REQUIRE(parse_duration(format_duration(duration), read));
    REQUIRE(read == duration);
  }
  for (const char* text : {"1.5s", "0.25s", "0.001", "0.75m", "0.0009765625d", "3651.9999d", "1.5d"}) {
    Duration duration{};
    Duration read{};
    INFO(text);
    REQUIRE(parse_duration(text, duration));
    REQUIRE(parse_duration(format_duration(duration), read));
    CHECK(read == duration);
  }
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(2h) == "2h");
  CHECK(format_duration(0s) == "0");
}

TEST_CASE("sizes are a number and k, m, g or t") {
  std::uint64_t size = 0;
  CHECK((parse_size("0", size) && size == 0));
  CHECK((parse_size("64k", size) && size == 65536));
  CHECK((parse_size("16M", size) && size == 16777216));
  CHECK((parse_size("1g", size) && size == 1073741824));
  CHECK((parse_size("9223372036854775807", size) && size == 9223372036854775807U));
  for (const char* text : {"", "k", "-1", "1kb", "9223372036854775808", "9999999999g", "1 k", "0x10"})
    CHECK_FALSE(parse_size(text, size));
}

TEST_CASE("a size written is the size read") {
  std::mt19937_64 random(4);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t size = random() >> (1 + random() % 60) << (random() % 8 == 0 ? 10 : 0);
    if (size > 9223372036854775807U) continue;
    std::uint64_t read = 0;
    INFO(format_size(size));
    REQUIRE(parse_size(format_size(size), read));
    REQUIRE(read == size);
  }
}

TEST_CASE("signals are named with or without SIG, numbered, or counted from the real-time ends") {
  CHECK(parse_signal("TERM") == SIGTERM);
  CHECK(parse_signal("SIGTERM") == SIGTERM);
  CHECK(parse_signal("sigterm") == SIGTERM);
  CHECK(parse_signal("15") == 15);
  CHECK(parse_signal("WINCH") == SIGWINCH);
  CHECK(parse_signal("RTMIN+2") == SIGRTMIN + 2);
  CHECK(parse_signal("RTMAX-1") == SIGRTMAX - 1);
  for (const char* text : {"", "0", "65", "-1", "SIG", "TREM", "RTMIN-1", "RTMIN+31", "RTMAX+1", "SIGSIGTERM", "TERM "})
    CHECK(parse_signal(text) == 0);
}

TEST_CASE("every signal's name is read as that signal") {
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    INFO(signal);
    CHECK(parse_signal(signal_name(signal)) == signal);
  }
  CHECK(signal_name(0) == "?");
}

TEST_CASE("numbers keep to their range and have nothing around them") {
  long long number = 0;
  CHECK((parse_number("-20", -20, 19, number) && number == -20));
  CHECK((parse_number("+5", -20, 19, number) && number == 5));
  CHECK_FALSE(parse_number("-21", -20, 19, number));
  CHECK_FALSE(parse_number("+5", 0, 19, number));
  CHECK_FALSE(parse_number("5x", 0, 19, number));
  CHECK_FALSE(parse_number("99999999999999999999999", 0, 19, number));
  unsigned octal = 0;
  CHECK((parse_octal("022", 0777, octal) && octal == 022));
  CHECK_FALSE(parse_octal("1777", 0777, octal));
  CHECK_FALSE(parse_octal("8", 0777, octal));
}

TEST_CASE("words are between blanks and commas") {
  CHECK(split_words(" a, b\tc,,d ") == std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(split_words(" , ").empty());
  CHECK(join({"a", "b"}, ", ") == "a, b");
}

TEST_CASE("the edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(edit_distance("restart", "restart") == 0);
  CHECK(edit_distance("restrat", "restart") == 1);
  CHECK(edit_distance("restrt", "restart") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance(std::string(41, 'a'), "a") > 1000);
}
