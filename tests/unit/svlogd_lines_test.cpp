#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "svlogd/json.h"
#include "svlogd/lines.h"

using namespace svdir;
using namespace svdir::svlogd;

namespace {

constexpr std::size_t kBuffer = 8192;

struct Outcome {
  std::string text;
  std::vector<std::size_t> rotations;  // sizes of the files that were full
};

// Feeds `input` in pieces that end at `cuts`, keeping what is not consumed, as an output does.
Outcome feed(std::string_view input, const std::vector<std::size_t>& cuts, const LineRules& rules, Room room,
             std::string_view stamp) {
  Outcome outcome;
  LineState state;
  std::vector<char> buffer(kBuffer);
  std::size_t done = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const bool last = i == cuts.size();
    const std::size_t end = last ? input.size() : cuts[i];
    for (;;) {
      const Formatted made =
          format_lines(input.substr(done, end - done), last, state, rules, room, stamp, buffer.data(), buffer.size());
      outcome.text.append(made.bytes);
      room.size += made.bytes.size();
      done += made.consumed;
      state = made.state;
      if (made.stop == Stop::full) {
        REQUIRE(room.size > 0);
        outcome.rotations.push_back(room.size);
        room.size = 0;
      }
      if (made.stop == Stop::input) break;
    }
  }
  REQUIRE(done == input.size());
  return outcome;
}

Outcome feed(std::string_view input, const LineRules& rules, Room room = {}, std::string_view stamp = {}) {
  return feed(input, {}, rules, room, stamp);
}

std::string lines(int count, std::size_t length) {
  std::string text;
  for (int i = 0; i < count; ++i) text.append(std::string(length - 1, static_cast<char>('a' + i % 26))).append("\n");
  return text;
}

}  // namespace

TEST_CASE("without rules bytes pass as they are, and are not even copied") {
  const std::string input("a\0b\n\xff partial", 13);
  char buffer[kBuffer];
  const Formatted made = format_lines(input, false, {}, {}, {}, "", buffer, sizeof buffer);
  CHECK(made.bytes.data() == input.data());
  CHECK(made.bytes == input);
  CHECK(made.state.mid_line);
}

TEST_CASE("each line gets the stamp and the prefix once, however it arrives") {
  LineRules rules;
  rules.stamped = true;
  rules.prefix = "P:";
  CHECK(feed("one\n\ntwo\nthr", rules, {}, "@ ").text == "@ P:one\n@ P:\n@ P:two\n@ P:thr");
  CHECK(feed("one\ntwo\n", {1, 2, 3, 4, 5}, rules, {}, "@ ").text == "@ P:one\n@ P:two\n");
}

TEST_CASE("bytes that are not printable are replaced, newlines are not") {
  const ReplaceTable table = replace_table('_', "xy");
  LineRules rules;
  rules.replace = &table;
  CHECK(feed("a\tb\x7f\xc3x\nyz\n", rules).text == "a_b___\n_z\n");
}

TEST_CASE("patterns see the line as it will be written, without stamp and prefix") {
  const ReplaceTable table = replace_table('_', "");
  PatternList list(false);
  list.add(true, "a_b");
  LineRules rules;
  rules.replace = &table;
  rules.lines = &list;
  rules.prefix = "P";
  CHECK(feed("a\tb\na\tbc\n", rules).text == "Pa_b\n");
}

TEST_CASE("only the head of a line is matched, and the whole line goes out") {
  PatternList list(false);
  list.add(true, "abcd");
  LineRules rules;
  rules.lines = &list;
  rules.head = 4;
  const std::string longer = "abcd" + std::string(20000, 'x') + "\n";
  CHECK(feed("abc\nabcd\n" + longer + "xabcd\n", rules).text == "abcd\n" + longer);
}

TEST_CASE("a line that cannot be decided on yet waits, but not longer than its head") {
  PatternList list(false);
  list.add(true, "ab*");
  LineRules rules;
  rules.lines = &list;
  rules.head = 8;
  char buffer[kBuffer];
  Formatted made = format_lines("abcdefgh", false, {}, rules, {}, "", buffer, sizeof buffer);
  CHECK(made.consumed == 0);
  made = format_lines("abcdefghi", false, {}, rules, {}, "", buffer, sizeof buffer);
  CHECK(made.bytes == "abcdefghi");
  made = format_lines("abc", true, {}, rules, {}, "", buffer, sizeof buffer);
  CHECK(made.bytes == "abc");
}

TEST_CASE("outputs that send lines get one at a time, cut after the head") {
  LineRules rules;
  rules.one_line = rules.head_only = true;
  rules.head = 5;
  rules.prefix = "P:";
  char buffer[kBuffer];
  const Formatted made = format_lines("abcdefg\nhi\n", false, {}, rules, {}, "", buffer, sizeof buffer);
  CHECK(made.bytes == "P:abcde...\n");
  CHECK(made.stop == Stop::output);
  CHECK(made.consumed == 8);
  CHECK(feed("abcdefg\nhi\nabcde\nx", rules).text == "P:abcde...\nP:hi\nP:abcde\nP:x\n");
  CHECK(feed("abcdefghijklmn\nhi\n", {7, 9, 12}, rules, {}, "").text == "P:abcde...\nP:hi\n");
}

