#include <signal.h>

#include <catch2/catch.hpp>

#include "lib/settings.h"

using namespace svdir;
using namespace std::chrono_literals;

namespace {

Settings parsed(std::string_view text, SettingsSource source = SettingsSource::conf) {
  Settings settings;
  const auto result = parse_settings(text, "conf", source, settings);
  INFO((result ? std::string() : result.error().message()));
  REQUIRE(result);
  return settings;
}

std::string error_of(std::string_view text, SettingsSource source = SettingsSource::conf) {
  Settings settings;
  const auto result = parse_settings(text, source == SettingsSource::run_head ? "run" : "conf", source, settings);
  REQUIRE_FALSE(result);
  return result.error().message();
}

}  // namespace

TEST_CASE("an empty conf is the defaults") {
  CHECK(parsed("") == Settings{});
  CHECK(parsed("\n\n# a comment\n; another\n   \n") == Settings{});
}

TEST_CASE("the standard ladder is TERM, half a minute, KILL") {
  const Settings settings;
  REQUIRE(settings.ladder().size() == 2);
  CHECK(settings.ladder()[0] == Rung{SIGTERM, 30s});
  CHECK(settings.ladder()[1] == Rung{SIGKILL, 0s});
}

TEST_CASE("signals without a wait between them follow at once, the end is waited for at the last") {
  CHECK(parsed("stop = TERM INT 0 HUP").stop == std::vector<Rung>{{SIGTERM, 1ms}, {SIGINT, 1ms}, {SIGHUP, 0s}});
}

TEST_CASE("each key fills its value") {
  const Settings settings = parsed(
      "restart = on-failure\n"
      "success-codes = 0 3, 75\n"
      "restart-delay=250ms\n"
      "  restart-delay-max = 1m\n"
      "start-time = 0\n"
      "start-limit = 5\n"
      "stop = INT 10s TERM 5s KILL\n"
      "stop-group = yes\n"
      "leftovers = leave\n"
      "finish-timeout = 1m\n"
      "ready = fd:4\n"
      "ready-timeout = 20s\n"
      "check-interval = 10s\n"
      "check-timeout = 2s\n"
      "check-failures = 2\n"
      "depends = db, cache\n"
      "after = net\n"
      "depends-restart = yes\n"
      "essential = true\n"
      "instances = 4\n"
      "control-group = operators\n"
      "status-readers = all\n"
      "log = ./log/main, syslog\n"
      "stderr = ./log/errors\n"
      "user = www-data\n"
      "groups = www-data ssl-cert\n"
      "limit-nofile = 1024:4096\n"
      "nice = -5\n");
  CHECK(settings.restart == Restart::on_failure);
  CHECK(settings.is_success(75));
  CHECK_FALSE(settings.is_success(1));
  CHECK(settings.restart_delay == 250ms);
  CHECK(settings.restart_delay_max == 1min);
  CHECK(settings.start_time == 0s);
  CHECK(settings.start_limit == 5);
  CHECK(settings.stop == std::vector<Rung>{{SIGINT, 10s}, {SIGTERM, 5s}, {SIGKILL, 0s}});
  CHECK(settings.stop_group);
  CHECK(settings.leftovers == Leftovers::leave);
  CHECK(settings.finish_timeout == 1min);
  CHECK(settings.ready == Ready::fd);
  CHECK(settings.ready_fd == 4);
  CHECK(settings.ready_timeout == 20s);
  CHECK(settings.check_interval == 10s);
  CHECK(settings.check_timeout == 2s);
  CHECK(settings.check_failures == 2);
  CHECK(settings.depends == std::vector<std::string>{"db", "cache"});
  CHECK(settings.after == std::vector<std::string>{"net"});
  CHECK(settings.depends_restart);
  CHECK(settings.essential);
  CHECK(settings.instances == 4);
  CHECK(settings.control_group == "operators");
  CHECK(settings.status_readers == Readers::all);
  CHECK(settings.log == std::vector<std::string>{"./log/main", "syslog"});
  CHECK(settings.stderr_to == StderrTo::target);
  CHECK(settings.stderr_target == "./log/errors");
  CHECK(settings.attribute("user") == "www-data");
  CHECK(settings.svrun == std::vector<std::string>{"--nice=-5", "--limit-nofile=1024:4096",
                                                   "--groups=www-data ssl-cert", "--user=www-data"});
}

