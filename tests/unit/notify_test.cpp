#include "supervise/notify.h"

#include <catch2/catch.hpp>

using namespace svdir;
using namespace std::chrono_literals;

TEST_CASE("notify: each variable of the protocol is understood", "[notify]") {
  CHECK(parse_notification("READY=1").ready);
  CHECK(parse_notification("STOPPING=1").stopping);
  CHECK(parse_notification("RELOADING=1").reloading);
  CHECK(parse_notification("WATCHDOG=1").alive);
  CHECK(parse_notification("WATCHDOG=trigger").sick);
  CHECK(parse_notification("STATUS=3 of 4 done").status == "3 of 4 done");
  CHECK(parse_notification("MAINPID=4711").main_pid == 4711);
  CHECK(parse_notification("EXTEND_TIMEOUT_USEC=1500000").extend == Duration(1500ms));
  CHECK(parse_notification("WATCHDOG_USEC=20000000").watchdog == Duration(20s));
}

TEST_CASE("notify: a datagram may hold many lines, with or without a newline at the end", "[notify]") {
  for (const char* end : {"", "\n", "\n\n"}) {
    const Notification told = parse_notification(std::string("STATUS=up\nREADY=1\n\nMAINPID=12\nWATCHDOG=1") + end);
    CHECK(told.ready);
    CHECK(told.alive);
    CHECK(told.status == "up");
    CHECK(told.main_pid == 12);
    CHECK_FALSE(told.stopping);
    CHECK_FALSE(told.extend);
  }
}

TEST_CASE("notify: the last line about a thing counts", "[notify]") {
  CHECK(parse_notification("STATUS=a\nSTATUS=b").status == "b");
  CHECK_FALSE(parse_notification("READY=1\nREADY=0").ready);
}

TEST_CASE("notify: what is not understood is skipped, line by line", "[notify]") {
  const Notification told = parse_notification(
      "ready=1\nREADY =1\n READY=1\nREADY\n=1\n=\nFDSTORE=1\nBUSERROR=x\nMONOTONIC_USEC=5\nSTATUS=ok");
  CHECK_FALSE(told.ready);
  CHECK(told.status == "ok");
}

TEST_CASE("notify: values that make no sense are as good as none", "[notify]") {
  for (const char* value : {"", "0", "2", "11", "yes", "1 ", " 1"}) {
    CAPTURE(value);
    CHECK_FALSE(parse_notification(std::string("READY=") + value).ready);
    CHECK_FALSE(parse_notification(std::string("WATCHDOG=") + value).alive);
  }
  for (const char* value : {"", "0", "1", "-1", "-4711", "12x", "0x12", "99999999999", "+5", " 5"}) {
    CAPTURE(value);
    CHECK_FALSE(parse_notification(std::string("MAINPID=") + value).main_pid);
  }
  for (const char* value : {"", "0", "-1", "1s", "1.5", "infinity", "99999999999999999999", "18446744073709551615"}) {
    CAPTURE(value);
    CHECK_FALSE(parse_notification(std::string("EXTEND_TIMEOUT_USEC=") + value).extend);
    CHECK_FALSE(parse_notification(std::string("WATCHDOG_USEC=") + value).watchdog);
  }
}

TEST_CASE("notify: a status is one line of plain text, cut where it gets too long", "[notify]") {
  CHECK(parse_notification("STATUS=").status == "");
  CHECK(parse_notification("STATUS=a=b; c").status == "a=b; c");
  CHECK(parse_notification("STATUS=a\tb\x1b[31m\x7f").status == "a?b?[31m?");
  CHECK(parse_notification(std::string_view("STATUS=a\0b", 10)).status == "a?b");
  CHECK(parse_notification("STATUS=läuft").status == "läuft");
  const std::string longest(kLongestStatusText, 'x');
  CHECK(parse_notification("STATUS=" + longest + "yz").status == longest);
  // Never cut in the middle of a character.
  const std::string before(kLongestStatusText - 1, 'x');
  CHECK(parse_notification("STATUS=" + before + "\xc3\xa4").status == before);
  CHECK(parse_notification("STATUS=" + before + "\xe2\x82\xac").status == before);
  CHECK(parse_notification("STATUS=" + before + "y\xe2\x82\xac").status == before + "y");
}

TEST_CASE("notify: garbage and what is too long says nothing", "[notify]") {
  CHECK_FALSE(parse_notification("").ready);
  CHECK_FALSE(parse_notification("\n\n\n").ready);
  CHECK_FALSE(parse_notification(std::string(4000, '\0')).ready);
  CHECK(parse_notification("READY=1\n" + std::string(kLongestNotification - 8, 'x')).ready);
  CHECK_FALSE(parse_notification("READY=1\n" + std::string(kLongestNotification - 7, 'x')).ready);
  std::string bytes;
  for (int i = 0; i < 4096; ++i) bytes.push_back(static_cast<char>((i * 7919 + i / 256) & 0xff));
  const Notification told = parse_notification(bytes);
  CHECK_FALSE(told.ready);
  CHECK_FALSE(told.main_pid);
}
