// svctl under the names sv, svc, svok, svstat and tai64nlocal: word for word what the genuine programs say.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <regex>

#include "lib/files.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// A service directory whose supervisor is the test itself: it holds the FIFOs, writes `status`, and sees what comes
// out of `control`. So both programs meet the very same service, in states that a real one passes through quickly.
class Puppet {
 public:
  explicit Puppet(const std::string& parent) : service_(parent, "x") {
    make_directories(service_ / "supervise");
    for (const char* name : {"ok", "control"}) REQUIRE(::mkfifo((service_ / "supervise/" += name).c_str(), 0600) == 0);
    ok_.reset(::open((service_ / "supervise/ok").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    control_.reset(::open((service_ / "supervise/control").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    dir_ = std::move(*open_directory(service_.path().c_str()));
    service_.run("exec sleep 1000");
  }

  void show(RunitStatus status) {
    status.changed = wall_now();
    status.changed.seconds -= 5;
    const auto bytes = pack(status);
    REQUIRE(
        write_atomically(dir_.get(), file::kStatus, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 0644));
  }
  std::string received() {
    char bytes[64];
    const ssize_t length = ::read(control_.get(), bytes, sizeof bytes);
    return {bytes, length > 0 ? static_cast<std::size_t>(length) : 0};
  }

 private:
  ServiceDir service_;
  Fd ok_;
  Fd control_;
  Fd dir_;
};

// Output and exit code, with what differs from run to run taken out.
std::string told(const std::string& directory, const std::string& name, const std::string& path,
                 std::vector<std::string> arguments, uid_t uid = static_cast<uid_t>(-1)) {
  std::vector<std::string> argv{path};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const Ran ran = run(Launch{.argv = argv, .directory = directory, .environment = {{"SVDIR", directory}}, .uid = uid});
  std::string text = ran.output + ran.errors + "code " + std::to_string(ran.code);
  text = std::regex_replace(text, std::regex("\\d+(s\\b| seconds)"), "N$1");
  text = std::regex_replace(text, std::regex("pid \\d+"), "pid P");
  return name + ": " + text;
}

const std::vector<std::pair<std::string, RunitStatus>> kPhases{
    {"run", {{}, 4242, false, true, false, RunitStatus::Phase::run}},
    {"told to end", {{}, 4242, false, false, true, RunitStatus::Phase::run}},
    {"run once", {{}, 4242, false, false, false, RunitStatus::Phase::run}},
    {"paused", {{}, 4242, true, true, false, RunitStatus::Phase::run}},
    {"got TERM", {{}, 4242, false, true, true, RunitStatus::Phase::run}},
    {"finish", {{}, 4243, false, true, false, RunitStatus::Phase::finish}},
    {"down", {{}, 0, false, false, false, RunitStatus::Phase::down}},
    {"down, wanted up", {{}, 0, false, true, false, RunitStatus::Phase::down}},
};

}  // namespace

TEST_CASE("sv does what the genuine sv does, in every state and for every word", "[svctl][genuine]") {
  const TempDir dir;
  Puppet puppet(dir.path());
  const std::string ours = alias(dir, "sv", "svctl");
  const std::string theirs = genuine("sv");
  const auto compare = [&](const RunitStatus& status, const std::vector<std::string>& arguments) {
    puppet.show(status);
    const std::string expected = told(dir.path(), "sv", theirs, arguments);
    const std::string expected_bytes = puppet.received();
    puppet.show(status);
    CAPTURE(arguments);
    CHECK(told(dir.path(), "sv", ours, arguments) == expected);
    CHECK(puppet.received() == expected_bytes);
  };
  for (const auto& [phase, status] : kPhases) {
    CAPTURE(phase);
    for (const char* word :
         {"status", "s", "once", "cont", "term", "kill", "exit", "hup", "alarm", "1", "2", "quit", "i"})
      compare(status, {word, "x"});
    // With -w 0 they look once (the genuine one sleeps 0.4 s all the same) and say what they see.
    for (const char* word : {"cont", "hup", "reload", "restart"}) compare(status, {"-w", "0", word, "x"});
  }
  for (const char* word : {"bogus", "re", "force", "startx", "A", "9", "checkx", "try-restartx", "shutdown",
                           "force-reload", "D", "T", "X", "pause", "once", "kill", "force-shutdown"})
    compare(kPhases[0].second, {"-w", "0", word, "x"});
  for (const char* word : {"once", "term", "try-restart", "stop", "pause", "exit"})
    compare(kPhases[6].second, {"-w", "0", word, "x"});
}

TEST_CASE("sv says of errors what the genuine sv says", "[svctl][genuine]") {
  const TempDir dir;
  const std::string ours = alias(dir, "sv", "svctl");
  const std::string theirs = genuine("sv");
  ServiceDir(dir, "never").run("exec sleep 1000");
  {
    Puppet puppet(dir.path());  // leaves FIFOs behind that nobody reads: its supervisor is gone
    puppet.show(kPhases[0].second);
  }
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"status"},
                                             {"-z", "status", "x"},
                                             {"-w"},
                                             {"status", "x", "never", "nope", "./x", "x/", ".", "", "x/log"},
                                             {"up", "x", "never", "nope", ""},
                                             {"exit", "x", "never", "nope"},
                                             {"-v", "shutdown", "x"},
                                             {"start", "x", "never"},
                                             {"check", "x"},
                                             {"force-stop", "nope"}}) {
    CAPTURE(arguments);
    CHECK(told(dir.path(), "sv", ours, arguments) == told(dir.path(), "sv", theirs, arguments));
  }
}

