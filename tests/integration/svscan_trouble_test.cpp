// svscan where things go wrong around it.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr char kSleep[] = "exec sleep 1000";
constexpr uid_t kOtherUser = 64321;  // nobody else's, so that its limits are ours alone

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

}  // namespace

TEST_CASE("a scan directory that is removed and made anew is gone on with", "[svscan][trouble]") {
  TempDir dir;
  const std::string services = dir / "services";
  const ServiceDir first = ServiceDir(services, "first").run(kSleep);
  Scanning svscan(services);
  const pid_t pid = first.wait_for_new_pid();
  REQUIRE(::rename(services.c_str(), (dir / "old").c_str()) == 0);
  ServiceDir(dir / "new", "second").run(kSleep);
  REQUIRE(::rename((dir / "new").c_str(), services.c_str()) == 0);
  ServiceDir(services, "second").wait_for_new_pid();
  WAIT_UNTIL(!is_alive(pid));
  CHECK(contains(svscan.process().errors(), "another directory now"));
  CHECK(svscan.end() == 0);
}

TEST_CASE("a scan directory that is removed for good leaves a svscan that can be told to end", "[svscan][trouble]") {
  TempDir dir;
  const std::string services = dir / "services";
  const ServiceDir first = ServiceDir(services, "first").run(kSleep);
  Scanning svscan(services);
  const pid_t pid = first.wait_for_new_pid();
  // What runs in there writes files meanwhile, and may get in the way of rm.
  WAIT_UNTIL((run({"/bin/rm", "-rf", services}), !exists(services)));
  WAIT_UNTIL(!is_alive(pid));
  WAIT_UNTIL(contains(svscan.process().errors(), "is not there any more"));
  CHECK(svscan.end() == 0);
  CHECK(count(svscan.process().errors(), "is not there any more") == 1);
}

TEST_CASE("where no process can be made, one line says so, and the start is made up for", "[svscan][trouble]") {
  NEEDS_ROOT();
  TempDir dir;
  for (int i = 0; i < 10; ++i) ServiceDir(dir, "s" + std::to_string(i)).run(kSleep);
  run({"/bin/chown", "-R", std::to_string(kOtherUser), dir.path()});
  REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
  // Room for svscan and a few of the twenty processes.
  Process svscan(Launch{.argv = {"prlimit", "--nproc=8:1000", program("svscan"), dir.path()}, .uid = kOtherUser});
  WAIT_UNTIL(contains(svscan.errors(), "Resource temporarily unavailable; trying again every second"));
  const auto running = [&] {
    std::size_t found = 0;
    for (const pid_t pid : descendants_of(svscan.pid()))
      found += contains(read_file("/proc/" + std::to_string(pid) + "/cmdline"), "sleep") ? 1 : 0;
    return found;
  };
  const auto give_room = [](pid_t pid) {
    const Launch prlimit{.argv = {"prlimit", "--nproc=1000:1000", "--pid", std::to_string(pid)}, .uid = kOtherUser};
    CHECK(run(prlimit).code == 0);
  };
  give_room(svscan.pid());
  for (const pid_t pid : children_of(svscan.pid())) give_room(pid);
  WAIT_UNTIL(running() == 10);
  CHECK(count(svscan.errors(), "trying again every second") == 1);
  svscan.signal(SIGTERM);
  CHECK(svscan.wait() == 0);
}

TEST_CASE("few descriptors are enough for many services", "[svscan][trouble]") {
  TempDir dir;
  for (int i = 0; i < 40; ++i) ServiceDir(dir, "s" + std::to_string(i)).run(kSleep);
  const std::string command = "ulimit -n 24; exec " + program("svscan") + " " + dir.path();
  Process svscan(Launch{.argv = {"/bin/sh", "-c", command}});
  for (int i = 0; i < 40; ++i) ServiceDir(dir, "s" + std::to_string(i)).wait_for_new_pid();
  CHECK(svscan.errors() == "");
  svscan.signal(SIGTERM);
  CHECK(svscan.wait() == 0);
}

TEST_CASE("a genuine runsv that holds a service is waited for", "[svscan][trouble]") {
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  Process runsv(Launch{.argv = {genuine("runsv"), service.path()}});
  const pid_t pid = service.wait_for_new_pid();
  Scanning svscan(dir.path());
  const ServiceDir other = ServiceDir(dir, "b").run(kSleep);
  other.wait_for_new_pid();
  CHECK(service.pid() == pid);
  CHECK(is_alive(pid));
  service.command("x");
  CHECK(runsv.wait() == 0);
  service.wait_for_new_pid(pid);
  WAIT_UNTIL(service.state().supervisor.pid != 0 &&
             parent_of(service.state().supervisor.pid) == svscan.process().pid());
}

