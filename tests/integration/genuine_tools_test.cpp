// The genuine tools of Debian's runit and daemontools packages drive our supervise; our svctl drives a genuine runsv.
#include <catch2/catch.hpp>
#include <regex>

#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

bool matches(const std::string& text, const std::string& pattern) {
  return std::regex_match(text, std::regex(pattern));
}

std::string number(pid_t pid) {
  return std::to_string(pid);
}

// A service under our supervise, called "s".
struct OurSupervise {
  TempDir dir;
  ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  Supervised supervised{service};
  pid_t first = service.wait_for_new_pid();

  Ran sv(std::vector<std::string> arguments) const { return genuine_tool("sv", std::move(arguments)); }
  Ran svc(const std::string& options) const { return genuine_tool("svc", {options, service.path()}); }
  std::string svstat() const { return genuine_tool("svstat", {service.path()}).output; }
  int svok() const { return genuine_tool("svok", {service.path()}).code; }
  Ran genuine_tool(const std::string& name, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), genuine(name));
    return tool(dir.path(), std::move(arguments));
  }
};

}  // namespace

TEST_CASE("the genuine sv shows, stops, starts and restarts a service of ours", "[genuine]") {
  const OurSupervise our;
  CHECK(matches(our.sv({"status", "s"}).output, "run: s: \\(pid " + number(our.first) + "\\) \\d+s\n"));
  const Ran stopped = our.sv({"stop", "s"});
  CHECK(stopped.code == 0);
  CHECK(matches(stopped.output, "ok: down: s: \\d+s, normally up\n"));
  CHECK_FALSE(is_alive(our.first));
  const Ran started = our.sv({"start", "s"});
  CHECK(started.code == 0);
  const pid_t second = our.service.wait_for_new_pid(our.first);
  CHECK(matches(started.output, "ok: run: s: \\(pid " + number(second) + "\\) \\d+s\n"));
  CHECK(our.sv({"force-restart", "s"}).code == 0);
  CHECK(our.service.wait_for_new_pid(second) != second);
  const Ran down = our.sv({"-v", "down", "s"});
  CHECK(down.code == 0);
  CHECK(matches(down.output, "ok: down: s: \\d+s, normally up\n"));
}

TEST_CASE("the genuine sv shows the logger beside the service", "[genuine]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").log_run("exec cat");
  const Supervised supervised(service);
  const pid_t pid = service.wait_for_new_pid();
  const pid_t logger = ServiceDir(service.path(), "log").wait_for_new_pid();
  CHECK(matches(tool(dir.path(), {genuine("sv"), "status", "s"}).output,
                "run: s: \\(pid " + number(pid) + "\\) \\d+s; run: log: \\(pid " + number(logger) + "\\) \\d+s\n"));
  CHECK(matches(tool(dir.path(), {genuine("sv"), "status", "s/log"}).output,
                "run: s/log: \\(pid " + number(logger) + "\\) \\d+s\n"));
}

TEST_CASE("the genuine sv sends every signal", "[genuine]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run(
      "for s in HUP INT QUIT USR1 USR2 ALRM TERM; do trap \"echo $s >> seen\" $s; done\n"
      "echo up >> seen\n"
      "while :; do sleep 0.01; done");
  const Supervised supervised(service);
  WAIT_UNTIL(read_file(service / "seen") == "up\n");
  for (const auto& [command, signal] : {std::pair{"hup", "HUP"},
                                        {"alarm", "ALRM"},
                                        {"interrupt", "INT"},
                                        {"quit", "QUIT"},
                                        {"1", "USR1"},
                                        {"2", "USR2"},
                                        {"term", "TERM"}}) {
    CAPTURE(command);
    CHECK(tool(dir.path(), {genuine("sv"), command, "s"}).code == 0);
    WAIT_UNTIL(read_file(service / "seen").find(signal) != std::string::npos);
  }
  CHECK(tool(dir.path(), {genuine("sv"), "pause", "s"}).code == 0);
  WAIT_UNTIL(service.stat() == "run, paused, got TERM");
  CHECK(tool(dir.path(), {genuine("sv"), "cont", "s"}).code == 0);
  WAIT_UNTIL(service.stat() == "run, got TERM");
  const pid_t pid = service.pid();
  CHECK(tool(dir.path(), {genuine("sv"), "kill", "s"}).code == 0);
  service.wait_for_new_pid(pid);
}

TEST_CASE("the genuine sv ends our supervise: shutdown waits for the end", "[genuine]") {
  OurSupervise our;
  const Ran ended = our.sv({"-v", "shutdown", "s"});
  CAPTURE(ended.output);
  CHECK(ended.code == 0);
  CHECK(our.supervised.process().wait() == 0);
  CHECK_FALSE(is_alive(our.first));
  CHECK(our.sv({"status", "s"}).output == "fail: s: runsv not running\n");
}

TEST_CASE("the genuine sv runs ./check of a service of ours and believes it", "[genuine]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").check("exit 1");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  CHECK(tool(dir.path(), {genuine("sv"), "-w", "1", "check", "s"}).code == 1);
  write_script(service / "check", "exit 0");
  CHECK(tool(dir.path(), {genuine("sv"), "check", "s"}).code == 0);
}

