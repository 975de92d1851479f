// One supervised program at the edge: its directory, its processes, its control FIFO and its machine.
//
// A supervise has one Unit for the service and, where there is a log/, a second one for the logger. What happens goes
// in as an Event; the Actions that come out are queued and carried out strictly in order. A control script holds the
// queue up until it ends or its time is over, and meanwhile no further order is taken from the FIFO, so that orders
// keep their order; the loop itself never waits.
//
// Crash safety. The record is on disk before an action can be felt outside: signals are sent after `save`, and a
// child writes it, with its own pid, before it executes anything. Orders taken from the FIFO stand in the record as
// `pending` until they have been carried out; a successor carries them out again.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <string>

#include "lib/loop.h"
#include "lib/settings.h"
#include "supervise/machine.h"
#include "supervise/record.h"

namespace svdir {

class Unit;

// What a unit needs from the supervisor around it.
class UnitHost {
 public:
  virtual void unit_left(Unit& unit) = 0;    // it is down and was told to leave
  virtual void upgrade_wanted(Unit& unit) = 0;  // answer with unit.upgrade_refused(), or do not return
  virtual void before_start(Unit& unit) = 0;
  // A new descriptor for the unit's standard output (or input, for the logger), or -1 for our own.
  virtual int open_log_pipe(const Unit& unit, int flags) = 0;

 protected:
  ~UnitHost() = default;
};

class Unit {
 public:
  enum class Role { service, logger };

  Unit(Role role, UnitHost& host, Loop& loop) : role_(role), host_(host), loop_(loop) {}

  // Takes the service directory `dir` (an open descriptor) under supervision; `name` is what it is called in
  // messages and told to finish. `inherited_lock`: see Record::open.
  Result<void> open(Fd dir, std::string name, int inherited_lock);

  // Starts, or goes on where a predecessor stopped.
  void begin();

  // As if these bytes had come through the control FIFO.
  void inject(std::string_view orders);

  // A child has ended and has not been reaped yet. True when it was this unit's; it is reaped then.
  bool take_ended_child(const siginfo_t& info);
  // Some child has ended: look whether that empties the process group waited for.
  void check_group();

  // For the logger: ends when its input does, and then leaves. It cannot be told to leave from outside.
  void leave_at_end_of_input();

  void upgrade_refused();
  // Before the program is executed anew: what has been carried out must not be carried out again.
  void prepare_upgrade();

  Role role() const { return role_; }
  const std::string& name() const { return name_; }
  bool has_left() const { return left_; }
  const StateRecord& state() const { return record_; }
  const Record& files() const { return files_; }
  int directory() const { return dir_.get(); }

 private:
  // Events in, actions out.
  void apply(const Event& event);  // note, then drain
  void note(const Event& event);   // steps the machine and queues what it asks for
  void drain();
  void perform(const Action& action);
  void settle_down();

  // Orders.
  void on_control();
  void take_orders();
  void listen(bool on);

  // Processes.
  void start();
  void launch();
  void send(const Action& action);
  void deliver(int signal, bool group);
  void signal_process(pid_t pid, int signal, bool group);
  void run_control_script(const Action& action);
  void control_script_ended(bool handled);
  void finish();
  void clear_group();
  bool group_is_left() const;
  void describe_death(const Ending& ending, double cpu_seconds, long max_rss_kib);
  int reap(pid_t pid, double& cpu_seconds, long& max_rss_kib);

  // The predecessor's processes.
  void adopt();
  void adopt_process(const ProcessId& process);
  void on_adopted_ended();
  void adopted_ended(bool waited);

  // Deadlines.
  void schedule();
  void on_due();
  void on_script_due();
  void on_exit_report_overdue();

  static int record_child(void* self, pid_t pid);

  const Role role_;
  UnitHost& host_;
  Loop& loop_;
  std::string name_;
  Fd dir_;
  Settings settings_;
  StateRecord record_;
  Record files_;
  std::string death_;  // line for `deaths`, not written yet

  // Actions not carried out yet, a ring; deep enough for what one step can ask for while a script holds it up.
  static constexpr std::size_t kQueue = 64;
  Action queue_[kQueue];
  std::size_t queue_begin_ = 0;
  std::size_t queue_count_ = 0;
  bool draining_ = false;
  bool left_ = false;
  bool may_leave_ = false;  // the logger only

  // Orders taken from the FIFO and not carried out yet.
  ControlParser parser_;
  std::string input_;
  bool once_in_this_write_ = false;

  // The control script that holds up the queue, or an upgrade that is being checked.
  enum class Holdup : std::uint8_t { none, before_start, signal, notice, upgrade };
  Holdup holdup_ = Holdup::none;
  Action held_{};
  pid_t script_ = 0;

  Event::Kind spawning_ = Event::Kind::spawned;  // what the child about to be executed is
  Fd adopted_;                                   // pidfd of a running process that is not our child
  bool gone_ = false;                            // it has ended, and we wait to hear how
  bool somebody_reports_ = false;                // its parent is ours, svscan

  Poll control_poll_;
  Poll adopted_poll_;
  Timer due_timer_;
  Timer group_timer_;
  Timer script_timer_;
  Timer exit_report_timer_;
  Instant scheduled_;
};

}  // namespace svdir
