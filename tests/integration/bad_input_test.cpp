// Bad input gets a clear answer, and everything else keeps running.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/commands.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr uid_t kNobody = 65534;

// A scan directory with one good service in it, which must run throughout.
class Neighbourhood {
 public:
  Neighbourhood() : good(ServiceDir(dir / "scan", "good").run("exec sleep 1000")) {}

  void watch(const Scanning& scanning) {
    pid_ = good.wait_for_new_pid();
    scanner_ = scanning_pid(scanning);
  }
  bool goes_on() const { return good.pid() == pid_ && is_alive(pid_) && is_alive(scanner_); }
  std::string path() const { return dir / "scan"; }
  Ran svctl(std::vector<std::string> arguments) const { return test::svctl(path(), std::move(arguments)); }
  std::string status_of(const std::string& name) const {
    const Ran ran = svctl({"status", name});
    return ran.output + ran.errors;
  }

  TempDir dir;
  ServiceDir good;

 private:
  static pid_t scanning_pid(const Scanning& scanning) { return const_cast<Scanning&>(scanning).process().pid(); }

  pid_t pid_ = 0, scanner_ = 0;
};

bool says(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}
bool is_one_line(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n') == 1;
}

}  // namespace

TEST_CASE("a run that cannot be executed is shown with the reason, tried again, and runs once it is mended",
          "[bad-input]") {
  Neighbourhood place;
  const ServiceDir bad(place.path(), "bad");
  std::string reason;
  SECTION("missing") {
    reason = "No such file";
  }
  SECTION("not executable") {
    write_file(bad / "run", "#!/bin/sh\nexec sleep 1000\n", 0644);
    reason = "Permission denied";
  }
  SECTION("with a bad interpreter") {
    write_file(bad / "run", "#!/nonexistent/interpreter\n", 0755);
    reason = "No such file";
  }
  SECTION("a directory") {
    make_directories(bad / "run");
    reason = "Permission denied";
  }
  Scanning scanning(place.path());
  place.watch(scanning);
  WAIT_UNTIL(bad.state().state == State::backoff);
  const std::string status = place.status_of("bad");
  CAPTURE(status, scanning.process().errors());
  CHECK(says(status, "run"));
  CHECK(says(status, reason));
  WAIT_UNTIL(says(scanning.process().errors(), reason));
  CHECK(place.goes_on());
  std::filesystem::remove_all(bad / "run");
  write_script(bad / "run", "exec sleep 1000");
  REQUIRE(place.svctl({"start", "bad"}).code == 0);
  CHECK(is_alive(bad.wait_for_new_pid()));
}

TEST_CASE("start and restart never take a run that cannot be executed for a process", "[bad-input]") {
  const TempDir dir;
  const ServiceDir bad = ServiceDir(dir, "bad").down();
  write_file(bad / "run", "#!/nonexistent/interpreter\n", 0755);
  const Supervised supervised(bad);
  for (int round = 0; round < 20; ++round) {
    const Ran ran = svctl(dir.path(), {round % 2 == 0 ? "start" : "restart", "bad"});
    CAPTURE(round, ran.output, ran.errors);
    REQUIRE(ran.code == 1);
  }
}

TEST_CASE("a service directory that cannot be entered is named, and the others run", "[bad-input]") {
  Neighbourhood place;
  const ServiceDir closed = ServiceDir(place.path(), "closed").run("exec sleep 1000");
  Scanning::Options options;
  if (is_root()) {
    options.uid = kNobody;
    std::filesystem::permissions(place.path(), std::filesystem::perms::all);
    REQUIRE(::chown(place.good.path().c_str(), kNobody, kNobody) == 0);
  }
  REQUIRE(::chmod(closed.path().c_str(), 0) == 0);
  Scanning scanning(place.path(), options);
  place.watch(scanning);
  WAIT_UNTIL(says(scanning.process().errors(), "closed"));
  CAPTURE(scanning.process().errors());
  CHECK(says(scanning.process().errors(), "Permission denied"));
  CHECK(place.goes_on());
}

TEST_CASE("a supervise/ that cannot be written is named, and the others run", "[bad-input]") {
  Neighbourhood place;
  const ServiceDir sealed = ServiceDir(place.path(), "sealed").run("exec sleep 1000");
  make_directories(sealed / "supervise");
  Scanning::Options options;
  if (is_root()) {
    options.uid = kNobody;
    std::filesystem::permissions(place.path(), std::filesystem::perms::all);
    REQUIRE(::chown(place.good.path().c_str(), kNobody, kNobody) == 0);
  }
  REQUIRE(::chmod((sealed / "supervise").c_str(), 0555) == 0);
  Scanning scanning(place.path(), options);
  place.watch(scanning);
  WAIT_UNTIL(says(scanning.process().errors(), "sealed") || says(scanning.process().errors(), "supervise/"));
  CAPTURE(scanning.process().errors());
  CHECK(says(scanning.process().errors(), "Permission denied"));
  CHECK(place.goes_on());
}

