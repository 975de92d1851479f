// Whether a service is ready, and stays well: the three ways of the `ready` setting, and the health checks.
//
//   fd:N     run writes a newline to descriptor N (s6). The pipe is the FIFO supervise/ready.pipe, open for reading too
//            in run, so that what it writes while no supervise lives is still there for the next, and kills nobody. If
//            run has even closed it in the meantime, that says as much: then the newline went with it.
//   notify   run sends READY=1 to $NOTIFY_SOCKET (sd_notify(3)). Only messages of run's session and of its descendants
//            are taken; the kernel vouches for their pids (SCM_CREDENTIALS). The socket is handed over in an upgrade.
//   check    ./check exits 0. It is tried again after pauses of 50 ms doubling to 1 s, one at a time, with its output
//            thrown away; killed with its process group after check-timeout, which counts as a failure. A check that
//            cannot be executed says nothing of the service.
//
// With check-interval ./check goes on once the service is ready (whatever `ready` says); with `ready = notify` and no
// ./check it is the service that must send WATCHDOG=1 in time. Who is found unwell while it is paused or being stopped
// is left alone, and looked at anew.
#pragma once

#include <signal.h>

#include <string>
#include <string_view>

#include "lib/loop.h"
#include "lib/settings.h"
#include "supervise/notify.h"
#include "supervise/program.h"

namespace svdir {

class ReadinessListener {
 public:
  virtual void service_ready() = 0;
  // True when it is being restarted for that; false when it is to be left alone for now.
  virtual bool service_unhealthy(std::string_view reason) = 0;
  // Its MAINPID, where there is one, is a process of the service's.
  virtual void service_says(const Notification& notification) = 0;
  virtual Program check_program() = 0;
  virtual const std::string& service_name() const = 0;

 protected:
  ~ReadinessListener() = default;
};

class Readiness {
 public:
  Readiness(ReadinessListener& listener, Loop& loop) : listener_(listener), loop_(loop) {}

  // Makes what run will tell through and hands it to `run`, the program about to be executed. `dir` is the service
  // directory, and the working directory.
  Result<void> prepare(const Settings& settings, int dir, Program& run);

  // The process `main` runs now: listen to it. Also for one that was adopted, with `ready` as its record has it.
  Result<void> watch(const Settings& settings, int dir, pid_t main, bool ready);
  // What was listened to is ready now: go on with the health checks.
  void became_ready();
  // Run has ended.
  void stop();
  void main_changed(pid_t main) { main_ = main; }
  // After supervise/ was given other modes: the service must still be able to reach its socket.
  void keep_reachable() const;

  // Across an upgrade: the notify socket, or -1; and before it, the end of a check, which nobody would look at.
  int socket() const { return settings_ != nullptr && settings_->ready == Ready::notify ? channel_.get() : -1; }
  void inherit(Fd socket) { channel_ = std::move(socket); }
  void abandon_check();

  // A child has ended and is not reaped yet: true, and reaped, when it was a check.
  bool take_ended_child(const siginfo_t& info);

 private:
  Result<void> open_fifo();
  Result<void> reopen_fifo();
  Result<void> open_socket();
  void listen(int fd, Callback on_readable);
  void on_fifo();
  void on_socket();
  void take_datagram(std::string_view text, pid_t sender);
  bool is_of_service(pid_t process) const;
  bool has_check() const;

  void check_after(Duration pause);
  void on_check_due();
  void on_check_overdue();
  void check_ended(bool well);
  void check_again();
  void found_unwell(std::string_view reason);
  void feed_watchdog();
  void on_watchdog();

  ReadinessListener& listener_;
  Loop& loop_;
  const Settings* settings_ = nullptr;
  int dir_ = -1;
  pid_t main_ = 0;
  bool ready_ = false;
  Fd channel_;  // our end of the FIFO, or the socket
  pid_t check_ = 0;
  bool abandoned_ = false;     // the present check is not about the present run
  bool said_trouble_ = false;  // that ./check cannot be run, once for each run
  Duration pause_{};           // between checks while starting
  unsigned failures_ = 0;
  Duration watchdog_{};
  Poll poll_;
  Timer check_timer_;  // the next check, or the end of the present one's time
  Timer watchdog_timer_;
};

}  // namespace svdir
