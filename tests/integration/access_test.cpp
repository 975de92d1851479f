// Who may change what root runs, command a service, and read its state: tried as three users.
#include "lib/access.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/fd.h"
#include "lib/trust.h"
#include "tests/support/process.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr uid_t kOwner = 54321;
constexpr uid_t kStranger = 54322;

Settings settings_of(std::string_view text) {
  Settings settings;
  const auto parsed = parse_settings(text, "conf", SettingsSource::defaults, settings);
  REQUIRE(parsed);
  return settings;
}

Trust judge(const ServiceDir& service, std::string_view settings = "", const char* defaults = nullptr) {
  const Fd fd(::open(service.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return judge_trust(fd.get(), defaults, settings_of(settings));
}

// Whether a process of this user and group can do it.
bool can(uid_t uid, gid_t gid, const std::string& script) {
  return run(Launch{.argv = {"setpriv", "--reuid=" + std::to_string(uid), "--regid=" + std::to_string(gid),
                             "--clear-groups", "sh", "-c", script}})
             .code == 0;
}

void give(const std::string& path, uid_t uid) {
  REQUIRE(::chown(path.c_str(), uid, uid) == 0);
}

}  // namespace

TEST_CASE("an ordinary user's supervisor trusts whatever it can run") {
  if (is_root()) return;
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run("true");
  REQUIRE(::chmod((service / "run").c_str(), 0777) == 0);
  CHECK(judge(service).refusal.empty());
}

TEST_CASE("root runs nothing that somebody else could change") {
  NEEDS_ROOT();
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "a").run("true").finish("true").check("true").conf("").control('t', "true");
  make_directories(service / "env");
  CHECK(judge(service).refusal.empty());
  for (const char* name : {"run", "finish", "check", "conf", "env", "control", "control/t"}) {
    INFO(name);
    give(service / name, kOwner);
    CHECK(judge(service).refusal == std::string(name) + " is writable by uid 54321 and would run as root");
    CHECK(judge(service, "trust = any").refusal.empty());
    CHECK(judge(service, "user = 54321").refusal.empty());
    CHECK(judge(service, "user = 54321").users_own);
    CHECK(judge(service, "user = 54322").refusal ==
          std::string(name) + " is writable by uid 54321 and would run as uid 54322");
    give(service / name, 0);
    CHECK_FALSE(judge(service, "user = 54321").users_own);
  }
  give(service.path(), kOwner);
  CHECK(judge(service).refusal == "the service directory is writable by uid 54321 and would run as root");
}

TEST_CASE("a run in the hands of its user runs as its owner, but not as root") {
  NEEDS_ROOT();
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run("true");
  give(service / "run", kOwner);
  CHECK(judge(service, "user = owner").refusal.empty());
  CHECK(judge(service).refusal == "run is writable by uid 54321 and would run as root");
  give(service.path(), kStranger);
  CHECK(judge(service, "user = owner").refusal ==
        "the service directory is writable by uid 54322 and would run as uid 54321");
}

TEST_CASE("a link in the scan directory's defaults or in a service is judged by what it leads to") {
  NEEDS_ROOT();
  const TempDir dir;
  const ServiceDir service(dir, "a");
  write_script(dir / "elsewhere", "true");
  REQUIRE(::symlink((dir / "elsewhere").c_str(), (service / "run").c_str()) == 0);
  CHECK(judge(service).refusal.empty());
  give(dir / "elsewhere", kOwner);
  CHECK_FALSE(judge(service).refusal.empty());
  CHECK(judge(service, "trust = any").refusal.empty());
  // Not even `trust = any` helps when anybody could have written it.
  write_file(dir / "defaults", "trust = any\n");
  const std::string defaults = dir / "defaults";
  CHECK(judge(service, "trust = any", defaults.c_str()).refusal.empty());
  give(defaults, kOwner);
  CHECK(judge(service, "trust = any", defaults.c_str()).refusal ==
        ".defaults is writable by uid 54321 and would run as root");
}

TEST_CASE("the control-group may command, readers may read, others may do nothing") {
  NEEDS_ROOT();
  const gid_t members = ::getgrnam("games")->gr_gid;
  const TempDir dir;
  const ServiceDir service(dir, "a");
  make_directories(service / "supervise");
  ::chmod((service / "supervise").c_str(), 0700);
  for (const char* name : {"supervise/control", "supervise/ok"}) REQUIRE(::mkfifo((service / name).c_str(), 0600) == 0);
  write_file(service / "supervise/state", "x");
  const Fd readers[] = {Fd(::open((service / "supervise/control").c_str(), O_RDWR | O_CLOEXEC)),
                        Fd(::open((service / "supervise/ok").c_str(), O_RDWR | O_CLOEXEC))};
  const std::string command = "echo u > " + (service / "supervise/control");
  const std::string alive = ": > " + (service / "supervise/ok");
  const std::string look = "cat " + (service / "supervise/state");
  const auto apply = [&](std::string_view text) {
    const Fd fd(::open(service.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return apply_access(fd.get(), settings_of(text));
  };
  const auto rights = [&](uid_t uid, gid_t gid) {
    return std::string(can(uid, gid, command) ? "c" : "-") + (can(uid, gid, alive) ? "a" : "-") +
           (can(uid, gid, look) ? "r" : "-");
  };
  struct Row {
    const char* settings;
    const char* member;
    const char* stranger;
  };
  for (const Row& row : {Row{"", "---", "---"}, Row{"control-group = games", "car", "---"},
                         Row{"control-group = games\nstatus-readers = group", "car", "---"},
                         Row{"control-group = games\nstatus-readers = all", "car", "-ar"},
                         Row{"status-readers = all", "-ar", "-ar"}, Row{"", "---", "---"}}) {
    INFO(row.settings);
    REQUIRE(apply(row.settings));
    CHECK(rights(0, 0) == "car");
    CHECK(rights(kOwner, members) == row.member);
    CHECK(rights(kStranger, kStranger) == row.stranger);
  }
  REQUIRE(apply("control-group = games"));
  const auto unknown = apply("control-group = nosuchgroup\nstatus-readers = all");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().text() == "control-group = nosuchgroup: there is no such group in /etc/group");
  CHECK(rights(kOwner, members) == "---");
}

TEST_CASE("an ordinary user may only give a service to a group of his own") {
  const TempDir dir;
  const ServiceDir service(dir, "a");
  make_directories(service / "supervise");
  for (const char* name : {"supervise/control", "supervise/ok"}) REQUIRE(::mkfifo((service / name).c_str(), 0600) == 0);
  const Fd fd(::open(service.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(apply_access(fd.get(), settings_of("control-group = " + std::to_string(::getegid()))));
  if (is_root()) return;
  const auto refused = apply_access(fd.get(), settings_of("control-group = 54321"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text() == "unable to give to the control-group: supervise/control: Operation not permitted");
}
