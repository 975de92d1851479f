// svctl's commands, their waiting and their words, over our supervise and over a genuine runsv.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

bool matches(const std::string& text, const std::string& pattern) {
  return std::regex_match(text, std::regex(pattern));
}

const std::string kTook = R"(( \(\d+(\.\d+)?s\))?\n)";

}  // namespace

TEST_CASE("stop returns only after the process is gone, start with the new one", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  for (const std::string& supervise : {std::string(), genuine("runsv")}) {
    CAPTURE(supervise);
    const Supervised supervised(service, {.program = supervise});
    const pid_t first = service.wait_for_new_pid();
    const Ran stopped = svctl(dir.path(), {"stop", "s"});
    CHECK_FALSE(is_alive(first));
    CHECK(matches(stopped.output, "ok: s: stopped" + kTook));
    CHECK(stopped.code == 0);
    CHECK(matches(svctl(dir.path(), {"stop", "s"}).output, "ok: s: already down" + kTook));
    const Ran started = svctl(dir.path(), {"start", "s"});
    const pid_t second = service.pid();
    CHECK(is_alive(second));
    CHECK(matches(started.output, "ok: s: started, pid " + std::to_string(second) + kTook));
    CHECK(matches(svctl(dir.path(), {"start", "s"}).output,
                  "ok: s: already running, pid " + std::to_string(second) + kTook));
  }
}

TEST_CASE("restart tells the pid of the new process, however quickly one follows the other", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service);
  pid_t pid = service.wait_for_new_pid();
  for (int i = 0; i < 20; ++i) {
    const Ran ran = svctl(dir.path(), {"restart", "s"});
    const pid_t fresh = service.state().main.pid;
    CHECK(fresh != pid);
    CHECK_FALSE(is_alive(pid));
    CHECK(matches(ran.output, "ok: s: restarted, pid " + std::to_string(fresh) + kTook));
    pid = fresh;
  }
}

TEST_CASE("many clients at once all see their own command carried out", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  std::vector<std::unique_ptr<Process>> clients;
  for (int i = 0; i < 12; ++i)
    clients.push_back(std::make_unique<Process>(Launch{.argv = {program("svctl"), i % 3 == 0 ? "restart" : "cont", "s"},
                                                       .environment = {{"SVDIR", dir.path()}}}));
  for (const auto& client : clients) {
    const int code = client->wait();
    CAPTURE(client->output());
    CHECK((code == 0 || code == 3));  // 3: there was nothing to send CONT to just then
  }
}

TEST_CASE("several services are commanded at the same time", "[svctl]") {
  const TempDir dir;
  std::vector<std::unique_ptr<Supervised>> supervised;
  for (const char* name : {"a1", "a2", "b1"}) {
    const ServiceDir service = ServiceDir(dir, name).run("trap 'sleep 0.5; exit' TERM; while :; do sleep 0.05; done");
    supervised.push_back(std::make_unique<Supervised>(service));
    service.wait_for_new_pid();
  }
  const Ran ran = svctl(dir.path(), {"stop", "a*", "b1", "a1"});
  CHECK(ran.code == 0);
  CHECK(std::count(ran.output.begin(), ran.output.end(), '\n') == 3);
  for (const char* name : {"a1", "a2", "b1"}) CHECK(ran.output.find("ok: " + std::string(name)) != std::string::npos);
}

TEST_CASE("a service that does not stop in time is told of, with what it is doing", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("trap '' TERM; echo > up; exec sleep 1000");
  const Supervised supervised(service);
  WAIT_UNTIL(exists(service / "up"));
  const Ran ran = svctl(dir.path(), {"stop", "-w", "0.2", "s"});
  CHECK(ran.code == 1);
  CHECK(matches(ran.output, "timeout: s: still stopping, pid " + std::to_string(service.pid()) + kTook));
  CHECK(svctl(dir.path(), {"kill", "s"}).code == 0);
  CHECK(svctl(dir.path(), {"wait", "down", "s"}).code == 0);
}

TEST_CASE("a start that fails says why at once", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").file("run", "#!/bin/sh\n", 0644).down();
  const Supervised supervised(service);
  const Ran ran = svctl(dir.path(), {"start", "s"});
  CHECK(ran.code == 1);
  CHECK(ran.output.find("fail: s: exited 111; unable to execute run: Permission denied") == 0);
}

