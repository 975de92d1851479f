#include "lib/log_tail.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

using namespace svdir;
using namespace svdir::test;

namespace {

std::string stamped(int second, std::string_view text) {
  char label[kTai64nLabelSize];
  write_tai64n_label({second, 0}, label);
  return std::string(label, sizeof label) + " " + std::string(text) + "\n";
}

std::string old_name(int second, std::string_view kind = "s") {
  char label[kTai64nLabelSize];
  write_tai64n_label({second, 0}, label);
  return std::string(label, sizeof label) + "." + std::string(kind);
}

struct Log {
  TempDir dir;
  void append(std::string_view text) { std::ofstream(dir / "current", std::ios::app) << text; }
  void rotate(int second, std::string_view kind = "s") {
    std::filesystem::rename(dir / "current", dir / old_name(second, kind));
    append("");
  }
  LogTail open() { return LogTail::open(dir.path()).value(); }
};

}  // namespace

TEST_CASE("stamps of all three kinds are read") {
  Stamp stamp;
  REQUIRE(read_line_stamp("@400000006553f10a075bcd15 x", stamp));
  CHECK(stamp == Stamp{1700000000, 123456789});
  REQUIRE(read_line_stamp("2023-11-14_22:13:20.12345 x", stamp));
  CHECK(stamp == Stamp{1700000000, 123450000});
  REQUIRE(read_line_stamp("2023-11-14T22:13:20.12345 x", stamp));
  CHECK_FALSE(read_line_stamp("2023-11-14 hello", stamp));
  CHECK_FALSE(read_line_stamp("", stamp));
}

TEST_CASE("the last lines are found across old files") {
  Log log;
  log.append("a\nb\n");
  log.rotate(1);
  log.append("c\nd");
  log.rotate(2, "u");
  log.append("e\nf\ng");
  LogTail tail = log.open();
  CHECK(tail.last(0)->empty());
  CHECK(*tail.last(1) == "f\n");
  CHECK(*tail.last(2) == "de\nf\n");
  CHECK(*tail.last(4) == "b\nc\nde\nf\n");
  CHECK(*tail.last(100) == "a\nb\nc\nde\nf\n");
  CHECK(tail.unfinished() == "g");
}

TEST_CASE("lines longer than what is read at once are whole") {
  Log log;
  const std::string line(200'000, 'x');
  log.append("first\n" + line + "\nlast\n");
  LogTail tail = log.open();
  CHECK(*tail.last(2) == line + "\nlast\n");
  CHECK(*tail.last(3) == "first\n" + line + "\nlast\n");
}

TEST_CASE("following gives each line once, across any number of rotations") {
  Log log;
  log.append("a\nb");
  LogTail tail = log.open();
  CHECK(*tail.last(10) == "a\n");
  CHECK(tail.more()->empty());
  log.append("c\nd");
  CHECK(*tail.more() == "bc\n");
  log.append("e\n");
  log.rotate(1);
  log.append("f\n");
  log.rotate(2);
  log.rotate(3);
  log.append("g\nh");
  CHECK(*tail.more() == "de\nf\ng\n");
  log.append("\n");
  log.rotate(4, "u");
  std::filesystem::rename(log.dir / old_name(4, "u"), log.dir / old_name(4, "s"));
  CHECK(*tail.more() == "h\n");
  log.append("i\n");
  CHECK(*tail.more() == "i\n");
  CHECK(tail.more()->empty());
}

TEST_CASE("following goes on after somebody has truncated the file") {
  Log log;
  log.append("a long first line\n");
  LogTail tail = log.open();
  CHECK(*tail.last(1) == "a long first line\n");
  std::filesystem::resize_file(log.dir / "current", 0);
  log.append("b\n");
  CHECK(*tail.more() == "b\n");
}

TEST_CASE("lines since a moment are found by file names and stamps") {
  Log log;
  for (int i = 0; i < 5000; ++i) log.append(stamped(1000 + i, "one"));
  log.rotate(6000);
  for (int i = 0; i < 5000; ++i) log.append(stamped(6000 + i, "two"));
  log.append("no stamp\n");
  LogTail tail = log.open();
  CHECK(*tail.since({10998, 0}) == stamped(10998, "two") + stamped(10999, "two") + "no stamp\n");
  const auto both = tail.since({5999, 0});
  REQUIRE(both);
  CHECK(both->starts_with(stamped(5999, "one") + stamped(6000, "two")));
  CHECK(both->size() == stamped(0, "one").size() * 5001 + 9);
  CHECK(tail.since({0, 0})->size() == stamped(0, "one").size() * 10000 + 9);
  CHECK(tail.since({20000, 0})->find("two") == std::string::npos);
  CHECK(tail.more()->empty());
}

TEST_CASE("of lines without stamps those of newer files are given") {
  Log log;
  log.append("a\n");
  log.rotate(1000);
  log.append("b\n");
  log.rotate(2000);
  log.append("c\n");
  LogTail tail = log.open();
  CHECK(*tail.since({1500, 0}) == "b\nc\n");
  CHECK(*tail.since({500, 0}) == "a\nb\nc\n");
}

TEST_CASE("a compressed file ends the way back") {
  Log log;
  log.append("a\n");
  log.rotate(1);
  log.append("\x1f\x8b compressed\n");
  log.rotate(2);
  log.append("c\n");
  LogTail tail = log.open();
  CHECK(*tail.last(10) == "c\n");
}

TEST_CASE("a directory without a log is an error that says so") {
  TempDir dir;
  const auto tail = LogTail::open(dir.path());
  REQUIRE_FALSE(tail);
  CHECK(tail.error().text() == "unable to open " + dir.path() + "/current: No such file or directory");
}

TEST_CASE("readable names are followed in their order, with their numbers") {
  Log log;
  const auto rotate = [&](const std::string& name) {
    std::filesystem::rename(log.dir / "current", log.dir / name);
    log.append("");
  };
  log.append("a\n");
  rotate("20261119.s");
  for (int i = 1; i <= 11; ++i) {
    log.append("b" + std::to_string(i) + "\n");
    rotate(i == 1 ? "20261120.s" : "20261120~" + std::to_string(i - 1) + ".s");
  }
  log.append("c\n");
  LogTail tail = log.open();
  CHECK(*tail.last(4) == "b9\nb10\nb11\nc\n");
  CHECK(tail.last(100)->starts_with("a\nb1\nb2\nb3\n"));
  log.append("d\n");
  rotate("20261120~11.u");
  log.append("e\n");
  CHECK(*tail.more() == "d\ne\n");
}
