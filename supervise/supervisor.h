// One service directory under supervision: the loop, the signals, the reaper, and the units: the service and its
// loggers.
//
// The main loop is libuv's; what wakes it are the control FIFOs, the signalfd (SIGCHLD above all) and deadlines.
// An idle supervise watches nothing else and never wakes up.
#pragma once

#include <string>
#include <vector>

#include "lib/loop.h"
#include "lib/signals.h"
#include "supervise/logger.h"
#include "supervise/unit.h"
#include "supervise/upgrade.h"

namespace svdir {

class Supervisor final : UnitHost {
 public:
  Supervisor();

  // Takes the directory under supervision and starts what is to be started. `directory` is a path, also used to name
  // the service in messages; `argv0` is what the program was started as, for an upgrade.
  Result<void> open(const char* directory, const char* argv0);
  // Until told to leave.
  void run();

 private:
  void unit_left(Unit& unit) override;
  void upgrade_wanted(Unit& unit) override;
  void before_start(Unit& unit) override;
  bool connect(const Unit& unit, Program& program, bool is_run) override;
  std::string svrun_program() const override;

  Fd open_error_target(const std::string& target) const;
  bool connect_service(const Settings& settings, Program& program);
  std::vector<std::string> svlogd_command(const std::vector<std::string>& targets, std::string_view stream) const;
  Result<void> take_loggers();
  void on_signal();
  void reap_children();
  std::vector<Logger*> loggers();
  bool loggers_have_left();
  void on_drain_overdue();
  void upgrade_tried(bool works);
  void on_trial_overdue();
  Error execute_upgrade();

  std::string name_;
  Signals signals_;
  Poll signal_poll_;
  Upgrade upgrade_;
  Unit* upgrading_ = nullptr;
  Timer drain_timer_;
  Timer trial_timer_;
  Unit service_;
  Logger logger_;  // of its standard output
  Logger errors_;  // of its standard error, where `stderr` names a target of its own
  Loop loop_;      // last: see lib/loop.h
};

}  // namespace svdir
