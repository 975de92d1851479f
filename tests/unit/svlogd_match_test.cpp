#include <catch2/catch.hpp>

#include "svlogd/match.h"

using svdir::svlogd::matches;
using svdir::svlogd::PatternList;

TEST_CASE("a pattern without stars and pluses matches itself, and nothing longer or shorter") {
  CHECK(matches("abc", "abc"));
  CHECK_FALSE(matches("abc", "ab"));
  CHECK_FALSE(matches("abc", "abcd"));
  CHECK(matches("", ""));
  CHECK_FALSE(matches("", "a"));
}

TEST_CASE("a star matches up to the first of the byte after it, and is never tried again") {
  CHECK(matches("*", ""));
  CHECK(matches("*", "anything"));
  CHECK(matches("a*b", "ab"));
  CHECK(matches("a*b", "axxb"));
  CHECK_FALSE(matches("a*b", "axbb"));
  const char line[] = "tcpsvd: info: pid 1977 from 10.4.1.14";
  CHECK_FALSE(matches("*pid*", line));
  CHECK(matches("*: *: pid *", line));
}

TEST_CASE("a star before a star goes on at the next literal star, as in runit") {
  CHECK(matches("x**y", "x*y"));
  CHECK_FALSE(matches("x**y", "xay"));
}

TEST_CASE("a plus matches the byte after it, once or more") {
  CHECK(matches("a+b", "ab"));
  CHECK(matches("a+bc", "abbbc"));
  CHECK(matches("+a", "aaa"));
  CHECK_FALSE(matches("+a", ""));
  CHECK_FALSE(matches("+a", "b"));
  CHECK_FALSE(matches("a+", "a"));
  CHECK(matches("+ab", "aa"));  // a peculiarity of runit that people's patterns may rest on
}

TEST_CASE("patterns see any byte") {
  CHECK(matches(std::string_view("a*\0b", 4), std::string_view("axx\0b", 5)));
  CHECK(matches("\xff*", "\xff\xfe"));
}

TEST_CASE("the last rule that matches decides") {
  PatternList list(true);
  CHECK(list.selects("x"));
  CHECK(list.selects_all());
  list.add(false, "*");
  list.add(true, "*: error: *");
  list.add(false, "*: error: old*");
  CHECK_FALSE(list.selects_all());
  CHECK_FALSE(list.selects("hello"));
  CHECK(list.selects("a: error: b"));
  CHECK_FALSE(list.selects("a: error: old"));
  CHECK(PatternList(false).selects_none());
}
