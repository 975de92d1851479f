// Services that are bare files, services with instances, and what svscan says of itself.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/scan_state.h"
#include "lib/service_dir.h"
#include "tests/support/killable.h"
#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr char kSleep[] = "exec sleep 1000";

// The service directory that svscan makes for a bare file or an instance.
ServiceDir made_for(const TempDir& dir, const std::string& name) {
  return ServiceDir(dir.path() + "/.svdir", name);
}

bool is_listed(const TempDir& dir, const std::string& name) {
  const auto services = list_services(dir.path());
  return services && std::any_of(services->begin(), services->end(), [&](const auto& one) { return one.name == name; });
}

ScanState scan_state(const TempDir& dir) {
  ScanState state;
  unpack(read_file(dir / kScanStateFile), state);
  return state;
}

}  // namespace

TEST_CASE("a bare executable file is a service", "[svscan][scripts]") {
  TempDir dir;
  Scanning svscan(dir.path());
  WAIT_UNTIL(exists(dir / ".svdir/.lock"));
  write_script(dir / "web", kSleep);
  made_for(dir, "web").wait_for_new_pid();
  CHECK(is_listed(dir, "web"));
}

TEST_CASE("a bare file has its settings in its head", "[svscan][scripts]") {
  TempDir dir;
  write_script(dir / "job", "#!/bin/sh\n#: restart = never\nexit 3\n");
  Scanning svscan(dir.path());
  WAIT_UNTIL(exists(dir / ".svdir/job/supervise/state") && made_for(dir, "job").state().last.value == 3);
  made_for(dir, "job").wait_for(State::down);
  CHECK(made_for(dir, "job").state().starts == 1);
}

TEST_CASE("a service may have any name, also that of a file that svscan keeps", "[svscan][scripts]") {
  TempDir dir;
  for (const char* name : {"lock", "scan", "scan.new"}) write_script(dir / name, kSleep);
  {
    Scanning svscan(dir.path());
    for (const char* name : {"lock", "scan", "scan.new"}) made_for(dir, name).wait_for_new_pid();
    WAIT_UNTIL(scan_state(dir).running == 3);
    CHECK(svscan.end() == 0);
  }
  Scanning again(dir.path());
  for (const char* name : {"lock", "scan", "scan.new"}) made_for(dir, name).wait_for(State::up);
  CHECK(again.end() == 0);
}

TEST_CASE("a bare file that is renamed keeps running", "[svscan][scripts]") {
  TempDir dir;
  write_script(dir / "old", "echo > " + (dir / ".read") + "; exec sleep 1000");
  Scanning svscan(dir.path());
  const pid_t pid = made_for(dir, "old").wait_for_new_pid();
  WAIT_UNTIL(exists(dir / ".read"));
  REQUIRE(::rename((dir / "old").c_str(), (dir / "new").c_str()) == 0);
  WAIT_UNTIL(exists(dir / ".svdir/new/supervise/pid"));
  CHECK(made_for(dir, "new").pid() == pid);
  CHECK(is_alive(pid));
  CHECK(!exists(dir / ".svdir/old"));
  // It is the new name's file that is run from now on.
  made_for(dir, "new").command("t");
  made_for(dir, "new").wait_for_new_pid(pid);
}

TEST_CASE("a bare file that is replaced runs on, and its next start is the new file's", "[svscan][scripts]") {
  TempDir dir;
  write_script(dir / "web", kSleep);
  Scanning svscan(dir.path());
  const ServiceDir web = made_for(dir, "web");
  const pid_t pid = web.wait_for_new_pid();
  write_script(dir / "web", "echo > " + (dir / ".second") + "; exec sleep 1000");
  write_script(dir / "other", kSleep);  // what has been seen by then has been seen of web too
  made_for(dir, "other").wait_for_new_pid();
  CHECK(web.pid() == pid);
  web.command("t");
  WAIT_UNTIL(exists(dir / ".second"));
}

TEST_CASE("a bare file that loses its x bit, or is deleted, is stopped", "[svscan][scripts]") {
  TempDir dir;
  write_script(dir / "web", kSleep);
  Scanning svscan(dir.path());
  const pid_t pid = made_for(dir, "web").wait_for_new_pid();
  SECTION("x bit") {
    REQUIRE(::chmod((dir / "web").c_str(), 0644) == 0);
    WAIT_UNTIL(!is_alive(pid));
    WAIT_UNTIL(!exists(dir / ".svdir/web"));
    REQUIRE(::chmod((dir / "web").c_str(), 0755) == 0);
    WAIT_UNTIL(exists(dir / ".svdir/web/supervise/status"));
    made_for(dir, "web").wait_for_new_pid(pid);
  }
  SECTION("deleted") {
    REQUIRE(::unlink((dir / "web").c_str()) == 0);
    WAIT_UNTIL(!is_alive(pid));
    WAIT_UNTIL(!exists(dir / ".svdir/web"));
    CHECK(!is_listed(dir, "web"));
  }
}

