// Services that depend on each other: who waits for whom, what is said of it, and in which order they end.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "lib/events.h"
#include "lib/files.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr char kSleep[] = "exec sleep 1000";
// Ready when there is a file `go` in its directory.
constexpr char kReadyWhenTold[] =
    "#: ready = fd:3\n"
    "echo >> starts; while ! test -e go; do sleep 0.01; done; echo >&3; exec 3>&-; exec sleep 1000";

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string status(const TempDir& dir, const std::string& name) {
  return svctl(dir.path(), {"status", name}).output;
}

// Out of sight at first, then renamed into place.
template <class Fill>
ServiceDir appear(const TempDir& dir, const std::string& name, Fill fill) {
  ServiceDir hidden(dir, "." + name);
  fill(hidden);
  REQUIRE(::rename(hidden.path().c_str(), (dir / name).c_str()) == 0);
  return ServiceDir(dir, name);
}

std::size_t descriptors_of(pid_t pid) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
    count += !entry.path().empty();
  return count;
}

void wait_for_reason(const ServiceDir& service, std::string_view reason) {
  wait_until([&] { return service.state().state == State::waiting && service.state().reason == reason; },
             service.path() + " to wait for: " + std::string(reason));
}

}  // namespace

// --- The way up ----------------------------------------------------------------------------------------------------

TEST_CASE("depends: a service starts when all it depends on are up and ready, and says what is missing", "[depends]") {
  const TempDir dir;
  const ServiceDir db = ServiceDir(dir, "db").run(kReadyWhenTold);
  const ServiceDir cache = ServiceDir(dir, "cache").run(kReadyWhenTold);
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db cache\n");
  const Scanning svscan(dir.path());
  wait_for_reason(web, "db, cache");
  CHECK_THAT(status(dir, "web"), Catch::Contains("waiting on db, cache"));
  CHECK(web.state().main.pid == 0);
  write_file(db / "go", "");
  wait_for_reason(web, "cache");
  write_file(cache / "go", "");
  const StateRecord record = web.wait_for(State::up);
  CHECK(record.reason == "");
  CHECK(record.started >= db.state().became_ready);
  CHECK(record.started >= cache.state().became_ready);
}

TEST_CASE("depends: what a service depends on is brought up with it", "[depends]") {
  const TempDir dir;
  const ServiceDir disk = ServiceDir(dir, "disk").run(kSleep).down();
  const ServiceDir db = ServiceDir(dir, "db").run(kSleep).conf("depends = disk\n").down();
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\n").down();
  const Scanning svscan(dir.path());
  for (const ServiceDir* service : {&disk, &db, &web}) {
    WAIT_UNTIL(service->is_supervised() && exists(*service / file::kState));
    CHECK(service->state().state == State::down);
  }
  const Ran started = svctl(dir.path(), {"-w", "30", "start", "web"});
  CHECK(started.code == 0);
  CHECK(db.state().want == Want::up);
  CHECK(disk.state().state == State::up);
  // Once for each start: who stops it afterwards is obeyed.
  REQUIRE(svctl(dir.path(), {"-w", "30", "stop", "db"}).code == 0);
  CHECK(web.state().state == State::up);
  REQUIRE(svctl(dir.path(), {"-w", "30", "stop", "web"}).code == 0);
  CHECK(db.state().state == State::down);
}

TEST_CASE("depends: a dependency that has failed is shown with its reason", "[depends]") {
  const TempDir dir;
  const ServiceDir db =
      ServiceDir(dir, "db").run("test -e good || exit 100; echo >&3; exec sleep 1000").conf("ready = fd:3\n");
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\n");
  const Scanning svscan(dir.path());
  wait_for_reason(web, "db (failed: run exited 100: it gives up)");
  CHECK_THAT(status(dir, "web"), Catch::Contains("waiting on db (failed: run exited 100: it gives up)"));
  write_file(db / "good", "");
  REQUIRE(db.command("u"));
  web.wait_for(State::up);
}

TEST_CASE("depends: a restart of the dependency leaves who depends on it alone", "[depends]") {
  const TempDir dir;
  const ServiceDir db = ServiceDir(dir, "db").run(kSleep);
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\n");
  const Scanning svscan(dir.path());
  const pid_t pid = web.wait_for(State::up).main.pid;
  REQUIRE(svctl(dir.path(), {"-w", "30", "restart", "db"}).code == 0);
  REQUIRE(svctl(dir.path(), {"-w", "30", "stop", "db"}).code == 0);
  CHECK(web.state().main.pid == pid);
  CHECK(web.state().starts == 1);
}

