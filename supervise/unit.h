// One supervised program at the edge: its directory, its processes, its control FIFO and its machine.
//
// A supervise has one Unit for the service and, where there is a logger, a second one for it. What happens goes in as
// an Event; the Actions that come out are queued and carried out strictly in order. A control script holds the queue
// up until it ends or its time is over, and meanwhile no further order is taken from the FIFO, so that orders keep
// their order; the loop itself never waits.
//
// Crash safety. The record is on disk before an action can be felt outside: signals are sent after `save`, and a
// child writes it, with its own pid, before it executes anything. Orders taken from the FIFO stand in the record as
// `pending` until they have been carried out; a successor carries them out again.
//
// In the order of a life: unit.cpp (events, orders, deadlines), unit_start.cpp (the way up), unit_end.cpp (signals,
// endings, the predecessor's processes).
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/loop.h"
#include "lib/settings.h"
#include "supervise/dependencies.h"
#include "supervise/machine.h"
#include "supervise/program.h"
#include "supervise/readiness.h"
#include "supervise/record.h"

namespace svdir {

class Unit;

// What a unit needs from the supervisor around it.
class UnitHost {
 public:
  virtual void unit_left(Unit& unit) = 0;       // it is down and was told to leave
  virtual void upgrade_wanted(Unit& unit) = 0;  // answer with unit.upgrade_refused(), or do not return
  virtual void before_start(Unit& unit) = 0;    // its settings have just been read
  // Gives run, or a script of the unit's, its standard streams. False, with a warning, when they are not to be had.
  virtual bool connect(const Unit& unit, Program& program, bool is_run) = 0;
  virtual std::string svrun_program() const = 0;  // absolute path

 protected:
  ~UnitHost() = default;
};

class Unit final : ReadinessListener {
 public:
  enum class Role { service, logger };

  Unit(Role role, UnitHost& host, Loop& loop)
      : role_(role), host_(host), loop_(loop), readiness_(*this, loop), dependencies_(loop) {}

  struct Place {
    Fd dir;                      // the service directory
    std::string name;            // what it is called in messages, and told to finish
    std::string scan_directory;  // where its neighbours are
    std::string defaults;        // path of the file of settings for all services; "" for none
    int inherited_lock = -1;     // see Record::open
  };
  // Takes a service directory under supervision.
  Result<void> open(Place place);

  // What it executes in place of ./run: a program's absolute path and its arguments, in the open directory `where`.
  // When another one runs, it is ended, to be started again as this.
  void set_command(int where, std::vector<std::string> command);

  // The socket of a `ready = notify` across an upgrade; -1: none. To be taken over before begin().
  int notify_socket() const { return readiness_.socket(); }
  void inherit_notify_socket(Fd socket) { readiness_.inherit(std::move(socket)); }

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
  // The logger is needed after all.
  void stay();

  // The last thing a supervisor does that was told to exit: from here on the next one begins anew. A successor of one
  // that was killed before goes on with leaving (a logger may take its time), and starts nothing.
  void sign_off();

  void upgrade_refused();
  // Before the program is executed anew: what has been carried out must not be carried out again. False when the disk
  // does not take the record; the upgrade is then out of the question.
  bool prepare_upgrade();

  Role role() const { return role_; }
  const std::string& name() const { return name_; }
  bool has_left() const { return left_; }
  const StateRecord& state() const { return record_; }
  const Settings& settings() const { return settings_; }
  const Record& files() const { return files_; }
  int directory() const { return dir_.get(); }

 private:
  // Events in, actions out.
  void apply(const Event& event);  // note, then drain
  void note(const Event& event);   // steps the machine and queues what it asks for
  void drain();
  void perform(const Action& action);
  void settle_down();
  void schedule();
  void on_due();

  // Orders.
  void on_control();
  void take_orders();
  void note_token(const Token& token);
  void listen(bool on);

  // The way up.
  void start();
  bool refresh_settings();
  void restore_settings();
  bool take_access();
  bool may_start();
  Program run_program() const;
  Program script_program(const std::string& path) const;
  bool wait_for_neighbours();
  bool is_held_up(const Dependencies::Verdict& verdict);
  void on_neighbour_changed();
  void launch();
  static int record_child(void* self, pid_t pid);
  void service_ready() override;
  bool service_unhealthy(std::string_view reason) override;
  void service_says(const Notification& notification) override;
  Program check_program() override { return script_program("./check"); }
  const std::string& service_name() const override { return name_; }

  // Signals and control scripts.
  void send(const Action& action);
  void deliver(int signal, bool group);
  static bool is_child(pid_t pid, siginfo_t& ended);
  void signal_process(pid_t pid, int signal, bool group);
  void run_control_script(char letter);
  void control_script_ended(bool handled);
  void on_script_due();

  // Endings.
  void main_ended(const siginfo_t& info, const Ending& ending);
  void describe_death(pid_t pid, const Ending& ending, double cpu_seconds, long max_rss_kib);
  void clear_group();
  void kill_group();
  void signal_groups(int signal);
  bool group_is_left(pid_t group) const;
  std::string reason_of_svrun(const Ending& ending) const;
  std::string_view reason_of_end() const;
  void choose_own_cgroup();
  std::string own_cgroup() const;
  std::string cgroup_with_leftovers() const;
  void finish();

  // The predecessor's processes.
  void adopt();
  void adopt_process(const ProcessId& process);
  void on_adopted_ended();
  void on_adopt_again();
  void adopted_ended(bool waited);
  void on_exit_report_overdue();

  const Role role_;
  UnitHost& host_;
  Loop& loop_;
  std::string name_;
  std::string defaults_;
  Fd dir_;
  int command_directory_ = -1;
  std::vector<std::string> command_;  // empty: ./run
  Settings settings_;
  bool has_settings_ = false;        // settings_ are good ones
  bool settings_are_fresh_ = false;  // read just now, for a start that follows
  bool has_access_ = false;          // supervise/ has other owners or modes than runsv's
  bool users_own_ = false;           // see Trust in lib/trust.h
  bool is_starved_ = false;          // they could not be read for want of something: no fault of theirs
  std::string misconfigured_;        // why those in the files cannot be taken; "" when they can
  StateRecord record_;
  StateRecord left_behind_;  // what a predecessor left, from open() to begin()
  Record files_;
  std::string death_;  // line for `deaths`, not written yet
  Readiness readiness_;
  Dependencies dependencies_;

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

  // What holds up the queue: a control script (before a start, instead of a signal, or just to tell it), or the trial
  // of a new supervise.
  enum class Holdup : std::uint8_t { none, before_start, signal, notice, upgrade };
  Holdup holdup_ = Holdup::none;
  char script_letter_ = 0;
  Action held_{};
  pid_t script_ = 0;
  pid_t former_ = 0;  // run itself, in a group of its own, when it has named another main process

  Event::Kind spawning_ = Event::Kind::spawned;  // what the child about to be executed is
  Fd adopted_;                                   // pidfd of a running process that is not our child
  bool unheld_ = false;                          // no descriptor could be had for it; it is tried again
  bool gone_ = false;                            // it has ended, and we wait to hear how
  bool somebody_reports_ = false;                // its parent is ours, svscan

  Poll control_poll_;
  Poll adopted_poll_;
  Timer due_timer_;
  Timer group_timer_;
  Timer script_timer_;
  Timer exit_report_timer_;
  Timer rewrite_timer_;
  Instant scheduled_;
};

}  // namespace svdir
