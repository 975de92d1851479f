// Settings seen from outside: how a service is judged, started again, stopped and cleaned up after.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/cgroup.h"
#include "lib/values.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

std::size_t lines(const std::string& path) {
  const std::string text = read_file(path);
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

// Has the service that runs end as the file `how` says: a number is an exit code, anything else a signal.
const std::string kEndsAsTold =
    "trap 'read how < how; case $how in [0-9]*) exit $how;; *) kill -$how $$;; esac' USR1\n"
    "echo $$ >> starts\n"
    "while :; do sleep 1000 & wait $!; kill $!; done";

// To be called when the service has written its line to `starts`: from then on it listens.
void end_as(const ServiceDir& service, std::string_view how) {
  write_file(service / "how", std::string(how) + "\n");
  REQUIRE(service.command("1"));
}

void end_group(pid_t leader) {
  REQUIRE(leader > 1);
  ::kill(-leader, SIGKILL);
  WAIT_UNTIL(::kill(-leader, 0) != 0);
}

}  // namespace

TEST_CASE("restart: which endings lead to a new start", "[settings]") {
  struct Row {
    const char* restart;
    const char* again;    // endings after which it is started again
    const char* no_more;  // and one after which it is not
  };
  const Row row =
      GENERATE(Row{"always", "0 3 TERM", ""}, Row{"on-failure", "3 KILL", "0"}, Row{"on-crash", "KILL", "3"},
               Row{"never", "", "KILL"}, Row{"on-failure\nsuccess-codes = 0 75", "1", "75"});
  CAPTURE(row.restart);
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run(kEndsAsTold)
          .conf("restart = " + std::string(row.restart) + "\nstart-time = 0\nrestart-delay = 10ms\n");
  const Supervised supervised(service);
  std::size_t starts = 1;
  std::string_view again = row.again;
  for (std::string_view how = take_word(again); !how.empty(); how = take_word(again)) {
    CAPTURE(how);
    WAIT_UNTIL(lines(service / "starts") == starts);
    end_as(service, how);
    ++starts;
    WAIT_UNTIL(lines(service / "starts") == starts);
  }
  if (*row.no_more == '\0') return;
  WAIT_UNTIL(lines(service / "starts") == starts);
  end_as(service, row.no_more);
  const StateRecord record = service.wait_for(State::down);
  CHECK(record.reason.find("restart setting") != std::string::npos);
  CHECK(lines(service / "starts") == starts);
  // A person's word counts more.
  REQUIRE(service.command("u"));
  WAIT_UNTIL(lines(service / "starts") == starts + 1);
}

TEST_CASE("failed starts in a row lead to longer and longer pauses, and at the limit to failed", "[settings]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run("date +%s%N >> starts; exit 7")
                                 .conf("start-limit = 4\nrestart-delay = 50ms\nrestart-delay-max = 100ms\n");
  const Supervised supervised(service);
  const StateRecord record = service.wait_for(State::failed);
  CHECK(record.failures == 4);
  CHECK(record.reason == "4 failed starts in a row, the last exited 7");
  CHECK(record.last == Ending{Ending::Kind::exited, 7, false});
  std::vector<long long> starts;
  const std::string text = read_file(service / "starts");
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    starts.push_back(std::stoll(text.substr(at)));
  REQUIRE(starts.size() == 4);
  const long long pauses[] = {50, 100, 100};
  for (std::size_t i = 0; i < 3; ++i) CHECK(starts[i + 1] - starts[i] >= pauses[i] * 1'000'000);
  // Starting it by hand begins anew.
  REQUIRE(service.command("u"));
  WAIT_UNTIL(lines(service / "starts") == 8);
  service.wait_for(State::failed);
}

