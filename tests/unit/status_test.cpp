#include "lib/status.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <random>
#include <string>

using namespace svdir;

namespace {

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return bytes;
}

std::string packed(const RunitStatus& status) {
  const auto bytes = pack(status);
  return {bytes.begin(), bytes.end()};
}

Stamp stamp_of(std::string_view hex) {
  const std::string bytes = bytes_of_hex(hex);
  return unpack_tai64n(reinterpret_cast<const unsigned char*>(bytes.data()));
}

// Fields as a supervise may write them, and beyond.
class RandomRecord {
 public:
  explicit RandomRecord(unsigned seed) : random_(seed) {}

  StateRecord next() {
    StateRecord r;
    r.boot = text("abcdef0123456789-", 36);
    r.supervisor = process();
    r.state = static_cast<State>(below(kStateNames.size()));
    r.want = static_cast<Want>(below(kWantNames.size()));
    r.leaving = coin(), r.paused = coin(), r.got_term = coin(), r.ready = coin();
    r.start_owed = coin(), r.signalled = coin(), r.failed_start = coin(), r.step_done = coin();
    r.main = process();
    r.finish = process();
    r.group = static_cast<pid_t>(below(1 << 22)) + 2;
    r.started = stamp(), r.became_ready = stamp(), r.changed = stamp(), r.last_ended = stamp();
    r.started_at = {static_cast<std::int64_t>(random_())};
    r.wake_at = {static_cast<std::int64_t>(random_() >> 1)};
    r.starts = random_() >> 1;
    r.failures = static_cast<unsigned>(random_());
    r.step = static_cast<unsigned>(below(8));
    r.last = ending();
    r.ack = text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 8);
    r.pending = text("0123456789abcdef", 32);
    r.reason = text(" =abc:%\t\xc3\xa4", 60);
    r.status_text = text(" =abc#;\"", 60);
    r.cgroup = text("/abc.", 40);
    r.settings = text("stop=KILL;10s ", 60);
    return r;
  }
  std::size_t below(std::size_t limit) { return random_() % limit; }

 private:
  bool coin() { return below(2) == 1; }
  ProcessId process() { return coin() ? ProcessId{} : ProcessId{static_cast<pid_t>(below(1 << 22)), random_()}; }
  Stamp stamp() {
    return {static_cast<std::int64_t>(below(std::size_t{1} << 33)), static_cast<std::int32_t>(below(1'000'000'000))};
  }
  Ending ending() {
    switch (below(4)) {
      case 0: return {Ending::Kind::exited, static_cast<int>(below(256)), false};
      case 1: return {Ending::Kind::signalled, static_cast<int>(below(64)) + 1, coin()};
      case 2: return {Ending::Kind::unknown, 0, false};
      default: return {};
    }
  }
  std::string text(std::string_view alphabet, std::size_t longest) {
    std::string result(below(longest + 1), ' ');
    for (char& c : result) c = alphabet[below(alphabet.size())];
    return result;
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("the status of a running service is runit's, byte for byte", "[status]") {
  // Measured: runit 2.3.0, runsv, a service that runs with pid 0x25ef.
  const std::string golden = bytes_of_hex("40000000 6afff54d 24b076b4 ef250000 00 75 00 01");
  RunitStatus status;
  REQUIRE(unpack(golden, status));
  CHECK(status.pid == 0x25ef);
  CHECK_FALSE(status.paused);
  CHECK(status.want_up);
  CHECK_FALSE(status.got_term);
  CHECK(status.phase == RunitStatus::Phase::run);
  CHECK(packed(status) == golden);
}

TEST_CASE("the status of a service that is down, and of one in finish, are runit's", "[status]") {
  for (const char* hex : {"40000000 6afff54d 248ef494 00000000 00 64 00 00",     // with a down file
                          "40000000 6afff555 1a62dc24 00000000 00 75 00 02"}) {  // finish has just begun
    RunitStatus status;
    REQUIRE(unpack(bytes_of_hex(hex), status));
    CHECK(status.pid == 0);
    CHECK(packed(status) == bytes_of_hex(hex));
  }
}

TEST_CASE("each field of the status has its own bytes", "[status]") {
  RunitStatus status;
  status.changed = stamp_of("40000000 00000000 00000001");
  CHECK(packed(status) == bytes_of_hex("40000000 00000000 00000001 00000000 00 64 00 00"));
  status.pid = 0x01020304;  // little-endian
  CHECK(packed(status).substr(12, 4) == bytes_of_hex("04030201"));
  status.paused = status.want_up = status.got_term = true;
  status.phase = RunitStatus::Phase::finish;
  CHECK(packed(status).substr(16) == bytes_of_hex("01 75 01 02"));
}

TEST_CASE("the 18 bytes of daemontools are understood", "[status]") {
  RunitStatus status;
  REQUIRE(unpack(bytes_of_hex("40000000 6afff54d 24b076b4 ef250000 01 75"), status));
  CHECK(status.phase == RunitStatus::Phase::run);
  CHECK(status.pid == 0x25ef);
  CHECK(status.paused);
  REQUIRE(unpack(bytes_of_hex("40000000 6afff54d 24b076b4 00000000 00 00"), status));
  CHECK(status.phase == RunitStatus::Phase::down);
  CHECK_FALSE(status.want_up);
}

TEST_CASE("a status of any other length, or with an unknown phase, is refused", "[status]") {
  RunitStatus status;
  for (std::size_t size = 0; size < 64; ++size) {
    if (size == kRunitStatusSize || size == kDaemontoolsStatusSize) continue;
    CHECK_FALSE(unpack(std::string(size, '\0'), status));
  }
  CHECK_FALSE(unpack(bytes_of_hex("40000000 6afff54d 24b076b4 ef250000 00 75 00 03"), status));
}

TEST_CASE("the stat line is runit's", "[status]") {
  RunitStatus status;
  CHECK(stat_text(status, false) == "down\n");
  CHECK(stat_text(status, true) == "down\n");
  status.phase = RunitStatus::Phase::run;
  status.want_up = true;
  CHECK(stat_text(status, false) == "run\n");
  status.paused = status.got_term = true;
  status.want_up = false;
  CHECK(stat_text(status, false) == "run, paused, got TERM, want down\n");
  CHECK(stat_text(status, true) == "run, paused, got TERM, want exit\n");
  status = {};
  status.phase = RunitStatus::Phase::finish;
  CHECK(stat_text(status, false) == "finish, want down\n");
}

TEST_CASE("a record that was written reads back the same, whatever is in it", "[status]") {
  RandomRecord records(1);
  for (int i = 0; i < 2'000; ++i) {
    const StateRecord record = records.next();
    const std::string text = pack(record);
    REQUIRE(text.size() <= kLongestState);
    StateRecord back;
    REQUIRE(unpack(text, back));
    REQUIRE((back == record));
  }
}

TEST_CASE("the text of a record is one line per field, from svdir=1 to end=1", "[status]") {
  StateRecord record;
  record.reason = "two\nlines and a \0 byte";
  record.main = {17, 4242};
  record.state = State::up;
  const std::string text = pack(record);
  CHECK(text.starts_with("svdir=1\nboot=\nsupervisor=0 0\nstate=up\nwant=down\n"));
  CHECK(text.find("\nmain=17 4242\n") != std::string::npos);
  CHECK(text.find("\nreason=two lines and a \n") != std::string::npos);
  CHECK(text.ends_with("\nend=1\n"));
}

TEST_CASE("unknown keys are skipped and missing ones keep their defaults", "[status]") {
  StateRecord record;
  REQUIRE(unpack("svdir=1\nfrom-the-future=17 x\nwant=up\nend=1\n", record));
  CHECK(record.want == Want::up);
  CHECK(record.state == State::down);
  CHECK(record.main == ProcessId{});
}

TEST_CASE("values that make no sense leave the default", "[status]") {
  StateRecord record;
  REQUIRE(unpack("svdir=1\nstate=flying\nmain=-5 3\nfinish=x\nstarted=5 9999999999\nlast=exited\nleaving=yes\nend=1\n",
                 record));
  CHECK(record.state == State::down);
  CHECK(record.main == ProcessId{});
  CHECK(record.finish == ProcessId{});
  CHECK_FALSE(record.started.is_set());
  CHECK(record.last.kind == Ending::Kind::none);
  CHECK_FALSE(record.leaving);
}

TEST_CASE("a record that is cut off anywhere is no record", "[status]") {
  RandomRecord records(2);
  const std::string text = pack(records.next());
  for (std::size_t length = 0; length < text.size(); ++length) {
    StateRecord back;
    back.starts = 42;
    REQUIRE_FALSE(unpack(std::string_view(text).substr(0, length), back));
    REQUIRE(back.starts == 42);  // untouched
  }
}

TEST_CASE("garbage in a record is survived: refused, or read with fields in their ranges", "[status]") {
  RandomRecord records(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = pack(records.next());
    for (std::size_t changes = records.below(4) + 1; changes > 0; --changes)
      text[8 + records.below(text.size() - 15)] = static_cast<char>(records.below(256));
    StateRecord back;
    if (!unpack(text, back)) continue;
    REQUIRE(static_cast<std::size_t>(back.state) < kStateNames.size());
    REQUIRE(static_cast<std::size_t>(back.want) < kWantNames.size());
    REQUIRE(back.main.pid >= 0);
    REQUIRE(back.finish.pid >= 0);
    REQUIRE(back.supervisor.pid >= 0);
    REQUIRE((back.group == 0 || back.group > 1));  // kill(-1) would reach every process
    REQUIRE(back.started.nanoseconds >= 0);
    REQUIRE(back.started.nanoseconds < 1'000'000'000);
  }
}

TEST_CASE("an ending is described in words", "[status]") {
  CHECK(describe({}) == "");
  CHECK(describe(ending_of(0)) == "exited 0");
  CHECK(describe(ending_of(3 << 8)) == "exited 3");
  CHECK(describe(ending_of(SIGTERM)) == "killed by SIGTERM");
  CHECK(describe(ending_of(SIGSEGV | 0x80)) == "killed by SIGSEGV (core dumped)");
  CHECK(describe({Ending::Kind::unknown, 0, false}) == "ended, status unknown");
}

TEST_CASE("runit's view of a record shows the process that is there", "[status]") {
  StateRecord record;
  record.want = Want::up;
  record.state = State::up;
  record.main = {100, 1};
  CHECK(runit_view(record).phase == RunitStatus::Phase::run);
  CHECK(runit_view(record).pid == 100);
  CHECK(runit_view(record).want_up);
  record.state = State::finishing;
  record.main = {};
  record.finish = {101, 2};
  CHECK(runit_view(record).phase == RunitStatus::Phase::finish);
  CHECK(runit_view(record).pid == 101);
  record.state = State::backoff;
  record.finish = {};
  CHECK(runit_view(record).phase == RunitStatus::Phase::down);
  CHECK(runit_view(record).pid == 0);
  record.want = Want::once;  // runsv shows "once" as wanted down
  CHECK_FALSE(runit_view(record).want_up);
}
