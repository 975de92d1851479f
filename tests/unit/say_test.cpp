#include "lib/say.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <limits>

#include "lib/error.h"
#include "lib/fd.h"
#include "tests/support/temp_dir.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// What `speak` writes to descriptor 2.
template <class Speak>
std::string errors_of(Speak speak) {
  const TempDir dir;
  const Fd saved(::fcntl(2, F_DUPFD_CLOEXEC, 10));
  const Fd file(::open((dir / "errors").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ::dup2(file.get(), 2);
  set_program_name("prog");
  speak();
  set_program_name("svdir");
  ::dup2(saved.get(), 2);
  return read_file(dir / "errors");
}

}  // namespace

TEST_CASE("a message is one line: who, how bad, what", "[say]") {
  CHECK(errors_of([] { warn({"unable to open ", "x"}); }) == "prog: warning: unable to open x\n");
  CHECK(errors_of([] { info({"ready"}); }) == "prog: ready\n");
  CHECK(errors_of([] { warn(Error{"unable to open x", ENOENT}); }) ==
        "prog: warning: unable to open x: No such file or directory\n");
}

TEST_CASE("control characters in a name cannot fake a line", "[say]") {
  CHECK(errors_of([] { warn({"bad name ", "a\nprog: fatal: \x1b[2J", "\x7f"}); }) ==
        "prog: warning: bad name a?prog: fatal: ?[2J?\n");
}

TEST_CASE("a line that is too long is cut, and still a line", "[say]") {
  const std::string line = errors_of([] { warn({std::string(5'000, 'x')}); });
  CHECK(line.size() == kLongestLine);
  CHECK(line.ends_with("xxx\n"));
}

TEST_CASE("fatal says why and gives the exit code: 100 for the user, 111 for the system", "[say]") {
  int code = 0;
  CHECK(errors_of([&] { code = fatal(Error{"usage: prog DIR", 0, Fault::user}); }) == "prog: fatal: usage: prog DIR\n");
  CHECK(code == 100);
  CHECK(errors_of([&] { code = fatal(Error{"no fork", EAGAIN}); }) ==
        "prog: fatal: no fork: Resource temporarily unavailable\n");
  CHECK(code == 111);
}

TEST_CASE("nobody reading our errors is no trouble, and errno survives", "[say]") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  const Fd broken(ends[1]);
  const Fd saved(::fcntl(2, F_DUPFD_CLOEXEC, 10));
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  ::dup2(broken.get(), 2);
  errno = EFBIG;
  warn({"into the void"});
  const int after = errno;
  ::dup2(saved.get(), 2);
  ::signal(SIGPIPE, before);
  CHECK(after == EFBIG);
}

TEST_CASE("numbers become text, to the last of them", "[say]") {
  CHECK(std::string_view(Number(0)) == "0");
  CHECK(std::string_view(Number(-7)) == "-7");
  CHECK(std::string_view(Number(1234567890)) == "1234567890");
  CHECK(std::string_view(Number(std::numeric_limits<long long>::min())) == "-9223372036854775808");
  CHECK(std::string_view(Number(std::numeric_limits<long long>::max())) == "9223372036854775807");
}
