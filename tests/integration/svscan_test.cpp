// svscan as a person uses it: what appears is run, what vanishes is stopped, what dies comes back.
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/fd.h"
#include "tests/support/killable.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr char kSleep[] = "exec sleep 1000";

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

// Makes a service out of sight and renames it into place, as careful people do.
ServiceDir appear(const TempDir& dir, const std::string& name) {
  ServiceDir(dir, "." + name).run(kSleep);
  REQUIRE(::rename((dir / ("." + name)).c_str(), (dir / name).c_str()) == 0);
  return ServiceDir(dir, name);
}

pid_t supervisor_of(const ServiceDir& service) {
  return service.state().supervisor.pid;
}

bool is_running(const ServiceDir& service) {
  return service.pid() != 0 && is_alive(service.pid());
}

}  // namespace

TEST_CASE("svscan runs each service in its directory, and what appears there later", "[svscan]") {
  TempDir dir;
  const ServiceDir first = ServiceDir(dir, "first").run(kSleep);
  const ServiceDir second = ServiceDir(dir, "second").run(kSleep);
  write_file(dir / "README", "not executable, no service");
  Scanning svscan(dir.path());
  first.wait_for_new_pid();
  second.wait_for_new_pid();
  const ServiceDir late = appear(dir, "late");
  late.wait_for_new_pid();
  CHECK(children_of(svscan.process().pid()).size() == 3);
  CHECK(svscan.end() == 0);
  CHECK(!is_running(first));
  CHECK(!is_running(late));
}

TEST_CASE("a directory that is being filled is no error, and starts when run can be executed", "[svscan]") {
  TempDir dir;
  Scanning svscan(dir.path());
  WAIT_UNTIL(exists(dir / ".svdir/.lock"));
  const ServiceDir service(dir, "slow");
  write_file(dir / "slow/run", "#!/bin/sh\nexec sleep 1000\n", 0644);
  REQUIRE(::chmod((dir / "slow/run").c_str(), 0755) == 0);
  service.wait_for_new_pid();
  CHECK(svscan.process().errors() == "");
}