TEST_CASE("a file is rotated at the end of the line that brings it near its size") {
  const Outcome outcome = feed(lines(400, 19), {}, {0, 3000, 1000});
  CHECK(outcome.rotations == std::vector<std::size_t>{2014, 2014, 2014});
  LineRules rules;
  rules.stamped = true;
  const Outcome stamped = feed(lines(400, 19), rules, {0, 3000, 1000}, std::string(26, '@'));
  CHECK(stamped.rotations.front() == 2025);
}

TEST_CASE("a line that does not fit into the rest of a file is not cut but goes into the next") {
  CHECK(feed(lines(4, 1700), {}, {0, 3000, 1000}).rotations == std::vector<std::size_t>{1700, 1700, 1700});
  LineRules rules;
  rules.stamped = true;
  CHECK(feed(lines(3, 1700), rules, {0, 3000, 1000}, "@ ").rotations == std::vector<std::size_t>{1702, 1702});
}

TEST_CASE("a line that fits into no file is cut at the size") {
  const Outcome outcome = feed("ab\n" + lines(1, 5000), {}, {0, 2000, 100});
  CHECK(outcome.rotations == std::vector<std::size_t>{2000, 2000});
  CHECK(outcome.text == "ab\n" + lines(1, 5000));
}

TEST_CASE("a size within the slack rotates at the size alone") {
  CHECK(feed(lines(100, 20), {}, {0, 500, 1000}).rotations == std::vector<std::size_t>{500, 500, 500, 500});
}

TEST_CASE("random bytes cut at random places give what they give in one piece") {
  std::mt19937 random(20261120);
  const auto any = [&](std::size_t below) { return static_cast<std::size_t>(random() % below); };
  const ReplaceTable table = replace_table('.', "e");
  for (int round = 0; round < 600; ++round) {
    PatternList list(any(2) == 0);
    if (any(2) != 0) list.add(any(2) == 0, "a*");
    if (any(2) != 0) list.add(any(2) == 0, "+bc*");
    LineRules rules;
    rules.head = 1 + any(12);
    rules.stamped = any(2) != 0;
    if (any(2) != 0) rules.lines = &list;
    if (any(3) == 0) rules.replace = &table;
    if (any(3) == 0) rules.prefix = "pre ";
    if (any(4) == 0) rules.one_line = rules.head_only = true;
    rules.json = any(4) == 0;
    Room room;
    if (any(2) != 0) room = {0, 40 + any(400), any(60)};
    std::string input;
    const std::size_t size = any(3000);
    for (std::size_t i = 0; i < size; ++i) input += any(10) == 0 ? '\n' : "abce\0\xff \xc3\xa9\""[any(10)];
    std::vector<std::size_t> cuts;
    for (std::size_t at = any(50); at < size; at += any(1 + any(200))) cuts.push_back(at);
    const Outcome whole = feed(input, {}, rules, room, "STAMP ");
    const Outcome pieces = feed(input, cuts, rules, room, "STAMP ");
    INFO("round " << round);
    REQUIRE(whole.text == pieces.text);
    if (room.is_limited() && !rules.one_line && !rules.json)
      for (const std::size_t file : pieces.rotations) REQUIRE(file <= room.limit);
  }
}

TEST_CASE("JSON strings hold any bytes") {
  CHECK(escape_json("a\"b\\c\td\x01") == "a\\\"b\\\\c\\td\\u0001");
  CHECK(escape_json("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") == "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(escape_json("\xff\xc3x\xed\xa0\x80") == "\\ufffd\\ufffdx\\ufffd\\ufffd\\ufffd");
  CHECK(escape_json("\xc0\xaf\xe2\x82") == "\\ufffd\\ufffd\\ufffd\\ufffd");
  CHECK(escaped_size("\xff\"") == 8);
  CHECK(whole_characters("ab\xe2\x82") == 2);
  CHECK(whole_characters("ab\xe2\x82\xac") == 5);
  CHECK(whole_characters("ab\x82\x82\x82\x82") == 6);
}

TEST_CASE("with JSON each line is an object, also the last one without an end") {
  LineRules rules;
  rules.stamped = rules.json = true;
  rules.prefix = "p\"";
  CHECK(feed("one\n\"two\nthr", rules, {}, "{\"text\":\"").text ==
        "{\"text\":\"p\\\"one\"}\n{\"text\":\"p\\\"\\\"two\"}\n{\"text\":\"p\\\"thr\"}\n");
}

TEST_CASE("a rotation does not cut a JSON object") {
  LineRules rules;
  rules.stamped = rules.json = true;
  const Outcome outcome = feed(lines(30, 70), rules, {0, 300, 50}, "{\"text\":\"");
  for (const std::size_t size : outcome.rotations) CHECK(size % 81 == 0);
  CHECK(outcome.rotations.size() == 9);
}
