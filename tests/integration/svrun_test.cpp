// svrun's own options, each seen from inside the program that it starts.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/attributes.h"
#include "lib/cgroup.h"
#include "tests/support/process.h"
#include "tests/support/programs.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// Runs svrun with these options and a shell script; in `directory` if one is given.
Ran svrun(std::vector<std::string> options, const std::string& script, const std::string& directory = "/") {
  std::vector<std::string> argv{program("svrun")};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {"sh", "-c", script});
  return run({.argv = std::move(argv), .directory = directory});
}

void expect(std::vector<std::string> options, const std::string& script, const std::string& output) {
  INFO(options.front());
  INFO(script);
  const Ran ran = svrun(std::move(options), script);
  CHECK(ran.errors.empty());
  CHECK(ran.code == 0);
  CHECK(ran.output == output);
}

// The user's fault: exit code 100, one line, and nothing was started.
void expect_refusal(std::vector<std::string> options, const std::string& text) {
  INFO(options.front());
  const Ran ran = svrun(std::move(options), "echo started");
  CHECK(ran.code == 100);
  CHECK(ran.output.empty());
  CHECK_THAT(ran.errors, Catch::Contains(text));
}

}  // namespace

TEST_CASE("svrun without options just executes the program") {
  CHECK(svrun({}, "exit 3").code == 3);
  const Ran ran = run({.argv = {program("svrun"), "no-such-program"}, .environment = {{"PATH", "/usr/bin:/bin"}}});
  CHECK(ran.code == 111);
  CHECK(ran.errors == "svrun: fatal: unable to run: no-such-program: No such file or directory\n");
}

TEST_CASE("svrun: wrong options are exit 100, help is exit 0") {
  for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                 {"--nosuch=1", "true"},
                                                                 {"--no\nsuch", "true"},
                                                                 {"--nice", "50", "true"},
                                                                 {"--nice"},
                                                                 {"--nice=", "true"},
                                                                 {"--user=", "true"},
                                                                 {"--umask=9", "true"},
                                                                 {"--nice=1"}}) {
    std::vector<std::string> argv{program("svrun")};
    argv.insert(argv.end(), words.begin(), words.end());
    const Ran ran = run(argv);
    CHECK(ran.code == 100);
    CHECK(ran.errors.starts_with("svrun: fatal: "));
    CHECK(std::ranges::count(ran.errors, '\n') == 1);
  }
  CHECK(run({program("svrun"), "--nosuch=1", "true"}).errors ==
        "svrun: fatal: unknown option --nosuch; svrun --help lists the options\n");
  CHECK(run({program("svrun"), "--nice=50", "true"}).errors ==
        "svrun: fatal: --nice=50: a number from -20 to 19 is wanted\n");
  const Ran help = run({program("svrun"), "--help"});
  CHECK(help.code == 0);
  for (const AttributeRow& row : attribute_rows())
    CHECK_THAT(help.output, Catch::Contains("--" + std::string(row.key)));
}

TEST_CASE("svrun takes chpst's options as well") {
  CHECK(svrun({"-n", "3", "-o", "64"}, "nice; ulimit -n").output == "3\n64\n");
}

TEST_CASE("svrun: umask, nice, directory, CPU affinity, I/O class, OOM score") {
  expect({"--umask=027"}, "umask", "0027\n");
  expect({"--nice=7"}, "nice", "7\n");
  expect({"--directory=/usr"}, "pwd", "/usr\n");
  expect({"--cpu-affinity=0"}, "grep ^Cpus_allowed_list /proc/self/status | tr -d '\\t'", "Cpus_allowed_list:0\n");
  expect({"--io-class=idle"}, "ionice -p $$", "idle\n");
  expect({"--io-class=best-effort:6"}, "ionice -p $$", "best-effort: prio 6\n");
  expect({"--oom-score=700"}, "cat /proc/$$/oom_score_adj", "700\n");
}

TEST_CASE("svrun: a program that is named relative to the service directory is found there") {
  const TempDir dir;
  write_script(dir / "run", "echo $0; pwd");
  const Ran ran = run({.argv = {program("svrun"), "--directory=/usr", "./run"}, .directory = dir.path()});
  CHECK(ran.output == (dir / "run") + "\n/usr\n");
}