TEST_CASE("exit 100 from run and 125 from finish mean: give up", "[settings]") {
  const TempDir dir;
  ServiceDir service(dir, "s");
  SECTION("run") {
    service.run("echo >> starts; exit 100");
  }
  SECTION("finish") {
    service.run("echo >> starts; exit 1").finish("exit 125");
  }
  const Supervised supervised(service);
  const StateRecord record = service.wait_for(State::failed);
  CHECK(record.reason.find("gives up") != std::string::npos);
  CHECK(lines(service / "starts") == 1);
}

TEST_CASE("a run in backoff shows when it is next started, and a person need not wait for it", "[settings]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run("echo >> starts; test -e good && exec sleep 1000; exit 1").conf("restart-delay = 1h\n");
  const Supervised supervised(service);
  const StateRecord record = service.wait_for(State::backoff);
  CHECK(record.failures == 1);
  CHECK(record.wake_at.is_set());
  CHECK_THAT(svctl(dir.path(), {"status", "s"}).output, Catch::Contains("backoff"));
  write_file(service / "good", "");
  REQUIRE(service.command("u"));
  service.wait_for(State::up);
}

TEST_CASE("the stop ladder: each signal in its turn, KILL for who ignores them all", "[settings]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run(
      "#!/usr/bin/env python3\n"
      "#: stop = TERM 1s INT 1s HUP 1s KILL\n"
      "import signal\n"
      "def note(number, frame):\n"
      "    with open('signals', 'a') as file: file.write(signal.Signals(number).name + '\\n')\n"
      "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, note)\n"
      "open('ready', 'w').close()\n"
      "while True: signal.pause()\n");
  Supervised supervised(service);
  WAIT_UNTIL(exists(service / "ready"));
  REQUIRE(service.command("d"));
  const StateRecord record = service.wait_for(State::down);
  CHECK(read_file(service / "signals") == "SIGTERM\nSIGINT\nSIGHUP\n");
  CHECK(record.last == Ending{Ending::Kind::signalled, SIGKILL, false});
}

TEST_CASE("a ladder without KILL waits for the end", "[settings]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run(
                                     "trap 'while ! test -e enough; do sleep 0.01; done; exit 9' INT\n"
                                     "touch ready; while :; do sleep 0.01; done")
                                 .conf("stop = INT\n");
  Supervised supervised(service);
  WAIT_UNTIL(exists(service / "ready"));
  REQUIRE(service.command("d"));
  CHECK(service.wait_for(State::stopping).want == Want::down);
  CHECK_FALSE(service.state().wake_at.is_set());
  write_file(service / "enough", "");
  CHECK(service.wait_for(State::down).last == Ending{Ending::Kind::exited, 9, false});
}

TEST_CASE("stop-group: the ladder's signals reach the whole process group", "[settings]") {
  const bool group = GENERATE(false, true);
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run(
                                     "(trap 'touch child-term' TERM; touch ready; while :; do sleep 0.01; done) &\n"
                                     "trap 'exit 0' TERM; while :; do sleep 0.01; done")
                                 .conf("stop-group = " + std::string(group ? "yes" : "no") + "\nleftovers = leave\n");
  Supervised supervised(service);
  WAIT_UNTIL(exists(service / "ready"));
  const pid_t leader = service.wait_for_new_pid();
  REQUIRE(service.command("d"));
  service.wait_for(State::down);
  if (group) WAIT_UNTIL(exists(service / "child-term"));
  CHECK(exists(service / "child-term") == group);
  end_group(leader);
}