TEST_CASE("once -w returns the exit code of the run", "[svctl]") {
  const TempDir dir;
  ServiceDir service = ServiceDir(dir, "job").run("exit $(cat code)").file("code", "7").down();
  const Supervised supervised(service);
  const Ran failed = svctl(dir.path(), {"once", "-w", "job"});
  CAPTURE(failed.output, failed.errors);
  CHECK(failed.code == 7);
  CHECK(matches(failed.output, "ok: job: exited 7" + kTook));
  service.file("code", "0");
  CHECK(svctl(dir.path(), {"once", "-w", "job"}).code == 0);
  service.run("kill -KILL $$");
  CHECK(svctl(dir.path(), {"once", "-w", "30", "job"}).code == 137);
  CHECK(service.state().starts == 3);
}

TEST_CASE("wait blocks until the service is so", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").down();
  const Supervised supervised(service);
  CHECK(svctl(dir.path(), {"wait", "down", "s"}).code == 0);
  CHECK(svctl(dir.path(), {"wait", "up", "-w", "0.1", "s"}).code == 1);
  Process waiting({.argv = {program("svctl"), "wait", "ready", "s"}, .environment = {{"SVDIR", dir.path()}}});
  CHECK(svctl(dir.path(), {"start", "s"}).code == 0);
  CHECK(waiting.wait() == 0);
  CHECK(waiting.output().starts_with("ok: s: ready, pid "));
}

TEST_CASE("wait waits for a supervisor that is yet to come", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  Process waiting({.argv = {program("svctl"), "wait", "up", "s"}, .environment = {{"SVDIR", dir.path()}}});
  const Supervised supervised(service);
  CHECK(waiting.wait() == 0);
}

TEST_CASE("a command survives the death of the supervisor that was to carry it out", "[svctl]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s").run("exec sleep 1000");
  const Scanning scanning(dir / "scan");
  const pid_t pid = service.wait_for_new_pid();
  const pid_t supervisor = service.state().supervisor.pid;
  REQUIRE(::kill(supervisor, SIGSTOP) == 0);  // it will never read the command
  Process restart({.argv = {program("svctl"), "restart", "-w", "60", "s"}, .environment = {{"SVDIR", dir / "scan"}}});
  nap();
  REQUIRE(::kill(supervisor, SIGKILL) == 0);
  CHECK(restart.wait(std::chrono::seconds(60)) == 0);
  CAPTURE(restart.output());
  CHECK(service.state().main.pid != pid);
}

TEST_CASE("a command for a supervisor that has just died waits for the next one", "[svctl]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s").run("exec sleep 1000");
  Scanning scanning(dir / "scan");
  const pid_t pid = service.wait_for_new_pid();
  scanning.process().signal(SIGSTOP);  // so that the next one takes its time
  REQUIRE(::kill(service.state().supervisor.pid, SIGKILL) == 0);
  WAIT_UNTIL(!service.is_supervised());
  CHECK(svctl(dir / "scan", {"status", "s"}).code == 4);
  Process restart({.argv = {program("svctl"), "restart", "s"}, .environment = {{"SVDIR", dir / "scan"}}});
  nap();
  scanning.process().signal(SIGCONT);
  CHECK(restart.wait() == 0);
  CAPTURE(restart.output());
  CHECK(service.state().main.pid != pid);
}

TEST_CASE("signals go by name or number, and only to what runs", "[svctl]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run("trap 'echo winch >> seen' WINCH; echo up >> seen; while :; do sleep 0.02; done");
  const Supervised supervised(service);
  WAIT_UNTIL(read_file(service / "seen") == "up\n");
  for (const char* name : {"WINCH", "sigwinch", "28"}) {
    write_file(service / "seen", "");
    CHECK(svctl(dir.path(), {"signal", name, "s"}).output.starts_with("ok: s: WINCH sent, pid "));
    WAIT_UNTIL(read_file(service / "seen") == "winch\n");
  }
  CHECK(svctl(dir.path(), {"signal", "NONSENSE", "s"}).code == 100);
  svctl(dir.path(), {"stop", "s"});
  const Ran idle = svctl(dir.path(), {"hup", "s"});
  CHECK(idle.code == 3);
  CHECK(idle.output == "fail: s: not running, nothing sent\n");
}