TEST_CASE("svrun sets every limit, soft alone, both, or soft as high as hard") {
  expect({"--limit-nofile=64"}, "ulimit -Sn", "64\n");
  expect({"--limit-nofile=64:128"}, "ulimit -Sn; ulimit -Hn", "64\n128\n");
  expect({"--limit-nofile=:128"}, "ulimit -Sn; ulimit -Hn", "128\n128\n");
  expect({"--limit-nofile=hard:96"}, "ulimit -Sn; ulimit -Hn", "96\n96\n");
  expect({"--limit-core=0"}, "ulimit -c", "0\n");
  expect({"--limit-cpu=1m:2m"}, "ulimit -t; ulimit -Ht", "60\n120\n");
  expect({"--limit-fsize=1m:1m"}, "ulimit -f", "2048\n");
  for (const AttributeRow& row : attribute_rows()) {
    if (!row.key.starts_with("limit-")) continue;
    const int resource = limit_of(row.key.substr(6));
    rlimit before{};
    REQUIRE(::getrlimit(static_cast<__rlimit_resource>(resource), &before) == 0);
    // Of address space a program built with sanitizers needs that much.
    const rlim_t wanted = before.rlim_max == RLIM_INFINITY ? rlim_t{1} << 47 : before.rlim_max;
    INFO(row.key);
    CHECK(svrun({"--" + std::string(row.key) + "=" + std::to_string(wanted) + ":" + std::to_string(wanted)}, "true")
              .code == 0);
  }
}

TEST_CASE("svrun: the environment comes from a file, a directory, or from nothing") {
  const TempDir dir;
  write_file(dir / "file", "# comment\n\nPLAIN=a b\nexport QUOTED=\"c d\"\nSINGLE='e'\nEMPTY=\n  SPACED = x\n");
  CHECK_THAT(svrun({"--env-file=" + (dir / "file")}, "true").errors,
             Catch::Contains("file:7: not a variable; a line is NAME=VALUE"));
  write_file(dir / "file", "# comment\n\nPLAIN=a b\nexport QUOTED=\"c d\"\nSINGLE='e'\nEMPTY=\nBOTH=file\n");
  write_file(dir / "env/BOTH", "directory\n");
  make_directories(dir / "env/subdirectory");
  expect({"--env-file=" + (dir / "file"), "--env-dir=" + (dir / "env")},
         "echo $PLAIN,$QUOTED,$SINGLE,${EMPTY-unset},$BOTH", "a b,c d,e,,directory\n");
  const Ran clean = run({.argv = {program("svrun"), "--clean-env", "--env-file=" + (dir / "file"), "env"},
                         .environment = {{"PATH", "/usr/bin:/bin"}, {"SECRET", "x"}}});
  // (What a service is told of itself stays, too: see the tests of readiness.)
  CHECK(clean.output == "PATH=/usr/bin:/bin\nPLAIN=a b\nQUOTED=c d\nSINGLE=e\nEMPTY=\nBOTH=file\n");
  expect_refusal({"--env-file=" + (dir / "missing")}, "missing: No such file or directory");
}

TEST_CASE("svrun: a lock file is held by the program") {
  const TempDir dir;
  const std::string again = program("svrun") + " --lock-wait=no --lock-file=" + (dir / "lock") + " true; echo $?";
  const Ran ran = svrun({"--lock-file=" + (dir / "lock")}, again);
  CHECK(ran.output == "111\n");
  CHECK_THAT(ran.errors, Catch::Contains("lock-file: unable to lock: " + (dir / "lock")));
  CHECK(svrun({"--lock-file=" + (dir / "lock"), "--lock-wait=no"}, "true").code == 0);
  // Waiting: the second starts when the first has ended.
  const Process first(
      {.argv = {program("svrun"), "--lock-file=" + (dir / "lock"), "sh", "-c", "echo locked; exec sleep 1000"}});
  WAIT_UNTIL(first.output() == "locked\n");
  Process second({.argv = {program("svrun"), "--lock-file=" + (dir / "lock"), "echo", "mine"}});
  CHECK_FALSE(second.has_ended());
  first.signal(SIGKILL);
  CHECK(second.wait() == 0);
  CHECK(second.output() == "mine\n");
}

TEST_CASE("svrun: no new privileges, parent-death signal") {
  expect({"--no-new-privs"}, "grep ^NoNewPrivs /proc/self/status | tr -d '\\t'", "NoNewPrivs:1\n");
  const TempDir dir;
  Process parent(
      {.argv = {"sh", "-c", program("svrun") + " --parent-death-signal=KILL sleep 1000 & echo $! > child; wait"},
       .directory = dir.path()});
  WAIT_UNTIL(read_file(dir / "child").ends_with("\n"));
  const pid_t child = std::stoi(read_file(dir / "child"));
  WAIT_UNTIL(read_file("/proc/" + std::to_string(child) + "/comm") == "sleep\n");
  parent.signal(SIGKILL);
  WAIT_UNTIL(!is_alive(child));
}