TEST_CASE("leftovers: what run leaves in its process group is ended before the next start, or left", "[settings]") {
  const TempDir dir;
  ServiceDir service(dir, "s");
  service.run(
      "sleep 1000 & echo $! >> children\nsh -c 'trap \"\" TERM; while :; do sleep 0.01; done' & echo $! >> children\n"
      "echo $$ >> starts; wait");
  const auto children = [&] {
    WAIT_UNTIL(lines(service / "starts") == 1 && lines(service / "children") == 2);
    std::vector<pid_t> pids;
    const std::string text = read_file(service / "children");
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) pids.push_back(std::stoi(text.substr(at)));
    return pids;
  };
  SECTION("kill: also who ignores TERM, and even when run crashed") {
    const Supervised supervised(service);
    const std::vector<pid_t> left = children();
    REQUIRE(service.command("k"));
    WAIT_UNTIL(lines(service / "starts") == 2);
    for (const pid_t pid : left) CHECK_FALSE(is_alive(pid));
  }
  SECTION("leave") {
    service.conf("leftovers = leave\n");
    const Supervised supervised(service);
    const std::vector<pid_t> left = children();
    ::kill(service.wait_for_new_pid(), SIGKILL);  // the command would kill the group
    WAIT_UNTIL(lines(service / "starts") == 2);
    for (const pid_t pid : left) CHECK(is_alive(pid));
    REQUIRE(service.command("d"));
    service.wait_for(State::down);
    // Those of both starts are ours to end.
    WAIT_UNTIL(lines(service / "children") == 4);
    const std::string leaders = read_file(service / "starts");
    for (std::size_t at = 0; at < leaders.size(); at = leaders.find('\n', at) + 1)
      end_group(std::stoi(leaders.substr(at)));
  }
}

TEST_CASE("a run that daemonizes by mistake is not started beside its own daemon", "[settings]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run(
              "mkdir port || { echo taken >> trouble; exit 1; }\n"
              "sh -c 'trap \"rmdir port; exit 0\" TERM; touch up; while :; do sleep 0.01; done' &\n"
              "until test -e up; do sleep 0.01; done; rm up; echo >> starts; exit 0")
          .conf("restart-delay = 50ms\nrestart-delay-max = 50ms\n");
  const Supervised supervised(service);
  WAIT_UNTIL(lines(service / "starts") >= 3);
  CHECK_FALSE(exists(service / "trouble"));
  CHECK_FALSE(svctl(dir.path(), {"stop", "s"}).code);
}

TEST_CASE("a typo in conf keeps the last good settings, and both status and state say so", "[settings]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run("echo >> starts; exec sleep 1000").conf("stop = INT 1h KILL\nrestart-delay = 10ms\n");
  const Supervised supervised(service);
  service.wait_for(State::up);
  write_file(service / "conf", "stop = TERM\n\nrestrat = never\n");
  REQUIRE(service.command("z"));
  const std::string message = "misconfigured: conf:3: unknown setting `restrat`; did you mean `restart`?";
  WAIT_UNTIL(service.state().reason == message);
  CHECK(service.state().state == State::up);
  CHECK_THAT(service.state().settings, Catch::Contains("stop=INT 1h KILL"));
  CHECK_THAT(svctl(dir.path(), {"status", "s"}).output, Catch::Contains(message));
  // It is started again with them.
  const pid_t pid = service.pid();
  REQUIRE(service.command("k"));
  service.wait_for_new_pid(pid);
  CHECK(service.state().reason == message);
  // And when it is mended all is well.
  write_file(service / "conf", "stop = TERM\n");
  REQUIRE(service.command("z"));
  WAIT_UNTIL(service.state().reason.empty());
  CHECK(service.state().settings == "stop=TERM");
}

TEST_CASE("without good settings a service is misconfigured and not started", "[settings]") {
  struct Row {
    const char* conf;
    const char* message;
  };
  const Row row = GENERATE(
      Row{"restart = sometimes\n", "conf:1: restart = `sometimes`"}, Row{"start-limit\n", "conf:1: not a setting"},
      Row{"\x01\x02\x03", "conf:1: control character"}, Row{"check-failures = 0\n", "conf:1: check-failures"});
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("echo >> starts; exec sleep 1000").conf(row.conf);
  const Supervised supervised(service);
  CAPTURE(row.message);
  WAIT_UNTIL(service.state().reason.starts_with("misconfigured: " + std::string(row.message)));
  CHECK_FALSE(exists(service / "starts"));
  write_file(service / "conf", "");
  REQUIRE(service.command("u"));
  service.wait_for(State::up);
}