TEST_CASE("the genuine svc and svstat drive a service of ours", "[genuine]") {
  const OurSupervise our;
  CHECK(matches(our.svstat(), ".*/s: up \\(pid " + number(our.first) + "\\) \\d+ seconds\n"));
  CHECK(our.svc("-d").code == 0);
  WAIT_UNTIL(matches(our.svstat(), ".*/s: down \\d+ seconds, normally up\n"));
  CHECK(our.svc("-u").code == 0);
  const pid_t second = our.service.wait_for_new_pid(our.first);
  CHECK(our.svc("-t").code == 0);
  const pid_t third = our.service.wait_for_new_pid(second);
  CHECK(our.svc("-p").code == 0);
  WAIT_UNTIL(matches(our.svstat(), ".*/s: up \\(pid " + number(third) + "\\) \\d+ seconds, paused\n"));
  CHECK(our.svc("-c").code == 0);
  WAIT_UNTIL(matches(our.svstat(), ".*/s: up \\(pid " + number(third) + "\\) \\d+ seconds\n"));
  CHECK(our.svc("-k").code == 0);
  our.service.wait_for_new_pid(third);
}

TEST_CASE("the genuine svc -dx stops a service of ours and ends its supervise", "[genuine]") {
  OurSupervise our;
  CHECK(our.svok() == 0);
  CHECK(our.svc("-dx").code == 0);
  CHECK(our.supervised.process().wait() == 0);
  CHECK_FALSE(is_alive(our.first));
  CHECK(our.svok() == 100);
}

TEST_CASE("the genuine svc -ox lets a service of ours run to its end, then supervise leaves", "[genuine]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("while [ ! -e may-end ]; do sleep 0.01; done; touch ended");
  Supervised supervised(service);
  const pid_t pid = service.wait_for_new_pid();
  CHECK(tool(dir.path(), {genuine("svc"), "-ox", service.path()}).code == 0);
  WAIT_UNTIL(service.state().leaving);
  CHECK(is_alive(pid));
  write_file(service / "may-end", "");
  CHECK(supervised.process().wait() == 0);
  CHECK(exists(service / "ended"));
}

TEST_CASE("our svctl drives a genuine runsv", "[genuine]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").log_run("exec cat");
  Supervised::Options options;
  options.program = genuine("runsv");
  const Supervised supervised(service, options);
  const pid_t first = service.wait_for_new_pid();
  ServiceDir(service.path(), "log").wait_for_new_pid();

  const Ran status = svctl(dir.path(), {"status", "s"});
  CAPTURE(status.output, status.errors);
  CHECK(status.code == 0);
  CHECK(status.output.find(number(first)) != std::string::npos);

  REQUIRE(svctl(dir.path(), {"restart", "s"}).code == 0);
  const pid_t second = service.wait_for_new_pid(first);
  REQUIRE(svctl(dir.path(), {"stop", "s"}).code == 0);
  CHECK_FALSE(is_alive(second));
  CHECK(svctl(dir.path(), {"status", "s"}).code == 3);
  REQUIRE(svctl(dir.path(), {"start", "*"}).code == 0);
  const pid_t third = service.wait_for_new_pid(second);
  REQUIRE(svctl(dir.path(), {"kill", "s"}).code == 0);
  service.wait_for_new_pid(third);
}

TEST_CASE("under the names of runit's and daemontools' tools, ours say and return the same", "[genuine]") {
  const TempDir dir;
  const ServiceDir up = ServiceDir(dir, "up").run("exec sleep 1000").log_run("exec cat");
  const ServiceDir down = ServiceDir(dir, "down").run("exec sleep 1000").down();
  ServiceDir(dir, "never").run("exec sleep 1000");
  const Supervised first(up);
  const Supervised second(down);
  up.wait_for_new_pid();
  ServiceDir(up.path(), "log").wait_for_new_pid();

  const std::vector<std::pair<std::string, std::vector<std::string>>> calls{
      {"sv", {"status", "up", "down", "never", "nothing"}},
      {"sv", {"s", dir / "up"}},
      {"sv", {"check", "up"}},
      {"sv", {"-w", "1", "check", "nothing"}},
      {"sv", {"bogus", "up"}},
      {"sv", {"status"}},
      {"sv", {}},
      {"sv", {"-v", "up", "up"}},
      {"sv", {"start", "up", "never"}},
      {"sv", {"stop", "down"}},
      {"sv", {"exit", "nothing"}},
      {"svstat", {dir / "up", dir / "down", dir / "never", dir / "nothing"}},
      {"svok", {dir / "up"}},
      {"svok", {dir / "never"}},
      {"svok", {dir / "nothing"}},
      {"svc", {"-u", dir / "up", dir / "never"}},
      {"svc", {"-y", dir / "up"}},
  };
  // Seconds pass between the two; the usage text names a version or a path.
  const auto normal = [](std::string text) {
    text = std::regex_replace(text, std::regex(": \\d+s|\\) \\d+s|\\d+ seconds"), " N s");
    return std::regex_replace(text, std::regex("^usage: [^]*|[^ \n]*/bin/"), "");
  };
  for (const auto& [name, arguments] : calls) {
    std::vector<std::string> theirs{genuine(name)};
    std::vector<std::string> ours{alias(dir, name, "svctl")};
    theirs.insert(theirs.end(), arguments.begin(), arguments.end());
    ours.insert(ours.end(), arguments.begin(), arguments.end());
    const Ran expected = tool(dir.path(), theirs);
    const Ran actual = tool(dir.path(), ours);
    CAPTURE(name, arguments, actual.errors, expected.errors);
    CHECK(normal(actual.output) == normal(expected.output));
    CHECK(actual.code == expected.code);
    CHECK(actual.errors.empty() == expected.errors.empty());
  }
}
