// Watches every test from the outside: one line per test in the file $SVDIR_TEST_REPORT ("started NAME", then
// "passed NAME", "failed NAME" or "skipped NAME"), for tests/run; and no test leaves a process behind.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>

#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>

#include "tests/support/process.h"
#include "tests/support/skip.h"

namespace svdir::test {
namespace {

bool skipped = false;
std::string report_path;  // "": nobody wants one

void write_line(int fd, const std::string& line) {
  if (::write(fd, line.data(), line.size()) < 0) std::abort();
}

void report(std::string_view what, const std::string& name) {
  if (report_path.empty()) return;
  const int fd = ::open(report_path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) std::abort();
  write_line(fd, std::string(what) + " " + name + "\n");
  ::close(fd);
}

class Watcher : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;

  void testRunStarting(const Catch::TestRunInfo&) override {
    // Whatever a test orphans comes to us, not to init, so that it can be found.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // Who reads a pipe may be killed at any moment, and a test is told by write(2). A handler, for it is not inherited
    // by what a test executes, as SIG_IGN would be.
    ::signal(SIGPIPE, [](int) {});
    if (const char* path = std::getenv("SVDIR_TEST_REPORT")) report_path = path;
    ::unsetenv("SVDIR_TEST_REPORT");  // the services that tests start look at their environment
  }

  void testCaseStarting(const Catch::TestCaseInfo& info) override {
    skipped = false;
    report("started", info.name);
  }

  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    // What is on its way out may go; only what stays has been left behind.
    for (int naps = 0; naps < 1000 && !descendants_of(::getpid()).empty(); ++naps) ::usleep(5000);
    const std::string left = end_all_descendants();
    if (!left.empty()) write_line(STDERR_FILENO, "LEFT BEHIND by " + stats.testInfo.name + ": " + left + "\n");
    const bool failed = !left.empty() || stats.totals.assertions.failed > 0;
    report(failed ? "failed" : skipped ? "skipped" : "passed", stats.testInfo.name);
  }
};

CATCH_REGISTER_LISTENER(Watcher)

}  // namespace

void note_skip(std::string_view reason) {
  skipped = true;
  const std::string name = Catch::getResultCapture().getCurrentTestName();
  write_line(STDERR_FILENO, "SKIPPED: " + name + ": " + std::string(reason) + "\n");
}

}  // namespace svdir::test