TEST_CASE("a run that is written for a while is started when it is closed", "[svscan]") {
  TempDir dir;
  Scanning svscan(dir.path());
  WAIT_UNTIL(exists(dir / ".svdir/.lock"));
  const ServiceDir service(dir, "slow");
  {
    const Fd run(::open((dir / "slow/run").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
    REQUIRE(::write(run.get(), "#!/bin/sh\n", 10) == 10);
    nap();
    REQUIRE(::write(run.get(), "exec sleep 1000\n", 16) == 16);
  }
  service.wait_for_new_pid();
  CHECK(service.state().failures == 0);
}

TEST_CASE("a renamed service keeps running", "[svscan]") {
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "old").run(kSleep);
  Scanning svscan(dir.path());
  const pid_t pid = service.wait_for_new_pid();
  const pid_t supervisor = supervisor_of(service);
  REQUIRE(::rename((dir / "old").c_str(), (dir / "new").c_str()) == 0);
  const ServiceDir other = appear(dir, "other");  // seen in the same listing as the new name, or a later one
  other.wait_for_new_pid();
  const ServiceDir renamed(dir, "new");
  CHECK(renamed.pid() == pid);
  CHECK(is_alive(pid));
  // Under its new name its supervise is started again like any other.
  REQUIRE(::kill(supervisor, SIGKILL) == 0);
  WAIT_UNTIL(supervisor_of(renamed) != supervisor);
  CHECK(renamed.pid() == pid);
}

TEST_CASE("a service whose directory vanishes is stopped", "[svscan]") {
  TempDir dir;
  TempDir elsewhere;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Scanning svscan(dir.path());
  const pid_t pid = service.wait_for_new_pid();
  REQUIRE(::rename((dir / "a").c_str(), (elsewhere / "a").c_str()) == 0);
  WAIT_UNTIL(!is_alive(pid));
  WAIT_UNTIL(children_of(svscan.process().pid()).empty());
  // And started again when it comes back.
  REQUIRE(::rename((elsewhere / "a").c_str(), (dir / "a").c_str()) == 0);
  service.wait_for_new_pid(pid);
}

TEST_CASE("a directory made anew under its old name is another service, started when the first has ended", "[svscan]") {
  TempDir dir;
  TempDir elsewhere;
  const ServiceDir service = ServiceDir(dir, "a").run("trap 'sleep 0.3; exit' TERM; while :; do sleep 0.05; done");
  Scanning svscan(dir.path());
  const pid_t pid = service.wait_for_new_pid();
  ServiceDir(dir, ".fresh").run(kSleep);
  REQUIRE(::rename((dir / "a").c_str(), (elsewhere / "a").c_str()) == 0);
  REQUIRE(::rename((dir / ".fresh").c_str(), (dir / "a").c_str()) == 0);
  const pid_t fresh = service.wait_for_new_pid();
  CHECK(fresh != pid);
  CHECK(!is_alive(pid));
}

TEST_CASE("a supervise that is killed is started again and takes its service over", "[svscan][adoption]") {
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Scanning svscan(dir.path());
  const pid_t pid = service.wait_for_new_pid();
  const pid_t supervisor = supervisor_of(service);
  REQUIRE(::kill(supervisor, SIGKILL) == 0);
  WAIT_UNTIL(supervisor_of(service) != supervisor && service.is_supervised());
  CHECK(service.pid() == pid);
  CHECK(is_alive(pid));
  CHECK(service.state().starts == 1);
  // The service is nobody's child but svscan's now: svscan tells how it ended.
  REQUIRE(::kill(pid, SIGUSR2) == 0);
  service.wait_for_new_pid(pid);
  const StateRecord record = service.state();
  CHECK(record.last.kind == Ending::Kind::signalled);
  CHECK(record.last.value == SIGUSR2);
}

TEST_CASE("a second svscan on a directory says who has it", "[svscan]") {
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Scanning svscan(dir.path());
  service.wait_for_new_pid();
  const Ran second = run({program("svscan"), dir.path()});
  CHECK(second.code == 100);
  CHECK(contains(second.errors, "already looked after by svscan, pid " + std::to_string(svscan.process().pid())));
}

TEST_CASE("a new svscan takes over what a killed one has left, and starts nothing twice", "[svscan][adoption]") {
  TempDir dir;
  std::vector<ServiceDir> services;
  for (const char* name : {"a", "b", "c"})
    services.push_back(ServiceDir(dir, name).run("echo x >> starts; exec sleep 1000"));
  std::vector<pid_t> pids;
  {
    Process killed(Launch{.argv = {program("svscan"), dir.path()}});
    for (const ServiceDir& service : services) pids.push_back(service.wait_for_new_pid());
    killed.signal(SIGKILL);
    killed.wait();
    const pid_t orphaned = supervisor_of(services[1]);
    Scanning svscan(dir.path());
    const ServiceDir late = appear(dir, "late");
    late.wait_for_new_pid();
    CHECK(children_of(svscan.process().pid()).size() == 1);
    // It watches the supervises of its predecessor, and replaces one that ends.
    REQUIRE(::kill(orphaned, SIGKILL) == 0);
    WAIT_UNTIL(supervisor_of(services[1]) != orphaned && services[1].is_supervised());
    CHECK(parent_of(supervisor_of(services[1])) == svscan.process().pid());
    for (std::size_t i = 0; i < services.size(); ++i) {
      CHECK(services[i].pid() == pids[i]);
      CHECK(read_file(services[i] / "starts") == "x\n");
    }
    // And stops them all when it is told to stop.
    CHECK(svscan.end() == 0);
  }
  for (const pid_t pid : pids) CHECK(!is_alive(pid));
}

TEST_CASE("QUIT leaves everything running", "[svscan]") {
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Process svscan(Launch{.argv = {program("svscan"), dir.path()}});
  const pid_t pid = service.wait_for_new_pid();
  svscan.signal(SIGQUIT);
  CHECK(svscan.wait() == 0);
  CHECK(is_alive(pid));
  CHECK(service.is_supervised());
  service.command("x");
  WAIT_UNTIL(!service.is_supervised());
}

TEST_CASE("HUP starts again what was told to exit, and rotates logs", "[svscan]") {
  TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "a").run("echo hello; exec sleep 1000").log_run("exec " + program("svlogd") + " ./main");
  Scanning svscan(dir.path());
  service.wait_for_new_pid();
  WAIT_UNTIL(contains(read_file(service / "log/main/current"), "hello"));
  svscan.process().signal(SIGHUP);
  WAIT_UNTIL(contains(listing(service / "log/main"), "@40"));
  service.command("x");
  WAIT_UNTIL(!service.is_supervised());
  WAIT_UNTIL(children_of(svscan.process().pid()).empty());
  svscan.process().signal(SIGHUP);
  WAIT_UNTIL(service.is_supervised());
  service.wait_for_new_pid();
}