TEST_CASE("depends-restart: a restart of the dependency restarts the service when it is ready again", "[depends]") {
  const TempDir dir;
  const ServiceDir db = ServiceDir(dir, "db").run(kReadyWhenTold);
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\ndepends-restart = yes\n");
  write_file(db / "go", "");
  const Scanning svscan(dir.path());
  StateRecord before = web.wait_for(State::up);
  SECTION("told to") {
    REQUIRE(db.command("r"));
  }
  SECTION("by its death") {
    REQUIRE(::kill(db.pid(), SIGKILL) == 0);
  }
  SECTION("while another supervise takes over") {
    REQUIRE(::kill(before.supervisor.pid, SIGKILL) == 0);
    REQUIRE(db.command("r"));
    WAIT_UNTIL(web.state().supervisor.pid != before.supervisor.pid && web.is_supervised());
  }
  SECTION("after an upgrade") {
    REQUIRE(web.command("e"));
    REQUIRE(db.command("r"));
  }
  WAIT_UNTIL(web.state().starts == 2 && web.state().state == State::up);
  CHECK(web.state().started >= db.state().became_ready);
  // And once more, by the same watch.
  REQUIRE(db.command("r"));
  WAIT_UNTIL(web.state().starts == 3 && web.state().state == State::up);
}

TEST_CASE("after: only order is asked for", "[depends]") {
  const TempDir dir;
  const ServiceDir slow = ServiceDir(dir, "slow").run(kReadyWhenTold);
  const ServiceDir off = ServiceDir(dir, "off").run(kSleep).down();
  const ServiceDir broken = ServiceDir(dir, "broken").run("exit 100");
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("after = slow off broken nowhere\n");
  const Scanning svscan(dir.path());
  wait_for_reason(web, "slow");
  write_file(slow / "go", "");
  web.wait_for(State::up);
  CHECK(off.state().state == State::down);
  CHECK(off.state().want == Want::down);
}

TEST_CASE("depends: an unknown name is waited for, and started after when it appears", "[depends]") {
  const TempDir dir;
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\n");
  const Scanning svscan(dir.path());
  wait_for_reason(web, "db (no such service)");
  CHECK_THAT(status(dir, "web"), Catch::Contains("waiting on db (no such service)"));
  const ServiceDir db = appear(dir, "db", [](ServiceDir& it) { it.run(kReadyWhenTold); });
  wait_for_reason(web, "db");
  write_file(db / "go", "");
  web.wait_for(State::up);
}

TEST_CASE("depends: a dependency that is taken away while it is waited for", "[depends]") {
  const TempDir dir;
  const TempDir elsewhere;
  const ServiceDir db = ServiceDir(dir, "db").run(kReadyWhenTold);
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\n");
  const Scanning svscan(dir.path());
  wait_for_reason(web, "db");
  SECTION("from the directory: it is no such service then, until it comes back") {
    REQUIRE(::rename(db.path().c_str(), (elsewhere / "db").c_str()) == 0);
    wait_for_reason(web, "db (no such service)");
    REQUIRE(::rename((elsewhere / "db").c_str(), db.path().c_str()) == 0);
    write_file(db / "go", "");
    web.wait_for(State::up);
  }
  SECTION("from the settings: told to read them, or to start, the service starts") {
    write_file(web / "conf", "");
    REQUIRE(web.command(GENERATE("z", "u", "r")));
    web.wait_for(State::up);
  }
  SECTION("a service that waits can be told not to") {
    REQUIRE(web.command("d"));
    web.wait_for(State::down);
    write_file(db / "go", "");
    db.wait_for(State::up);
    CHECK(web.state().state == State::down);
  }
}

TEST_CASE("depends: what a killed supervise has left behind does not pass for a service that is up", "[depends]") {
  const TempDir dir;
  const ServiceDir db = ServiceDir(dir, "db").run(kSleep);
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\n");
  {
    Process killed(Launch{.argv = {program("supervise"), db.path()}});
    db.wait_for(State::up);
    killed.kill_tree();  // all of it, as at the end of a container; a new one finds the same boot
  }
  REQUIRE(db.state().state == State::up);
  const Supervised waiting(web);
  wait_for_reason(web, "db (not supervised)");
  const Supervised back(db);
  web.wait_for(State::up);
}

