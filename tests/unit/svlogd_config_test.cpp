#include <catch2/catch.hpp>

#include "svlogd/config.h"
#include "svlogd/options.h"
#include "svlogd/rotate.h"
#include "svlogd/schedule.h"
#include "svlogd/stamp.h"
#include "svlogd/syslog_message.h"

using namespace svdir;
using namespace svdir::svlogd;

namespace {

OutputConfig parse(std::string_view text) {
  OutputConfig config;
  parse_config(text, config);
  return config;
}

std::string tai(svdir::Stamp stamp, char kind) {
  return old_file_name("", stamp, 0, kind);
}

std::expected<Options, Refusal> options(std::vector<const char*> words) {
  words.insert(words.begin(), "svlogd");
  return parse_options(static_cast<int>(words.size()), words.data());
}

}  // namespace

TEST_CASE("-b must be greater than -l, as for runit's svlogd, and what is the default is told") {
  CHECK(options({"-l", "1023", "a"})->head == 1023);
  CHECK(options({"-l", "1024", "a"}).error().text ==
        "-b must be greater than -l, but -b is 1024 by default and -l is 1024");
  CHECK(options({"-b", "1001", "a"})->buffer == 1001);
  CHECK(options({"-b", "1000", "a"}).error().text ==
        "-b must be greater than -l, but -b is 1000 and -l is 1000 by default");
  CHECK(options({"-b", "0", "a"})->buffer == 1024);
  CHECK(options({"-l", "70000", "-b", "80000", "a"})->head == 65536);
  CHECK(options({"-j", "-l", "70000", "-b", "80000", "a"})->head == 32768);
  CHECK_FALSE(options({"-l", "70000", "-b", "70000", "a"}));
}

TEST_CASE("an empty config is runit's default") {
  const OutputConfig config = parse("");
  CHECK(config.size == 1'000'000);
  CHECK(config.keep == 10);
  CHECK(config.floor_when_full() == std::nullopt);
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
  CHECK(config.floor_when_full() == 5);
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
  CHECK(options({"-x", "a"}).error().text == "illegal option -- x");
  CHECK(options({"-x", "a"}).error().shows_usage);  // as runit's
  CHECK(options({}).error().text.empty());
  CHECK_FALSE(options({"-r", "ab", "a"}).error().shows_usage);
  CHECK(options({"-l", "many", "a"}).error().text == "-l needs a number of bytes, not `many`");
}

TEST_CASE("stamps look as runit's do") {
  const auto stamp = [](const Options& given) {
    std::string text = "what was there before";
    StampMaker(given, "my \"service\"").make({1700000000, 123456789}, text);
    return text;
  };
  CHECK(stamp({}).empty());
  CHECK(stamp({.stamp = StampKind::tai64n}) == "@400000006553f10a075bcd15 ");
  CHECK(stamp({.stamp = StampKind::space}) == "2023-11-14_22:13:20.12345 ");
  CHECK(stamp({.stamp = StampKind::letter_t}) == "2023-11-14T22:13:20.12345 ");
  CHECK(stamp({.stamp = StampKind::format, .stamp_format = "%H:%M:%S.%3N %%N", .utc = true}) == "22:13:20.123 %N ");
  CHECK(stamp({.json = true}) ==
        "{\"time\":\"2023-11-14T22:13:20.123456789Z\",\"service\":\"my "
        "\\\"service\\\"\",\"stream\":\"stdout\",\"text\":\"");
}

TEST_CASE("old files are known by their names") {
  const std::string name = tai({1700000000, 5}, 'u');
  CHECK(name == "@400000006553f10a00000005.u");
  REQUIRE(parse_old_file("", name));
  CHECK(parse_old_file("", name)->kind == 'u');
  CHECK(with_kind(name, 's') == "@400000006553f10a00000005.s");
  CHECK_FALSE(parse_old_file("", "@400000006553f10a00000005.x"));
  CHECK_FALSE(parse_old_file("", "@400000006553f10a0000000.s"));
  CHECK_FALSE(parse_old_file("", "current"));
  CHECK_FALSE(parse_old_file("", "@400000006553f10aG0000005.s"));
}