TEST_CASE("what others depend on is stopped after them", "[svscan][stop]") {
  TempDir dir;
  const std::string order = dir / ".order";
  const auto tells = [&](const std::string& name) {
    return "trap 'echo " + name + " >> " + order + "; exit' TERM; echo > listens; while :; do sleep 0.02; done";
  };
  const ServiceDir database = ServiceDir(dir, "a-database").run(tells("database"));
  const ServiceDir cache = ServiceDir(dir, "b-cache").run(tells("cache")).conf("after = a-database\n");
  const ServiceDir web = ServiceDir(dir, "c-web").run(tells("web")).conf("depends = a-database, b-cache\n");
  Scanning svscan(dir.path());
  for (const ServiceDir& service : {database, cache, web}) WAIT_UNTIL(exists(service.path() + "/listens"));
  CHECK(svscan.end() == 0);
  CHECK(read_file(order) == "web\ncache\ndatabase\n");
}

TEST_CASE("when the grace period is over, nothing is left alive", "[svscan][stop]") {
  TempDir dir;
  const ServiceDir stubborn = ServiceDir(dir, "stubborn").run("trap '' TERM; echo > up; while :; do sleep 1; done");
  Scanning svscan(dir.path(), {.arguments = {"--grace", "200ms"}});
  const pid_t pid = stubborn.wait_for_new_pid();
  WAIT_UNTIL(exists(stubborn / "up"));
  CHECK(svscan.end() == 0);
  CHECK(!is_alive(pid));
  CHECK(contains(svscan.process().errors(), "grace period is over"));
}

TEST_CASE("a second TERM kills at once", "[svscan][stop]") {
  TempDir dir;
  const ServiceDir stubborn = ServiceDir(dir, "stubborn").run("trap '' TERM; echo > up; while :; do sleep 1; done");
  Scanning svscan(dir.path());
  const pid_t pid = stubborn.wait_for_new_pid();
  WAIT_UNTIL(exists(stubborn / "up"));
  svscan.process().signal(SIGTERM);
  WAIT_UNTIL(stubborn.state().leaving);
  nap();  // longer than what svscan takes for one wish told twice
  CHECK(svscan.end() == 0);
  CHECK(!is_alive(pid));
}

TEST_CASE("a second TERM ends also the loggers, both of them", "[svscan][stop]") {
  TempDir dir;
  const char* const deaf = "trap '' TERM; echo $$ > pid; while :; do sleep 1; done";
  ServiceDir service = ServiceDir(dir, "a").run(kSleep).log_run(deaf).conf("stderr = ./err\n");
  service.script_at("log/stderr/run", deaf);
  Scanning svscan(dir.path());
  service.wait_for_new_pid();
  std::vector<pid_t> loggers;
  for (const char* file : {"log/pid", "log/stderr/pid"}) {
    WAIT_UNTIL(exists(service / file) && !read_file(service / file).empty());
    loggers.push_back(std::atoi(read_file(service / file).c_str()));
  }
  svscan.process().signal(SIGTERM);
  WAIT_UNTIL(service.state().leaving);
  nap();
  CHECK(svscan.end() == 0);
  for (const pid_t pid : loggers) CHECK(!is_alive(pid));
}

TEST_CASE("what a killed supervise has left is stopped in the end as well", "[svscan][stop][adoption]") {
  TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "a").run("trap 'echo > asked; exit' TERM; echo > listens; while :; do sleep 0.02; done");
  Scanning svscan(dir.path());
  const pid_t pid = service.wait_for_new_pid();
  WAIT_UNTIL(exists(service / "listens"));
  REQUIRE(::kill(supervisor_of(service), SIGKILL) == 0);
  CHECK(svscan.end() == 0);
  CHECK(!is_alive(pid));
  CHECK(exists(service / "asked"));
}

TEST_CASE("a name that looks like an option is a name", "[svscan]") {
  TempDir dir;
  const ServiceDir dash = ServiceDir(dir, "-x").run(kSleep);
  Scanning svscan(dir.path());
  dash.wait_for_new_pid();
  CHECK(svctl(dir.path(), {"restart", "--", "-x"}).output.starts_with("ok: -x: restarted"));
  CHECK(svscan.end() == 0);
}