TEST_CASE("depends: bare files, instances and a state directory of its own are neighbours like others", "[depends]") {
  const TempDir dir;
  const TempDir state;
  write_script(dir / "bare", "#!/bin/sh\n#: depends = many\nexec sleep 1000\n");
  ServiceDir(dir, "many").run("echo >> starts; " + std::string(kSleep)).conf("instances = 3\n");
  ServiceDir(dir, "last").run(kSleep).conf("depends = bare\n");
  const bool apart = GENERATE(false, true);
  CAPTURE(apart);
  Scanning::Options options;
  if (apart) options.arguments = {"-s", state.path()};
  const Scanning svscan(dir.path(), options);
  const ServiceDir last = apart ? ServiceDir(state, "last") : ServiceDir(dir, "last");
  const ServiceDir bare = apart ? ServiceDir(state, "bare") : ServiceDir(dir / ".svdir", "bare");
  const ServiceDir third = apart ? ServiceDir(state, "many-3") : ServiceDir(dir / ".svdir", "many-3");
  last.wait_for(State::up);
  CHECK(bare.state().state == State::up);
  CHECK(third.state().state == State::up);
  CHECK(bare.state().started >= third.state().started);
}

// --- Circles -------------------------------------------------------------------------------------------------------

TEST_CASE("a circle is refused with the circle told, and everything outside of it runs", "[depends][cycle]") {
  const TempDir dir;
  std::vector<ServiceDir> ring;
  ring.push_back(ServiceDir(dir, "a").run(kSleep).conf("depends = b outside\n"));
  ring.push_back(ServiceDir(dir, "b").run(kSleep).conf("depends = c\n"));
  ring.push_back(ServiceDir(dir, "c").run(kSleep).conf(GENERATE("depends = a\n", "after = a\n")));
  const ServiceDir outside = ServiceDir(dir, "outside").run(kSleep);
  const ServiceDir above = ServiceDir(dir, "above").run(kSleep).conf("depends = a\n");
  const ServiceDir later = ServiceDir(dir, "later").run(kSleep).conf("after = a\n");
  Scanning svscan(dir.path());
  outside.wait_for(State::up);
  const char* const circles[] = {"a -> b -> c -> a", "b -> c -> a -> b", "c -> a -> b -> c"};
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(ring[i].wait_for(State::failed).reason == "misconfigured: it depends on itself: " + std::string(circles[i]));
    CHECK(contains(svscan.process().errors(), circles[i]));
  }
  WAIT_UNTIL(contains(above.state().reason, "a (failed: misconfigured: it depends on itself"));
  CHECK(above.state().state == State::waiting);
  later.wait_for(State::up);
  const Ran doctor = svctl(dir.path(), {"doctor"});
  CHECK(doctor.code != 0);
  CHECK_THAT(doctor.output + doctor.errors, Catch::Contains("a -> b -> c -> a"));
  // Broken up, it starts.
  write_file(ring[2] / "conf", "");
  for (const ServiceDir& service : {ring[2], ring[1], ring[0]}) {
    REQUIRE(service.command("u"));
    service.wait_for(State::up);
  }
  above.wait_for(State::up);
}

TEST_CASE("a service that depends on itself says so at once", "[depends][cycle]") {
  const TempDir dir;
  const ServiceDir a = ServiceDir(dir, "a").run(kSleep).conf(GENERATE("depends = a\n", "depends = b a\n"));
  const Supervised supervised(a);
  CHECK(a.wait_for(State::failed).reason == "misconfigured: it depends on itself: a -> a");
  CHECK_THAT(svctl(dir.path(), {"doctor", "a"}).output, Catch::Contains("a -> a"));
}

// --- Waiting -------------------------------------------------------------------------------------------------------

TEST_CASE("a supervise holds descriptors for its neighbours only while it waits", "[depends]") {
  const TempDir dir;
  const ServiceDir plain = ServiceDir(dir, "plain").run(kSleep);
  const ServiceDir db = ServiceDir(dir, "db").run(kReadyWhenTold);
  const ServiceDir cache = ServiceDir(dir, "cache").run(kReadyWhenTold);
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db cache\n");
  const Scanning svscan(dir.path());
  wait_for_reason(web, "db, cache");
  plain.wait_for(State::up);
  const std::size_t usual = descriptors_of(plain.state().supervisor.pid);
  const pid_t supervisor = web.state().supervisor.pid;
  CHECK(descriptors_of(supervisor) > usual);
  SECTION("not when it is told not to start") {
    REQUIRE(web.command("d"));
    web.wait_for(State::down);
  }
  SECTION("not when it has started") {
    write_file(db / "go", "");
    write_file(cache / "go", "");
    web.wait_for(State::up);
  }
  WAIT_UNTIL(descriptors_of(supervisor) <= usual);  // the other one may have been counted while it wrote a file
  CHECK_FALSE(exists(db / "supervise/event"));
}

