// svscan as the first process of a container: PID 1 in a pid namespace, with little around it.
#include <elf.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr char kSleep[] = "exec sleep 1000";
constexpr uid_t kNobodyUser = 65534;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

using Words = std::vector<std::string>;

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// What makes its argument PID 1: as root plainly, as an ordinary user in a user namespace of its own.
Words unshared() {
  Words words{"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"};
  if (!is_root()) words = words + Words{"--user", "--map-root-user"};
  return words;
}

bool can_unshare() {
  static const bool can = run(unshared() + Words{"true"}).code == 0;
  return can;
}

// The pid, as we see it, of the PID 1 that `unshare` has started.
pid_t init_of(const Process& unshare) {
  WAIT_UNTIL(children_of(unshare.pid()).size() == 1);
  return children_of(unshare.pid()).front();
}

// A program that can be copied alone into an empty tree.
bool is_static(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  for (int i = 0; file && i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    file.seekg(static_cast<std::streamoff>(header.e_phoff) + i * header.e_phentsize);
    file.read(reinterpret_cast<char*>(&segment), sizeof segment);
    if (segment.p_type == PT_INTERP) return false;
  }
  return static_cast<bool>(file);
}

// A root with nothing but our two programs, and one service: another svscan, because it is a static program that
// stays until it is told to end. It has no services of its own.
std::string bare_root(const TempDir& dir) {
  const std::string root = dir / "root";
  for (const char* path : {"/bin", "/sv/a", "/service", "/run"}) make_directories(root + path);
  for (const char* name : {"svscan", "supervise"}) run({"/bin/cp", program(name), root + "/bin/" + name});
  run({"/bin/cp", program("svscan"), root + "/sv/a/run"});
  return root;
}

std::string shell_with(const std::string& script) {
  return "set -e; " + script;
}

}  // namespace

#define NEEDS_UNSHARE() \
  if (!can_unshare()) SKIP("this machine lets us have no pid namespace")

TEST_CASE("the exit code of the foreground program is svscan's", "[svscan][container]") {
  TempDir dir;
  ServiceDir(dir, "a").run(kSleep);
  struct Row {
    Words program;
    int code;
  };
  const std::vector<Row> table{
      {{"true"}, 0},
      {{"false"}, 1},
      {{"sh", "-c", "exit 7"}, 7},
      {{"sh", "-c", "exit 255"}, 255},
      {{"sh", "-c", "kill -TERM $$"}, 143},
      {{"sh", "-c", "kill -KILL $$"}, 137},
      {{"sh", "-c", "kill -ABRT $$"}, 134},
      {{"no-such-program-anywhere"}, 127},
      {{"/etc/passwd"}, 126},
  };
  for (const Row& row : table) {
    CAPTURE(row.program.back());
    const Words svscan = Words{program("svscan"), dir.path(), "--"} + row.program;
    CHECK(run(svscan).code == row.code);
    if (can_unshare()) CHECK(run(unshared() + svscan).code == row.code);
  }
}

TEST_CASE("the services are stopped after the foreground program", "[svscan][container]") {
  TempDir dir;
  const std::string order = dir / ".order";
  const ServiceDir service = ServiceDir(dir, "a").run("trap 'echo service >> " + order +
                                                      "; exit' TERM; echo > up; while :; do sleep 0.02; done");
  const std::string script =
      "while [ ! -e " + (service / "up") + " ]; do sleep 0.02; done; echo program >> " + order + "; exit 3";
  CHECK(run({program("svscan"), dir.path(), "--", "sh", "-c", script}).code == 3);
  CHECK(read_file(order) == "program\nservice\n");
}

TEST_CASE("signals go to the foreground program, rewritten where it was asked for", "[svscan][container]") {
  TempDir dir;
  const std::string seen = dir / ".seen";
  std::string script = "trap 'exit 5' QUIT;";
  for (const char* name : {"HUP", "INT", "USR1", "USR2", "WINCH"})
    script += std::string(" trap 'echo ") + name + " >> " + seen + "' " + name + ";";
  script += " echo up >> " + seen + "; while :; do sleep 0.02; done";
  Process svscan(Launch{.argv = {program("svscan"), "--rewrite", "TERM:QUIT", "--rewrite", "ALRM:0", dir.path(), "--",
                                 "sh", "-c", script}});
  std::string expected = "up\n";
  WAIT_UNTIL(read_file(seen) == expected);
  svscan.signal(SIGALRM);  // dropped
  for (const auto& [number, name] :
       {std::pair{SIGHUP, "HUP"}, {SIGINT, "INT"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}, {SIGWINCH, "WINCH"}}) {
    svscan.signal(number);
    expected += std::string(name) + "\n";
    WAIT_UNTIL(read_file(seen) == expected);
  }
  svscan.signal(SIGTERM);
  CHECK(svscan.wait() == 5);
}

