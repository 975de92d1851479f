// Readiness and health as a service tells them, and as a person sees them.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/support/killable.h"
#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::size_t descriptors_of(pid_t pid) {
  const std::string names = listing("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::ranges::count(names, ' '));
}

}  // namespace

// --- fd:N ----------------------------------------------------------------------------------------------------------

TEST_CASE("fd:N: a service is ready when it has written a newline", "[readiness]") {
  const TempDir dir;
  const std::string number = GENERATE("3", "7");
  const std::string more = GENERATE("", "umask = 077\n");  // set by svrun, which stands in between then
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run(when_told("printf 'not yet' >&" + number +
                                                "; touch said\nwhile ! test -e on; do sleep 0.01; done\n"
                                                "echo >&" +
                                                number + "; echo and more >&" + number))
                                 .conf("ready = fd:" + number + "\n" + more);
  const Supervised supervised(service);
  CHECK_FALSE(service.wait_for(State::starting).ready);
  write_file(service / "go", "");
  WAIT_UNTIL(exists(service / "said"));
  CHECK(service.state().state == State::starting);
  write_file(service / "on", "");
  const StateRecord record = service.wait_for(State::up);
  CHECK(record.ready);
  CHECK(record.became_ready >= record.started);
  // What it writes afterwards kills it not.
  WAIT_UNTIL(exists(service / "told"));
  CHECK(service.state().starts == 1);
}

TEST_CASE("fd:N: a newline that is written while no supervise lives is not lost", "[readiness][adoption]") {
  const bool closes = GENERATE(false, true);
  CAPTURE(closes);
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run(when_told(closes ? "echo >&3; exec 3>&-" : "echo >&3")).conf("ready = fd:3\n");
  Killable first(service);
  const pid_t pid = service.wait_for_new_pid();
  REQUIRE(service.wait_for(State::starting).main.pid == pid);
  first.kill();
  write_file(service / "go", "");
  WAIT_UNTIL(exists(service / "told"));
  const Supervised second(service);
  const StateRecord record = service.wait_for(State::up);
  CHECK(record.main.pid == pid);
  CHECK(record.starts == 1);
}

TEST_CASE("fd:N: a starting service that is taken over is ready only when it says so", "[readiness][adoption]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run(when_told("echo >&3; exec 3>&-")).conf("ready = fd:3\n");
  Killable first(service);
  service.wait_for(State::starting);
  const pid_t pid = service.wait_for_new_pid();
  first.kill();
  Supervised second(service);
  WAIT_UNTIL(service.state().supervisor.pid == second.process().pid());
  CHECK_FALSE(service.state().ready);
  write_file(service / "go", "");
  CHECK(service.wait_for(State::up).main.pid == pid);
}

TEST_CASE("fd:N: what a process of the last run writes says nothing of this one", "[readiness]") {
  const TempDir dir;
  // The first run leaves a process that writes when the second is there; it keeps out of the group's end.
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run(
              "echo $$ >> starts\nif ! test -e old; then\n  touch old\n"
              "  setsid sh -c 'touch away; while ! test -e second; do sleep 0.01; done; echo >&3; touch told' &\n"
              "  while ! test -e away; do sleep 0.01; done; exit 0\nfi\n"
              "touch second; exec sleep 1000")
          .conf("ready = fd:3\nstart-time = 0\nrestart-delay = 10ms\n");
  const Supervised supervised(service);
  WAIT_UNTIL(exists(service / "told"));
  const pid_t pid = service.wait_for_new_pid();
  REQUIRE(service.command("#ABCDEFGH"));
  WAIT_UNTIL(service.state().ack.starts_with("ABCDEFGH"));
  CHECK(service.state().main.pid == pid);
  CHECK_FALSE(service.state().ready);
}