TEST_CASE("waiting works when the user's inotify instances are used up", "[depends]") {
  const TempDir dir;
  const uid_t uid = is_root() ? 65534 : static_cast<uid_t>(-1);
  const ServiceDir db = ServiceDir(dir, "db").run(kReadyWhenTold);
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\n");
  if (is_root()) run({"chown", "-R", "65534:65534", dir.path()});
  Process hog(Launch{.argv = {"python3", "-c",
                              "import ctypes, time\n"
                              "libc = ctypes.CDLL(None)\n"
                              "while libc.inotify_init() >= 0: pass\n"
                              "print('full', flush=True)\n"
                              "time.sleep(1000)\n"},
                     .uid = uid});
  WAIT_UNTIL(contains(hog.output(), "full"));
  const Supervised first(db, {.uid = uid});
  const Supervised second(web, {.uid = uid});
  wait_for_reason(web, "db");
  Process waiter(Launch{.argv = {program("svctl"), "-w", "60", "wait", "ready", "web"},
                        .environment = {{"SVDIR", dir.path()}},
                        .uid = uid});
  write_file(db / "go", "");
  web.wait_for(State::up);
  CHECK(waiter.wait() == 0);
}

// How long a race is run: RACE_SECONDS where somebody wants to know it well, else so that the suite stays quick.
std::chrono::seconds race_time(int usual) {
  const char* asked = std::getenv("RACE_SECONDS");
  return std::chrono::seconds(asked != nullptr ? std::atoi(asked) : usual);
}

void tell_rounds(unsigned rounds) {
  if (std::getenv("RACE_SECONDS") != nullptr) WARN(rounds << " rounds");
}