TEST_CASE("svrun: a user without an account or a group that is not there is refused") {
  expect_refusal({"--user=nosuchuser"}, "svrun: fatal: --user: there is no user `nosuchuser`");
  expect_refusal({"--user=root:nosuchgroup"}, "--user: there is no group `nosuchgroup`");
  expect_refusal({"--groups=nosuchgroup"}, "--groups: there is no group `nosuchgroup`");
  expect_refusal({"--user=54321"}, "uid 54321 has no account, so its group must be named: :54321:GID");
}

TEST_CASE("svrun: settings are blamed with their file and line") {
  const TempDir dir;
  write_file(dir / "conf", "# who\n\nuser = nosuchuser\n");
  write_script(dir / "run", "#!/bin/sh\n#: directory = /nowhere\necho started\n");
  const auto in_service = [&](std::string_view option) {
    return run({.argv = {program("svrun"), "--explain", std::string(option), "./run"}, .directory = dir.path()});
  };
  const std::string name = dir.path().substr(dir.path().rfind('/') + 1);
  CHECK(in_service("--user=nosuchuser").errors ==
        "svrun: fatal: " + name + ": conf:3: user: there is no user `nosuchuser`\n");
  CHECK(in_service("--directory=/nowhere").errors ==
        "svrun: fatal: " + name +
            ": run:2: directory: unable to change directory: /nowhere: No such file or directory\n");
  CHECK(in_service("--chroot=/nowhere").errors.starts_with("svrun: fatal: " + name + ": .defaults: chroot: "));
}

TEST_CASE("svrun without root: the present user is fine, another one is an error") {
  if (is_root()) {
    const Ran ran = run({.argv = {program("svrun"), "--user=daemon", "echo", "started"}, .uid = 65534});
    CHECK(ran.code == 100);
    CHECK(ran.errors == "svrun: fatal: --user: only root can run a program as another user or group\n");
    CHECK(run({.argv = {program("svrun"), "--user=nobody", "id", "-u"}, .uid = 65534}).output == "65534\n");
    CHECK(run({.argv = {program("svrun"), "--user=:65534:65534", "id", "-u"}, .uid = 65534}).output == "65534\n");
    CHECK(run({.argv = {program("svrun"), "--groups=daemon", "true"}, .uid = 65534}).code == 100);
  } else {
    expect_refusal({"--user=daemon"}, "--user: only root can run a program as another user or group");
    CHECK(svrun({"--user=:" + std::to_string(::getuid()) + ":" + std::to_string(::getgid())}, "true").code == 0);
  }
}

TEST_CASE("svrun without root: a limit above the hard one, a better nice value, a chroot are errors") {
  const auto refused = [](std::vector<std::string> options, const std::string& text) {
    std::vector<std::string> argv{program("svrun")};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.insert(argv.end(), {"echo", "started"});
    const uid_t uid = is_root() ? 65534 : static_cast<uid_t>(-1);
    const Ran ran = run({.argv = std::move(argv), .uid = uid});
    CHECK(ran.code == 100);
    CHECK(ran.output.empty());
    CHECK_THAT(ran.errors, Catch::Contains(text));
  };
  refused({"--limit-nofile=4000000000"}, "--limit-nofile: above the hard limit of ");
  refused({"--nice=-5"}, "--nice: unable to set nice level: Permission denied");
  refused({"--chroot=/"}, "--chroot: unable to change root directory: Operation not permitted");
  refused({"--oom-score=-500"}, "--oom-score: ");
}