TEST_CASE("sv as an init.d script has LSB's exit codes", "[svctl][genuine]") {
  const TempDir dir;
  Puppet puppet(dir.path());
  ServiceDir(dir, "never").run("exec sleep 1000");
  make_directories(dir / "theirs");
  for (const char* service : {"x", "never", "nope"}) {
    const std::string ours = alias(dir, service, "svctl");
    const std::string theirs = dir / "theirs/" + service;
    REQUIRE(::symlink(genuine("sv").c_str(), theirs.c_str()) == 0);
    for (const auto& [phase, status] : kPhases)
      for (const auto& arguments : std::vector<std::vector<std::string>>{
               {"status"}, {}, {"bogus"}, {"-w", "0", "reload"}, {"hup"}, {"status", "more"}}) {
        CAPTURE(service, phase, arguments);
        puppet.show(status);
        CHECK(told(dir.path(), service, ours, arguments) == told(dir.path(), service, theirs, arguments));
      }
  }
}

TEST_CASE("svstat, svok and svc do what the genuine ones do", "[svctl][genuine]") {
  const TempDir dir;
  Puppet puppet(dir.path());
  ServiceDir(dir, "never").run("exec sleep 1000");
  for (const bool has_down : {false, true}) {
    if (has_down) write_file(dir / "x/down", "");
    for (const auto& [phase, status] : kPhases)
      for (const auto& [name, arguments] : std::vector<std::pair<std::string, std::vector<std::string>>>{
               {"svstat", {"x", "./x", dir / "x", "never", "nope"}},
               {"svstat", {}},
               {"svok", {"x"}},
               {"svok", {"never"}},
               {"svok", {"nope"}},
               {"svok", {}},
               {"svc", {"-u", "x", "never", "nope"}},
               {"svc", {"-dx", "x"}},
               {"svc", {"-t", "-c", "--", "x"}},
               {"svc", {"-y", "x"}},
               {"svc", {}}}) {
        CAPTURE(name, phase, arguments);
        puppet.show(status);
        const std::string expected = told(dir.path(), name, genuine(name), arguments);
        const std::string bytes = puppet.received();
        CHECK(told(dir.path(), name, alias(dir, name, "svctl"), arguments) == expected);
        CHECK(puppet.received() == bytes);
      }
  }
}

