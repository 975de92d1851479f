// The formats of the files in supervise/, and their names: the one place.
//
// `status`, `stat` and `pid` are runit's, byte for byte (runsv(8); runit 2.1 and 2.3 agree):
//
//   status, 20 bytes:  0..11  TAI64N stamp of the last change to run or to down, big-endian
//                     12..15  pid of run or finish, little-endian, 0 = none
//                         16  1 = paused    17  'u' wanted up, 'd' otherwise
//                         18  1 = TERM was sent since start    19  0 down, 1 run, 2 finish
//
// daemontools' svstat reads the first 18 bytes. `state` is ours, `key=value` lines (see StateRecord).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/clock.h"

namespace svdir {

namespace file {
// Below a service directory: the service's own state, that of its logger, and of the logger of its standard error.
inline constexpr std::array<std::string_view, 3> kUnits{"/", "/log/", "/log/stderr/"};

inline constexpr char kLock[] = "supervise/lock";
inline constexpr char kOk[] = "supervise/ok";
inline constexpr char kControl[] = "supervise/control";
inline constexpr char kPid[] = "supervise/pid";
inline constexpr char kStat[] = "supervise/stat";
inline constexpr char kStatus[] = "supervise/status";
inline constexpr char kState[] = "supervise/state";
inline constexpr char kDeaths[] = "supervise/deaths";
inline constexpr char kExit[] = "supervise/exit";         // "PID WAITSTATUS\n", by svscan for a supervise it restarts
inline constexpr char kLogPipe[] = "supervise/log.pipe";  // service -> logger, in the service's own supervise/
inline constexpr char kErrorPipe[] = "supervise/stderr.pipe";  // the same for a logger of standard error
inline constexpr char kRefused[] = "supervise/refused";        // one line by svrun: why it did not execute run
inline constexpr char kEvent[] = "supervise/event";            // FIFOs of those who wait for a change (see events.h)
}  // namespace file

enum class State : std::uint8_t { down, waiting, starting, up, stopping, finishing, backoff, failed };
inline constexpr std::array<std::string_view, 8> kStateNames{"down",     "waiting",   "starting", "up",
                                                             "stopping", "finishing", "backoff",  "failed"};
constexpr std::string_view name_of(State state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

enum class Want : std::uint8_t { down, up, once };
inline constexpr std::array<std::string_view, 3> kWantNames{"down", "up", "once"};
constexpr std::string_view name_of(Want want) {
  return kWantNames[static_cast<std::size_t>(want)];
}

// A process that can be told from a later one of the same number. pid 0: none; ticks 0: not known.
struct ProcessId {
  pid_t pid = 0;
  unsigned long long ticks = 0;  // see start_ticks()
  bool operator==(const ProcessId&) const = default;
};

// How a process ended.
struct Ending {
  enum class Kind : std::uint8_t { none, exited, signalled, unknown };  // unknown: nobody who saw it told us
  Kind kind = Kind::none;
  int value = 0;      // exit code or signal number
  bool core = false;  // it left a core dump
  bool operator==(const Ending&) const = default;
};

// From waitpid's status.
Ending ending_of(int wait_status);
// "exited 3", "killed by SIGTERM", "killed by SIGSEGV (core dumped)", "ended, status unknown", "" for none.
std::string describe(const Ending& ending);

// What runit knows of a service.
struct RunitStatus {
  enum class Phase : std::uint8_t { down, run, finish };
  Stamp changed;
  pid_t pid = 0;
  bool paused = false;
  bool want_up = false;
  bool got_term = false;
  Phase phase = Phase::down;

  bool operator==(const RunitStatus&) const = default;
};

inline constexpr std::size_t kRunitStatusSize = 20;
inline constexpr std::size_t kDaemontoolsStatusSize = 18;

std::array<unsigned char, kRunitStatusSize> pack(const RunitStatus& status);
// False when `bytes` are neither runit's 20 nor daemontools' 18 (which has no phase: run if there is a pid).
bool unpack(std::string_view bytes, RunitStatus& into);

// Everything there is to know about one service; what `state` holds, and what a successor starts from.
//
// The text is one `key=value` line per field, in the order below, at most kLongestState bytes. Unknown keys are
// skipped, missing ones keep their defaults, so versions can read each other. The first line is "svdir=1", the last
// is "end=1": a file without either is not taken for a record. Deadlines are of the monotonic clock and mean nothing
// when `boot` is not the running boot.
struct StateRecord {
  std::string boot;      // /proc/sys/kernel/random/boot_id, "" where there is none
  ProcessId supervisor;  // the supervise that wrote it
  State state = State::down;
  Want want = Want::down;
  bool leaving = false;  // told to exit
  bool paused = false;
  bool got_term = false;
  bool ready = false;       // the present run has told it is ready (always, once started, without a `ready` setting)
  bool start_owed = false;  // a person asked for a start that has to wait for the end of the present run
  bool signalled = false;   // a person sent the present run a signal that ends programs
  bool upgrade_refused = false;  // the last upgrade asked for: the new supervise does not run
  bool failed_start = false;     // the present run counts as a failed start however long it lived
  bool unhealthy = false;        // the present run is ended because it failed its health checks
  ProcessId main;                // run
  ProcessId finish;
  pid_t group = 0;  // process group of which leftovers are being ended; of a run with a MAINPID, its group
  Stamp started;    // last start of run
  Stamp became_ready;
  Stamp changed;       // last change to run or to down (runit's stamp)
  Instant started_at;  // the same start, monotonic
  unsigned long long starts = 0;
  unsigned failures = 0;   // failed starts in a row
  Instant wake_at;         // of the state: next start, end of the ladder's wait, finish's or leftovers' limit
  unsigned step = 0;       // of the stop ladder
  bool step_done = false;  // its signal has been sent
  Ending last;             // last ending of run
  Stamp last_ended;
  std::string ack;          // the last tokens taken, eight letters each, the latest first (at most kMostTokens)
  std::string pending;      // command bytes taken from the FIFO and not yet carried out, in hexadecimal
  std::string reason;       // why it is failed, waiting or misconfigured; free text, one line
  std::string status_text;  // what the service said of itself (sd_notify STATUS=), one line
  std::string cgroup;       // the control group of the last run, from the root of the hierarchy: "/web"
  std::string settings;     // the settings that differ from the defaults, "key=value;…", one line

  bool operator==(const StateRecord&) const = default;
};

// How the reason of a service begins whose settings cannot be taken.
inline constexpr std::string_view kMisconfigured = "misconfigured: ";

inline constexpr std::size_t kLongestState = 16 * 1024;
inline constexpr std::size_t kMostTokens = 16;

std::string pack(const StateRecord& record);
bool unpack(std::string_view text, StateRecord& into);

RunitStatus runit_view(const StateRecord& record);
// runit's `stat` line: "run, paused, got TERM, want down\n".
std::string stat_text(const RunitStatus& status, bool leaving);

}  // namespace svdir
