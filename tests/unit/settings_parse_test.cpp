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
        "conf:1: restart = `sometimes`: wanted is always, on-failure, on-crash or never");
  CHECK(error_of("#!/bin/sh\n#: start-limit = many\n", SettingsSource::run_head) ==
        "run:2: start-limit = `many`: wanted is number");
  for (const char* text : {"stop = TERM 10s",
                           "stop = 10s KILL",
                           "stop = TERM 5s 5s KILL",
                           "stop = TREM",
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
    CHECK(error.find(": wanted is ") != std::string::npos);
  }
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