TEST_CASE("a foreground program that ignores TERM is killed when the grace period is over", "[svscan][container]") {
  TempDir dir;
  const std::string up = dir / ".up";
  Process svscan(Launch{.argv = {program("svscan"), "--grace", "200ms", dir.path(), "--", "sh", "-c",
                                 "trap '' TERM; echo > " + up + "; while :; do sleep 1; done"}});
  WAIT_UNTIL(exists(up));
  svscan.signal(SIGTERM);
  CHECK(svscan.wait() == 137);
}

TEST_CASE("an essential service that ends for good ends everything with its code", "[svscan][container]") {
  TempDir dir;
  const ServiceDir other = ServiceDir(dir, "other").run(kSleep);
  const ServiceDir main = ServiceDir(dir, "main").conf("essential = yes\nrestart = never\n");
  SECTION("an exit code") {
    write_script(main / "run", "exit 9");
    CHECK(run({program("svscan"), dir.path()}).code == 9);
  }
  SECTION("a signal") {
    write_script(main / "run", "kill -SEGV $$");
    CHECK(run({program("svscan"), dir.path()}).code == 128 + SIGSEGV);
  }
  SECTION("a start limit that is reached") {
    write_file(main / "conf", "essential = yes\nstart-limit = 2\nrestart-delay = 10ms\n");
    write_script(main / "run", "exit 4");
    CHECK(run({program("svscan"), dir.path()}).code == 4);
  }
  CHECK((other.pid() == 0 || !is_alive(other.pid())));
}

TEST_CASE("an essential service whose settings cannot be taken ends everything", "[svscan][container]") {
  TempDir dir;
  const ServiceDir other = ServiceDir(dir, "other").run(kSleep);
  SECTION("in conf") {
    ServiceDir(dir, "main").run(kSleep).conf("restrat = never\nessential = yes\n");
  }
  SECTION("in the head of a bare script") {
    write_script(dir / "main", "#!/bin/sh\n#: essential = yes\n#: nice = very\nexec sleep 1000\n");
  }
  CHECK(run({program("svscan"), dir.path()}).code == 100);
}

TEST_CASE("an essential service that a person stops ends nothing", "[svscan][container]") {
  TempDir dir;
  const ServiceDir main = ServiceDir(dir, "main").run(kSleep).conf("essential = yes\n");
  Scanning svscan(dir.path());
  const pid_t pid = main.wait_for_new_pid();
  main.command("d");
  main.wait_for(State::down);
  main.command("u");
  main.wait_for_new_pid(pid);
  CHECK(!svscan.process().has_ended());
}

TEST_CASE("PID 1 stops its services at TERM and leaves", "[svscan][container][pid1]") {
  NEEDS_UNSHARE();
  TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "a").run("trap 'echo > stopped; exit' TERM; echo > up; while :; do sleep 0.02; done");
  for (const int number : {SIGTERM, SIGINT, SIGQUIT, SIGPWR, SIGRTMIN + 3}) {
    CAPTURE(number);
    run({"/bin/rm", "-f", service / "up", service / "stopped"});
    Process unshare(Launch{.argv = unshared() + Words{program("svscan"), dir.path()}});
    WAIT_UNTIL(exists(service / "up"));
    REQUIRE(::kill(init_of(unshare), number) == 0);
    CHECK(unshare.wait() == 0);
    CHECK(exists(service / "stopped"));
  }
}

TEST_CASE("PID 1 reaps a thousand orphans", "[svscan][container][pid1]") {
  NEEDS_UNSHARE();
  TempDir dir;
  const std::string script =
      "i=0; while [ $i -lt 1000 ]; do (: &); i=$((i+1)); done\n"
      "i=0; while [ $i -lt 1000 ]; do\n"
      "  grep -s '^State:.Z' /proc/[0-9]*/status > /dev/null || exit 42\n"
      "  sleep 0.02; i=$((i+1))\n"
      "done; exit 1";
  CHECK(run(unshared() + Words{program("svscan"), dir.path(), "--", "sh", "-c", script}).code == 42);
}

