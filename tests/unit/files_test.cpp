#include "lib/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "lib/status.h"
#include "lib/system.h"
#include "tests/support/temp_dir.h"

using namespace svdir;
using namespace svdir::test;

namespace {

Fd opened(const TempDir& dir) {
  auto fd = open_directory(dir.path().c_str());
  REQUIRE(fd);
  return std::move(*fd);
}

}  // namespace

TEST_CASE("a file is written whole, with its mode", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  REQUIRE(write_atomically(fd.get(), "status", "some bytes", 0600));
  CHECK(read_file(dir / "status") == "some bytes");
  CHECK(listing(dir.path()) == "status");
  struct stat facts;
  REQUIRE(::stat((dir / "status").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  for (const std::string_view text : {"", "longer than it ever was", "short", "", "longer again"}) {
    REQUIRE(write_atomically(fd.get(), "status", text, 0600));
    CHECK(read_file(dir / "status") == text);
  }
  CHECK(listing(dir.path()) == "status status.new");
}

TEST_CASE("two files take turns, but for one that somebody still reads", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  const auto inode = [&](const char* name) {
    struct stat facts{};
    ::stat((dir / name).c_str(), &facts);
    return facts.st_ino;
  };
  REQUIRE(write_atomically(fd.get(), "state", "one", 0644));
  REQUIRE(write_atomically(fd.get(), "state", "two", 0644));
  const ino_t first = inode("state.new");
  REQUIRE(write_atomically(fd.get(), "state", "three", 0644));
  CHECK(inode("state") == first);

  const Fd reader(::open((dir / "state").c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(write_atomically(fd.get(), "state", "four", 0644));
  CHECK(inode("state.new") == first);
  REQUIRE(write_atomically(fd.get(), "state", "five", 0644));
  REQUIRE(write_atomically(fd.get(), "state", "six", 0644));
  char text[16] = {};
  REQUIRE(::read(reader.get(), text, sizeof text) == 5);
  CHECK(std::string_view(text) == "three");
  CHECK(read_file(dir / "state") == "six");
}

TEST_CASE("a file that is written over has the mode asked for", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  for (const mode_t mode : {0644, 0644, 0600, 0600, 0644}) {
    REQUIRE(write_atomically(fd.get(), "exit", "x", mode));
    struct stat facts;
    REQUIRE(::stat((dir / "exit").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == mode);
  }
}

TEST_CASE("a reader never sees half of a file that is being replaced", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  const std::string short_text(100, 'a');
  const std::string long_text(20'000, 'b');
  REQUIRE(write_atomically(fd.get(), "state", short_text, 0644));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i)
      if (!write_atomically(fd.get(), "state", i % 2 == 0 ? long_text : short_text, 0644)) break;
    done = true;
  });
  long torn = 0;
  long seen = 0;
  while (!done) {
    const auto text = read_small(fd.get(), "state", 100'000);
    if (!text || (*text != short_text && *text != long_text)) ++torn;
    ++seen;
  }
  writer.join();
  CHECK(torn == 0);
  CHECK(seen > 0);
}

TEST_CASE("a writer that cannot write says what and why", "[files]") {
  const TempDir dir;
  make_directories(dir / "service");
  const auto fd = open_directory((dir / "service").c_str());
  REQUIRE(fd);
  REQUIRE(::rmdir((dir / "service").c_str()) == 0);
  const auto written = write_atomically(fd->get(), "state", "new", 0644);
  REQUIRE_FALSE(written);
  CHECK(written.error().text() == "unable to create state.new: No such file or directory");
}

TEST_CASE("what is filled up with newlines on a full disk can be read", "[files]") {
  StateRecord record;
  record.starts = 7;
  StateRecord read;
  REQUIRE(unpack(pack(record) + "\n\n\n", read));
  CHECK(read == record);
}

TEST_CASE("what stands in the way of the new file does no harm", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  SECTION("a symbolic link is not followed") {
    write_file(dir / "victim", "precious");
    REQUIRE(::symlink("victim", (dir / "state.new").c_str()) == 0);
    CHECK(write_atomically(fd.get(), "state", "x", 0644));
    CHECK(read_file(dir / "victim") == "precious");
    CHECK(read_file(dir / "state") == "x");
  }
  SECTION("a second name for a file elsewhere is not written through") {
    write_file(dir / "victim", "precious");
    REQUIRE(::link((dir / "victim").c_str(), (dir / "state.new").c_str()) == 0);
    CHECK(write_atomically(fd.get(), "state", "x", 0644));
    CHECK(read_file(dir / "victim") == "precious");
  }
  SECTION("a FIFO does not block") {
    REQUIRE(::mkfifo((dir / "state.new").c_str(), 0600) == 0);
    CHECK(write_atomically(fd.get(), "state", "x", 0644));
    CHECK(read_file(dir / "state") == "x");
  }
  SECTION("a directory is an error") {
    make_directories(dir / "state.new");
    CHECK_FALSE(write_atomically(fd.get(), "state", "x", 0644));
  }
  SECTION("a name that is too long is an error") {
    CHECK_FALSE(write_atomically(fd.get(), std::string(300, 'n').c_str(), "x", 0644));
  }
}

TEST_CASE("a small file is read whole, up to the limit and not beyond", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  for (const std::size_t size : {0u, 1u, 4095u, 4096u, 10'000u}) {
    const std::string text(size, 'x');
    write_file(dir / "f", text);
    const auto read = read_small(fd.get(), "f", 10'000);
    REQUIRE(read);
    CHECK(*read == text);
  }
  write_file(dir / "f", std::string(10'001, 'x'));
  const auto read = read_small(fd.get(), "f", 10'000);
  REQUIRE_FALSE(read);
  CHECK(read.error().number == EFBIG);
}

TEST_CASE("reading never blocks and never reads what is no regular file", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  make_directories(dir / "directory");
  CHECK(read_small(fd.get(), "fifo", 100).error().number == EINVAL);
  CHECK(read_small(fd.get(), "directory", 100).error().number == EISDIR);
  CHECK(read_small(fd.get(), "nothing", 100).error().number == ENOENT);
}

TEST_CASE("a file without a size of its own is read too", "[files]") {
  const auto proc = open_directory("/proc/self");
  REQUIRE(proc);
  const auto text = read_small(proc->get(), "stat", 4096);
  REQUIRE(text);
  CHECK(text->starts_with(std::to_string(::getpid()) + " "));
}

TEST_CASE("a FIFO is made where there is none, and kept where there is one", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  REQUIRE(ensure_fifo(fd.get(), "control", 0600));
  struct stat before;
  struct stat after;
  REQUIRE(::stat((dir / "control").c_str(), &before) == 0);
  CHECK(S_ISFIFO(before.st_mode));
  REQUIRE(ensure_fifo(fd.get(), "control", 0600));
  REQUIRE(::stat((dir / "control").c_str(), &after) == 0);
  CHECK(before.st_ino == after.st_ino);
}

TEST_CASE("a plain file or a link in a FIFO's place is named, as the user's to remove", "[files]") {
  const TempDir dir;
  const Fd fd = opened(dir);
  write_file(dir / "control", "");
  REQUIRE(::mkfifo((dir / "elsewhere").c_str(), 0600) == 0);
  REQUIRE(::symlink("elsewhere", (dir / "ok").c_str()) == 0);
  for (const char* name : {"control", "ok"}) {
    const auto made = ensure_fifo(fd.get(), name, 0600);
    REQUIRE_FALSE(made);
    CHECK(made.error().text() == std::string(name) + " is in the way: it is not a FIFO; remove it");
    CHECK(made.error().exit_code() == kExitUser);
  }
}