TEST_CASE("the oldest files go, but never the one that is being processed") {
  std::vector<OldFile> files;
  for (int i = 5; i >= 1; --i) files.push_back(*parse_old_file("", tai({1000 + i, 0}, i == 1 ? 'u' : 's')));
  files.push_back(*parse_old_file("", tai({1, 0}, 't')));
  CHECK(files_to_delete(files, 5, "").empty());
  CHECK(files_to_delete(files, 3, "") == std::vector{tai({1001, 0}, 'u'), tai({1002, 0}, 's')});
  CHECK(files_to_delete(files, 3, tai({1001, 0}, 'u')) == std::vector{tai({1002, 0}, 's'), tai({1003, 0}, 's')});
}

TEST_CASE("names go up even when the clock is set back") {
  CHECK(next_name_stamp({100, 5}, {99, 0}) == Stamp{100, 5});
  CHECK(next_name_stamp({100, 5}, {200, 7}) == Stamp{200, 8});
  CHECK(next_name_stamp({100, 5}, {200, 999'999'999}) == Stamp{201, 0});
}

TEST_CASE("full disks: what may be deleted") {
  CHECK_FALSE(parse("").floor_when_full());
  CHECK(parse("n50").floor_when_full() == 10);
  CHECK(parse("N2").floor_when_full() == 2);
  CHECK_FALSE(parse("N10\nn10").floor_when_full());
  CHECK(parse("full delete").floor_when_full() == 0);
  CHECK(parse("n0\nN3\nfull delete").floor_when_full() == 3);
  CHECK(parse("full drop").when_full == WhenFull::drop);
  CHECK(parse("full drop").complaints.empty());
  CHECK(parse("full never").complaints.size() == 1);
}

TEST_CASE("lines that begin with a word") {
  const OutputConfig config = parse("every 15m\nnames %Y%m%d.%H%M%S\ntotal 64m\npriority local3.err\nevery  day \n");
  CHECK(config.complaints.empty());
  CHECK(config.every == std::chrono::hours(24));
  CHECK(config.names == "%Y%m%d.%H%M%S");
  CHECK(config.total == 64 * 1024 * 1024);
  CHECK(config.priority == 19 * 8 + 3);
  CHECK(parse("every 7m").complaints.size() == 1);
  CHECK(parse("names x/%Y").complaints.size() == 1);
  CHECK(parse("names .%Y").complaints.size() == 1);
  CHECK(parse("names %Y%m%d").complaints.empty());
  CHECK(parse("every1h").complaints.empty());  // an `e` pattern, as in runit
  CHECK(parse("total x").complaints[0] == "line 1: bad number of bytes: total x");
}

TEST_CASE("names made by a format are understood, with a number where several have the same") {
  const std::string format = "%Y%m%d.%H%M%S";
  const std::string name = old_file_name(format, {1700000000, 0}, 0, 's');
  const auto file = parse_old_file(format, name);
  REQUIRE(file);
  CHECK(file->stamp == svdir::Stamp{1700000000, 0});
  CHECK(parse_old_file(format, old_file_name(format, {1700000000, 0}, 12, 'u'))->number == 12);
  CHECK_FALSE(parse_old_file(format, "notes.s"));
  CHECK_FALSE(parse_old_file(format, "20261120.101010~.s"));
  CHECK(parse_old_file(format, tai({5, 5}, 's')));
}

