#include "lib/loop.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/fd.h"
#include "lib/system.h"
#include "tests/support/temp_dir.h"

using namespace svdir;
using namespace svdir::test;
using namespace std::chrono_literals;

namespace {

struct Pipe {
  Fd reading, writing;
  Pipe() {
    int ends[2];
    REQUIRE(sys::pipe2(ends, 0) == 0);
    reading.reset(ends[0]);
    writing.reset(ends[1]);
  }
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// Handles first, the loop last: as lib/loop.h asks.
struct World {
  std::string seen;
  Instant fired_at;
  int turns = 0;
  Pipe one, two;
  Timer timer, other_timer, limit;
  Poll poll;
  DirectoryWatch watch;
  Loop loop;

  World() { limit.start(loop, monotonic_now() + 20s, callback<&World::stop>(this)); }
  void stop() { loop.stop(); }
  void note_a() {
    fired_at = monotonic_now();
    seen += 'a';
  }
  void note_b() {
    seen += 'b';
    loop.stop();
  }
  void take() {
    char byte = 0;
    const Fd& from = ++turns == 1 ? one.reading : two.reading;
    if (::read(from.get(), &byte, 1) == 1) seen += byte;
    if (turns == 1) {
      // To another descriptor, from within the callback, and once more.
      poll.start(loop, two.reading.get(), Poll::For::reading, callback<&World::take>(this));
      poll.start(loop, two.reading.get(), Poll::For::reading, callback<&World::take>(this));
    } else {
      loop.stop();
    }
  }
};

}  // namespace

TEST_CASE("a loop whose handles are all in use closes them by itself and leaves no descriptor", "[loop]") {
  {
    const Loop first;
  }  // libuv keeps two descriptors for the process
  const std::size_t before = open_descriptors();
  {
    const TempDir dir;
    World world;
    world.timer.start(world.loop, monotonic_now() + 1h, callback<&World::note_a>(&world));
    CHECK(world.poll.start(world.loop, world.one.reading.get(), Poll::For::reading, callback<&World::note_a>(&world)) ==
          0);
    CHECK(world.watch.start(world.loop, dir.path().c_str(), callback<&World::note_a>(&world)) == 0);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("timers fire in the order of their deadlines, never before them", "[loop]") {
  World world;
  const Instant deadline = monotonic_now() + 5ms;
  world.other_timer.start(world.loop, deadline + 5ms, callback<&World::note_b>(&world));
  world.timer.start(world.loop, deadline, callback<&World::note_a>(&world));
  world.loop.run();
  CHECK(world.seen == "ab");
  CHECK(world.fired_at >= deadline);
}

TEST_CASE("a timer that is stopped does not fire, one that is started again keeps only its last deadline", "[loop]") {
  World world;
  world.timer.start(world.loop, monotonic_now() + 1ms, callback<&World::note_a>(&world));
  world.timer.stop();
  world.other_timer.start(world.loop, monotonic_now() + 1h, callback<&World::note_a>(&world));
  world.other_timer.start(world.loop, monotonic_now() + 10ms, callback<&World::note_b>(&world));
  world.loop.run();
  CHECK(world.seen == "b");
}

TEST_CASE("a deadline in the past fires in the next turn", "[loop]") {
  World world;
  world.timer.start(world.loop, Instant{1}, callback<&World::note_b>(&world));
  world.loop.run();
  CHECK(world.seen == "b");
}

TEST_CASE("a poll can be pointed at another descriptor from within its own callback", "[loop]") {
  World world;
  REQUIRE(world.poll.start(world.loop, world.one.reading.get(), Poll::For::reading, callback<&World::take>(&world)) ==
          0);
  REQUIRE(::write(world.one.writing.get(), "12", 2) == 2);
  REQUIRE(::write(world.two.writing.get(), "x", 1) == 1);
  world.loop.run();
  CHECK(world.seen == "1x");
  CHECK(world.poll.is_running());
  world.poll.stop();
  CHECK_FALSE(world.poll.is_running());
}

TEST_CASE("a regular file cannot be polled, and the poll serves another descriptor afterwards", "[loop]") {
  const TempDir dir;
  write_file(dir / "plain", "text");
  const Fd plain(::open((dir / "plain").c_str(), O_RDONLY | O_CLOEXEC));
  World world;
  CHECK(world.poll.start(world.loop, plain.get(), Poll::For::reading, callback<&World::take>(&world)) == -EPERM);
  CHECK_FALSE(world.poll.is_running());
  world.turns = 1;
  REQUIRE(world.poll.start(world.loop, world.two.reading.get(), Poll::For::reading, callback<&World::take>(&world)) ==
          0);
  REQUIRE(::write(world.two.writing.get(), "x", 1) == 1);
  world.loop.run();
  CHECK(world.seen == "x");
}

TEST_CASE("a directory watch tells of an entry that is made, and of one that is renamed into place", "[loop]") {
  const TempDir dir;
  make_directories(dir / "scan");
  make_directories(dir / "new");
  World world;
  REQUIRE(world.watch.start(world.loop, (dir / "scan").c_str(), callback<&World::note_b>(&world)) == 0);
  SECTION("made") {
    make_directories(dir / "scan/service");
  }
  SECTION("renamed into place") {
    REQUIRE(::rename((dir / "new").c_str(), (dir / "scan/service").c_str()) == 0);
  }
  SECTION("removed") {
    REQUIRE(::rmdir((dir / "scan").c_str()) == 0);
  }
  world.loop.run();
  CHECK(world.seen.starts_with("b"));
}

TEST_CASE("watching a directory that is not there is an error", "[loop]") {
  World world;
  CHECK(world.watch.start(world.loop, "/nonexistent", callback<&World::note_b>(&world)) == -ENOENT);
}
