// The verbs that make, remove and read files: new, enable, disable, add, remove, clean, logs, why, deaths, doctor.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("new makes a service that can be enabled as it is, and never overwrites", "[svctl]") {
  const TempDir dir;
  const std::string scan = dir / "scan";
  const Ran made = svctl(scan, {"new", "web"});  // also makes the scan directory
  CHECK(made.code == 0);
  CHECK(listing(scan) == "web");
  ServiceDir service(scan, "web");
  CHECK(exists(service / "down"));
  CHECK(exists(service / "log/run"));
  const std::string script = read_file(service / "run");
  CHECK(script == svctl(scan, {"new"}).output);
  write_script(service / "run", "exec sleep 1000");
  const Ran again = svctl(scan, {"new", "web", "bad/name", ".hidden"});
  CHECK(again.code == 1);
  CHECK(has(again.output, "fail: web: unable to make web: File exists"));
  CHECK(has(again.output, "fail: bad/name: `bad/name` cannot be a service's name: it contains a slash"));
  CHECK(read_file(service / "run") == "#!/bin/sh\nexec sleep 1000\n");
  CHECK(listing(scan) == "web");
  service.script_at("log/run", "exec cat > /dev/null");
  const Scanning scanning(scan);
  WAIT_UNTIL(service.state().supervisor.pid != 0);  // it has seen the `down` file
  const Ran enabled = svctl(scan, {"enable", "web"});
  CAPTURE(enabled.output);
  CHECK(enabled.output.starts_with("ok: web: enabled, started, pid "));
  CHECK_FALSE(exists(service / "down"));
  CHECK(svctl(scan, {"disable", "web"}).output.starts_with("ok: web: disabled, stopped"));
  CHECK(exists(service / "down"));
}

TEST_CASE("enable and disable work without a supervisor, too", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Ran disabled = svctl(dir.path(), {"disable", "s"});
  CHECK(disabled.output == "ok: s: disabled, no supervisor\n");
  CHECK(disabled.code == 0);
  CHECK(exists(service / "down"));
  CHECK(svctl(dir.path(), {"enable", "s"}).code == 0);
  CHECK_FALSE(exists(service / "down"));
  CHECK(svctl(dir.path(), {"enable", "nope"}).code == 3);
}

TEST_CASE("add links a service in, remove stops it and takes the link away", "[svctl]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "elsewhere", "web").run("exec sleep 1000");
  const ServiceDir own = ServiceDir(dir / "scan", "own").run("exec sleep 1000");
  const Scanning scanning(dir / "scan");
  own.wait_for_new_pid();
  const Ran added = svctl(dir / "scan", {"add", service.path()});
  CHECK(added.output == "ok: web: added to " + (dir / "scan") + "\n");
  const pid_t pid = service.wait_for_new_pid();
  CHECK(svctl(dir / "scan", {"add", service.path()}).code == 0);  // it is there already
  const Ran refused = svctl(dir / "scan", {"add", dir / "elsewhere", dir / "nope"});
  CHECK(refused.code == 1);
  CHECK(has(refused.output, "has no `run`, so it is no service directory"));
  const Ran removed = svctl(dir / "scan", {"remove", "web", "own"});
  CHECK(removed.code == 1);  // own is no link
  CHECK(has(removed.errors, "own is no link in"));
  CHECK(has(removed.output, "ok: web: removed from"));
  CHECK_FALSE(is_alive(pid));
  CHECK_FALSE(exists(dir / "scan/web"));
  CHECK(exists(service / "run"));
  CHECK(own.is_supervised());
}