TEST_CASE("svrun as root: user, groups, home, by name, number, owner") {
  NEEDS_ROOT();
  const std::string ids = "echo $(id -u) $(id -g) $(id -G)";
  expect({"--user=daemon"}, ids, "1 1 1\n");
  expect({"--user=1"}, ids, "1 1 1\n");
  expect({"--user=daemon:adm:tty"}, ids, "1 4 4 5\n");
  expect({"--user=:54321:54322"}, ids, "54321 54322 54322\n");
  expect({"--user=54321:adm"}, ids, "54321 4 4\n");
  expect({"--user=daemon", "--groups=adm tty"}, ids, "1 4 4 5\n");
  expect({"--groups=adm"}, ids, "0 4 4\n");
  expect({"--user=daemon"}, "echo $USER $LOGNAME $HOME", "daemon daemon /usr/sbin\n");
  const TempDir dir;
  write_script(dir / "run", ids);
  REQUIRE(::chown((dir / "run").c_str(), 54321, 54322) == 0);
  CHECK(run({.argv = {program("svrun"), "--user=owner", "./run"}, .directory = dir.path()}).output ==
        "54321 54322 54322\n");
  const auto owner_of_link = [&](const char* target, uid_t uid) {
    ::unlink((dir / "link").c_str());
    REQUIRE(::symlink(target, (dir / "link").c_str()) == 0);
    REQUIRE(::lchown((dir / "link").c_str(), uid, uid) == 0);
    return run({.argv = {program("svrun"), "--user=owner", "./link", "-u"}, .directory = dir.path()}).output;
  };
  // The owner of a link counts: a user cannot borrow root's rights by pointing at root's file.
  CHECK(owner_of_link("/usr/bin/id", 54321) == "54321\n");
  CHECK(owner_of_link("/usr/bin/id", 0) == "0\n");
  // But for root's links, as svscan makes them: there it is who owns what they lead to.
  CHECK(owner_of_link("run", 0) == "54321 54322 54322\n");
  REQUIRE(::symlink("/usr/bin/id", (dir / "users").c_str()) == 0);
  REQUIRE(::lchown((dir / "users").c_str(), 54321, 54321) == 0);
  CHECK(owner_of_link("users", 0) == "54321\n");
}

TEST_CASE("svrun as root: an account's supplementary groups come with it") {
  NEEDS_ROOT();
  // Debian puts no account into a second group; the www-data of a name service of our own does it.
  const TempDir dir;
  const Ran ran = run({"unshare", "-m", "sh", "-c",
                       "cd " + dir.path() +
                           " && sed 's/^adm:.*/adm:x:4:daemon/' /etc/group > group && "
                           "mount --bind group /etc/group && " +
                           program("svrun") + " --user=daemon id -G"});
  CHECK(ran.output == "1 4\n");
}

TEST_CASE("svrun as root: what needs rights is done before they are given up") {
  NEEDS_ROOT();
  const TempDir dir;
  write_file(dir / "secret", "TOKEN=x\n", 0600);
  expect({"--user=daemon", "--nice=-3", "--limit-nofile=200:300", "--oom-score=100", "--env-file=" + (dir / "secret")},
         "nice; ulimit -Hn; cat /proc/$$/oom_score_adj; echo $TOKEN; id -u", "-3\n300\n100\nx\n1\n");
  // --ids-first gives them up at once, for services whose settings are in the hands of their user.
  expect_refusal({"--ids-first", "--user=daemon", "--env-file=" + (dir / "secret")}, "secret: Permission denied");
  expect_refusal({"--ids-first", "--user=daemon", "--nice=-3"}, "--nice: unable to set nice level: Permission denied");
}

TEST_CASE("svrun as root: chroot") {
  NEEDS_ROOT();
  const TempDir dir;
  make_directories(dir / "inside");
  expect({"--chroot=/", "--directory=usr"}, "pwd", "/usr\n");
  // (The leak sanitizer needs a /proc.)
  const Ran ran = run(Launch{.argv = {program("svrun"), "--chroot=" + (dir / "inside"), "--user=daemon", "/bin/true"},
                             .environment = {{"LSAN_OPTIONS", "detect_leaks=0"}}});
  CHECK(ran.code == 111);
  CHECK_THAT(ran.errors, Catch::Contains("unable to run: /bin/true: No such file or directory"));
}

TEST_CASE("svrun makes a control group and enters it") {
  const std::string name = "svdir-test-" + std::to_string(::getpid());
  const Result<std::string> directory = cgroup_directory(name + "/inner");
  if (!directory || ::mkdir(cgroup_directory(name)->c_str(), 0755) != 0) SKIP("needs root");
  Process process(
      {.argv = {program("svrun"), "--cgroup=" + name + "/inner", "sh", "-c", "echo in; sleep 1000 & wait"}});
  WAIT_UNTIL(process.output() == "in\n");
  CHECK_THAT(read_file("/proc/" + std::to_string(process.pid()) + "/cgroup"), Catch::Contains("/" + name + "/inner\n"));
  CHECK(cgroup_has_processes(*directory));
  CHECK(kill_cgroup(*directory));
  CHECK(process.wait() == 128 + SIGKILL);
  WAIT_UNTIL(!cgroup_has_processes(*directory));
  CHECK(::rmdir(directory->c_str()) == 0);
  CHECK(::rmdir(cgroup_directory(name)->c_str()) == 0);
}
