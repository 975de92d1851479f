#include "lib/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "lib/signals.h"
#include "lib/system.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

using namespace svdir;
using namespace svdir::test;

namespace {

int exit_code_of(pid_t pid) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Runs `script` by /bin/sh with its output in a file of `dir`; what it wrote.
std::string output_of(const TempDir& dir, const char* script, ChildPlan plan = {}) {
  const char* argv[] = {"sh", "-c", script, nullptr};
  const Fd output(::open((dir / "output").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  plan.path = "/bin/sh";
  plan.argv = argv;
  plan.output = output.get();
  const auto pid = spawn(plan);
  REQUIRE(pid);
  CHECK(exit_code_of(*pid) == 0);
  return read_file(dir / "output");
}

std::string line_of_proc_status(pid_t pid, std::string_view key) {
  std::istringstream lines(read_file("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key)) return line.substr(line.find('\t') + 1);
  return "";
}

}  // namespace

TEST_CASE("a child gets the descriptors, the directory and the environment of its plan", "[spawn]") {
  const TempDir dir;
  write_file(dir / "input", "from a file\n");
  const Fd directory(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const Fd input(::open((dir / "input").c_str(), O_RDONLY | O_CLOEXEC));
  std::string variable = "COLOUR=green";
  char* environment[] = {variable.data(), nullptr};
  ChildPlan plan;
  plan.directory = directory.get();
  plan.input = input.get();
  plan.environment = environment;
  CHECK(output_of(dir, "read line; echo \"$line $COLOUR\"; pwd -P", plan) == "from a file green\n" + dir.path() + "\n");
}

TEST_CASE("descriptors may be given in any order, also on the numbers they become", "[spawn]") {
  const TempDir dir;
  int ends[2];
  REQUIRE(sys::pipe2(ends, 0) == 0);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  ChildPlan plan;
  plan.error = 1;  // our 1 becomes its 2
  plan.extra = writing.get();
  plan.extra_as = writing.get();  // stays where it is
  CHECK(output_of(dir, ("echo through >&" + std::to_string(writing.get())).c_str(), plan) == "");
  char text[20];
  CHECK(::read(reading.get(), text, sizeof text) == 8);
  plan.extra_as = 5;
  output_of(dir, "echo through >&5", plan);
  CHECK(::read(reading.get(), text, sizeof text) == 8);
}

TEST_CASE("a child has no descriptor of ours but those of its plan", "[spawn]") {
  const TempDir dir;
  const Fd another(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd inherited(::dup(0));  // as from whoever started us: not close-on-exec
  // The descriptor of the listing itself is 3.
  CHECK(output_of(dir, "exec ls /proc/self/fd") == "0\n1\n2\n3\n");
}

TEST_CASE("a child leads a session of its own, if the plan says so", "[spawn]") {
  const TempDir dir;
  // Fields 1, 5 and 6 of proc(5)'s stat: pid, process group, session.
  const char* const kScript =
      "read pid comm state parent group session rest < /proc/self/stat; "
      "echo $(($pid == $group)) $(($pid == $session))";
  CHECK(output_of(dir, kScript) == "1 1\n");
  ChildPlan plan;
  plan.new_session = false;
  CHECK(output_of(dir, kScript, plan) == "0 0\n");
}

TEST_CASE("an exec that fails is an error with its errno, and leaves no zombie", "[spawn]") {
  const TempDir dir;
  write_file(dir / "not-executable", "#!/bin/sh\n", 0644);
  write_file(dir / "no-interpreter", "#!/nonexistent/shell\n", 0755);
  write_file(dir / "no-format", "just text", 0755);
  const auto failure_of = [](const std::string& path) {
    const char* argv[] = {"x", nullptr};
    ChildPlan plan;
    plan.path = path.c_str();
    plan.argv = argv;
    const auto pid = spawn(plan);
    REQUIRE_FALSE(pid);
    CHECK(pid.error().could_fork);
    return pid.error().number;
  };
  CHECK(failure_of(dir / "missing") == ENOENT);
  CHECK(failure_of(dir / "not-executable") == EACCES);
  CHECK(failure_of(dir.path()) == EACCES);
  CHECK(failure_of(dir / "no-interpreter") == ENOENT);
  CHECK(failure_of(dir / "no-format") == ENOEXEC);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
}

TEST_CASE("what is to happen just before exec happens in the child, and can stop it", "[spawn]") {
  struct Notes {
    pid_t self = 0;
    int answer = 0;
  } notes;
  const char* argv[] = {"true", nullptr};
  ChildPlan plan;
  plan.path = "/bin/true";
  plan.argv = argv;
  plan.context = &notes;
  plan.before_exec = [](void* context, pid_t self) {
    auto* to = static_cast<Notes*>(context);
    to->self = self;
    return to->answer;
  };
  const auto pid = spawn(plan);
  REQUIRE(pid);
  CHECK(notes.self == *pid);
  CHECK(exit_code_of(*pid) == 0);

  notes.answer = ENOSPC;
  const auto stopped = spawn(plan);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().number == ENOSPC);
}

TEST_CASE("a child starts with default dispositions and an empty mask, whatever ours are", "[spawn]") {
  const TempDir dir;
  sigset_t some;
  sigset_t before;
  sigemptyset(&some);
  sigaddset(&some, SIGTERM);
  sigaddset(&some, SIGCHLD);
  sigprocmask(SIG_BLOCK, &some, &before);
  const auto old_pipe = ::signal(SIGPIPE, SIG_IGN);
  const auto old_hup = ::signal(SIGHUP, SIG_IGN);
  const std::string seen = output_of(dir, "exec sed -n '/^Sig[BIC][lg][knt]:/p' /proc/self/status");
  sigset_t during;
  sigprocmask(SIG_SETMASK, &before, &during);
  ::signal(SIGPIPE, old_pipe);
  ::signal(SIGHUP, old_hup);
  CHECK(seen == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n");
  CHECK(sigismember(&during, SIGTERM) == 1);  // spawn has put our own mask back
  CHECK(sigismember(&during, SIGUSR1) == 0);
}

TEST_CASE("a process is told from a later one of the same number by its start", "[spawn]") {
  CHECK(start_ticks(::getpid()) > 0);
  CHECK(start_ticks(::getpid()) == start_ticks(::getpid()));
  CHECK(start_ticks(0x7fffffff) == 0);
  const TempDir dir;
  // A command name with a parenthesis and spaces shifts no field.
  write_script(dir / "a ) b (", "exec 1>&-; read line");
  int ends[2];
  REQUIRE(sys::pipe2(ends, 0) == 0);
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const std::string path = dir / "a ) b (";
  const char* argv[] = {path.c_str(), nullptr};
  ChildPlan plan;
  plan.path = path.c_str();
  plan.argv = argv;
  plan.input = reading.get();
  const auto pid = spawn(plan);
  REQUIRE(pid);
  WAIT_UNTIL(line_of_proc_status(*pid, "Name:") == "a ) b (");  // the kernel renames it a moment after vfork returns
  CHECK(start_ticks(*pid) >= start_ticks(::getpid()));
  writing.reset();
  exit_code_of(*pid);
  CHECK(start_ticks(*pid) == 0);
}
