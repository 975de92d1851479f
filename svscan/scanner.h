// svscan at work: one loop that watches the scan directory, starts and restarts supervises, reaps, and stops them.
//
// scanner.cpp    the loop, signals, when to scan, and what follows from a scan
// arrivals.cpp   services that appear or change their names
// endings.cpp    ends of supervises and of other processes; upgrades
// health.cpp     what it says of itself in .svdir/.scan
// stopping.cpp   the orderly and the hurried end
#pragma once

#include <vector>

#include "lib/loop.h"
#include "lib/signals.h"
#include "svscan/essentials.h"
#include "svscan/foreground.h"
#include "svscan/holders.h"
#include "svscan/kept_pipes.h"
#include "svscan/listing.h"
#include "svscan/lookouts.h"
#include "svscan/orphans.h"
#include "svscan/outputs.h"
#include "svscan/places.h"
#include "svscan/roster.h"
#include "svscan/signal_table.h"
#include "svscan/starter.h"
#include "svscan/stop_order.h"
#include "svscan/title_log.h"
#include "svscan/traits.h"
#include "svscan/upgrade.h"

namespace svdir::svscan {

class Scanner {
 public:
  // `argv` is for upgrades.
  Scanner(const Options& options, Places& places, Role role, char** argv);

  Result<void> open();
  // Goes on with the supervises of the program we were before an upgrade.
  void take_over(Handover handover);
  int run();  // the exit code

 private:
  // scanner.cpp
  void on_signal();
  void react(int signal);
  void on_bell();
  void on_output();
  void on_change_within();
  void on_start_time();
  void on_slow_time();
  void on_directory_change();
  void request_scan();
  void scan();
  int look(std::vector<Decision>& decisions, std::vector<Slot>& slots);
  void watch_scan_directory();
  void follow_replaced_directory();
  void look_again_after(const Error& error);
  void look_again_soon();
  void rescan_everything();
  void apply(const std::vector<Decision>& decisions, const std::vector<Slot>& slots);
  void run_starter();

  // arrivals.cpp
  void begin_service(const Listed& listed, Slot predecessor);
  void rename_service(Slot slot, const Listed& listed);
  void refresh_service(Slot slot, const Listed& listed);
  void admit(Slot slot);
  void check_pending();
  bool check_one_pending(Slot slot, Instant now, Instant& next);

  // health.cpp
  void note_change();
  void write_state();

  // endings.cpp
  void reap();
  void child_ended(pid_t pid, int status);
  void supervise_ended(Slot slot, bool exited_zero);
  void holder_ended(Slot slot);
  void let_go(Slot slot);
  void begin_upgrade();
  void trial_ended(bool works);
  void on_trial_overdue();
  void keep_pipes(Slot slot);
  void on_kept_time();
  void essential_changed(Slot slot);

  // stopping.cpp
  void told_to_stop();
  bool is_echo() const;
  void begin_stop(int code);
  void forward_stop(int signal);
  void advance_stop();
  bool tell_to_stop(Slot slot);
  void stop_service(Slot slot);
  void adopt_to_stop(Slot slot);
  void nudge_soon();
  void nudge_adopters();
  void service_is_down(Slot slot);
  void on_stop_time();
  void kill_services();
  void kill_supervises();
  void end_strays();
  void finish_if_done();
  void leave(int code);

  const Options& options_;
  Places& places_;
  const Role role_;
  char** const argv_;
  Roster roster_;
  Orphans orphans_;
  KeptPipes kept_pipes_;
  Bells bells_;
  Outputs outputs_;
  Starter starter_;
  Essentials essentials_;
  Foreground foreground_;
  TraitsBook traits_;
  Warnings warnings_;
  Signals signals_;

  Listing listing_;            // of the last scan; kept for its memory
  std::vector<Slot> pending_;  // services without a `run` that can be executed
  timespec scanned_change_{};  // the scan directory's mtime as last scanned
  Instant last_scan_end_;
  Duration last_scan_cost_{};
  bool scan_requested_ = false;
  bool look_again_ = false;  // at the next slow time, though nothing has changed
  bool watch_works_ = false;
  bool said_no_watch_ = false;
  bool is_displaced_ = false;  // the scan directory's path does not lead to it any more
  int scan_failure_ = 0;       // errno of the last scan, said once

  Stamp started_ = wall_now();
  unsigned restarts_ = 0;        // of supervises that died
  bool state_is_stale_ = false;  // it is to be written soon
  bool said_no_state_ = false;
  std::string written_state_;
  pid_t trial_ = 0;  // `svscan --version` of the new program, before an upgrade
  bool is_stopping_ = false;
  bool is_leaving_ = false;
  const bool is_init_;  // nothing outlives us
  bool strays_were_told_ = false;
  Instant stop_deadline_;  // of the grace period, once told to stop
  Instant told_at_;        // to stop, the first time
  int exit_code_ = 0;
  unsigned force_ = 0;  // 0: asked nicely; 1: services were killed; 2: supervises too
  StopOrder stop_order_;
  std::vector<Slot> stop_slots_;  // slot of each index in the stop order

  TitleLog title_log_;
  Lookouts lookouts_;           // for `run` to appear
  Lookouts instance_lookouts_;  // for `instances` to change; under the first instance's slot
  DirectoryWatch watch_;
  Poll signal_poll_;
  Poll bell_poll_;
  Poll output_poll_;
  Timer output_timer_;
  Timer scan_timer_;
  Timer start_timer_;
  Timer pending_timer_;
  Timer slow_timer_;
  Timer stop_timer_;
  Timer nudge_timer_;
  Timer trial_timer_;
  Timer reap_timer_;
  Timer state_timer_;
  Timer kept_timer_;
  Loop loop_;  // last, see lib/loop.h
};

}  // namespace svdir::svscan
