// svscan killed with KILL before every single system call of its life, and svscan whose n-th call of a kind fails:
// no service is started twice, none is forgotten.
#include <signal.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <memory>

#include "lib/scan_state.h"
#include "tests/support/killable.h"
#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr std::string_view kRun = "echo $$ >> $SVDIR_TEST_STARTS; exec sleep 1000";

// A scan directory with a service, a logged one and a bare script; one more is moved in later.
class Scene {
 public:
  Scene() {
    make_directories(scan());
    place("web", "");
    place("logged", "");
    write_script(dir_ / "logged/log/run", "exec cat > /dev/null");
    for (const char* name : {"web", "logged"}) move_in(name);
    write_script(scan() + "/bare", script("bare"));
    place("late", "");
  }

  std::string scan() const { return dir_ / "scan"; }
  void move_in(const std::string& name) const {
    REQUIRE(::rename((dir_ / name).c_str(), (scan() + "/" + name).c_str()) == 0);
  }

  void start(std::map<std::string, std::string> faults) {
    svscan_ = std::make_unique<Process>(Launch{.argv = {"svscan", scan()},
                                               .environment = faults,
                                               .path = faults.empty() ? program("svscan") : faulty_program("svscan")});
  }
  Process& svscan() { return *svscan_; }

  StateRecord state(const std::string& name) const {
    StateRecord record;
    const std::string place = name == "bare" ? scan() + "/.svdir/bare" : scan() + "/" + name;
    unpack(read_file(place + "/supervise/state"), record);
    return record;
  }
  bool is_up(const std::string& name) const {
    const StateRecord record = state(name);
    return record.state == State::up && is_alive(record.main.pid) && is_alive(record.supervisor.pid) &&
           starts(name) > 0;
  }
  // Whether the svscan that runs has said so itself: it minds its signals then.
  bool is_master() const {
    ScanState state;
    return unpack(read_file(scan() + "/.svdir/.scan"), state) && state.pid == svscan_->pid();
  }
  bool are_up(std::initializer_list<const char*> names) const {
    return std::ranges::all_of(names, [&](const char* name) { return is_up(name); });
  }
  std::size_t starts(const std::string& name) const { return lines(dir_ / (name + ".starts")); }

  // Waits for it, or for the end of svscan; whether svscan lived to see it.
  template <class Condition>
  bool lives_until(Condition condition, std::string_view what) {
    wait_until([&] { return svscan_->has_ended() || condition(); }, what);
    return !svscan_->has_ended();
  }

 private:
  std::string script(const std::string& name) const {
    return "SVDIR_TEST_STARTS=" + (dir_ / (name + ".starts")) + "\n" + std::string(kRun);
  }
  void place(const std::string& name, const std::string& conf) const {
    write_script(dir_ / (name + "/run"), script(name));
    if (!conf.empty()) write_file(dir_ / (name + "/conf"), conf);
  }

  TempDir dir_;
  std::unique_ptr<Process> svscan_;
};

// All that happens to svscan in a day; false when it died on the way.
bool lives_through_a_day(Scene& scene) {
  if (!scene.lives_until([&] { return scene.are_up({"web", "logged", "bare"}); }, "all to be up")) return false;
  scene.move_in("late");
  if (!scene.lives_until([&] { return scene.is_up("late"); }, "the late one to be up")) return false;
  const StateRecord before = scene.state("web");
  ::kill(before.supervisor.pid, SIGKILL);
  const auto is_adopted = [&] {
    return scene.is_up("web") && scene.state("web").supervisor.pid != before.supervisor.pid;
  };
  if (!scene.lives_until(is_adopted, "web to be supervised again")) return false;
  scene.svscan().signal(SIGHUP);
  return true;
}

void has_lost_nothing(Scene& scene) {
  if (exists(scene.scan() + "/../late")) scene.move_in("late");
  WAIT_UNTIL(scene.are_up({"web", "logged", "bare", "late"}));
  for (const char* name : {"web", "logged", "bare", "late"}) {
    INFO(name);
    CHECK(scene.starts(name) == 1);
  }
  WAIT_UNTIL(scene.is_master());
  scene.svscan().signal(SIGTERM);
  CHECK(scene.svscan().wait() == 0);
  for (const char* name : {"web", "logged", "bare", "late"}) CHECK_FALSE(is_alive(scene.state(name).main.pid));
}

}  // namespace

TEST_CASE("killed before each of its system calls, svscan is followed by one that finds all as it was",
          "[crash][svscan]") {
  constexpr int kSurvivors = 4;
  int survivors = 0;
  int call = 0;
  while (survivors < kSurvivors) {
    INFO("killed before call " << ++call);
    Scene scene;
    scene.start({{"SVDIR_KILL", std::to_string(call)}, {"SVDIR_ONLY", "svscan"}});
    const bool survived = lives_through_a_day(scene);
    survivors = survived ? survivors + 1 : 0;
    scene.svscan().signal(SIGKILL);
    scene.svscan().wait();
    scene.start({});
    has_lost_nothing(scene);
  }
  CHECK(call > 40);
}

TEST_CASE("short of something at any moment, svscan goes on, or says so and leaves it to the next", "[crash][svscan]") {
  struct Row {
    const char* call;
    int number;
    int most;
  };
  for (const Row& row :
       {Row{"open", EMFILE, 30}, Row{"fork", EAGAIN, 5}, Row{"write", ENOSPC, 8}, Row{"mkdir", ENOSPC, 2}})
    for (int nth = 1; nth <= row.most; ++nth) {
      INFO("call " << nth << " of " << row.call << " fails with errno " << row.number);
      Scene scene;
      scene.start({{"SVDIR_FAIL", std::to_string(nth) + ":" + std::to_string(row.number) + ":" + row.call},
                   {"SVDIR_ONLY", "svscan"}});
      if (!lives_through_a_day(scene)) {
        CHECK(scene.svscan().wait() == 111);
        CHECK(scene.svscan().errors().find("fatal: ") != std::string::npos);
        scene.start({});
      }
      has_lost_nothing(scene);
    }
}
