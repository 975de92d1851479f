#include <catch2/catch.hpp>

#include "svlogd/config.h"
#include "svlogd/options.h"
#include "svlogd/rotate.h"
#include "svlogd/stamp.h"

using namespace svdir;
using namespace svdir::svlogd;

namespace {

OutputConfig parse(std::string_view text) {
  OutputConfig config;
  parse_config(text, config);
  return config;
}

std::expected<Options, std::string> options(std::vector<const char*> words) {
  words.insert(words.begin(), "svlogd");
  return parse_options(static_cast<int>(words.size()), words.data());
}

}  // namespace

TEST_CASE("an empty config is runit's default") {
  const OutputConfig config = parse("");
  CHECK(config.size == 1'000'000);
  CHECK(config.keep == 10);
  CHECK(config.keep_when_full == 10);
  CHECK(config.age == Duration{});
  CHECK(config.hup_rotates);
  CHECK(config.lines.selects_all());
  CHECK(config.alerts.selects_none());
}

TEST_CASE("every line of a runit config is understood") {
  const OutputConfig config = parse(
      "# comment\n\ns16k\nn50\nN5\nt2h\n!gzip -9\npnode1: \nu10.1.2.3:5140\n-*\n+*err*\ne*fatal*\nE*not fatal*\n");
  CHECK(config.complaints.empty());
  CHECK(config.size == 16 * 1024);
  CHECK(config.keep == 50);
  CHECK(config.keep_when_full == 5);
  CHECK(config.age == std::chrono::hours(2));
  CHECK(config.processor == "gzip -9");
  CHECK(config.prefix == "node1: ");
  CHECK(config.udp.host == "10.1.2.3");
  CHECK(config.udp.port == 5140);
  CHECK_FALSE(config.udp_only);
  CHECK_FALSE(config.lines.selects("x"));
  CHECK(config.lines.selects("err"));
  CHECK(config.alerts.selects("fatal"));
  CHECK_FALSE(config.alerts.selects("not fatal"));
  CHECK(parse("U127.0.0.1").udp_only);
  CHECK(parse("U127.0.0.1").udp.port == 514);
  CHECK(parse("s3m\n").size == 3 * 1024 * 1024);
  CHECK(parse("s1000").size == 1000);
}

TEST_CASE("a line that makes no sense is named with its number, and the others hold") {
  const OutputConfig config = parse("sabc\nn5\nzap\nu1.2.3\nt9999999999d\ns99999999999999999999\n");
  REQUIRE(config.complaints.size() == 5);
  CHECK(config.complaints[0] == "line 1: bad number of bytes: sabc");
  CHECK(config.complaints[1] == "line 3: unknown line: zap");
  CHECK(config.keep == 5);
  CHECK(config.size == 1'000'000);
  CHECK(config.udp.host.empty());
}

TEST_CASE("hup reload restores what HUP means to runit") {
  CHECK_FALSE(parse("hup reload").hup_rotates);
  CHECK(parse("hup reload\nhup rotate\n").hup_rotates);
  CHECK(parse("hup never").complaints.size() == 1);
}

TEST_CASE("the options of runit's svlogd") {
  const auto parsed = options({"-ttv", "-r", "c", "-Rxyz", "-l", "20", "-b50", "a", "b"});
  REQUIRE(parsed);
  CHECK(parsed->stamp == StampKind::space);
  CHECK(parsed->verbose);
  CHECK(parsed->replaces);
  CHECK(parsed->replacement == 'c');
  CHECK(parsed->replaced == "xyz");
  CHECK(parsed->head == 20);
  REQUIRE(parsed->targets.size() == 2);
  CHECK(parsed->targets[1].text == "b");
  CHECK(options({"-tttt", "a"})->stamp == StampKind::letter_t);
  CHECK(options({"-l", "0", "a"})->head == 1000);
}

TEST_CASE("lines given with -c belong to the target after them") {
  const auto parsed = options({"-c", "s5", "-c", "n3", "a", "-c-*", "b", "c"});
  REQUIRE(parsed);
  CHECK(parsed->targets[0].config == "s5\nn3\n");
  CHECK(parsed->targets[1].config == "-*\n");
  CHECK(parsed->targets[2].config.empty());
}

TEST_CASE("a wrong command line is refused") {
  CHECK_FALSE(options({}));
  CHECK_FALSE(options({"-t"}));
  CHECK_FALSE(options({"-x", "a"}));
  CHECK_FALSE(options({"-r", "ab", "a"}));
  CHECK_FALSE(options({"-b", "10", "a"}));
  CHECK_FALSE(options({"-l", "2000", "a"}));
  CHECK_FALSE(options({"-r"}));
}

TEST_CASE("stamps look as runit's do") {
  const Stamp stamp{1700000000, 123456789};
  CHECK(StampText(StampKind::none, stamp) == std::string_view());
  CHECK(StampText(StampKind::tai64n, stamp) == std::string_view("@400000006553f10a075bcd15 "));
  CHECK(StampText(StampKind::space, stamp) == std::string_view("2023-11-14_22:13:20.12345 "));
  CHECK(StampText(StampKind::letter_t, stamp) == std::string_view("2023-11-14T22:13:20.12345 "));
}

TEST_CASE("old files are known by their names") {
  const std::string name = old_file_name({1700000000, 5}, 'u');
  CHECK(name == "@400000006553f10a00000005.u");
  REQUIRE(parse_old_file(name));
  CHECK(parse_old_file(name)->kind == 'u');
  CHECK(parse_old_file(name)->with_kind('s') == "@400000006553f10a00000005.s");
  CHECK_FALSE(parse_old_file("@400000006553f10a00000005.x"));
  CHECK_FALSE(parse_old_file("@400000006553f10a0000000.s"));
  CHECK_FALSE(parse_old_file("current"));
  CHECK_FALSE(parse_old_file("@400000006553f10aG0000005.s"));
}

TEST_CASE("the oldest files go, but never the one that is being processed") {
  std::vector<OldFile> files;
  for (int i = 5; i >= 1; --i) files.push_back(*parse_old_file(old_file_name({1000 + i, 0}, i == 1 ? 'u' : 's')));
  files.push_back(*parse_old_file(old_file_name({1, 0}, 't')));
  CHECK(files_to_delete(files, 5, "").empty());
  CHECK(files_to_delete(files, 3, "") == std::vector{old_file_name({1001, 0}, 'u'), old_file_name({1002, 0}, 's')});
  CHECK(files_to_delete(files, 3, old_file_name({1001, 0}, 'u')) ==
        std::vector{old_file_name({1002, 0}, 's'), old_file_name({1003, 0}, 's')});
}

TEST_CASE("names go up even when the clock is set back") {
  CHECK(next_name_stamp({100, 5}, {99, 0}) == Stamp{100, 5});
  CHECK(next_name_stamp({100, 5}, {200, 7}) == Stamp{200, 8});
  CHECK(next_name_stamp({100, 5}, {200, 999'999'999}) == Stamp{201, 0});
}
