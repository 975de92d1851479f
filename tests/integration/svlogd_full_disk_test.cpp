// A full disk: a small tmpfs in a mount namespace of its own. What is not there is counted, to the line.
#include <catch2/catch.hpp>
#include <sstream>

#include "lib/log_status.h"
#include "tests/support/process.h"
#include "tests/support/programs.h"
#include "tests/support/skip.h"

using namespace svdir::test;

namespace {

constexpr int kLines = 30000;  // of 30 bytes: more than the disk holds

struct Outcome {
  std::string log;     // all that was written, oldest first
  std::string errors;  // of svlogd
  std::string trouble;
  long lines = 0;   // of ours
  long marked = 0;  // as dropped
};

constexpr char kScript[] = R"sh(
set -e
cd "$DIR"
wait_for() { for i in $(seq 600); do "$@" && return; sleep 0.05; done; echo "in vain: $*" >&2; exit 1; }
is_troubled() { dd if=disk/log/.svlogd of=trouble bs=1 skip="$STATUS_AT" count=200 2>/dev/null; [ -n "$(tr -d '\000' <trouble)" ]; }
mkdir disk
mount -t tmpfs -o size=256k none disk
mkdir disk/log
cp config disk/log
dd if=/dev/zero of=disk/log/ballast bs=1k count=64 2>/dev/null
mkfifo pipe
"$SVLOGD" $OPTIONS disk/log <pipe 2>errors &
logger=$!
exec 9<>pipe
seq -f 'line %024.0f' 1 $LINES_TO_WRITE >&9 &
feeder=$!
wait_for grep -q "$FULL" errors
[ "$MODE" = delete ] || wait_for is_troubled
if [ "$MODE" = block ]; then
  # Killed with half a write on the disk: the next one goes on from there.
  kill -9 $logger
  "$SVLOGD" $OPTIONS disk/log <pipe 2>errors.next 9>&- &
  wait_for grep -q "$FULL" errors.next
fi
(cd disk/log; eval "$RELIEF")
wait $feeder
[ "$MODE" != drop ] || wait_for grep -q 'lines dropped' disk/log/current
echo 'the last' >&9
exec 9>&-
wait || true
cat $(ls disk/log/@* 2>/dev/null || true) disk/log/current >log
)sh";

// Runs svlogd on a full disk; `relief` is a shell command that makes room, in the directory of the log, once `full`
// stands among svlogd's messages.
Outcome run_full(const TempDir& dir, const std::string& mode, const std::string& options, const std::string& config,
                 const std::string& relief, const std::string& full) {
  write_file(dir / "config", config);
  const Ran ran = run(Launch{.argv = {"unshare", "-m", "bash", "-c", kScript},
                             .environment = {{"DIR", dir.path()},
                                             {"SVLOGD", program("svlogd")},
                                             {"MODE", mode},
                                             {"OPTIONS", options},
                                             {"RELIEF", relief},
                                             {"FULL", full},
                                             {"LINES_TO_WRITE", std::to_string(kLines)},
                                             {"STATUS_AT", std::to_string(svdir::kLogStatusOffset)}}},
                      std::chrono::seconds(90));
  INFO(ran.errors);
  REQUIRE(ran.code == 0);
  Outcome outcome{read_file(dir / "log"), read_file(dir / "errors"), read_file(dir / "trouble").c_str()};
  std::istringstream text(outcome.log);
  for (std::string line; std::getline(text, line);) {
    if (line.find("line 0") != std::string::npos) ++outcome.lines;
    if (const auto at = line.find("svlogd: disk full, "); at != std::string::npos)
      outcome.marked += std::stol(line.substr(at + 19));
  }
  return outcome;
}

}  // namespace

TEST_CASE("on a full disk svlogd waits, and loses no line, also when it is killed meanwhile") {
  NEEDS_ROOT();
  TempDir dir;
  const std::string relief = "rm ballast; mount -o remount,size=4m ..";
  const Outcome outcome = run_full(dir, "block", "", "s0\n", relief, "pausing");
  CHECK(outcome.lines == kLines);
  std::string all;
  for (int i = 1; i <= kLines; ++i) {
    const std::string number = std::to_string(i);
    all += "line " + std::string(24 - number.size(), '0') + number + "\n";
  }
  CHECK((outcome.log == all + "the last\n"));
  CHECK(outcome.errors.find("pausing: unable to write to current: No space left on device: disk/log") !=
        std::string::npos);
  CHECK(outcome.trouble == "disk/log: unable to write to current: No space left on device");
}

TEST_CASE("with full drop the lines that are lost are counted") {
  NEEDS_ROOT();
  for (const std::string options : {"", "-tt", "-j"}) {
    INFO(options);
    TempDir dir;
    const Outcome outcome = run_full(dir, "drop", options, "s0\nfull drop\n", "rm ballast", "lines are dropped");
    CHECK(outcome.lines > 500);
    CHECK(outcome.marked > 1000);
    CHECK(outcome.lines + outcome.marked == kLines);
    CHECK(outcome.log.find("the last") != std::string::npos);
    CHECK(outcome.trouble.starts_with("disk/log: disk full, "));
    CHECK(outcome.log.find('\0') == std::string::npos);
  }
}

TEST_CASE("with full delete the oldest files go, and the newest lines are there") {
  NEEDS_ROOT();
  TempDir dir;
  const Outcome outcome =
      run_full(dir, "delete", "-l 100", "s16k\nn0\nN2\nfull delete\n", "true", "out of disk space, delete");
  CHECK(outcome.lines > 1000);
  CHECK(outcome.lines < kLines);
  CHECK(outcome.log.ends_with("line 000000000000000000030000\nthe last\n"));
  // What is left is an unbroken end of the stream.
  const long first = std::stol(outcome.log.substr(5, 24));
  CHECK(outcome.lines == kLines - first + 1);
}