TEST_CASE("clean removes what nobody supervises, and nothing else", "[svctl]") {
  const TempDir dir;
  const ServiceDir dead = ServiceDir(dir, "dead").run("exec sleep 1000");
  const ServiceDir live = ServiceDir(dir, "live").run("exec sleep 1000");
  {
    const Supervised for_a_moment(dead);
  }
  const Supervised supervised(live);
  const pid_t pid = live.wait_for_new_pid();
  REQUIRE(exists(dead / "supervise/state"));
  make_directories(live / "supervise/event");
  REQUIRE(::mkfifo((live / "supervise/event/1.1").c_str(), 0600) == 0);
  const Ran ran = svctl(dir.path(), {"clean"});
  CHECK(ran.code == 0);
  CHECK_FALSE(exists(dead / "supervise"));
  CHECK_FALSE(exists(live / "supervise/event"));
  CHECK(live.pid() == pid);
  CHECK(svctl(dir.path(), {"clean"}).output.empty());
}

TEST_CASE("logs merges several services by time, and follows them", "[svctl]") {
  const TempDir dir;
  for (const char* name : {"a", "b"}) ServiceDir(dir, name).run("exec sleep 1000").log_run("exec svlogd -tt ./main");
  write_file(dir / "a/log/main/current", "2026-01-31_10:00:00.00000 a1\n2026-01-31_10:00:02.00000 a2\n");
  write_file(dir / "b/log/main/current", "2026-01-31_10:00:01.00000 b1\n  more of b1\n2026-01-31_10:00:03.00000 b2\n");
  ServiceDir(dir, "quiet").run("exec sleep 1000");
  CHECK(svctl(dir.path(), {"logs", "*"}).output ==
        "a: 2026-01-31_10:00:00.00000 a1\n"
        "b: 2026-01-31_10:00:01.00000 b1\n"
        "b:   more of b1\n"
        "a: 2026-01-31_10:00:02.00000 a2\n"
        "b: 2026-01-31_10:00:03.00000 b2\n");
  CHECK(svctl(dir.path(), {"logs", "-n", "1", "a", "b"}).output == "b: 2026-01-31_10:00:03.00000 b2\n");
  CHECK(svctl(dir.path(), {"logs", "--since", "1d", "a"}).output.empty());
  const Ran none = svctl(dir.path(), {"logs", "quiet"});
  CHECK(none.code == 1);
  CHECK(has(none.errors, "quiet has no log"));
  Process following({.argv = {program("svctl"), "logs", "-f", "-n1", "a"}, .environment = {{"SVDIR", dir.path()}}});
  WAIT_UNTIL(has(following.output(), "a2\n"));
  const std::string current = dir / "a/log/main/current";
  write_file(current, read_file(current) + "2026-01-31_10:00:04.00000 a3\nhalf");
  WAIT_UNTIL(has(following.output(), "a3\n"));
  REQUIRE(::rename(current.c_str(), (dir / "a/log/main/@400000006b0019491337fbda.s").c_str()) == 0);
  write_file(current, "2026-01-31_10:00:05.00000 a4\n");
  WAIT_UNTIL(has(following.output(), "a4\n"));
  following.signal(SIGTERM);
  following.wait();
}

TEST_CASE("rotate reaches the logger and waits until it was told", "[svctl]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run("echo one; exec sleep 1000").log_run("exec " + program("svlogd") + " -t ./main");
  const Supervised supervised(service);
  const std::string current = service / "log/main/current";
  WAIT_UNTIL(has(read_file(current), "one\n"));
  const Ran rotated = svctl(dir.path(), {"rotate", "s"});
  CHECK(rotated.output.starts_with("ok: s/log: its logger told to rotate, pid "));
  WAIT_UNTIL(read_file(current).empty());
  CHECK(has(svctl(dir.path(), {"logs", "s"}).output, "one\n"));  // the rotated file is part of the log
}

TEST_CASE("why and deaths tell how it ended and what it said", "[svctl]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run("echo oops; exit 3").log_run("exec " + program("svlogd") + " -t ./main");
  const Supervised supervised(service);
  WAIT_UNTIL(has(read_file(service / "log/main/current"), "oops\n") && exists(service / "supervise/deaths"));
  WAIT_UNTIL(service.state().state == State::backoff);
  const std::string why = svctl(dir.path(), {"why", "s"}).output;
  CAPTURE(why);
  CHECK(has(why, "s  backoff, next start in "));
  CHECK(has(why, "exited 3 after 0."));
  CHECK(has(why, "oops\n"));
  CHECK(has(svctl(dir.path(), {"deaths", "s"}).output, "exited 3 after 0."));
}