TEST_CASE("a service with instances runs that many times, each with its number", "[svscan][instances]") {
  TempDir dir;
  const ServiceDir web =
      ServiceDir(dir, "web").run("echo $INSTANCE >> numbers.$INSTANCE; exec sleep 1000").conf("instances = 2\n");
  Scanning svscan(dir.path());
  const pid_t first = made_for(dir, "web-1").wait_for_new_pid();
  const pid_t second = made_for(dir, "web-2").wait_for_new_pid();
  WAIT_UNTIL(read_file(dir / ".svdir/web-1/numbers.1") == "1\n");
  CHECK(!is_listed(dir, "web"));
  CHECK(is_listed(dir, "web-1"));
  CHECK(is_listed(dir, "web-2"));
  SECTION("more of them") {
    ServiceDir(dir, "web").conf("instances = 3\n");
    WAIT_UNTIL(exists(dir / ".svdir/web-3/supervise/pid"));
    made_for(dir, "web-3").wait_for_new_pid();
    CHECK(made_for(dir, "web-1").pid() == first);
    CHECK(made_for(dir, "web-2").pid() == second);
  }
  SECTION("fewer") {
    ServiceDir(dir, "web").conf("instances = 1\n");
    WAIT_UNTIL(!is_alive(second));
    WAIT_UNTIL(!is_listed(dir, "web-2"));
    CHECK(is_alive(first));
  }
  SECTION("none: it is one service again") {
    REQUIRE(::unlink((dir / "web/conf").c_str()) == 0);
    WAIT_UNTIL(exists(dir / "web/supervise/status"));
    web.wait_for_new_pid();
    WAIT_UNTIL(!is_alive(first) && !is_alive(second));
  }
}

TEST_CASE("while its settings are in an editor's hands, a service keeps its instances", "[svscan][instances]") {
  TempDir dir;
  const ServiceDir web = ServiceDir(dir, "web")
                             .run("echo >> " + (dir / ".starts") + ".$INSTANCE; exec sleep 1000")
                             .conf("instances = 2\n");
  Scanning svscan(dir.path());
  const auto pid_of = [&](const char* name) { return made_for(dir, name).pid(); };
  const pid_t first = made_for(dir, "web-1").wait_for_new_pid();
  const pid_t second = made_for(dir, "web-2").wait_for_new_pid();
  WAIT_UNTIL(lines(dir / ".starts.1") == 1 && lines(dir / ".starts.2") == 1);
  const auto edit = GENERATE(0, 1, 2, 3);
  CAPTURE(edit);
  const std::string conf = web / "conf";
  const bool is_broken = edit == 0;
  switch (edit) {
    case 0: write_file(conf, "instances = 2\nrestrat = always\n"); break;
    case 1:
      REQUIRE(::rename(conf.c_str(), (conf + "~").c_str()) == 0);
      write_file(conf, "instances = 2\n");
      break;
    case 2:
      write_file(conf, "");
      write_file(conf, "# half\n");
      write_file(conf, "# half\ninstances = 2\n");
      break;
    default: write_file(conf, "instances = 3\n"); break;
  }
  // By then svscan has looked.
  ServiceDir(dir, "other").run(kSleep).wait_for_new_pid();
  if (edit == 3) made_for(dir, "web-3").wait_for_new_pid();
  CHECK(pid_of("web-1") == first);
  CHECK(pid_of("web-2") == second);
  CHECK(!is_listed(dir, "web"));
  write_file(conf, "instances = 1\n");
  WAIT_UNTIL(!exists(dir / ".svdir/web-2"));
  CHECK(pid_of("web-1") == first);
  CHECK(lines(dir / ".starts.1") == 1);
  CHECK(lines(dir / ".starts.2") == 1);
  CHECK((is_broken || svscan.process().errors().empty()));
}

TEST_CASE("instances have loggers and log directories of their own", "[svscan][instances]") {
  TempDir dir;
  ServiceDir(dir, "web")
      .run("echo from $INSTANCE; exec sleep 1000")
      .log_run("exec cat > lines")
      .conf("instances = 2\n");
  Scanning svscan(dir.path());
  WAIT_UNTIL(read_file(dir / ".svdir/web-1/log/lines") == "from 1\n");
  WAIT_UNTIL(read_file(dir / ".svdir/web-2/log/lines") == "from 2\n");
}

TEST_CASE("svscan says of itself who it is and how many services it has", "[svscan][health]") {
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  ServiceDir(dir, "b").run(kSleep);
  Scanning svscan(dir.path());
  WAIT_UNTIL(scan_state(dir).running == 2);
  const ScanState state = scan_state(dir);
  CHECK(state.pid == svscan.process().pid());
  CHECK(state.services == 2);
  CHECK(state.restarts == 0);
  CHECK(!state.version.empty());
  CHECK(state.directory == dir.path());
  service.wait_for_new_pid();
  REQUIRE(::kill(service.state().supervisor.pid, SIGKILL) == 0);
  WAIT_UNTIL(scan_state(dir).restarts == 1);
  const Stamp since = state.since;
  svscan.process().signal(SIGUSR1);
  WAIT_UNTIL(scan_state(dir).running == 2 && scan_state(dir).since == since);
  CHECK(svscan.end() == 0);
  CHECK(!exists(dir / kScanStateFile));
}