TEST_CASE("a name that is no good name is skipped with one warning", "[bad-input]") {
  Neighbourhood place;
  std::string name;
  SECTION("with a newline") {
    name = "two\nlines";
  }
  SECTION("of 250 bytes") {
    name = std::string(250, 'n');
  }
  ServiceDir(place.path(), name).run("touch ran; exec sleep 1000");
  Scanning scanning(place.path());
  place.watch(scanning);
  WAIT_UNTIL(says(scanning.process().errors(), name.size() > 200 ? "200" : "control character"));
  const ServiceDir after = ServiceDir(place.path(), "after").run("exec sleep 1000");
  after.wait_for_new_pid();
  CAPTURE(scanning.process().errors());
  CHECK(is_one_line(scanning.process().errors()));
  CHECK_FALSE(exists(place.path() + "/" + name + "/ran"));
  CHECK(place.goes_on());
}

TEST_CASE("a symbolic link that leads to itself is no service and no trouble", "[bad-input]") {
  Neighbourhood place;
  REQUIRE(::symlink("loop", (place.path() + "/loop").c_str()) == 0);
  REQUIRE(::symlink("nowhere", (place.path() + "/dangling").c_str()) == 0);
  Scanning scanning(place.path());
  place.watch(scanning);
  ServiceDir(place.path(), "after").run("exec sleep 1000").wait_for_new_pid();
  CHECK(place.goes_on());
  CHECK(place.svctl({"status", "loop"}).code != 0);
}

TEST_CASE("a plain file in a FIFO's place is named and replaced, and the service can be controlled", "[bad-input]") {
  Neighbourhood place;
  const char* name = GENERATE("control", "ok");
  const ServiceDir bad = ServiceDir(place.path(), "bad").run("exec sleep 1000");
  make_directories(bad / "supervise");
  REQUIRE(::chmod((bad / "supervise").c_str(), 0700) == 0);
  write_file(bad / "supervise/" + name, "in the way");
  Scanning scanning(place.path());
  place.watch(scanning);
  WAIT_UNTIL(says(scanning.process().errors(), std::string("bad/supervise/") + name));
  CHECK(is_one_line(scanning.process().errors()));
  bad.wait_for_new_pid();
  CHECK(place.svctl({"stop", "bad"}).code == 0);
  CHECK(place.goes_on());
}

TEST_CASE("a FIFO that is replaced by a plain file while the service runs costs neither the service nor svctl's answer",
          "[bad-input]") {
  Neighbourhood place;
  Scanning scanning(place.path());
  place.watch(scanning);
  std::filesystem::remove(place.good / "supervise/control");
  write_file(place.good / "supervise/control", "in the way");
  const Ran stopped = place.svctl({"stop", "good"});
  CAPTURE(stopped.output, stopped.errors);
  CHECK(stopped.code != 0);
  CHECK(is_one_line(stopped.output + stopped.errors));
  CHECK(place.goes_on());
}

TEST_CASE("garbage in the control FIFO changes nothing, and commands after it are taken", "[bad-input]") {
  Neighbourhood place;
  Scanning scanning(place.path());
  place.watch(scanning);
  std::string garbage;
  for (int byte = 0; byte < 256; ++byte)
    if (find_command(static_cast<char>(byte)) == nullptr) garbage += static_cast<char>(byte);
  for (int i = 0; i < 100; ++i) REQUIRE((place.good.command(garbage) || place.good.is_supervised()));
  CHECK(place.svctl({"status", "good"}).code == 0);
  CHECK(place.goes_on());
  CHECK(place.svctl({"stop", "good"}).code == 0);
  CHECK(place.good.pid() == 0);
}

TEST_CASE("a glob that matches nothing is an error with exit code 3", "[bad-input]") {
  Neighbourhood place;
  Scanning scanning(place.path());
  place.watch(scanning);
  const Ran ran = place.svctl({"restart", "no-such-*"});
  CAPTURE(ran.output, ran.errors);
  CHECK(ran.code == 3);
  CHECK(says(ran.errors, "no-such-*"));
  CHECK(is_one_line(ran.output + ran.errors));
  CHECK(place.goes_on());
}