TEST_CASE("a genuine runsv is told only what it knows", "[svctl][genuine]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service, {.program = genuine("runsv")});
  const pid_t pid = service.wait_for_new_pid();
  CHECK(svctl(dir.path(), {"winch", "s"}).output ==
        "fail: s: its supervisor is not svdir's and knows no such command\n");
  CHECK(svctl(dir.path(), {"reload-settings", "s"}).code == 1);
  CHECK(svctl(dir.path(), {"restart", "s"}).code == 0);
  CHECK(service.pid() != pid);
  CHECK(matches(svctl(dir.path(), {"status", "s"}).output, "s  up         pid \\d+  \\d+s\n"));
  CHECK(svctl(dir.path(), {"exit", "s"}).code == 0);
  CHECK_FALSE(service.is_supervised());
}

TEST_CASE("./check of a service under a genuine runsv is asked by svctl", "[svctl][genuine]") {
  const TempDir dir;
  ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").check("test -e well").down();
  const Supervised supervised(service, {.program = genuine("runsv")});
  const Ran waited = svctl(dir.path(), {"start", "-w", "0.5", "s"});
  CHECK(waited.code == 1);
  CHECK(waited.output.find("but ./check does not succeed") != std::string::npos);
  service.file("well", "");
  CHECK(svctl(dir.path(), {"check", "s"}).code == 0);
}

TEST_CASE("status works where only runit's status is to be had", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service);
  const pid_t pid = service.wait_for_new_pid();
  const std::string expected = "s  up         pid " + std::to_string(pid) + "  \\d+s  \\[supervise/state .*\\]\n";
  Ran ran;
  WAIT_UNTIL((write_file(service / "supervise/state", "garbage"),  // supervise may be about to write it once more
              ran = svctl(dir.path(), {"status", "s"}), matches(ran.output, expected)));
  CHECK(ran.code == 0);
}

TEST_CASE("--json gives one object per service and line", "[svctl]") {
  const TempDir dir;
  const ServiceDir up = ServiceDir(dir, "up").run("exec sleep 1000").log_run("exec cat > /dev/null");
  const ServiceDir down = ServiceDir(dir, "down").run("exec sleep 1000").down();
  const Supervised first(up);
  const Supervised second(down);
  const pid_t pid = up.wait_for_new_pid();
  std::istringstream lines(svctl(dir.path(), {"--json"}).output);
  std::string line;
  std::getline(lines, line);
  CHECK(nlohmann::json::parse(line)["state"] == "down");
  std::getline(lines, line);
  const auto json = nlohmann::json::parse(line);
  CHECK(json["service"] == "up");
  CHECK(json["pid"] == pid);
  CHECK(json["log"]["state"] == "up");
  const auto outcome = nlohmann::json::parse(svctl(dir.path(), {"stop", "--json", "up"}).output);
  CHECK(outcome["result"] == "ok");
  CHECK(outcome["text"] == "stopped");
  CHECK(outcome["state"] == "down");
}

TEST_CASE("what does not match is an error, and the rest is done", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  const Ran none = svctl(dir.path(), {"stop", "x*"});
  CHECK(none.code == 3);
  CHECK(none.errors == "svctl: warning: no service matches `x*` in " + dir.path() + "\n");
  CHECK(svctl(dir.path(), {"status", "x*"}).code == 3);
  const Ran some = svctl(dir.path(), {"restart", "x*", "s"});
  CHECK(some.code == 1);
  CHECK(some.output.starts_with("ok: s: restarted"));
  const Ran nowhere = svctl(dir.path(), {"-d", dir / "nowhere", "status"});
  CHECK(nowhere.code == 100);
  CHECK(nowhere.errors ==
        "svctl: fatal: unable to list services in " + (dir / "nowhere") + ": No such file or directory\n");
  CHECK(svctl(dir / "nowhere", {"start", "s"}).code == 100);
}

