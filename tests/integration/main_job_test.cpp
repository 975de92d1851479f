// A directory of run scripts runs, is controlled, and logs: svscan, supervise and svctl together.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

std::string text_of(const Ran& ran) {
  return "exit " + std::to_string(ran.code) + ": " + ran.output + ran.errors;
}

}  // namespace

TEST_CASE("services that are there, and one that is moved in, are started", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir early = ServiceDir(dir / "scan", "early").run("exec sleep 1000");
  const Scanning scanning(dir / "scan");
  early.wait_for_new_pid();
  const ServiceDir prepared = ServiceDir(dir / "new", "late").run("exec sleep 1000");
  std::filesystem::rename(prepared.path(), dir / "scan/late");
  ServiceDir(dir / "scan", "late").wait_for_new_pid();
}

TEST_CASE("a service whose directory vanishes is stopped, the others go on", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir gone = ServiceDir(dir / "scan", "gone").run("exec sleep 1000");
  const ServiceDir stays = ServiceDir(dir / "scan", "stays").run("exec sleep 1000");
  const Scanning scanning(dir / "scan");
  const pid_t pid = gone.wait_for_new_pid();
  const pid_t other = stays.wait_for_new_pid();
  std::filesystem::rename(gone.path(), dir / "elsewhere");
  WAIT_UNTIL(!is_alive(pid));
  CHECK(is_alive(other));
}

TEST_CASE("a service that is renamed keeps its process", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir before = ServiceDir(dir / "scan", "before").run("exec sleep 1000");
  const Scanning scanning(dir / "scan");
  const pid_t pid = before.wait_for_new_pid();
  std::filesystem::rename(before.path(), dir / "scan/after");
  const ServiceDir another = ServiceDir(dir / "scan", "another").run("exec sleep 1000");
  another.wait_for_new_pid();  // svscan has looked again
  CHECK(ServiceDir(dir / "scan", "after").pid() == pid);
  CHECK(is_alive(pid));
  CHECK(svctl(dir / "scan", {"status", "after"}).code == 0);
}

TEST_CASE("a service with a down file waits to be told", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s").run("exec sleep 1000").down();
  const Scanning scanning(dir / "scan");
  WAIT_UNTIL(service.is_supervised());
  CHECK(service.wait_for(State::down).starts == 0);
  CHECK(svctl(dir / "scan", {"start", "s"}).code == 0);
  CHECK(is_alive(service.pid()));
}

TEST_CASE("every command of svctl does what its name says", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service =
      ServiceDir(dir / "scan", "s")
          .run(
              "for s in HUP INT QUIT USR1 USR2 ALRM WINCH; do trap \"echo $s >> seen\" $s; done\n"
              "echo up >> seen\n"
              "while :; do sleep 0.01; done");
  const Scanning scanning(dir / "scan");
  WAIT_UNTIL(read_file(service / "seen") == "up\n");
  const auto saw = [&](const std::string& word) { return read_file(service / "seen").find(word) != std::string::npos; };
  const auto tell = [&](std::vector<std::string> words) {
    words.push_back("s");
    const Ran ran = svctl(dir / "scan", words);
    CAPTURE(text_of(ran), words);
    CHECK(ran.code == 0);
  };
  for (const auto& [verb, word] : {std::pair{"hup", "HUP"},
                                   {"int", "INT"},
                                   {"quit", "QUIT"},
                                   {"usr1", "USR1"},
                                   {"usr2", "USR2"},
                                   {"alarm", "ALRM"},
                                   {"winch", "WINCH"}}) {
    CAPTURE(verb);
    tell({verb});
    WAIT_UNTIL(saw(word));
  }
  tell({"pause"});
  WAIT_UNTIL(service.status().paused);
  tell({"cont"});
  WAIT_UNTIL(!service.status().paused);

  pid_t pid = service.pid();
  tell({"term"});
  pid = service.wait_for_new_pid(pid);
  tell({"kill"});
  pid = service.wait_for_new_pid(pid);
  tell({"try-restart"});
  pid = service.wait_for_new_pid(pid);
  tell({"restart"});
  CHECK(service.pid() != pid);
  tell({"stop"});
  CHECK(service.pid() == 0);
  tell({"try-restart"});
  CHECK(service.state().state == State::down);  // it only restarts what runs
  tell({"start"});
  CHECK(is_alive(service.pid()));
  tell({"check"});
  tell({"once"});
  CHECK(service.state().want == Want::once);
  tell({"exit"});
  WAIT_UNTIL(!service.is_supervised());
}

TEST_CASE("once runs a service to its end and not again", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s").run("echo ran >> seen").down();
  const Scanning scanning(dir / "scan");
  WAIT_UNTIL(service.is_supervised());
  const Ran once = svctl(dir / "scan", {"once", "s"});
  CAPTURE(text_of(once));
  REQUIRE(once.code == 0);
  WAIT_UNTIL(read_file(service / "seen") == "ran\n" && service.state().state == State::down);
  CHECK(service.state().starts == 1);
}

