// Loggers that nobody has written a script for: `log`, `stderr`, `log-stamp` and `log-format` in conf.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/log_status.h"
#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// A service that says what it is told through the FIFO `say`: "out TEXT" on its standard output, "err TEXT" on its
// standard error.
ServiceDir echoing(const std::string& parent, std::string_view name) {
  ServiceDir service(parent, name);
  REQUIRE(::mkfifo((service / "say").c_str(), 0600) == 0);
  service.run(
      "exec 3<> say\n"
      "while read where text <&3; do if [ $where = err ]; then echo \"$text\" >&2; else echo \"$text\"; fi; done");
  return service;
}

void say(const ServiceDir& service, const std::string& text) {
  REQUIRE(run(Launch{.argv = {"sh", "-c", "echo \"$TEXT\" > say"},
                     .directory = service.path(),
                     .environment = {{"TEXT", text}}})
              .code == 0);
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

pid_t logger_pid(const ServiceDir& service) {
  StateRecord record;
  return unpack(read_file(service / "log/supervise/state"), record) ? record.main.pid : 0;
}

}  // namespace

TEST_CASE("log = ./DIR: supervise runs svlogd itself, and takes it over from a predecessor that was killed",
          "[log-settings]") {
  const TempDir dir;
  const ServiceDir service = echoing(dir.path(), "web").conf("log = ./log/main\n");
  const Scanning scanning(dir.path());
  const pid_t run = service.wait_for_new_pid();
  say(service, "out first");
  say(service, "err second");
  WAIT_UNTIL(read_file(service / "log/main/current") == "first\nsecond\n");

  const pid_t logger = logger_pid(service);
  const pid_t killed = service.state().supervisor.pid;
  REQUIRE(killed > 0);
  ::kill(killed, SIGKILL);
  say(service, "out third");
  WAIT_UNTIL(read_file(service / "log/main/current") == "first\nsecond\nthird\n");
  WAIT_UNTIL(service.state().supervisor.pid != killed);
  CHECK(service.state().main.pid == run);
  CHECK(logger_pid(service) == logger);

  // And a logger that is killed comes back on the same pipe.
  ::kill(logger, SIGKILL);
  say(service, "out fourth");
  WAIT_UNTIL(read_file(service / "log/main/current") == "first\nsecond\nthird\nfourth\n");
  CHECK(logger_pid(service) != logger);
  CHECK(service.state().main.pid == run);
}

TEST_CASE("stderr: with the output, beside it, or to a log of its own", "[log-settings]") {
  struct Row {
    const char* stderr_setting;
    const char* out;
    const char* err;
  };
  const Row row = GENERATE(values<Row>({{"merge", "one\ntwo\n", ""},
                                        {"inherit", "one\n", ""},
                                        {"./log/errors", "one\n", "two\n"},
                                        {"null", "one\n", ""}}));
  const TempDir dir;
  const ServiceDir service =
      echoing(dir.path(), "web").conf(std::string("log = ./log/main\nstderr = ") + row.stderr_setting + "\n");
  INFO(row.stderr_setting);
  Supervised supervised(service);
  service.wait_for_new_pid();
  say(service, "out one");
  WAIT_UNTIL(has(read_file(service / "log/main/current"), "one\n"));
  say(service, "err two");
  if (*row.err != '\0') {
    WAIT_UNTIL(read_file(service / "log/errors/current") == row.err);
    CHECK(exists(service / "log/stderr/supervise/state"));
  }
  WAIT_UNTIL(read_file(service / "log/main/current") == row.out);
  if (row.stderr_setting == std::string_view("inherit"))
    WAIT_UNTIL(has(supervised.process().errors(), "two\n"));
  else
    CHECK_FALSE(has(supervised.process().errors(), "two"));
}

TEST_CASE("several targets, each with its own filter, and a stamp before each line", "[log-settings]") {
  const TempDir dir;
  const ServiceDir service = echoing(dir.path(), "web")
                                 .file("log/all/config", "s10000\n")
                                 .file("log/bad/config", "-*\n+error*\n")
                                 .conf("log = ./log/all, ./log/bad\nlog-stamp = utc\n");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  say(service, "out all is well");
  say(service, "out error 7");
  WAIT_UNTIL(has(read_file(service / "log/all/current"), " error 7\n"));
  WAIT_UNTIL(has(read_file(service / "log/bad/current"), " error 7\n"));
  const std::string all = read_file(service / "log/all/current");
  CHECK(std::ranges::count(all, '\n') == 2);
  CHECK(has(all, " all is well\n"));
  CHECK(all.substr(0, 2) == "20");  // 2026-11-20_10:15:30.12345
  CHECK(all.substr(10, 1) == "_");
  CHECK_FALSE(has(read_file(service / "log/bad/current"), "well"));
}