TEST_CASE("another user is told that it may not, and whose it is is left alone", "[svctl]") {
  NEEDS_ROOT();
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service);
  const pid_t pid = service.wait_for_new_pid();
  for (const char* verb : {"stop", "restart", "hup"}) {
    const Ran ran =
        run(Launch{.argv = {program("svctl"), verb, "s"}, .environment = {{"SVDIR", dir.path()}}, .uid = 65534});
    CHECK(ran.code == 1);
    CHECK(ran.output == "fail: s: unable to open supervise/ok: Permission denied\n");
  }
  const Ran status = run(Launch{.argv = {program("svctl")}, .environment = {{"SVDIR", dir.path()}}, .uid = 65534});
  CHECK(status.output == "s  unknown: unable to open supervise/ok: Permission denied\n");
  CHECK(service.pid() == pid);
}

TEST_CASE("root waits for a user's service without leaving anything behind", "[svctl]") {
  NEEDS_ROOT();
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  REQUIRE(::chown(service.path().c_str(), 65534, 65534) == 0);
  REQUIRE(::chown((service / "run").c_str(), 65534, 65534) == 0);
  const Supervised supervised(service, {.uid = 65534});
  service.wait_for_new_pid();
  CHECK(svctl(dir.path(), {"restart", "s"}).code == 0);
  CHECK_FALSE(exists(service / "supervise/event"));
}

TEST_CASE("upgrade says when the new program does not run, and the old one stays", "[svctl]") {
  const TempDir dir;
  const std::string own = dir / "supervise";
  write_file(own, read_file(program("supervise")), 0755);
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service, {.program = own});
  const pid_t pid = service.wait_for_new_pid();
  CHECK(svctl(dir.path(), {"upgrade", "s"}).output.starts_with("ok: s: supervisor upgraded"));
  write_script(own, "exit 1");
  const Ran refused = svctl(dir.path(), {"upgrade", "s"});
  CHECK(refused.code == 1);
  CHECK(refused.output.starts_with("fail: s: not upgraded: the new supervise does not run"));
  write_file(dir / "fresh", read_file(program("supervise")), 0755);
  REQUIRE(::rename((dir / "fresh").c_str(), own.c_str()) == 0);
  CHECK(svctl(dir.path(), {"upgrade", "s"}).code == 0);
  CHECK(service.pid() == pid);
  CHECK(service.state().starts == 1);
}

TEST_CASE("exit is not done when the supervisor was killed and its service goes on", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("trap '' TERM; echo > up; while :; do sleep 0.1; done");
  Process supervise(Launch{.argv = {program("supervise"), service.path()}});
  const pid_t pid = service.wait_for_new_pid();
  WAIT_UNTIL(exists(service / "up"));
  Process exiting(Launch{.argv = {program("svctl"), "-w", "60", "exit", "s"}, .environment = {{"SVDIR", dir.path()}}});
  WAIT_UNTIL(service.state().leaving);
  supervise.signal(SIGKILL);
  CHECK(exiting.wait() != 0);
  CHECK_FALSE(exiting.output().starts_with("ok"));
  CHECK(is_alive(pid));
  ::kill(pid, SIGKILL);
}

TEST_CASE("status is told also where no thread is to be had", "[svctl]") {
  NEEDS_ROOT();
  constexpr uid_t kOtherUser = 64323;  // nobody else's, so that its limits are ours alone
  const TempDir dir;
  constexpr int kServices = 250;  // enough for a second thread
  for (int i = 0; i < kServices; ++i) ServiceDir(dir, "s" + std::to_string(i)).run("exec sleep 1000");
  const Ran ran = run(Launch{
      .argv = {"prlimit", "--nproc=1", program("svctl")}, .environment = {{"SVDIR", dir.path()}}, .uid = kOtherUser});
  CHECK(std::ranges::count(ran.output, '\n') == kServices);
}