TEST_CASE("conf as a directory, as a FIFO, or ten megabytes long does not hold up supervise", "[settings]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  SECTION("directory") {
    make_directories(service / "conf");
  }
  SECTION("FIFO") {
    REQUIRE(run({"mkfifo", service / "conf"}).code == 0);
  }
  SECTION("long") {
    write_file(service / "conf", std::string(10 << 20, '\n'));
  }
  const Supervised supervised(service);
  WAIT_UNTIL(service.state().reason.starts_with("misconfigured: conf: cannot be read: it is "));
  CHECK(service.state().main.pid == 0);
}

TEST_CASE("attributes and env/ reach run by way of svrun", "[settings]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run(
              "#!/bin/sh\n#: umask = 027\n#: limit-nofile = 77\nulimit -n > seen; umask >> seen; nice >> seen; "
              "echo $COLOR >> seen; touch ready; exec sleep 1000")
          .file("env/COLOR", "blue\n")
          .file(".././.defaults", "nice = 5\n");
  const Supervised supervised(service);
  WAIT_UNTIL(exists(service / "ready"));
  CHECK(read_file(service / "seen") == "77\n0027\n5\nblue\n");
  // It is run itself that is watched, not svrun.
  const pid_t pid = service.wait_for_new_pid();
  WAIT_UNTIL(read_file("/proc/" + std::to_string(pid) + "/comm") == "sleep\n");
}

TEST_CASE("a user that is not there: an error with file and line, and the service has failed", "[settings]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run("echo >> starts; exec sleep 1000").conf("# who\nuser = nosuchuser\n");
  Supervised supervised(service);
  CHECK(service.wait_for(State::failed).reason == "svrun: conf:2: user: there is no user `nosuchuser`");
  WAIT_UNTIL(supervised.process().errors().find("conf:2: user: there is no user `nosuchuser`") != std::string::npos);
  CHECK_FALSE(exists(service / "starts"));
}

TEST_CASE("as root, user = owner runs it as the owner of run", "[settings]") {
  NEEDS_ROOT();
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("id -u > /tmp/svdir-$$; exec sleep 1000").conf("user = owner\n");
  REQUIRE(::chown((service / "run").c_str(), 54321, 54321) == 0);
  const Supervised supervised(service);
  const pid_t pid = service.wait_for_new_pid();
  const std::string seen = "/tmp/svdir-" + std::to_string(pid);
  WAIT_UNTIL(read_file(seen) == "54321\n");
  ::unlink(seen.c_str());
}

TEST_CASE("cgroup: who has left the process group is still found, and ended before the next start", "[settings]") {
  const std::string name = "svdir-test-" + std::to_string(::getpid());
  const Result<std::string> parent = cgroup_directory(name);
  if (!parent || ::mkdir(parent->c_str(), 0755) != 0) SKIP("needs root");
  {
    const TempDir dir;
    const ServiceDir service =
        ServiceDir(dir, "s")
            .run(
                "setsid sleep 1000 & echo $! >> children\n"
                "setsid sh -c 'trap \"\" TERM; touch deaf; while :; do sleep 0.01; done' & echo $! >> children\n"
                "until test -e deaf; do sleep 0.01; done; echo $$ >> starts; wait")
            .conf("cgroup = " + name + "\n");
    const Supervised supervised(service);
    WAIT_UNTIL(lines(service / "starts") == 1);
    const pid_t pid = service.pid();
    CHECK_THAT(read_file("/proc/" + std::to_string(pid) + "/cgroup"), Catch::Contains("/" + name + "/s\n"));
    const std::string children = read_file(service / "children");
    REQUIRE(service.command("k"));
    WAIT_UNTIL(lines(service / "starts") == 2);
    for (std::size_t at = 0; at < children.size(); at = children.find('\n', at) + 1)
      CHECK_FALSE(is_alive(std::stoi(children.substr(at))));
    REQUIRE(service.command("d"));
    service.wait_for(State::down);
    CHECK_FALSE(cgroup_has_processes(*parent));
  }
  CHECK_FALSE(exists(*parent + "/s"));  // it goes with its supervise
  CHECK(::rmdir(parent->c_str()) == 0);
}