TEST_CASE("bad names and second names get one warning each", "[svscan]") {
  TempDir dir;
  ServiceDir(dir, "bad\nname").run(kSleep);
  ServiceDir(dir, std::string(230, 'n')).run(kSleep);
  const ServiceDir real = ServiceDir(dir, "real").run(kSleep);
  REQUIRE(::symlink("real", (dir / "second").c_str()) == 0);
  REQUIRE(::symlink("loop", (dir / "loop").c_str()) == 0);
  REQUIRE(::symlink("/nowhere/at/all", (dir / "dangling").c_str()) == 0);
  Scanning svscan(dir.path());
  real.wait_for_new_pid();
  for (const char* name : {"x", "y", "z"}) appear(dir, name).wait_for_new_pid();  // so it has looked several times
  const std::string errors = svscan.process().errors();
  CHECK(count(errors, "skipping bad?name: ") == 1);
  CHECK(count(errors, "longer than 200 bytes") == 1);
  CHECK(count(errors, "skipping second: another name of ") == 1);
  CHECK(count(errors, "skipping loop: ") == 1);
  CHECK(count(errors, "skipping dangling: ") == 1);
  CHECK(std::count(errors.begin(), errors.end(), '\n') == 5);
}

TEST_CASE("a scan directory that is not there is the user's mistake", "[svscan]") {
  const Ran ran = run({program("svscan"), "/nowhere/at/all"});
  CHECK(ran.code == 100);
  CHECK(ran.errors == "svscan: fatal: unable to open the scan directory /nowhere/at/all: No such file or directory\n");
}

// The directory is read while names change: what is missing under both names is not gone.
TEST_CASE("a service keeps running through a flood of its renames", "[svscan]") {
  TempDir dir;
  const ServiceDir moving = ServiceDir(dir, "a").run("echo >> starts; exec sleep 1000");
  write_script(dir / "script-a", "echo > " + (dir / ".read") + "; exec sleep 1000");
  Scanning svscan(dir.path());
  const pid_t pid = moving.wait_for_new_pid();
  const pid_t script = ServiceDir(dir.path() + "/.svdir", "script-a").wait_for_new_pid();
  WAIT_UNTIL(exists(moving / "starts") && exists(dir / ".read"));
  for (int i = 0; i < 4000; ++i) {
    const std::string from(1, i % 2 == 0 ? 'a' : 'b');
    const std::string to(1, i % 2 == 0 ? 'b' : 'a');
    REQUIRE(::rename((dir / from).c_str(), (dir / to).c_str()) == 0);
    REQUIRE(::rename((dir / ("script-" + from)).c_str(), (dir / ("script-" + to)).c_str()) == 0);
    if (i % 4 == 0) ::sched_yield();
  }
  appear(dir, "last").wait_for_new_pid();
  WAIT_UNTIL(ServiceDir(dir.path() + "/.svdir", "script-a").pid() == script);
  CHECK(moving.pid() == pid);
  CHECK(lines(moving / "starts") == 1);
  CHECK(is_alive(pid));
  CHECK(is_alive(script));
}

TEST_CASE("a flood of renames ends with the right services", "[svscan]") {
  TempDir dir;
  const ServiceDir steady = ServiceDir(dir, "steady").run(kSleep);
  Scanning svscan(dir.path());
  const pid_t pid = steady.wait_for_new_pid();
  ServiceDir(dir, "moving").run(kSleep);
  for (int i = 0; i < 1000; ++i) {
    const std::string from = dir / (i % 2 == 0 ? "moving" : "moved");
    const std::string to = dir / (i % 2 == 0 ? "moved" : "moving");
    REQUIRE(::rename(from.c_str(), to.c_str()) == 0);
  }
  const ServiceDir last = appear(dir, "last");
  last.wait_for_new_pid();
  ServiceDir(dir, "moving").wait_for_new_pid();
  CHECK(steady.pid() == pid);
  CHECK(children_of(svscan.process().pid()).size() == 3);
}

// --- Upgrade -------------------------------------------------------------------------------------------------------

TEST_CASE("USR1 executes a new svscan in place, and no service notices", "[svscan][upgrade]") {
  TempDir dir;
  TempDir programs;
  run({"/bin/cp", program("svscan"), programs / "svscan"});
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Scanning svscan(dir.path(), {.program = programs / "svscan", .arguments = {"--supervise", program("supervise")}});
  const pid_t pid = service.wait_for_new_pid();
  const pid_t supervisor = supervisor_of(service);
  run({"/bin/cp", program("svscan"), programs / "next"});
  REQUIRE(::rename((programs / "next").c_str(), (programs / "svscan").c_str()) == 0);
  const std::string executable = "/proc/" + std::to_string(svscan.process().pid()) + "/exe";
  const auto runs_the_new_one = [&] {
    struct stat ours;
    struct stat wanted;
    return ::stat(executable.c_str(), &ours) == 0 && ::stat((programs / "svscan").c_str(), &wanted) == 0 &&
           ours.st_ino == wanted.st_ino;
  };
  CHECK(!runs_the_new_one());
  svscan.process().signal(SIGUSR1);
  wait_until(runs_the_new_one, "the new svscan to run");
  appear(dir, "late").wait_for_new_pid();
  CHECK(service.pid() == pid);
  CHECK(supervisor_of(service) == supervisor);
  CHECK(children_of(svscan.process().pid()).size() == 2);
  CHECK(run({program("svscan"), dir.path()}).code == 100);  // the lock came along
  // Supervises are its children as before.
  REQUIRE(::kill(supervisor, SIGKILL) == 0);
  WAIT_UNTIL(supervisor_of(service) != supervisor && service.is_supervised());
  CHECK(service.pid() == pid);
  CHECK(svscan.end() == 0);
}