TEST_CASE("a supervise that cannot start is tried again more and more slowly", "[svscan][trouble]") {
  TempDir dir;
  TempDir bin;
  write_script(bin / "supervise", "echo x >> " + (bin / "starts") + "; exit 111");
  ServiceDir(dir, "a").run(kSleep);
  Scanning svscan(dir.path(), {.arguments = {"--supervise", bin / "supervise"}});
  WAIT_UNTIL(count(read_file(bin / "starts"), "x") == 3);
  CHECK(contains(svscan.process().errors(), "supervise a (pid "));
  CHECK(svscan.end() == 0);
}

// Then nobody but svscan has the pipe open.
TEST_CASE("service, logger and supervise killed before the next supervise is there: no line is lost",
          "[svscan][adoption]") {
  const bool is_output = GENERATE(true, false);
  CAPTURE(is_output);
  TempDir dir;
  TempDir bin;
  write_script(bin / "supervise", "while [ -e " + (bin / "hold") + " ]; do echo > " + (bin / "held") +
                                      "; sleep 0.01; done; exec " + program("supervise") + " \"$1\"");
  ServiceDir service(dir, "a");
  service.run("mkdir ran || exec sleep 1000\nwhile [ ! -e go ]; do sleep 0.01; done\n" +
              std::string(is_output ? "" : "exec >&2\n") +
              "n=0; while [ $n -lt 100 ]; do n=$((n+1)); echo line $n; done; echo > written; exec sleep 1000");
  for (const char* each : {"log/run", "log/stderr/run"}) service.script_at(each, "echo $$ > pid; exec cat >> lines");
  service.conf("stderr = ./err\n");  // the script log/stderr/run goes before that
  const std::string log = service / (is_output ? "log" : "log/stderr");
  Scanning svscan(dir.path(), {.arguments = {"--supervise", bin / "supervise"}});
  const pid_t pid = service.wait_for_new_pid();
  WAIT_UNTIL(exists(log + "/lines"));
  const pid_t logger = std::atoi(read_file(log + "/pid").c_str());
  REQUIRE(logger > 0);
  REQUIRE(::kill(logger, SIGSTOP) == 0);
  WAIT_UNTIL(contains(read_file("/proc/" + std::to_string(logger) + "/stat"), ") T "));
  write_file(service / "go", "");
  WAIT_UNTIL(exists(service / "written"));
  write_file(bin / "hold", "");
  REQUIRE(::kill(service.state().supervisor.pid, SIGKILL) == 0);
  WAIT_UNTIL(exists(bin / "held"));
  REQUIRE(::kill(logger, SIGKILL) == 0);
  REQUIRE(::kill(pid, SIGKILL) == 0);
  WAIT_UNTIL(!is_alive(logger) && !is_alive(pid));
  std::filesystem::remove(bin / "hold");
  WAIT_UNTIL(count(read_file(log + "/lines"), "line") == 100);
  CHECK(svscan.end() == 0);
  CHECK(count(read_file(log + "/lines"), "line") == 100);
}

TEST_CASE("started by somebody who ignored the ends of his children, svscan hears of those of its own",
          "[svscan][trouble]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run(kSleep);
  Process svscan(Launch{.argv = {"/bin/sh", "-c", "trap '' CHLD; exec " + program("svscan") + " " + dir.path()}});
  service.wait_for_new_pid();
  const pid_t first = service.state().supervisor.pid;
  REQUIRE(::kill(first, SIGKILL) == 0);
  WAIT_UNTIL(service.state().supervisor.pid != first && service.is_supervised());
  svscan.signal(SIGTERM);
  CHECK(svscan.wait() == 0);
}

TEST_CASE("without a supervise program svscan says so and ends", "[svscan][trouble]") {
  TempDir dir;
  TempDir bin;
  run({"/bin/cp", program("svscan"), bin / "svscan"});
  const Ran ran = run(Launch{.argv = {bin / "svscan", dir.path()}, .environment = {{"PATH", "/nowhere"}}});
  CHECK(ran.code == 100);
  CHECK(contains(ran.errors, "no program `supervise`"));
}