TEST_CASE("cgroup: a directory that takes the name of one that runs on gets a group of its own", "[settings]") {
  const std::string name = "svdir-test-names-" + std::to_string(::getpid());
  const Result<std::string> parent = cgroup_directory(name);
  if (!parent || ::mkdir(parent->c_str(), 0755) != 0) SKIP("needs root");
  {
    const TempDir dir;
    const auto make = [&](const char* directory) {
      return ServiceDir(dir, directory).run("setsid sleep 1000 & exec sleep 1000").conf("cgroup = " + name + "\n");
    };
    const ServiceDir first = make("web");
    const Supervised one(first);
    const pid_t pid = first.wait_for_new_pid();
    REQUIRE(::rename(first.path().c_str(), (dir / "old").c_str()) == 0);
    const ServiceDir moved(dir, "old");
    const ServiceDir second = make("web");
    {
      const Supervised two(second);
      second.wait_for_new_pid();
      CHECK(second.state().cgroup != moved.state().cgroup);
      REQUIRE(second.command("d"));
      second.wait_for(State::down);
      CHECK(is_alive(pid));
    }
    CHECK(is_alive(pid));
    REQUIRE(moved.command("d"));
    moved.wait_for(State::down);
    CHECK_FALSE(cgroup_has_processes(*parent));
  }
  CHECK(::rmdir(parent->c_str()) == 0);
}

TEST_CASE("what svrun refuses is shown as the reason", "[settings]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").conf("\nenv-file = nowhere\n");
  Supervised supervised(service);
  const StateRecord record = service.wait_for(State::failed);
  CHECK(record.reason == "svrun: conf:2: env-file: unable to read nowhere: No such file or directory");
  CHECK_THAT(supervised.process().errors(), Catch::Contains("svrun: fatal: s: conf:2: env-file: "));
  // The next one is told for itself.
  service.command("d");
  write_file(service / "nowhere", "");
  write_script(service / "run", "exit 100");
  REQUIRE(service.command("u"));
  WAIT_UNTIL(service.state().reason == "run exited 100: it gives up");
}

// --- Who may -------------------------------------------------------------------------------------------------------

TEST_CASE("supervise as root refuses to run what somebody else could change, until that is mended", "[settings]") {
  NEEDS_ROOT();
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("touch started; exec sleep 1000");
  REQUIRE(::chown((service / "run").c_str(), 54321, 54321) == 0);
  const Supervised supervised(service);
  WAIT_UNTIL(service.state().reason == "misconfigured: run is writable by uid 54321 and would run as root");
  CHECK_FALSE(exists(service / "started"));
  CHECK_THAT(svctl(dir.path(), {"status", "s"}).output, Catch::Contains("run is writable by uid 54321"));
  REQUIRE(::chown((service / "run").c_str(), 0, 0) == 0);
  REQUIRE(service.command("u"));
  service.wait_for(State::up);
  CHECK(service.state().reason.empty());
}