TEST_CASE("a new svscan that does not run is noticed while the old one is there", "[svscan][upgrade]") {
  TempDir dir;
  TempDir programs;
  run({"/bin/cp", program("svscan"), programs / "svscan"});
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Scanning svscan(dir.path(), {.program = programs / "svscan", .arguments = {"--supervise", program("supervise")}});
  const pid_t pid = service.wait_for_new_pid();
  write_script(programs / "svscan", "exit 3");
  svscan.process().signal(SIGUSR1);
  WAIT_UNTIL(contains(svscan.process().errors(), "does not run; not upgraded"));
  CHECK(service.pid() == pid);
  appear(dir, "late").wait_for_new_pid();
}

// --- Under the name runsvdir ---------------------------------------------------------------------------------------

TEST_CASE("runsvdir leaves its services running at TERM, as the genuine one", "[svscan][runsvdir]") {
  TempDir dir;
  TempDir bin;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Process runsvdir(Launch{.argv = {alias(bin, "runsvdir", "svscan"), "-P", dir.path()}});
  const pid_t pid = service.wait_for_new_pid();
  const Ran status = tool(dir.path(), {genuine("sv"), "status", "a"});
  CHECK(contains(status.output, "run: a: (pid " + std::to_string(pid) + ")"));
  runsvdir.signal(SIGTERM);
  CHECK(runsvdir.wait() == 0);
  CHECK(is_alive(pid));
  const pid_t supervisor = service.state().supervisor.pid;
  CHECK(tool(dir.path(), {genuine("sv"), "exit", "a"}).code == 0);
  WAIT_UNTIL(!is_alive(pid) && !is_alive(supervisor));
}

TEST_CASE("runsvdir stops its services at HUP and exits 111, as the genuine one", "[svscan][runsvdir]") {
  TempDir dir;
  TempDir bin;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Process runsvdir(Launch{.argv = {alias(bin, "runsvdir", "svscan"), dir.path()}});
  const pid_t pid = service.wait_for_new_pid();
  runsvdir.signal(SIGHUP);
  CHECK(runsvdir.wait() == 111);
  WAIT_UNTIL(!is_alive(pid));
}

TEST_CASE("runsvdir's errors have runsvdir's exit codes", "[svscan][runsvdir]") {
  TempDir bin;
  const std::string runsvdir = alias(bin, "runsvdir", "svscan");
  CHECK(run({runsvdir}).code == 1);
  CHECK(run({runsvdir, "/nowhere/at/all"}).code == 100);
}

// --- Where less is to be had ---------------------------------------------------------------------------------------

TEST_CASE("without inotify, svscan looks for changes every second and says so once", "[svscan]") {
  NEEDS_ROOT();
  TempDir dir;
  const ServiceDir first = ServiceDir(dir, "first").run(kSleep);
  const std::string shell =
      "echo 0 > /proc/sys/user/max_inotify_instances && exec " + program("svscan") + " " + dir.path();
  Process svscan(Launch{.argv = {"unshare", "--user", "--map-root-user", "/bin/sh", "-c", shell}});
  first.wait_for_new_pid();
  appear(dir, "second").wait_for_new_pid();
  appear(dir, "third").wait_for_new_pid();
  CHECK(count(svscan.errors(), "looking for changes every second") == 1);
  svscan.signal(SIGTERM);
  CHECK(svscan.wait() == 0);
}

TEST_CASE("a scan directory that cannot be written to costs the lock and one warning", "[svscan]") {
  NEEDS_ROOT();
  constexpr uid_t kNobodyUser = 65534;
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  REQUIRE(::chown(service.path().c_str(), kNobodyUser, kNobodyUser) == 0);
  Scanning svscan(dir.path(), {.uid = kNobodyUser});
  service.wait_for_new_pid();
  CHECK(count(svscan.process().errors(), "going on without a lock") == 1);
  CHECK(svscan.end() == 0);
}