TEST_CASE("settings in the head of run stand behind #:, until the first line that is no comment") {
  const Settings settings = parsed(
      "#!/bin/sh\n"
      "# restart = never is not meant\n"
      "#: restart-delay = 2s\n"
      "\n"
      "#:start-limit=3\n"
      "exec true\n"
      "#: start-limit = 9\n",
      SettingsSource::run_head);
  CHECK(settings.restart_delay == 2s);
  CHECK(settings.start_limit == 3);
}

TEST_CASE("a later source wins, an empty value is the default") {
  Settings settings = parsed("nice = 5\nrestart = never\numask = 027\n");
  REQUIRE(parse_settings("nice = 7\nrestart =\numask=\n", "conf", SettingsSource::conf, settings));
  CHECK(settings.restart == Restart::always);
  CHECK(settings.svrun == std::vector<std::string>{"--nice=7"});
}

TEST_CASE("a comment may follow a value behind a blank and a semicolon") {
  CHECK(parsed("start-limit = 3 ; give up early").start_limit == 3);
}

TEST_CASE("line ends of other systems and a byte order mark do no harm") {
  CHECK(parsed("\xEF\xBB\xBFstart-limit = 3\r\nrestart = never\r\n").restart == Restart::never);
}

TEST_CASE("a typo is answered with the nearest key") {
  CHECK(error_of("\n\nrestrat = never\n") == "conf:3: unknown setting `restrat`; did you mean `restart`?");
  CHECK(error_of("limit-nofiles = 5") == "conf:1: unknown setting `limit-nofiles`; did you mean `limit-nofile`?");
  CHECK(error_of("restart_delay = 5") == "conf:1: unknown setting `restart_delay`; did you mean `restart-delay`?");
  CHECK(error_of("xyzzyplugh = 5") == "conf:1: unknown setting `xyzzyplugh`");
}

TEST_CASE("a bad value is answered with what is wanted") {
  CHECK(error_of("restart = sometimes") ==
        "conf:1: restart = `sometimes`: always, on-failure, on-crash or never is wanted");
  CHECK(error_of("#!/bin/sh\n#: start-limit = many\n", SettingsSource::run_head) ==
        "run:2: start-limit = `many`: a number is wanted");
  CHECK(error_of("start-time = soon") == "conf:1: start-time = `soon`: a duration such as 10s, 500ms or 5m is wanted");
  CHECK(error_of("finish-timeout = 0.001s") ==
        "conf:1: finish-timeout = `0.001s`: a duration of at least 10ms, such as 10s, 500ms or 5m, is wanted");
  for (const char* text : {"stop = TERM 10s",
                           "stop = 10s KILL",
                           "stop = TERM 5s 5s KILL",
                           "stop = TREM",
                           "stop = ,",
                           "restart-delay = 1.0005s",
                           "restart-delay = 1.5.5s",
                           "stop = 1 2 3 4 5 6 7 8 9",
                           "success-codes = 256",
                           "success-codes = -1",
                           "ready = fd:2",
                           "ready = fd:",
                           "ready = fd:2000",
                           "ready = yes",
                           "restart-delay = 0",
                           "restart-delay = -1s",
                           "check-failures = 0",
                           "instances = 1001",
                           "depends = a/b",
                           "depends = .hidden",
                           "log = main",
                           "stderr = sylog",
                           "status-readers = everyone",
                           "essential = maybe",
                           "nice = 20",
                           "umask = 888",
                           "oom-score = 1001",
                           "io-class = idle:3",
                           "io-class = fast",
                           "cpu-affinity = 3-1",
                           "cpu-affinity = 5000",
                           "limit-nofile = 10:5",
                           "limit-nofile = 64k",
                           "limit-core = lots",
                           "limit-cpu = 500ms",
                           "user = a b",
                           "user = :",
                           "user = a::b",
                           "parent-death-signal = BOOM",
                           "cgroup = ../up",
                           "no-new-privs = 2",
                           "control-group = a b"}) {
    INFO(text);
    const std::string error = error_of(text);
    CHECK(error.starts_with("conf:1: "));
    CHECK(error.ends_with(" is wanted"));
  }
}