TEST_CASE("a service in the hands of its user gets nothing that the user could not have got himself", "[settings]") {
  NEEDS_ROOT();
  const TempDir dir;
  write_file(dir / "secret", "TOKEN=root's\n", 0600);
  ServiceDir service(dir, "s");
  service.run("id -u >> ids; exec sleep 1000")
      .finish("id -u >> ids")
      .control('t', "id -u >> ids; exit 1")
      .conf("user = owner\n");
  REQUIRE(run({"chown", "-R", "54321:54321", service.path()}).code == 0);
  {
    const Supervised supervised(service);
    service.wait_for(State::up);
    WAIT_UNTIL(lines(service / "ids") == 1);
    REQUIRE(svctl(dir.path(), {"stop", "s"}).code == 0);
    CHECK(read_file(service / "ids") == "54321\n54321\n54321\n");  // run, control/t, finish
  }
  write_file(service / "conf", "user = owner\nenv-file = " + (dir / "secret") + "\n");
  REQUIRE(::chown((service / "conf").c_str(), 54321, 54321) == 0);
  Supervised supervised(service);
  service.wait_for(State::failed);
  WAIT_UNTIL(supervised.process().errors().find("conf:2: env-file: unable to read " + (dir / "secret") +
                                                ": Permission denied") != std::string::npos);
}

TEST_CASE("user = owner in .defaults: whoever owns a script in the scan directory owns its process", "[settings]") {
  NEEDS_ROOT();
  const TempDir dir;
  write_file(dir / ".defaults", "user = owner\n");
  write_script(dir / "alice", "exec sleep 1000");
  REQUIRE(::chown((dir / "alice").c_str(), 54321, 54321) == 0);
  write_script(dir / "ours", "exec sleep 1000");
  const Scanning scanning(dir.path());
  for (const auto& [name, uid] : {std::pair{"alice", uid_t{54321}}, {"ours", uid_t{0}}}) {
    const ServiceDir service(dir / ".svdir", name);
    const std::string process = "/proc/" + std::to_string(service.wait_for_new_pid());
    WAIT_UNTIL(read_file(process + "/comm") == "sleep\n");
    struct stat facts{};
    REQUIRE(::stat(process.c_str(), &facts) == 0);
    CHECK(facts.st_uid == uid);
  }
}

TEST_CASE("control-group and status-readers open a service to others, and close it again", "[settings]") {
  NEEDS_ROOT();
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run("exec sleep 1000").conf("control-group = games\nstatus-readers = all\n");
  const Supervised supervised(service);
  service.wait_for(State::up);
  // A copy that other users can reach.
  REQUIRE(run({"cp", program("svctl"), dir / "svctl"}).code == 0);
  const auto as = [&](const std::string& ids, std::vector<std::string> words) {
    words.insert(words.begin(), {"setpriv", "--reuid=54321", "--regid=" + ids, "--clear-groups", dir / "svctl"});
    return run(Launch{.argv = std::move(words), .environment = {{"SVDIR", dir.path()}}});
  };
  const auto member = [&](std::vector<std::string> words) { return as("games", std::move(words)); };
  const auto stranger = [&](std::vector<std::string> words) { return as("54321", std::move(words)); };
  const pid_t pid = service.pid();
  CHECK_THAT(stranger({"status", "s"}).output, Catch::Contains(std::to_string(pid)));
  CHECK(stranger({"restart", "s"}).code != 0);
  CHECK(service.pid() == pid);
  const Ran restarted = member({"restart", "s"});
  CAPTURE(restarted.output, restarted.errors);
  CHECK(restarted.code == 0);
  CHECK(service.pid() != pid);

  write_file(service / "conf", "");
  REQUIRE(service.command("z"));
  struct stat facts{};
  WAIT_UNTIL(::stat((service / "supervise").c_str(), &facts) == 0 && (facts.st_mode & 07777) == 0700);
  CHECK(stranger({"status", "s"}).code != 0);
  CHECK(member({"restart", "s"}).code != 0);
}

TEST_CASE("a control-group that is not there: misconfigured, and nobody else may do anything", "[settings]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000").conf("control-group = nosuchgroup\n");
  const Supervised supervised(service);
  WAIT_UNTIL(service.state().reason.starts_with("misconfigured: control-group = nosuchgroup"));
  CHECK(service.state().main.pid == 0);
}
