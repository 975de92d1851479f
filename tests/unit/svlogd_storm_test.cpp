#include <catch2/catch.hpp>

#include "svlogd/storm.h"

using namespace svdir;
using std::chrono::microseconds;
using svdir::svlogd::Storm;

namespace {

constexpr std::size_t kPipe = 64 * 1024;

// So many takings of `bytes`, `apart` from each other; what the last was answered.
bool takings(Storm& storm, Instant& now, int count, std::uint64_t bytes, Duration apart) {
  bool answer = false;
  for (int i = 0; i < count; ++i) {
    now = now + apart;
    answer = storm.note(bytes, kPipe, now);
  }
  return answer;
}

}  // namespace

TEST_CASE("lines that come one by one are no storm", "[svlogd]") {
  for (const Duration apart : {microseconds(60), microseconds(1000), microseconds(1'000'000)}) {
    Storm storm;
    Instant now{1};
    for (int i = 0; i < 20; ++i) CHECK_FALSE(takings(storm, now, 10, 100, apart));
  }
}

TEST_CASE("a stream that fills the pipe is no storm: its writer would wait for us", "[svlogd]") {
  Storm storm;
  Instant now{1};
  for (int i = 0; i < 20; ++i) CHECK_FALSE(takings(storm, now, 10, kPipe, microseconds(20)));
}

TEST_CASE("small writes close upon each other are a storm, until waiting does not pay any more", "[svlogd]") {
  Storm storm;
  Instant now{1};
  CHECK(takings(storm, now, 40, 300, microseconds(3)));
  SECTION("it goes on while each taking serves many") {
    for (int i = 0; i < 20; ++i) CHECK(takings(storm, now, 10, 12'000, microseconds(110)));
  }
  SECTION("it is over when they are as small as before") {
    CHECK_FALSE(takings(storm, now, 40, 300, microseconds(110)));
  }
  SECTION("it is over when nothing came") {
    storm.is_over();
    CHECK_FALSE(takings(storm, now, 15, 300, microseconds(3)));
  }
}