TEST_CASE("of a stop ladder the very fault is named") {
  const auto fault_of = [](const std::string& value) {
    const std::string error = error_of("stop = " + value);
    const std::string begin = "conf:1: stop = `" + value + "`: ";
    const std::string end =
        "; a row of signals, each with the wait before the next, such as TERM 10s INT 5s KILL, is wanted";
    CHECK(error.starts_with(begin));
    CHECK(error.ends_with(end));
    return error.substr(begin.size(), error.size() - begin.size() - end.size());
  };
  CHECK(fault_of("QUIT 1s") == "the wait `1s` comes last, with no signal after it");
  CHECK(fault_of("INT KILL 5s") == "the wait `5s` comes last, with no signal after it");
  CHECK(fault_of("5s TERM") == "the wait `5s` comes first, with no signal before it");
  CHECK(fault_of("TERM 5s 6s KILL") == "the wait `6s` follows another one");
  CHECK(fault_of("TREM 5s KILL") == "`TREM` is no signal");
  CHECK(fault_of("TERM 5q KILL") == "`5q` is no duration");
  CHECK(fault_of("HUP INT HUP INT HUP INT HUP INT HUP") == "there are more than 8 signals");
}

TEST_CASE("a number without a unit keeps its meaning, whatever fractions durations may have") {
  CHECK(parsed("limit-rttime = 1.5s").attribute("limit-rttime") == "1.5s");
  CHECK(error_of("limit-rttime = 1.5").starts_with("conf:1: limit-rttime = `1.5`: a duration"));  // microseconds
  CHECK(error_of("limit-cpu = 1.5s").starts_with("conf:1: limit-cpu = `1.5s`: a duration"));      // whole seconds
}

TEST_CASE("fractions come out of the summary as they went in") {
  const Settings settings = parsed("stop = TERM 1.5s KILL\nrestart-delay = 0.25s\nstart-time = 0.5m\n");
  CHECK(summary(settings) == "restart-delay=250ms;start-time=30s;stop=TERM 1500ms KILL");
  CHECK(parsed(format_settings(settings)) == settings);
}

TEST_CASE("what is no setting is an error with its line") {
  CHECK(error_of("start-limit = 3\n[service]\n") == "conf:2: settings have no sections: `[service]`");
  CHECK(error_of("start-limit = 3\n\nhello\n") == "conf:3: not a setting: `hello`; a line is `key = value`");
  CHECK(error_of("= 3\n") == "conf:1: unknown setting ``");
  CHECK(error_of(std::string_view("nice = 3\0\n", 10)) ==
        "conf:1: control character in the line; settings are plain text");
  CHECK(error_of("nice = " + std::string(2000, '1') + "\n") == "conf:1: line longer than 2000 bytes");
  CHECK(error_of("\x7f"
                 "ELF\x02\x01\x01") == "conf:1: control character in the line; settings are plain text");
  CHECK(error_of("trust = any") == "conf:1: trust may stand in .defaults only");
  CHECK(parsed("trust = any", SettingsSource::defaults).trust_any);
}

TEST_CASE("a line of the greatest length is read") {
  std::string line = "depends =";
  while (line.size() + 6 < kLongestSettingLine) line += " abcde";
  CHECK(parsed(line + "\nstart-limit = 2\n").start_limit == 2);
}

TEST_CASE("an option of svrun that is no setting cannot be smuggled in") {
  CHECK(error_of("ids-first = no").starts_with("conf:1: unknown setting `ids-first`"));
  CHECK(error_of("env-dir = /etc").starts_with("conf:1: unknown setting `env-dir`"));
}

TEST_CASE("the summary shows what differs from the defaults") {
  CHECK(summary(Settings{}).empty());
  CHECK(summary(parsed("stop = INT\nrestart = always\nuser = www\n")) == "stop=INT;user=www");
}