TEST_CASE("a total is kept by deleting the oldest") {
  std::vector<SizedFile> files;
  for (int i = 1; i <= 4; ++i) files.push_back({*parse_old_file("", tai({i, 0}, 's')), 100});
  CHECK(files_over_total(files, 400, "").empty());
  CHECK(files_over_total(files, 250, "") == std::vector{tai({1, 0}, 's'), tai({2, 0}, 's')});
  CHECK(files_over_total(files, 250, tai({1, 0}, 's')) == std::vector{tai({2, 0}, 's'), tai({3, 0}, 's')});
  CHECK(files_over_total(files, 0, "").size() == 4);
}

TEST_CASE("periods begin where the clock's do") {
  const char* const before = ::getenv("TZ");
  const std::string kept = before != nullptr ? before : "";
  const auto in = [](const char* zone, svdir::Stamp now, svdir::Duration every) {
    ::setenv("TZ", zone, 1);
    ::tzset();
    return next_boundary(now, every).seconds;
  };
  using namespace std::chrono_literals;
  CHECK(in("UTC", {1700000000, 5}, 1h) == 1700002800);
  CHECK(in("UTC", {1700002800, 0}, 1h) == 1700006400);
  CHECK(in("UTC", {1700000000, 0}, 24h) == 1700006400);
  CHECK(in("IST-5:30", {1700000000, 0}, 1h) == 1700001000);
  CHECK(in("UTC", {1700000000, 0}, 168h) == 1700438400);  // a Tuesday; Monday 2023-11-20
  // 2023-11-05 had 25 hours in New York.
  CHECK(in("EST5EDT,M3.2.0,M11.1.0", {1699160400, 0}, 24h) == 1699246800);
  CHECK(is_period(15min));
  CHECK(is_period(48h));
  CHECK_FALSE(is_period(7min));
  CHECK_FALSE(is_period(0s));
  CHECK_FALSE(is_period(36h));
  if (before != nullptr)
    ::setenv("TZ", kept.c_str(), 1);
  else
    ::unsetenv("TZ");
  ::tzset();
}

TEST_CASE("targets other than directories") {
  const auto parsed = options({"stdout", "stderr", "null", "syslog", "syslog:udp:10.0.0.1:5140", "./syslog", "log"});
  REQUIRE(parsed);
  const TargetKind kinds[] = {TargetKind::standard_output, TargetKind::standard_error, TargetKind::null,
                              TargetKind::syslog,          TargetKind::syslog,         TargetKind::directory,
                              TargetKind::directory};
  for (std::size_t i = 0; i < std::size(kinds); ++i) CHECK(parsed->targets[i].kind() == kinds[i]);
  CHECK_FALSE(options({"syslog:what"}));
  CHECK_FALSE(options({"syslog:udp:"}));
  CHECK_FALSE(options({"syslog:udp:h:99999"}));
  CHECK_FALSE(options({"-T", "", "log"}));
  CHECK(options({"-jU", "-T%T", "-n", "web", "-s", "stderr", "log"})->service == "web");
}

TEST_CASE("syslog servers and messages") {
  CHECK(parse_syslog("syslog")->host == "/dev/log");
  CHECK(parse_syslog("syslog:/run/log")->host == "/run/log");
  CHECK(parse_syslog("syslog:tcp:logs")->port == 514);
  CHECK(parse_syslog("syslog:tcp:[::1]:601")->host == "::1");
  CHECK(parse_syslog("syslog:tcp:[::1]:601")->port == 601);
  CHECK_FALSE(parse_syslog("syslog:tcp:[::1"));
  const SyslogSender sender{30, "my host", "web"};
  const svdir::Stamp stamp{1700000000, 123456789};
  CHECK(make_message(sender, SyslogWay::udp, stamp, "a line") ==
        "<30>1 2023-11-14T22:13:20.123456Z my_host web - - - a line");
  CHECK(make_message(sender, SyslogWay::tcp, stamp, "x") == "53 <30>1 2023-11-14T22:13:20.123456Z my_host web - - - x");
  const std::string local = make_message(sender, SyslogWay::local, stamp, "x");
  CHECK(local.starts_with("<30>Nov 1"));
  CHECK(local.ends_with(" web: x"));
}