TEST_CASE("no change is missed: a dependency that starts at any moment wakes who waits", "[depends][race]") {
  const TempDir dir;
  const ServiceDir db = ServiceDir(dir, "db").run("echo >&3; exec 3>&-; exec sleep 1000").conf("ready = fd:3\n").down();
  const Supervised supervised(db);
  const Fd directory(::open(db.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const int seed = GENERATE(take(1, random(1, 1'000'000)));
  CAPTURE(seed);
  std::mt19937 random(static_cast<unsigned>(seed));
  // A pause is a change like a start, but costs no process: so there are thousands of rounds.
  const bool starts = GENERATE(true, false);
  const auto is_on = [&] { return starts ? db.state().state == State::up && db.state().ready : db.state().paused; };
  const auto is_off = [&] { return starts ? db.state().state == State::down : !db.state().paused; };
  if (!starts) {
    REQUIRE(db.command("u"));
    db.wait_for(State::up);
  }
  // Subscribes, looks, and sleeps with nothing else to wake it, as supervise and svctl do.
  const auto await = [&](const auto& condition) {
    EventFifo events;
    REQUIRE(events.open(directory.get()));
    while (!condition()) {
      pollfd wait{events.fd(), POLLIN, 0};
      if (::poll(&wait, 1, 30'000) != 1) return false;
      events.drain();
    }
    return true;
  };
  const auto stop_at = std::chrono::steady_clock::now() + race_time(starts ? 3 : 6);
  unsigned rounds = 0;
  unsigned missed = 0;
  while (missed == 0 && std::chrono::steady_clock::now() < stop_at) {
    for (const bool on : {true, false}) {
      missed += !db.command(starts ? (on ? "u" : "d") : (on ? "p" : "c"));
      // Anywhere between the command and its effect, and after it.
      for (auto spin = random() % (random() % 2 == 0 ? 200'000 : 20'000); spin > 0; --spin) asm volatile("");
      missed += !(on ? await(is_on) : await(is_off));
    }
    ++rounds;
  }
  INFO(rounds << " rounds");
  CHECK(missed == 0);
  tell_rounds(rounds);
}

TEST_CASE("two services that are told to start at the same moment always both come up", "[depends][race]") {
  const TempDir dir;
  const ServiceDir db = ServiceDir(dir, "db").run(kSleep).down();
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db\n").down();
  const Supervised first(db);
  const Supervised second(web);
  const auto stop_at = std::chrono::steady_clock::now() + race_time(4);
  unsigned round = 0;
  for (; std::chrono::steady_clock::now() < stop_at; ++round) {
    CAPTURE(round);
    const ServiceDir& sooner = round % 2 == 0 ? db : web;
    const ServiceDir& later = round % 2 == 0 ? web : db;
    REQUIRE(sooner.command("u"));
    for (unsigned spin = round * 37 % 20'000; spin > 0; --spin) asm volatile("");
    REQUIRE(later.command("u"));
    WAIT_UNTIL(web.state().state == State::up);
    REQUIRE(web.command("d"));
    REQUIRE(db.command("d"));
    WAIT_UNTIL(web.state().state == State::down && db.state().state == State::down);
  }
  tell_rounds(round);
}

// --- What a person sees --------------------------------------------------------------------------------------------

TEST_CASE("svctl wait returns when what it waits for is there", "[depends][svctl]") {
  const TempDir dir;
  const ServiceDir db = ServiceDir(dir, "db").run(kReadyWhenTold);
  const Scanning svscan(dir.path());
  db.wait_for_new_pid();
  const auto waiter = [&](const char* what) {
    return Launch{.argv = {program("svctl"), "-w", "60", "wait", what, "db"}, .environment = {{"SVDIR", dir.path()}}};
  };
  CHECK(run(waiter("up")).code == 0);
  Process ready(waiter("ready"));
  CHECK(svctl(dir.path(), {"-w", "0.2", "wait", "ready", "db"}).code == 1);
  CHECK_FALSE(ready.has_ended());
  write_file(db / "go", "");
  CHECK(ready.wait() == 0);
  Process down(waiter("down"));
  REQUIRE(db.command("d"));
  CHECK(down.wait() == 0);
  CHECK(db.state().state == State::down);
}

TEST_CASE("svctl tree shows the graph with states", "[depends][svctl]") {
  const TempDir dir;
  const ServiceDir db = ServiceDir(dir, "db").run(kReadyWhenTold);
  const ServiceDir cache = ServiceDir(dir, "cache").run(kSleep);
  const ServiceDir web = ServiceDir(dir, "web").run(kSleep).conf("depends = db cache missing\n");
  const Scanning svscan(dir.path());
  wait_for_reason(web, "db, missing (no such service)");
  cache.wait_for(State::up);
  CHECK(svctl(dir.path(), {"tree"}).output ==
        "web  waiting\n"
        "|-- db  starting\n"
        "|-- cache  up\n"
        "`-- missing  (no such service)\n");
}

// --- The way down --------------------------------------------------------------------------------------------------

TEST_CASE("svscan stops who depends before what it depends on, and loggers last, drained", "[depends][svscan]") {
  const TempDir dir;
  // Each tells of its end in one file; who is told to stop takes its time and says a last word.
  const auto place = [&](const char* name, const char* conf) {
    return ServiceDir(dir, name)
        .run(
            "trap 'sleep 0.2; echo last words; exit 0' TERM\n"
            "echo >&3; exec 3>&-; while :; do sleep 0.01; done")
        .finish("echo end " + std::string(name) + " >> ../order")
        .log_run("cat >> ../lines; echo log " + std::string(name) + " >> ../../order")
        .conf("ready = fd:3\n" + std::string(conf));
  };
  std::vector<ServiceDir> services;
  services.push_back(place("db", ""));
  services.push_back(place("cache", ""));
  services.push_back(place("app", "depends = db cache\n"));
  services.push_back(place("web", "depends = app\nafter = cache\n"));
  Scanning svscan(dir.path());
  for (const ServiceDir& service : services) service.wait_for(State::up);
  CHECK(svscan.end() == 0);
  const std::string order = read_file(dir / "order");
  CAPTURE(order);
  const auto place_of = [&](const std::string& line) {
    const std::size_t at = order.find(line + "\n");
    REQUIRE(at != std::string::npos);
    return at;
  };
  CHECK(place_of("end web") < place_of("end app"));
  CHECK(place_of("end app") < place_of("end db"));
  CHECK(place_of("end app") < place_of("end cache"));
  for (const char* name : {"db", "cache", "app", "web"}) {
    CHECK(place_of(std::string("end ") + name) < place_of(std::string("log ") + name));
    CHECK(read_file(dir / (std::string(name) + "/lines")) == "last words\n");
  }
}