TEST_CASE("PID 1 ends stray processes too before it leaves", "[svscan][container][pid1]") {
  NEEDS_UNSHARE();
  TempDir dir;
  const std::string told = dir / ".told";
  const std::string stray =
      "trap 'echo > " + told + "; exit' TERM; echo > " + (dir / ".up") + "; while :; do sleep 0.02; done";
  write_script(dir / ".stray", stray);
  const std::string script =
      "setsid " + (dir / ".stray") + " & while [ ! -e " + (dir / ".up") + " ]; do sleep 0.02; done; exit 6";
  CHECK(run(unshared() + Words{program("svscan"), dir.path(), "--", "sh", "-c", script}).code == 6);
  CHECK(exists(told));
}

TEST_CASE("an ordinary user can have a PID 1 as well", "[svscan][container][pid1]") {
  NEEDS_ROOT();
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  run({"/bin/chown", "-R", "65534:65534", dir.path()});
  const Launch launch{.argv = Words{"unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc",
                                    program("svscan"), dir.path(), "--", "sh", "-c", "exit 11"},
                      .uid = kNobodyUser};
  CHECK(run(launch).code == 11);
}

TEST_CASE("svscan works with standard descriptors closed and without any environment", "[svscan][container]") {
  TempDir dir;
  const ServiceDir service = ServiceDir(dir, "a").run(kSleep);
  const std::string command = "exec " + program("svscan") + " " + dir.path() + " <&- >&- 2>&-";
  Process svscan(Launch{.argv = {"/bin/sh", "-c", command}, .clean_environment = true});
  const pid_t pid = service.wait_for_new_pid();
  const ServiceDir late = ServiceDir(dir, "late").run(kSleep);
  late.wait_for_new_pid();
  svscan.signal(SIGTERM);
  CHECK(svscan.wait() == 0);
  CHECK(!is_alive(pid));
}

TEST_CASE("svscan is PID 1 in a tree that holds nothing but itself", "[svscan][container][pid1]") {
  NEEDS_ROOT();
  if (!is_static(program("svscan"))) SKIP("this build is not static");
  TempDir dir;
  const std::string root = bare_root(dir);
  Process unshare(
      Launch{.argv = {"unshare", "--pid", "--fork", "--kill-child", "/usr/sbin/chroot", root, "/bin/svscan", "/sv"},
             .clean_environment = true,
             .path = "/usr/bin/unshare"});
  const pid_t init = init_of(unshare);
  WAIT_UNTIL(!read_file(root + "/sv/a/supervise/pid").empty());
  const auto services = [&] {
    std::size_t running = 0;
    for (const pid_t pid : descendants_of(init))
      running += contains(read_file("/proc/" + std::to_string(pid) + "/cmdline"), "./run") ? 1 : 0;
    return running;
  };
  WAIT_UNTIL(services() == 1);
  // A supervise that dies is replaced, and finds its service, though there is no /proc to ask.
  for (const pid_t pid : children_of(init)) ::kill(pid, SIGKILL);
  const std::string before = read_file(root + "/sv/a/supervise/pid");
  WAIT_UNTIL(descendants_of(init).size() == 2);
  CHECK(services() == 1);
  REQUIRE(::kill(init, SIGTERM) == 0);
  CHECK(unshare.wait() == 0);
}

TEST_CASE("a service tree that is only read has its state elsewhere", "[svscan][container][pid1]") {
  NEEDS_ROOT();
  if (!is_static(program("svscan"))) SKIP("this build is not static");
  TempDir dir;
  const std::string root = bare_root(dir);
  const std::string script = shell_with("mount --make-rprivate /; mount --bind " + root + " " + root +
                                        "; mount -o remount,ro,bind " + root + "; mount -t tmpfs none " + root +
                                        "/run; exec /usr/sbin/chroot " + root + " /bin/svscan -s /run/state /sv");
  Process unshare(Launch{.argv = {"unshare", "--pid", "--mount", "--fork", "--kill-child", "/bin/sh", "-c", script}});
  const pid_t init = init_of(unshare);
  const std::string state = "/proc/" + std::to_string(init) + "/root/run/state";
  WAIT_UNTIL(!read_file(state + "/a/supervise/pid").empty());
  CHECK(!exists(root + "/sv/a/supervise"));
  REQUIRE(::kill(init, SIGTERM) == 0);
  CHECK(unshare.wait() == 0);
  CHECK(!contains(unshare.errors(), "/sv cannot be written to"));
}

