// supervise in hostile surroundings: records that lie, pipes that are none, directories that come and go.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/integration/crash.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

void begins_anew_with(const std::string& state) {
  Victim victim;
  make_directories(victim.dir() / "supervise");
  write_file(victim.dir() / file::kState, state);
  victim.supervise();
  victim.wait([&] { return victim.is_up(); }, "the victim to be up");
  CHECK(victim.starts().size() == 1);
  CHECK(victim.dir().state().starts == 1);
  victim.end();
}

// A tmpfs of the test's own over a directory, in a mount namespace of its own.
class TinyDisk {
 public:
  explicit TinyDisk(std::string place) : place_(std::move(place)) {
    make_directories(place_);
    usable_ = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
              ::mount("none", place_.c_str(), "tmpfs", 0, "size=64k,mode=0700") == 0;
  }
  ~TinyDisk() { ::umount2(place_.c_str(), MNT_DETACH); }
  explicit operator bool() const { return usable_; }

 private:
  std::string place_;
  bool usable_ = false;
};

StateRecord record_of_this_boot() {
  StateRecord record;
  record.boot = read_file("/proc/sys/kernel/random/boot_id");
  while (record.boot.ends_with('\n')) record.boot.pop_back();
  record.supervisor = {1, 1};
  record.state = State::up;
  record.want = Want::up;
  record.starts = 7;
  return record;
}

}  // namespace