TEST_CASE("log-format = json: the lines carry the service's name, whatever its directory is called", "[log-settings]") {
  const TempDir dir;
  const ServiceDir service =
      echoing(dir.path(), "elsewhere").conf("log = ./log/main\nstderr = ./log/errors\nlog-format = json\n");
  make_directories(dir / "scan");
  REQUIRE(::symlink(service.path().c_str(), (dir / "scan/shop").c_str()) == 0);
  const Scanning scanning(dir / "scan");
  service.wait_for_new_pid();
  say(service, "out a \"quoted\" word");
  say(service, "err oh");
  WAIT_UNTIL(has(read_file(service / "log/main/current"), "}\n"));
  WAIT_UNTIL(has(read_file(service / "log/errors/current"), "}\n"));
  const std::string line = read_file(service / "log/main/current");
  CHECK(has(line, R"("service":"shop")"));
  CHECK(has(line, R"("stream":"stdout")"));
  CHECK(has(line, R"("text":"a \"quoted\" word")"));
  CHECK(has(read_file(service / "log/errors/current"), R"("stream":"stderr")"));
}

TEST_CASE("another log in conf is taken at the next start", "[log-settings]") {
  const TempDir dir;
  ServiceDir service = echoing(dir.path(), "web").conf("log = ./log/old\n");
  const Supervised supervised(service);
  const pid_t first = service.wait_for_new_pid();
  say(service, "out one");
  WAIT_UNTIL(read_file(service / "log/old/current") == "one\n");
  say(service, "out two");
  WAIT_UNTIL(read_file(service / "log/old/current") == "one\ntwo\n");
  service.conf("log = ./log/new\n");
  REQUIRE(service.command("r"));
  service.wait_for_new_pid(first);
  say(service, "out three");
  WAIT_UNTIL(has(read_file(service / "log/new/current"), "three\n"));
  CHECK(read_file(service / "log/new/current") == "three\n");
  CHECK(read_file(service / "log/old/current") == "one\ntwo\n");
}

TEST_CASE("a script in log/run comes before the log setting", "[log-settings]") {
  const TempDir dir;
  const ServiceDir service =
      echoing(dir.path(), "web").log_run("exec cat > seen").conf("log = ./log/main\nstderr = null\n");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  say(service, "out hello");
  WAIT_UNTIL(read_file(service / "log/seen") == "hello\n");
  CHECK_FALSE(exists(service / "log/main"));
}

TEST_CASE("status tells what is wrong with a log, wherever it is kept", "[log-settings]") {
  const TempDir dir;
  const ServiceDir service = echoing(dir / "scan", "web").conf("log = ./kept/here\n");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  say(service, "out hello");
  WAIT_UNTIL(read_file(service / "kept/here/current") == "hello\n");
  CHECK_FALSE(has(svctl(dir / "scan", {"status", "web"}).output, "disk"));
  // svlogd writes this line when it meets a full disk (svlogd_full_disk_test.cpp).
  REQUIRE(run(Launch{.argv = {"sh", "-c",
                              "printf 'disk full, 312 lines dropped' | "
                              "dd of=.svlogd bs=1 seek=" +
                                  std::to_string(kLogStatusOffset) + " conv=notrunc"},
                     .directory = service / "kept/here"})
              .code == 0);
  CHECK(has(svctl(dir / "scan", {"status", "web"}).output, "disk full, 312 lines dropped"));
  CHECK(has(svctl(dir / "scan", {"why", "web"}).output, "disk full, 312 lines dropped"));
}

TEST_CASE("log = stdout: as it is, or stamped and in JSON where the settings say so", "[log-settings]") {
  const TempDir dir;
  ServiceDir service = ServiceDir(dir, "web").run("echo hello; exec sleep 1000");
  const bool is_json = GENERATE(false, true);
  service.conf(is_json ? "log = stdout\nlog-format = json\n" : "log = stdout\n");
  Scanning scanning(dir.path());
  if (is_json)
    WAIT_UNTIL(has(scanning.process().output(), R"("service":"web","stream":"stdout","text":"hello"})"));
  else
    WAIT_UNTIL(scanning.process().output() == "hello\n");
  CHECK(exists(service / "log/supervise") == is_json);
}

TEST_CASE("stderr = stdout leads there", "[log-settings]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "web").run("echo hello >&2; exec sleep 1000").conf("log = ./log/main\nstderr = stdout\n");
  Scanning scanning(dir.path());
  WAIT_UNTIL(scanning.process().output() == "hello\n");
}