TEST_CASE("status tells what runs and what does not, and its exit code too", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir up = ServiceDir(dir / "scan", "one").run("exec sleep 1000").log_run("exec cat");
  const ServiceDir down = ServiceDir(dir / "scan", "two").run("exec sleep 1000").down();
  const Scanning scanning(dir / "scan");
  const pid_t pid = up.wait_for_new_pid();
  WAIT_UNTIL(down.is_supervised());
  const Ran all = svctl(dir / "scan", {"status"});
  CAPTURE(text_of(all));
  CHECK(all.output.find("one") != std::string::npos);
  CHECK(all.output.find("two") != std::string::npos);
  CHECK(all.output.find(std::to_string(pid)) != std::string::npos);
  CHECK(svctl(dir / "scan", {"status", "one"}).code == 0);
  CHECK(svctl(dir / "scan", {"status", "two"}).code == 3);
}

TEST_CASE("a person's commands on many services at once are carried out on all of them", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  std::vector<ServiceDir> services;
  for (int i = 0; i < 20; ++i)
    services.push_back(ServiceDir(dir / "scan", "worker-" + std::to_string(i)).run("exec sleep 1000"));
  const ServiceDir other = ServiceDir(dir / "scan", "other").run("exec sleep 1000");
  const Scanning scanning(dir / "scan");
  std::vector<pid_t> pids;
  for (const auto& service : services) pids.push_back(service.wait_for_new_pid());
  const pid_t bystander = other.wait_for_new_pid();
  REQUIRE(svctl(dir / "scan", {"restart", "worker-*"}).code == 0);
  for (std::size_t i = 0; i < services.size(); ++i) CHECK(services[i].wait_for_new_pid(pids[i]) != pids[i]);
  REQUIRE(svctl(dir / "scan", {"stop", "worker-?", "worker-1?"}).code == 0);
  for (const auto& service : services) CHECK(service.pid() == 0);
  CHECK(other.pid() == bystander);
}

TEST_CASE("a service's output reaches its logger, line by line, over restarts of both", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s")
                                 .run("i=0; while :; do i=$((i+1)); echo \"$$ $i\"; sleep 0.01; done")
                                 .log_run("exec svlogd main");
  const Scanning scanning(dir / "scan");
  const auto lines_of = [&](pid_t pid) {
    return read_file(service / "log/main/current").find(std::to_string(pid) + " 3\n") != std::string::npos;
  };
  const pid_t first = service.wait_for_new_pid();
  WAIT_UNTIL(lines_of(first));
  const ServiceDir log(service.path(), "log");
  const pid_t logger = log.wait_for_new_pid();
  ::kill(logger, SIGKILL);
  log.wait_for_new_pid(logger);
  REQUIRE(svctl(dir / "scan", {"restart", "s"}).code == 0);
  WAIT_UNTIL(lines_of(service.pid()));
  CHECK(service.pid() != first);
}

TEST_CASE("HUP to svscan makes every logger rotate", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service =
      ServiceDir(dir / "scan", "s").run("echo hello; exec sleep 1000").log_run("exec svlogd main");
  Scanning scanning(dir / "scan");
  WAIT_UNTIL(read_file(service / "log/main/current") == "hello\n");
  scanning.process().signal(SIGHUP);
  WAIT_UNTIL(listing(service / "log/main").find(".s") != std::string::npos);
}

TEST_CASE("TERM to svscan returns when the last process has ended, loggers last", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s")
                                 .run("trap 'echo last words; exit 0' TERM; : > trapped; while :; do sleep 0.01; done")
                                 .log_run("exec svlogd main");
  ServiceDir(dir / "scan", "other").run("exec sleep 1000");
  Scanning scanning(dir / "scan");
  service.wait_for_new_pid();
  WAIT_UNTIL(exists(service / "log/main/current") && exists(service / "trapped"));
  CHECK(scanning.end() == 0);
  CHECK(read_file(service / "log/main/current") == "last words\n");
  CHECK(descendants_of(::getpid()).empty());
}

TEST_CASE("a logger that cannot stay up does not hold up the end", "[main-job]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s").run("exec sleep 1000").log_run("exit 1");
  const ServiceDir log(service.path(), "log");
  Scanning scanning(dir / "scan");
  service.wait_for_new_pid();
  WAIT_UNTIL(log.state().failures > 0);
  CHECK(scanning.end() == 0);
  CHECK(log.state().state == State::down);
  CHECK(descendants_of(::getpid()).empty());
}

TEST_CASE("the files of supervise have runit's names, kinds and modes", "[main-job]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").log_run("exec cat");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  const auto kind_and_mode = [&](const std::string& name) { return run({"stat", "-c", "%A", service / name}).output; };
  for (const std::string in : {"supervise", "log/supervise"}) {
    CHECK(kind_and_mode(in) == "drwx------\n");
    CHECK(kind_and_mode(in + "/control") == "prw-------\n");
    CHECK(kind_and_mode(in + "/ok") == "prw-------\n");
    CHECK(kind_and_mode(in + "/lock") == "-rw-------\n");
    for (const char* name : {"/pid", "/stat", "/status"}) CHECK(kind_and_mode(in + name) == "-rw-r--r--\n");
  }
  CHECK(read_file(service / "supervise/pid") == std::to_string(service.pid()) + "\n");
  CHECK(service.stat() == "run");
}