TEST_CASE("a service that is ready costs its supervise no descriptor more than another", "[readiness]") {
  const TempDir dir;
  const ServiceDir plain = ServiceDir(dir, "plain").run("exec sleep 1000");
  const ServiceDir telling = ServiceDir(dir, "telling").run("echo >&3; exec sleep 1000").conf("ready = fd:3\n");
  const ServiceDir checked = ServiceDir(dir, "checked").run("exec sleep 1000").check("exit 0").conf("ready = check\n");
  Supervised a(plain);
  Supervised b(telling);
  Supervised c(checked);
  for (const ServiceDir* service : {&plain, &telling, &checked}) service->wait_for(State::up);
  WAIT_UNTIL(descriptors_of(b.process().pid()) == descriptors_of(a.process().pid()));
  WAIT_UNTIL(descriptors_of(c.process().pid()) == descriptors_of(a.process().pid()));
}

// --- What a person waits for ---------------------------------------------------------------------------------------

TEST_CASE("start and restart return when the service is ready, and say how long it took", "[readiness]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run("echo x >> starts; sleep 0.3; touch before; echo >&3; exec sleep 1000")
                                 .conf("ready = fd:3\n")
                                 .down();
  const Supervised supervised(service);
  const Ran started = svctl(dir.path(), {"-w", "30", "start", "s"});
  CHECK(started.code == 0);
  CHECK(exists(service / "before"));
  CHECK(service.state().ready);
  CHECK_THAT(started.output, Catch::Matches("ok: s: ready, pid [0-9]+ \\(0*[0-9.]+m?s\\)\n"));
  REQUIRE(::unlink((service / "before").c_str()) == 0);
  const Ran restarted = svctl(dir.path(), {"-w", "30", "restart", "s"});
  CHECK(restarted.code == 0);
  CHECK(exists(service / "before"));
  CHECK_THAT(restarted.output, Catch::Matches("ok: s: restarted, pid [0-9]+ \\([0-9.]+m?s\\)\n"));
  CHECK(lines(service / "starts") == 2);
}

TEST_CASE("start says so when the service does not get ready in time", "[readiness]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").conf("ready = fd:3\n").down();
  const Supervised supervised(service);
  const Ran started = svctl(dir.path(), {"-w", "0.2", "start", "s"});
  CHECK(started.code == 1);
  CHECK_THAT(started.output + started.errors, Catch::Contains("not ready"));
  CHECK(service.state().state == State::starting);
}

TEST_CASE("ready-timeout: not ready in time is a failed start", "[readiness]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run("echo >> starts; exec sleep 1000")
                                 .conf("ready = fd:3\nready-timeout = 100ms\nstart-limit = 2\nrestart-delay = 10ms\n");
  const Supervised supervised(service);
  const StateRecord record = service.wait_for(State::failed);
  CHECK(record.failures == 2);
  CHECK(lines(service / "starts") == 2);
  WAIT_UNTIL(contains(svctl(dir.path(), {"deaths", "s"}).output, "not ready within 100ms"));
}

// --- check ---------------------------------------------------------------------------------------------------------

TEST_CASE("check: a service is ready when ./check exits 0, and one check runs at a time", "[readiness][check]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run("exec sleep 1000")
          .check("mkdir running || touch two; echo >> checks; sleep 0.02; rmdir running; test -e good")
          .conf("ready = check\n");
  const Supervised supervised(service);
  WAIT_UNTIL(lines(service / "checks") >= 4);
  CHECK(service.state().state == State::starting);
  write_file(service / "good", "");
  CHECK(service.wait_for(State::up).ready);
  CHECK_FALSE(exists(service / "two"));
}

TEST_CASE("check: one that hangs is killed with all its children, one that says much is not listened to",
          "[readiness][check]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run("exec sleep 1000")
                                 .check(
                                     "echo $$ >> checks\n"
                                     "case $(wc -l < checks) in\n"
                                     "1) sleep 1000 & echo $! > child; trap '' TERM; wait; sleep 1000 ;;\n"
                                     "2) head -c 8000000 /dev/zero; head -c 8000000 /dev/zero >&2; exit 1 ;;\n"
                                     "3) sleep 1000 & echo $! > left; exit 1 ;;\n"
                                     "*) exit 0 ;;\n"
                                     "esac")
                                 .conf("ready = check\ncheck-timeout = 1s\n");
  const Supervised supervised(service);
  service.wait_for(State::up);
  CHECK(lines(service / "checks") >= 4);
  for (const char* file : {"child", "left"}) {
    const pid_t pid = std::atoi(read_file(service / file).c_str());
    CAPTURE(file);
    if (pid > 0) WAIT_UNTIL(!is_alive(pid));
  }
  CHECK(service.state().starts == 1);
}