TEST_CASE("svctl on a service without a supervisor says so, with exit code 4", "[bad-input]") {
  const TempDir dir;
  ServiceDir(dir, "never-ran").run("exec sleep 1000");
  const ServiceDir ran_once = ServiceDir(dir, "ran-once").run("exec sleep 1000");
  {
    const Supervised supervised(ran_once);
  }
  for (const char* name : {"never-ran", "ran-once"})
    for (const char* verb : {"status", "start", "stop", "restart"}) {
      const Ran ran = svctl(dir.path(), {verb, name});
      CAPTURE(verb, name, ran.output, ran.errors);
      CHECK(ran.code == 4);
      CHECK(is_one_line(ran.output + ran.errors));
      CHECK(says(ran.output + ran.errors, name));
    }
}

TEST_CASE("svctl on a service that is not there says so", "[bad-input]") {
  const TempDir dir;
  const Ran ran = svctl(dir.path(), {"start", "nothing"});
  CAPTURE(ran.output, ran.errors);
  CHECK(ran.code != 0);
  CHECK(is_one_line(ran.output + ran.errors));
  CHECK(says(ran.output + ran.errors, "nothing"));
}

TEST_CASE("an unknown verb, option or no argument is the user's mistake: usage and exit code 100", "[bad-input]") {
  const TempDir dir;
  CHECK(svctl(dir.path(), {"fly", "x"}).code == 100);
  CHECK(svctl(dir.path(), {"--no-such-option"}).code == 100);
  for (const char* name : {"supervise", "svscan", "svlogd", "svrun"}) {
    const Ran ran = run({program(name), "--no-such-option"});
    CAPTURE(name, ran.errors);
    CHECK((ran.code == 100 || ran.code == 111));  // svlogd keeps runit's 111
    CHECK_FALSE(ran.errors.empty());
    if (ran.code == 100) CHECK(is_one_line(ran.errors));
  }
  const Ran unknown = run({program("svscan"), "--frob"});
  CHECK(unknown.errors == "svscan: fatal: unknown option --frob; svscan --help lists the options\n");
  // What runit's svlogd says in such a case, ours says as it does; what only ours can say is one line of ours.
  const Ran letter = run({program("svlogd"), "-q", "main"});
  CHECK(letter.code == 111);
  CHECK(letter.errors.starts_with("svlogd: illegal option -- q\nusage: "));
  const Ran length = run({program("svlogd"), "-l", "70000", "stdout"});
  CHECK(length.code == 111);
  CHECK(length.errors == "svlogd: fatal: -b must be greater than -l, but -b is 1024 by default and -l is 70000\n");
}

TEST_CASE("a full disk under the log blocks that one service, not its control; then every line is there",
          "[bad-input]") {
  NEEDS_ROOT();
  Neighbourhood place;
  const ServiceDir noisy = ServiceDir(place.path(), "noisy")
                               .run(
                                   "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo \"line $i\"; done\n"
                                   "touch written; exec sleep 1000")
                               .log_run("exec svlogd main");
  make_directories(noisy / "log/main");
  // A file system of 128 KiB, half of it taken, that only svscan and its children see.
  const std::string main = noisy / "log/main";
  const std::string wrapper = place.dir / "with-small-disk";
  write_script(wrapper, "mount -t tmpfs -o size=128k none " + main + " && head -c 65536 /dev/zero > " + main +
                            "/filler && exec " + program("svscan") + " \"$@\"");
  Scanning::Options options;
  options.program = genuine("unshare");
  options.arguments = {"--mount", wrapper};
  Scanning scanning(place.path(), options);
  place.watch(scanning);
  const std::string inside = "/proc/" + std::to_string(scanning.process().pid()) + "/root" + main;
  WAIT_UNTIL(says(scanning.process().errors(), "svlogd") || says(scanning.process().errors(), "space"));
  CHECK_FALSE(exists(noisy / "written"));
  CHECK(place.svctl({"pause", "noisy"}).code == 0);
  CHECK(place.svctl({"cont", "noisy"}).code == 0);
  CHECK(place.goes_on());
  // Room again: the disk grows.
  const std::string grow = "mount -o remount,size=16m " + main;
  REQUIRE(run({"nsenter", "--mount", "--target", std::to_string(scanning.process().pid()), "sh", "-c", grow}).code ==
          0);
  WAIT_UNTIL(exists(noisy / "written"));
  const auto kept = [&] {
    std::string text;
    for (const auto& entry : std::filesystem::directory_iterator(inside))
      if (entry.path().filename().string().starts_with("@")) text += read_file(entry.path());
    return text + read_file(inside + "/current");
  };
  WAIT_UNTIL(kept().ends_with("line 30000\n"));
  std::string expected;
  for (int i = 1; i <= 30'000; ++i) expected += "line " + std::to_string(i) + "\n";
  CHECK((kept() == expected));
}