TEST_CASE("doctor finds what keeps a service from starting", "[svctl]") {
  const TempDir dir;
  ServiceDir(dir, "fine").run("exec sleep 1000");
  CHECK(svctl(dir.path(), {"doctor", "fine"}).code == 0);
  make_directories(dir / "empty");
  ServiceDir(dir, "plain").file("run", "#!/bin/sh\n", 0644);
  ServiceDir(dir, "strange").file("run", "#!/no/such/shell\n", 0755);
  ServiceDir(dir, "dos").file("run", "#!/bin/sh\r\n", 0755);
  ServiceDir(dir, "typo").run("exec sleep 1").conf("restrat = never\n");
  ServiceDir(dir, "a").run("exec sleep 1").conf("depends = b\n");
  ServiceDir(dir, "b").run("exec sleep 1").conf("depends = a nobody\n");
  REQUIRE(::symlink("/no/where", (dir / "dangling").c_str()) == 0);
  const Ran ran = svctl(dir.path(), {"doctor"});
  CAPTURE(ran.output);
  CHECK(ran.code == 1);
  for (const char* found :
       {"empty: run is missing", "plain: run is not executable",
        "strange: run wants the interpreter `/no/such/shell`, which is not there", "dos: run has DOS line ends",
        "typo: conf:1: unknown setting `restrat`; did you mean "
        "`restart`?",
        "each other, so they are refused: a -> b -> a", "b depends on `nobody`, and there is no such service",
        "dangling: is a link that leads nowhere"})
    CHECK(has(ran.output, found));
  CHECK_FALSE(has(ran.output, "fine:"));
}

TEST_CASE("events shows each change as it happens", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  Process events({.argv = {program("svctl"), "events"}, .environment = {{"SVDIR", dir.path()}}});
  WAIT_UNTIL(has(events.output(), "  s  up  "));
  svctl(dir.path(), {"stop", "s"});
  WAIT_UNTIL(has(events.output(), "  s  down  "));
  events.signal(SIGTERM);
  events.wait();
}

TEST_CASE("shutdown stops everything and waits for the end of svscan", "[svctl]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s").run("exec sleep 1000");
  Scanning scanning(dir / "scan");
  const pid_t pid = service.wait_for_new_pid();
  CHECK(has(svctl(dir / "scan", {"scan"}).output, "svscan, pid " + std::to_string(scanning.process().pid())));
  CHECK(svctl(dir / "scan", {"shutdown"}).code == 0);
  CHECK_FALSE(is_alive(pid));
  CHECK(scanning.process().wait() == 0);
  CHECK(svctl(dir / "scan", {"shutdown"}).code == 4);
}

