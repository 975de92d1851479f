#include "lib/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace svdir;

namespace {

// Runs `body` in a child, so that what it does to the process stays there; its answer.
template <class Body>
bool holds_in_child(Body body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("signals arrive as numbers, one by one, and then there are none", "[signals]") {
  CHECK(holds_in_child([] {
    Signals signals;
    if (!signals.open({SIGTERM, SIGHUP, SIGCHLD}) || signals.next() != 0) return false;
    ::raise(SIGHUP);
    ::raise(SIGTERM);
    const int first = signals.next();
    const int second = signals.next();
    return ((first == SIGHUP && second == SIGTERM) || (first == SIGTERM && second == SIGHUP)) && signals.next() == 0;
  }));
}

TEST_CASE("a signal of interest that comes before anybody looks does not end the program", "[signals]") {
  CHECK(holds_in_child([] {
    Signals signals;
    if (!signals.open({SIGTERM})) return false;
    ::kill(::getpid(), SIGTERM);
    return signals.next() == SIGTERM;
  }));
}

TEST_CASE("a program that was started without 0, 1 and 2 opens nothing else on them", "[signals]") {
  CHECK(holds_in_child([] {
    for (int fd = 0; fd <= 2; ++fd) ::close(fd);
    sanitize_process();
    return ::open("/dev/null", O_RDONLY) > 2 && ::write(1, "x", 1) == 1;
  }));
}

TEST_CASE("a reader that has gone does not kill the writer", "[signals]") {
  CHECK(holds_in_child([] {
    sanitize_process();
    int ends[2];
    if (::pipe(ends) != 0) return false;
    ::close(ends[0]);
    return ::write(ends[1], "x", 1) == -1 && errno == EPIPE;
  }));
}

TEST_CASE("the limit of descriptors is raised for us and put back for children", "[signals]") {
  CHECK(holds_in_child([] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    sanitize_process();
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_cur != now.rlim_max) return false;
    restore_descriptor_limit_in_child();
    ::getrlimit(RLIMIT_NOFILE, &now);
    return now.rlim_cur == 64;
  }));
}