TEST_CASE("a command for a service that was made just now waits for its supervisor", "[svctl]") {
  const TempDir dir;
  const std::string scan = dir / "scan";
  make_directories(scan);
  Scanning scanning(scan);
  WAIT_UNTIL(svctl(scan, {"scan"}).code == 0);
  scanning.process().signal(SIGSTOP);  // so that it takes its time
  ServiceDir(scan, "fresh").run("exec sleep 1000").down();
  ServiceDir(scan, "idle").run("exec sleep 1000");
  write_script(scan + "/script", "exec sleep 1000");
  write_script(scan + "/other", "exec sleep 1000");
  const Ran in_vain = svctl(scan, {"start", "-w", "0.1", "idle"});
  CHECK(in_vain.code == 4);
  CHECK(in_vain.output.starts_with("fail: idle: no supervisor"));
  CHECK(svctl(scan, {"start", "-w", "0.1", "script"}).output.starts_with("fail: script: no such service"));
  const std::vector<std::vector<std::string>> commands{
      {"enable", "fresh"}, {"stop", "./idle"}, {"start", "script"}, {"disable", "other"}};
  std::vector<std::unique_ptr<Process>> clients;
  for (std::vector<std::string> argv : commands) {
    argv.insert(argv.begin(), program("svctl"));
    clients.push_back(std::make_unique<Process>(
        Launch{.argv = std::move(argv), .directory = scan, .environment = {{"SVDIR", scan}}}));
  }
  nap();
  for (const auto& client : clients) CHECK_FALSE(client->has_ended());
  scanning.process().signal(SIGCONT);
  const char* const kExpected[] = {
      "ok: fresh: enabled, (started|already running), pid \\d+", "ok: ./idle: stopped|ok: ./idle: already down",
      "ok: script: (started|already running), pid \\d+", "ok: other: disabled, (already down|stopped)"};
  for (std::size_t i = 0; i < clients.size(); ++i) {
    CHECK(clients[i]->wait() == 0);
    CAPTURE(clients[i]->output());
    CHECK(matches(clients[i]->output(), std::string("(") + kExpected[i] + ")" + kTook));
  }
  CHECK(exists(scan + "/.svdir/other/down"));
}

TEST_CASE("a service whose supervisor was told to exit is not waited for", "[svctl]") {
  const TempDir dir;
  make_directories(dir / "scan");
  const ServiceDir service = ServiceDir(dir / "scan", "s").run("exec sleep 1000");
  const Scanning scanning(dir / "scan");
  service.wait_for_new_pid();
  REQUIRE(svctl(dir / "scan", {"exit", "s"}).code == 0);
  const Ran ran = svctl(dir / "scan", {"start", "s"});
  CHECK(ran.code == 4);
  CHECK(ran.output == "fail: s: no supervisor\n");  // at once: without a time
}

TEST_CASE("without svscan nobody waits for a first supervisor", "[svctl]") {
  const TempDir dir;
  ServiceDir(dir, "s").run("exec sleep 1000");
  write_script(dir / "script", "exec sleep 1000");
  CHECK(svctl(dir.path(), {"start", "s"}).output == "fail: s: no supervisor\n");
  CHECK(svctl(dir.path(), {"start", "script"}).output == "fail: script: no such service\n");
}

TEST_CASE("restart says when the new settings are not taken", "[svctl]") {
  const TempDir dir;
  ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  service.conf("restrat = never\n");
  const Ran ran = svctl(dir.path(), {"restart", "s"});
  CAPTURE(ran.output);
  CHECK(ran.code == 0);
  CHECK(ran.output.starts_with("ok: s: restarted, pid "));
  CHECK(ran.output.find("; its new settings are not taken: conf:1: unknown setting `restrat`") != std::string::npos);
  CHECK(svctl(dir.path(), {"restart", "-q", "s"}).output.starts_with("ok: s: restarted, pid "));
  service.conf("");
  CHECK(svctl(dir.path(), {"restart", "-q", "s"}).output.empty());
}

TEST_CASE("wait down ends well when the service is removed", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir / "elsewhere", "s").run("exec sleep 1000");
  make_directories(dir / "scan");
  REQUIRE(::symlink(service.path().c_str(), (dir / "scan/s").c_str()) == 0);
  const Supervised supervised(service);
  service.wait_for_new_pid();
  Process waiting({.argv = {program("svctl"), "wait", "down", "s"}, .environment = {{"SVDIR", dir / "scan"}}});
  WAIT_UNTIL(exists(service / "supervise/event"));  // where it listens
  CHECK_FALSE(waiting.has_ended());
  REQUIRE(::unlink((dir / "scan/s").c_str()) == 0);
  CHECK(waiting.wait() == 0);
  CHECK(waiting.output().starts_with("ok: s: down, its directory is gone"));
  CHECK(svctl(dir / "scan", {"wait", "down", "s"}).code == 3);
}

