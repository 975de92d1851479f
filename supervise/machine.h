// The state machine of one supervised program: a service or a logger.
//
// It is a pure function: step(record, settings, event, now) changes the record and says what must be done. The record
// is the StateRecord that also lies on disk as supervise/state, so whatever the machine knows survives the
// supervisor, and a successor goes on from the very same value. No clock, no syscall, no libuv in here; the edge
// (unit.h) turns what happens into Events and Actions into system calls, and hands a failed action back as an Event.
//
//                    up, once, restart                                  ended by itself, not wanted
//     down, failed ───────────────────► starting ──► up ──────────────────────────────────────┐
//        ▲                ▲    ▲  held     │ready     │ down, exit, restart, unhealthy          │
//        │                │    └─► waiting │          ▼                                         ▼
//        │                │                └──► stopping (ladder: TERM 30s KILL) ──► stopping (leftovers of the group)
//        │                │ due                                                                 │
//        │             backoff ◄─────────────┐                                                  ▼
//        └───────────────────────────────────┴───────────────── settle ◄────────────────── finishing
//
// Every run ends the same way: `main_ended`, then what it left in its process group is ended (`clear_group`), then
// `finish` runs, then `settle` decides by what is wanted and by the restart policy. So there is never a second copy
// of run, and nothing is started beside the remains of its predecessor.
//
// Orders change what is wanted at once, in every state; what is under way goes on, and `settle` looks at what is
// wanted last. That is why no order can be lost: `down` followed by `up` ends up.
#pragma once

#include "lib/commands.h"
#include "lib/settings.h"
#include "lib/status.h"

namespace svdir {

struct Event {
  enum class Kind : std::uint8_t {
    order,           // `order`
    begin,           // a new supervise without a predecessor: start unless `held_down`
    resume,          // a new supervise with its predecessor's record; dead processes are told by events of their own
    spawned,         // run has become `process`
    spawn_failed,    // no process could be made: `reason`
    exec_failed,     // run could not be executed: `reason`
    held,            // run must wait: `reason` ("db, cache")
    released,        // what run waited for is there
    misconfigured,   // nothing can be started: `reason`
    ready,           // run says it is ready
    unhealthy,       // run fails its checks: `reason`
    main_changed,    // run says that its main process is `process`, in the process group `group`
    main_ended,      // run ended: `ending`; or was never executed by svrun: and `reason`
    group_cleared,   // nothing of run's process group is left
    finish_spawned,  // finish has become `process`
    finish_ended,    // finish ended: `ending`; also when there is none
    extended,        // run asks for `duration` more before its present limit is over
    due,             // record.wake_at has come
  };
  Kind kind = Kind::due;
  Order order{};
  bool after_once = false;  // of an `exit` order: a `once` came in the same write
  bool held_down = false;   // there is a file `down`
  ProcessId process{};
  pid_t group = 0;
  Ending ending{};
  std::string_view reason{};
  Duration duration{};
};

// How a reason begins that svrun has told.
inline constexpr std::string_view kBySvrun = "svrun: ";

struct Action {
  enum class Kind : std::uint8_t {
    start,           // run control/u, then run; answer with spawned, spawn_failed, exec_failed, held or misconfigured
    signal,          // send `signal` to run, unless control/`letter` exits 0 (where letter is not 0)
    control,         // run control/`letter`, whatever it says
    clear_group,     // reap run, then see to what is left in its process group; answer with group_cleared
    kill_group,      // KILL what is still left there
    finish,          // run finish; answer with finish_spawned and finish_ended, or with finish_ended alone
    kill_finish,     // it took too long
    read_settings,   // now, not only at the next start
    collect_orphan,  // look into supervise/exit
    upgrade,         // execute the supervisor's program anew
    leave,           // the end of this unit
  };
  Kind kind = Kind::start;
  char letter = 0;
  int signal = 0;
  bool group = false;  // the signal goes to the whole process group
};

// At most kMost actions, in the order they must be carried out.
class Actions {
 public:
  static constexpr std::size_t kMost = 8;
  void add(Action action) { items_[count_++] = action; }
  const Action* begin() const { return items_; }
  const Action* end() const { return items_ + count_; }
  bool empty() const { return count_ == 0; }

 private:
  Action items_[kMost];
  std::size_t count_ = 0;
};

struct Now {
  Instant monotonic;
  Stamp wall;
};

inline constexpr Duration kLeftoversTermWait = std::chrono::seconds(5);

// Changes `record`; the actions must be carried out in order, after `record` has been written. record.wake_at says
// when the next `due` is wanted (unset: never).
Actions step(StateRecord& record, const Settings& settings, const Event& event, const Now& now);

// Whether the run that has just ended was one more failed start.
bool is_failed_start(const StateRecord& record, const Settings& settings, Instant now);

// The length of the pause after so many (at least one) failed starts in a row.
Duration restart_pause(const Settings& settings, unsigned failures);

}  // namespace svdir