TEST_CASE("a logger of the standard error is shown, rotated and read like the other", "[svctl]") {
  const TempDir dir;
  const ServiceDir both = ServiceDir(dir, "both")
                              .run("echo to out; echo to err >&2; exec sleep 1000")
                              .conf("log = ./out\nstderr = ./err\nlog-stamp = utc\n");
  const ServiceDir only = ServiceDir(dir, "only").run("echo alone >&2; exec sleep 1000").conf("stderr = ./err\n");
  const Supervised first(both);
  const Supervised second(only);
  WAIT_UNTIL(has(read_file(both / "out/current"), "to out\n") && has(read_file(both / "err/current"), "to err\n"));
  WAIT_UNTIL(has(read_file(only / "err/current"), "alone\n"));
  const Ran merged = svctl(dir.path(), {"logs", "both"});
  CAPTURE(merged.output, merged.errors);
  CHECK(has(merged.output, "both:            2"));
  CHECK(has(merged.output, "both/log/stderr: 2"));
  const std::string errors = svctl(dir.path(), {"logs", "both/log/stderr"}).output;
  CHECK(has(errors, " to err\n"));
  CHECK_FALSE(has(errors, "to out"));
  const std::string output = svctl(dir.path(), {"logs", "both/log"}).output;
  CHECK(has(output, " to out\n"));
  CHECK_FALSE(has(output, "to err"));
  CHECK(svctl(dir.path(), {"logs", "only"}).output == "alone\n");
  CHECK(has(svctl(dir.path(), {"status", "only"}).output, "; log/stderr: up "));
  CHECK_FALSE(has(svctl(dir.path(), {"status", "only"}).output, "; log: "));
  const std::string status = svctl(dir.path(), {"status", "both"}).output;
  CHECK(has(status, "; log: up "));
  CHECK(has(status, "; log/stderr: up "));
  CHECK(svctl(dir.path(), {"status", "both/log/stderr"}).output.starts_with("both/log/stderr  up "));
  CHECK(svctl(dir.path(), {"status", "*/log/stderr"}).code == 0);
  CHECK(svctl(dir.path(), {"rotate", "only"}).output.starts_with("ok: only/log/stderr: its logger told to rotate"));
  CHECK(svctl(dir.path(), {"rotate", "both/log/stderr"}).code == 0);
  CHECK(has(svctl(dir.path(), {"why", "only"}).output, "    alone\n"));
}

TEST_CASE("a service named log is no logger", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "log").run("echo hello; exec sleep 1000").conf("log = ./main\n");
  const Supervised supervised(service);
  WAIT_UNTIL(has(read_file(service / "main/current"), "hello\n"));
  CHECK(svctl(dir.path(), {"logs", "log"}).output == "hello\n");
  CHECK(svctl(dir.path(), {"logs", service.path()}).output == "hello\n");
}

TEST_CASE("new is quiet when it is told to be, and quotes what a shell needs quoted", "[svctl]") {
  const TempDir dir;
  CHECK(svctl(dir.path(), {"new", "-q", "web"}).output.empty());
  const Ran made = svctl(dir.path(), {"new", "a b"});
  CHECK(has(made.output, "; edit '" + (dir / "a b/run") + "', then: svctl enable 'a b'\n"));
}

TEST_CASE("a file that is not executable is said to be so", "[svctl]") {
  const TempDir dir;
  write_file(dir / "x.sh", "#!/bin/sh\n", 0644);
  for (const char* verb : {"enable", "disable", "start"}) {
    const Ran ran = svctl(dir.path(), {verb, "x.sh"});
    CAPTURE(ran.errors);
    CHECK(ran.code == 3);
    CHECK(has(ran.output, "x.sh: "));
    CHECK(has(ran.output, "no such service; the file is not executable: chmod +x " + (dir / "x.sh") + "\n"));
    CHECK(ran.errors.empty());
  }
}

TEST_CASE("doctor knows of a supervise whose directory was removed, and how to get rid of it", "[svctl]") {
  const TempDir dir;
  const std::string scan = dir / "scan";
  make_directories(scan);
  const ServiceDir service = ServiceDir(scan, "s").run("exec sleep 1000");
  Scanning scanning(scan);
  const pid_t pid = service.wait_for_new_pid();
  const pid_t supervisor = service.state().supervisor.pid;
  std::filesystem::remove_all(service / "supervise");
  const std::string advice = "kill " + std::to_string(supervisor) + ", and start another by kill -HUP " +
                             std::to_string(scanning.process().pid()) + "\n";
  const Ran ran = svctl(scan, {"doctor"});
  CAPTURE(ran.output);
  CHECK(ran.code == 1);
  CHECK(has(ran.output, advice));
  // And so it is.
  REQUIRE(::kill(supervisor, SIGTERM) == 0);
  WAIT_UNTIL(!is_alive(supervisor) && !is_alive(pid));
  scanning.process().signal(SIGHUP);
  CHECK(is_alive(service.wait_for_new_pid(pid)));
}
