// One service directory under supervision: the loop, the signals, the reaper, and the two units.
//
// The main loop is libuv's; what wakes it are the two control FIFOs, the signalfd (SIGCHLD above all) and deadlines.
// An idle supervise watches nothing else and never wakes up.
#pragma once

#include <string>

#include "lib/loop.h"
#include "lib/signals.h"
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
  void connect(const Unit& unit, Program& program, bool is_run) override;
  std::string svrun_program() const override;

  Fd open_log_pipe(int flags);
  void open_logger();
  void on_signal();
  void reap_children();
  void on_drain_overdue();
  void upgrade_tried(bool works);

  std::string name_;
  Signals signals_;
  Poll signal_poll_;
  Fd log_pipe_;           // ours: held open both ways, so that it lives as long as one of us does
  bool has_logger_ = false;
  int inherited_logger_lock_ = -1;
  Upgrade upgrade_;
  Unit* upgrading_ = nullptr;
  Timer drain_timer_;
  Unit service_;
  Unit logger_;
  Loop loop_;  // last: see lib/loop.h
};

}  // namespace svdir