TEST_CASE("the tools say what other users may not do as the genuine ones say it", "[svctl][genuine]") {
  NEEDS_ROOT();
  constexpr uid_t kNobody = 65534;
  const TempDir dir;
  Puppet puppet(dir.path());
  puppet.show(kPhases[0].second);
  REQUIRE(::chmod((dir / "x/supervise").c_str(), 0700) == 0);
  for (const auto& [name, arguments] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"sv", {"status", "x"}}, {"sv", {"up", "x"}}, {"svstat", {"x"}}, {"svok", {"x"}}, {"svc", {"-u", "x"}}}) {
    CAPTURE(name);
    CHECK(told(dir.path(), name, alias(dir, name, "svctl"), arguments, kNobody) ==
          told(dir.path(), name, genuine(name), arguments, kNobody));
  }
}

TEST_CASE("tai64nlocal shows times as the genuine one does", "[svctl][genuine]") {
  const TempDir dir;
  const std::string input =
      "@4000000037c219bf2ef02e94 mark\nplain\n x @4000000037c219bf2ef02e94\n"
      "@40000000499602d2075bcd15more\n\n@4000000037c219bf2ef02e94\nlast without an end";
  const auto converted = [&](const std::string& path) {
    return run(Launch{.argv = {path}, .environment = {{"TZ", "UTC+3"}}, .input = input}).output;
  };
  CHECK(converted(alias(dir, "tai64nlocal", "svctl")) == converted(genuine("tai64nlocal")));
}

TEST_CASE("tai64nlocal passes on what only looks like a label", "[svctl]") {
  const TempDir dir;
  const std::string input = "@\n@400\n@zz\n@4000000037c219bf2ef02e9g x\n@4000000037c219bf2ef02e9";
  CHECK(run(Launch{.argv = {alias(dir, "tai64nlocal", "svctl")}, .input = input}).output == input);
}

TEST_CASE("sv over a service of ours knows restarts precisely", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  const Supervised supervised(service);
  const std::string sv = alias(dir, "sv", "svctl");
  pid_t pid = service.wait_for_new_pid();
  for (int i = 0; i < 5; ++i) {  // several within one second
    const Ran ran = tool(dir.path(), {sv, "restart", "s"});
    CHECK(ran.code == 0);
    const pid_t fresh = service.state().main.pid;
    CHECK(fresh != pid);
    CHECK(ran.output.starts_with("ok: run: s: (pid " + std::to_string(fresh) + ") "));
    pid = fresh;
  }
}

TEST_CASE("sv down followed by sv up on a genuine runsv ends up", "[svctl][genuine]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("echo up >> ups; exit 1");
  const Supervised supervised(service, {.program = genuine("runsv")});
  const std::string sv = alias(dir, "sv", "svctl");
  WAIT_UNTIL(!read_file(service / "ups").empty());  // it dies at once; runsv sleeps a second
  CHECK(tool(dir.path(), {sv, "down", "s"}).code == 0);
  CHECK(tool(dir.path(), {sv, "up", "s"}).code == 0);
  const std::size_t before = read_file(service / "ups").size();
  WAIT_UNTIL(read_file(service / "ups").size() > before + 3);
}

TEST_CASE("sv force-stop that had to kill is a success", "[svctl]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("trap '' TERM; echo up > ready; exec sleep 1000");
  for (const std::string& supervise : {std::string(), genuine("runsv")}) {
    CAPTURE(supervise);
    write_file(service / "ready", "");
    const Supervised supervised(service, {.program = supervise});
    WAIT_UNTIL(read_file(service / "ready") == "up\n");
    const Ran ran = tool(dir.path(), {alias(dir, "sv", "svctl"), "-w", "1", "force-stop", "s"});
    CHECK(ran.output.starts_with("kill: down: s: "));
    CHECK(ran.code == 0);
  }
}
