// Defects of the reference that were reproduced there, and that ours must not have.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/fd.h"
#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

TEST_CASE("down, then up, on a service that dies at once: the last command holds", "[defects]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "x").run("echo started >> seen; exit 1");
  const Supervised supervised(service);
  const std::string way = GENERATE("svctl", "the genuine sv", "one write");
  CAPTURE(way);
  for (int round = 0; round < 10; ++round) {
    // sv keeps "down" to itself as long as status shows it, and "up" likewise.
    WAIT_UNTIL(service.status().want_up);
    const auto starts = service.state().starts;
    if (way == "svctl") {
      svctl(dir.path(), {"--no-wait", "stop", "x"});
      svctl(dir.path(), {"--no-wait", "start", "x"});
    } else if (way == "the genuine sv") {
      tool(dir.path(), {genuine("sv"), "down", "x"});
      WAIT_UNTIL(!service.status().want_up);
      tool(dir.path(), {genuine("sv"), "up", "x"});
    } else {
      REQUIRE(service.command("du"));
    }
    // A person who asks for "up" gets a start at once, however long the next one would have been put off.
    WAIT_UNTIL(service.state().starts > starts && service.state().want == Want::up);
  }
}

TEST_CASE("restart in the second of the start answers with the new process", "[defects]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run("exec sleep 1000").down();
  const Supervised supervised(service);
  for (int round = 0; round < 5; ++round) {
    REQUIRE(svctl(dir.path(), {"start", "a"}).code == 0);
    const pid_t first = service.pid();
    const Ran restarted = svctl(dir.path(), {"restart", "a"});
    CAPTURE(restarted.output, restarted.errors);
    CHECK(restarted.code == 0);
    CHECK(service.pid() != first);
    CHECK(is_alive(service.pid()));
    CHECK_FALSE(is_alive(first));
    CHECK(restarted.output.find(std::to_string(first)) == std::string::npos);
  }
}

TEST_CASE("supervise killed with -9 leaves one copy of the service, which goes on under a new supervise", "[defects]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s")
                                 .run("echo $$ >> starts; while :; do echo tick; sleep 0.01; done")
                                 .log_run("exec svlogd main");
  const ServiceDir log(service.path(), "log");
  Scanning scanning(dir / "scan");
  const pid_t pid = service.wait_for_new_pid();
  const pid_t logger = log.wait_for_new_pid();
  for (int round = 0; round < 5; ++round) {
    const pid_t supervisor = service.state().supervisor.pid;
    REQUIRE(is_alive(supervisor));
    ::kill(supervisor, SIGKILL);
    WAIT_UNTIL(service.is_supervised() && service.state().supervisor.pid != supervisor);
    CHECK(service.pid() == pid);
    CHECK(log.pid() == logger);
    CHECK(read_file(service / "starts") == std::to_string(pid) + "\n");
  }
  const auto size = read_file(service / "log/main/current").size();
  WAIT_UNTIL(read_file(service / "log/main/current").size() > size);
  REQUIRE(svctl(dir / "scan", {"restart", "s"}).code == 0);
  CHECK_FALSE(is_alive(pid));
  CHECK(scanning.end() == 0);
}

TEST_CASE("a stop that had to kill is a stop that worked", "[defects]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "stubborn")
                                 .run("trap '' TERM; echo up > seen; while :; do sleep 0.01; done")
                                 .conf("stop = TERM 200ms KILL\n");
  const Supervised supervised(service);
  WAIT_UNTIL(read_file(service / "seen") == "up\n");
  const Ran stopped = svctl(dir.path(), {"stop", "stubborn"});
  CAPTURE(stopped.output, stopped.errors);
  CHECK(stopped.code == 0);
  CHECK(service.state().state == State::down);
  CHECK(service.state().last == Ending{Ending::Kind::signalled, SIGKILL, false});
}

TEST_CASE("a reader of stderr that has died kills neither supervise nor svscan", "[defects]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s").run("exec sleep 1000");
  const ServiceDir bad = ServiceDir(dir / "scan", "bad");  // its missing run is a warning, again and again
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  const Fd broken(ends[1]);
  Launch launch;
  launch.argv = {program("svscan"), dir / "scan"};
  launch.environment = {{"PATH", program_directory() + ":/usr/bin:/bin"}};
  launch.error_fd = broken.get();
  Process scanner(launch);
  const pid_t pid = service.wait_for_new_pid();
  WAIT_UNTIL(bad.state().failures >= 2);
  const pid_t supervisor = bad.state().supervisor.pid;
  WAIT_UNTIL(bad.state().failures >= 3);
  CHECK(bad.state().supervisor.pid == supervisor);
  CHECK(is_alive(supervisor));
  CHECK(service.pid() == pid);
  CHECK_FALSE(scanner.has_ended());
  scanner.signal(SIGTERM);
  CHECK(scanner.wait() == 0);
}

TEST_CASE("a service that will not die does not make its supervisor deaf", "[defects]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run("trap '' TERM; echo up > seen; while :; do sleep 0.1; done")
                                 .control('t', "exec sleep 1000")  // in runit this hangs runsv for good
                                 .conf("stop = TERM 1s KILL\n");
  const Supervised supervised(service);
  WAIT_UNTIL(read_file(service / "seen") == "up\n");
  REQUIRE(service.command("t"));
  REQUIRE(service.command("p"));
  WAIT_UNTIL(service.status().paused);
  REQUIRE(service.command("c"));
  WAIT_UNTIL(!service.status().paused);
}