TEST_CASE("with -s, services are found in the state directory by svctl", "[svscan][container]") {
  TempDir dir;
  TempDir state;
  const ServiceDir service =
      ServiceDir(dir, "a").run("echo $PWD; exec sleep 1000").log_run("exec cat > lines").conf("stop = TERM\n");
  const std::string before = listing(dir.path() + "/a");
  Scanning svscan(dir.path(), {.arguments = {"-s", state.path()}});
  const ServiceDir mirrored(state, "a");
  mirrored.wait_for_new_pid();
  WAIT_UNTIL(contains(read_file(mirrored / "log/lines"), "/a"));
  CHECK(contains(svctl(state.path(), {"status", "a"}).output, "up"));
  CHECK(listing(dir.path() + "/a") == before);
}

TEST_CASE("on request, each line of a service without a logger begins with its name", "[svscan][container]") {
  TempDir dir;
  ServiceDir(dir, "web").run("echo one; echo two >&2; printf 'th'; sleep 0.05; printf 'ree\\n'; exec sleep 1000");
  ServiceDir(dir, "quiet").run("echo logged; exec sleep 1000").log_run("exec cat > lines");
  const ServiceDir long_line =
      ServiceDir(dir, "long").run("head -c 10000 /dev/zero | tr '\\0' x; echo; echo end; exec sleep 1000");
  Scanning svscan(dir.path(), {.arguments = {"--prefix"}});
  WAIT_UNTIL(contains(svscan.process().output(), "web: one\nweb: two\n") ||
             contains(svscan.process().output(), "web: two\n"));
  WAIT_UNTIL(contains(svscan.process().output(), "web: three\n"));
  WAIT_UNTIL(contains(svscan.process().output(), "long: end\n"));
  CHECK(contains(svscan.process().output(), "long: xxx"));
  WAIT_UNTIL(contains(read_file(dir / "quiet/log/lines"), "logged"));
  CHECK(!contains(svscan.process().output(), "logged"));
}

TEST_CASE("--start decides what starts by itself", "[svscan][container]") {
  TempDir dir;
  const ServiceDir web = ServiceDir(dir, "web").run("env > environment; exec sleep 1000");
  const ServiceDir database = ServiceDir(dir, "database").run(kSleep);
  SECTION("a glob") {
    Scanning svscan(dir.path(), {.arguments = {"--start", "we*"}});
    web.wait_for_new_pid();
    database.wait_for(State::down);
    database.command("u");
    database.wait_for_new_pid();
  }
  SECTION("none") {
    Scanning svscan(dir.path(), {.arguments = {"--start", "none"}});
    web.wait_for(State::down);
    database.wait_for(State::down);
    web.command("u");
    web.wait_for_new_pid();
    WAIT_UNTIL(contains(read_file(web / "environment"), "PATH="));
    CHECK(!contains(read_file(web / "environment"), "SVDIR_"));
  }
}

TEST_CASE("the example container serves its page from a tree without a distribution", "[svscan][container][pid1]") {
  NEEDS_ROOT();
  if (!is_static(program("svscan"))) SKIP("this build is not static");
  TempDir dir;
  const std::string root = dir / "root";
  const Ran made = run({examples_directory() + "/container/rootfs", program_directory(), root});
  REQUIRE(made.errors == "");
  const std::string address = "127.0.0.1:" + std::to_string(20000 + ::getpid() % 10000);
  const std::string script =
      shell_with("mount --make-rprivate /; mount --bind " + root + " " + root + "; mount -o remount,ro,bind " + root +
                 "; mount -t tmpfs none " + root + "/run; exec /usr/sbin/chroot " + root +
                 " /bin/svscan --prefix -s /run/svdir /etc/service");
  Process unshare(Launch{.argv = {"unshare", "--pid", "--mount", "--fork", "--kill-child", "/bin/sh", "-c", script},
                         .environment = {{"ADDRESS", address}}});
  const pid_t init = init_of(unshare);
  WAIT_UNTIL(run({"curl", "-s", address}).output == "served from a container without a distribution\n");
  WAIT_UNTIL(contains(unshare.output(), "tick: the time is "));
  REQUIRE(::kill(init, SIGTERM) == 0);
  CHECK(unshare.wait() == 0);
}