TEST_CASE("a record that is empty, cut short or garbage is no record", "[crash][hostile]") {
  const std::string good = pack(record_of_this_boot());
  begins_anew_with("");
  begins_anew_with(good.substr(0, good.size() / 2));
  begins_anew_with(good.substr(0, good.size() - 1));
  begins_anew_with(std::string(100'000, 'x'));
  begins_anew_with(std::string("\0\xff\n=\n===\n\n", 10));
  begins_anew_with("svdir=1\nmain=99999999999999999999 -1\nstate=sideways\nwant=\n");
}

TEST_CASE("a record of another boot or another version is no record", "[crash][hostile]") {
  StateRecord other = record_of_this_boot();
  other.boot = "00000000-0000-0000-0000-000000000000";
  begins_anew_with(pack(other));
  std::string version = pack(record_of_this_boot());
  version.replace(0, 8, "svdir=9\n");
  begins_anew_with(version);
}

TEST_CASE("the record's pid, taken by a stranger, is never signalled", "[crash][hostile]") {
  Process stranger(Launch{.argv = {"setsid", "sleep", "1000"}});
  WAIT_UNTIL(read_file("/proc/" + std::to_string(stranger.pid()) + "/cmdline").starts_with("sleep"));
  for (const State state : {State::up, State::stopping, State::finishing}) {
    Victim victim;
    StateRecord record = record_of_this_boot();
    record.state = state;
    const ProcessId taken{stranger.pid(), 1};  // its number, but not its start
    (state == State::finishing ? record.finish : record.main) = taken;
    record.group = state == State::finishing ? taken.pid : 0;
    make_directories(victim.dir() / "supervise");
    write_file(victim.dir() / file::kState, pack(record));
    victim.supervise();
    victim.wait([&] { return victim.is_up(); }, "the victim to be started anew");
    CHECK(victim.dir().state().starts == 8);
    CHECK(is_alive(stranger.pid()));
    victim.order("k");
    victim.end();
    CHECK(is_alive(stranger.pid()));
  }
}

TEST_CASE("stale pipes, and files where pipes should be, are no obstacle", "[crash][hostile]") {
  Victim victim;
  make_directories(victim.dir() / "supervise");
  REQUIRE(::mkfifo((victim.dir() / file::kOk).c_str(), 0600) == 0);
  write_file(victim.dir() / file::kControl, "not a pipe");
  victim.supervise();
  victim.wait([&] { return victim.is_up(); }, "the victim to be up");
  REQUIRE(victim.order("d"));
  victim.wait([&] { return victim.is_acknowledged() && victim.is_down(); }, "supervise to obey");
  victim.end();
}

TEST_CASE("a supervise that was stopped for a while has missed nothing", "[crash][hostile]") {
  Victim victim;
  victim.supervise();
  victim.wait([&] { return victim.is_up(); }, "the victim to be up");
  const pid_t old = victim.pid();
  victim.current().signal(SIGSTOP);
  REQUIRE(::kill(old, SIGKILL) == 0);
  REQUIRE(victim.order("h"));
  WAIT_UNTIL(!is_alive(old));
  CHECK(victim.copies() == 0);
  victim.current().signal(SIGCONT);
  victim.wait([&] { return victim.is_acknowledged() && victim.is_up(); }, "the victim to be up again");
  CHECK(victim.pid() != old);
  victim.end();
}

TEST_CASE("a service directory that is renamed goes on being supervised", "[crash][hostile]") {
  TempDir temp;
  ServiceDir before = ServiceDir(temp, "before").run("exec sleep 1000");
  Supervised supervise(before);
  const pid_t pid = before.wait_for_new_pid();
  REQUIRE(::rename(before.path().c_str(), (temp / "after").c_str()) == 0);
  const ServiceDir after(temp, "after");
  REQUIRE(after.command("r"));
  const pid_t next = after.wait_for_new_pid(pid);
  // What comes to stand in its old place is another service, with a supervise of its own.
  ServiceDir another = ServiceDir(temp, "before").run("exec sleep 1000");
  Supervised second(another);
  another.wait_for_new_pid();
  CHECK(is_alive(next));
  CHECK(second.end() == 0);
  CHECK(supervise.end() == 0);
}

TEST_CASE("a service directory that is deleted is left when its run ends", "[crash][hostile]") {
  TempDir temp;
  ServiceDir service = ServiceDir(temp, "doomed").run("exec sleep 1000");
  Supervised supervise(service);
  const pid_t pid = service.wait_for_new_pid();
  std::filesystem::remove_all(service.path());
  CHECK(is_alive(pid));
  REQUIRE(::kill(pid, SIGTERM) == 0);
  CHECK(supervise.process().wait() == 0);
}

TEST_CASE("two supervises on one directory: the second says who has it", "[crash][hostile]") {
  Victim victim;
  Process& first = victim.supervise();
  victim.wait([&] { return victim.is_up(); }, "the victim to be up");
  const Ran second = run({program("supervise"), victim.dir().path()});
  CHECK(second.code == 111);
  CHECK(second.errors.find("by process " + std::to_string(first.pid())) != std::string::npos);
  CHECK(victim.is_up());
  victim.end();
}

TEST_CASE("on a full disk every order is obeyed, and what is on record is true: a successor goes on with it",
          "[crash][hostile]") {
  NEEDS_ROOT();
  Victim victim;
  const std::string place = victim.dir() / "supervise";
  const TinyDisk disk(place);
  if (!disk) SKIP("needs root");
  victim.supervise();
  victim.wait([&] { return victim.is_up(); }, "the victim to be up");
  const pid_t old = victim.pid();
  run({"/bin/sh", "-c", "cat /dev/zero > " + place + "/filler"});
  const auto obeys = [&](const char* letters, auto is_so) {
    REQUIRE(victim.order(letters));
    victim.wait([&] { return victim.is_acknowledged() && is_so(); }, std::string("supervise to obey ") + letters);
  };
  obeys("r", [&] { return victim.is_up() && victim.pid() != old; });
  victim.kill_supervise();
  victim.supervise();
  victim.wait_until_it_supervises();
  CHECK(victim.starts().size() == 2);
  CHECK(victim.is_up());
  obeys("d", [&] { return victim.is_down(); });
  obeys("u", [&] { return victim.is_up(); });
  CHECK(victim.dir().status().pid == victim.pid());
  REQUIRE(::unlink((place + "/filler").c_str()) == 0);
  obeys("r", [&] { return victim.is_up(); });
  CHECK(victim.starts().size() == 4);
  victim.end();
}

TEST_CASE("started by somebody who ignored the ends of his children, supervise hears of those of its own",
          "[crash][hostile]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run("exec sleep 1000");
  Process supervise(
      Launch{.argv = {"/bin/sh", "-c", "trap '' CHLD; exec " + program("supervise") + " " + service.path()}});
  const pid_t first = service.wait_for_new_pid();
  REQUIRE(::kill(first, SIGKILL) == 0);
  service.wait_for_new_pid(first);
  supervise.signal(SIGTERM);
  CHECK(supervise.wait() == 0);
}