TEST_CASE("check: one that cannot be executed makes nobody ready, and nobody ill", "[readiness][check]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run("exec sleep 1000").file("check", "#!/bin/sh\nexit 0\n", 0644).conf("ready = check\n");
  Supervised supervised(service);
  WAIT_UNTIL(contains(supervised.process().errors(), "unable to run check"));
  CHECK(service.state().state == State::starting);
  REQUIRE(::chmod((service / "check").c_str(), 0755) == 0);
  service.wait_for(State::up);
}

TEST_CASE("check: so many failures in a row and the service is restarted through its ladder", "[readiness][check]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run("echo >> starts; trap 'echo INT >> signals; exit 0' INT; touch well; while :; do sleep 0.01; done")
          .check("echo >> checks; test -e well")
          .conf(
              "ready = check\ncheck-interval = 20ms\ncheck-failures = 3\nrestart = on-failure\nstop = INT 30s KILL\n");
  Supervised supervised(service);
  service.wait_for(State::up);
  // Failures that are not in a row are forgiven.
  REQUIRE(::unlink((service / "well").c_str()) == 0);
  WAIT_UNTIL(service.state().starts == 2);
  CHECK(read_file(service / "signals") == "INT\n");
  WAIT_UNTIL(contains(svctl(dir.path(), {"deaths", "s"}).output, "3 checks in a row failed"));
  CHECK_THAT(supervised.process().errors(), Catch::Contains("unhealthy"));
  service.wait_for(State::up);
}

TEST_CASE("check: who is paused or being stopped is not found ill", "[readiness][check]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run(
                                     "trap 'touch told; while ! test -e end; do sleep 0.01; done; exit 0' TERM\n"
                                     "touch well; while :; do sleep 0.01; done")
                                 .check("echo >> checks; test -e well && test ! -e ill")
                                 .conf("ready = check\ncheck-interval = 10ms\ncheck-failures = 1\n");
  Supervised supervised(service);
  service.wait_for(State::up);
  REQUIRE(service.command("p"));
  WAIT_UNTIL(service.state().paused);
  write_file(service / "ill", "");
  std::size_t seen = lines(service / "checks");
  WAIT_UNTIL(lines(service / "checks") > seen + 3);
  CHECK(service.state().starts == 1);
  CHECK(service.state().state == State::up);
  REQUIRE(service.command("dc"));
  WAIT_UNTIL(exists(service / "told"));
  seen = lines(service / "checks");
  WAIT_UNTIL(lines(service / "checks") > seen + 3);
  write_file(service / "end", "");
  service.wait_for(State::down);
  CHECK_FALSE(contains(supervised.process().errors(), "unhealthy"));
}

TEST_CASE("check: it goes on when another supervise takes over", "[readiness][check][adoption]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run("exec sleep 1000")
                                 .check("echo $$ >> checks; test -e hang && exec sleep 1000; exit 0")
                                 .conf("ready = check\ncheck-interval = 20ms\ncheck-timeout = 1h\n");
  Killable first(service);
  const pid_t pid = service.wait_for(State::up).main.pid;
  write_file(service / "hang", "");
  WAIT_UNTIL(children_of(first.process().pid()).size() == 2);
  pid_t hanging = 0;
  for (const pid_t child : children_of(first.process().pid()))
    if (child != pid) hanging = child;
  WAIT_UNTIL(contains(read_file("/proc/" + std::to_string(hanging) + "/comm"), "sleep"));
  first.kill();
  WAIT_UNTIL(!is_alive(hanging));  // it does not stay behind
  REQUIRE(::unlink((service / "hang").c_str()) == 0);
  const std::size_t seen = lines(service / "checks");
  const Supervised second(service);
  WAIT_UNTIL(lines(service / "checks") > seen + 2);
  CHECK(service.state().main.pid == pid);
}