TEST_CASE("the name of a service with instances means them all", "[svctl]") {
  const TempDir dir;
  const std::string scan = dir / "scan";
  make_directories(scan);
  ServiceDir base = ServiceDir(scan, "in").run("exec sleep 1000").conf("instances = 2\nlog = ./main\n");
  ServiceDir(scan, "web").run("exec sleep 1000").conf("depends = in\n");
  const Scanning scanning(scan);
  WAIT_UNTIL(svctl(scan, {"scan"}).code == 0);
  const Ran started = svctl(scan, {"start", "in"});  // perhaps before they are there
  CAPTURE(started.output);
  CHECK(started.code == 0);
  const ServiceDir first(scan + "/.svdir", "in-1");
  const ServiceDir second(scan + "/.svdir", "in-2");
  const pid_t pid = first.wait_for_new_pid();
  const pid_t other = second.wait_for_new_pid();
  const Ran restarted = svctl(scan, {"restart", "in"});
  CAPTURE(restarted.output);
  CHECK(restarted.code == 0);
  CHECK(first.pid() != pid);
  CHECK(second.pid() != other);
  CHECK(svctl(scan, {"wait", "ready", "in"}).code == 0);
  const Ran status = svctl(scan, {"status", "in"});
  CHECK(matches(status.output, "in-1  up .*; log: up .*\nin-2  up .*; log: up .*\n"));
  CHECK(svctl(scan, {"rotate", "in"}).code == 0);
  CHECK(svctl(scan, {"status", "in/log"}).code == 0);
  CHECK(svctl(scan, {"logs", "in"}).code == 0);
  CHECK(svctl(scan, {"logs", "web"}).code == 1);
  CHECK(svctl(scan, {"remove", "in"}).code == 1);  // no link
  const Ran doctor = svctl(scan, {"doctor", "in", "web"});
  CAPTURE(doctor.output);
  CHECK(doctor.code == 0);
  const Ran disabled = svctl(scan, {"disable", "in"});
  CAPTURE(disabled.output);
  CHECK(disabled.code == 0);
  CHECK(exists(base / "down"));
  for (const ServiceDir* instance : {&first, &second}) {
    CHECK(instance->state().state == State::down);
    CHECK(exists(*instance / "down"));
  }
  CHECK(svctl(scan, {"disable", "in"}).code == 0);
  CHECK(svctl(scan, {"enable", "in"}).code == 0);
  CHECK_FALSE(exists(base / "down"));
  CHECK_FALSE(exists(first / "down"));
  CHECK(first.state().state == State::up);
}

TEST_CASE("a misspelt service is answered with the one that was meant", "[svctl]") {
  const TempDir dir;
  ServiceDir(dir, "webserver").run("exec sleep 1000");
  CHECK(svctl(dir.path(), {"start", "websrver"}).output ==
        "fail: websrver: no such service; did you mean `webserver`?\n");
  CHECK(svctl(dir.path(), {"status", "websrver"}).output == "websrver  no such service; did you mean `webserver`?\n");
  CHECK(svctl(dir.path(), {"logs", "websrver"}).errors ==
        "svctl: warning: websrver: no such service; did you mean `webserver`?\n");
  CHECK(svctl(dir.path(), {"start", "mail"}).output == "fail: mail: no such service\n");
}

TEST_CASE("what ends svctl is fatal, and help is no mistake", "[svctl]") {
  const TempDir dir;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"strat", "s"}, {"start"}, {"start", "--nonsense", "s"}, {"start", "-w", "x", "s"}}) {
    const Ran ran = svctl(dir.path(), words);
    CHECK(ran.code == 100);
    CHECK(ran.errors.starts_with("svctl: fatal: "));
  }
  const Ran help = svctl(dir.path(), {"help"});
  CHECK(help.code == 0);
  CHECK(help.output == svctl(dir.path(), {"--help"}).output);
}
