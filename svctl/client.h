// Commands out, state in: writes the command to every service at once, then watches all of them in one loop until
// each has shown the effect, has shown that there will be none, or its time is up.
//
// A command is never sent twice to the same supervisor, and never lost: it goes out in one write(2) together with a
// token; when the supervisor has been replaced before it acknowledged the token, command and token are sent again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/clock.h"
#include "lib/commands.h"
#include "svctl/change_watch.h"
#include "svctl/judge.h"
#include "svctl/service.h"

namespace svdir::svctl {

struct Task {
  const VerbRow* verb = nullptr;
  Goal goal = Goal::taken;
  std::string bytes;             // for a supervise of ours
  std::string runit_bytes;       // for others
  std::optional<Duration> wait;  // how long; not given: as long as the service may need
  bool no_wait = false;
  bool needs_process = false;  // it is a signal: nothing is sent where nothing runs
  bool patient = false;        // a supervisor that is not there may yet come
  int scan_directory = -1;  // open; where a svscan looks after it, a supervisor that is about to be started is awaited
  std::string prefix;       // of what is told: "enabled, "
  bool kill_at_last = false;  // when the time is up send KILL, and wait a little longer
  // Whether ./check must succeed, too: where the supervisor is not ours, which runs it itself if told to, or always.
  enum class Check : std::uint8_t { never, foreign, always } check = Check::foreign;
  Verdict (*beforehand)(const Question&, const View& before) = judge_beforehand;
  Verdict (*judge)(const Question&, const View& before, const View& now) = svdir::svctl::judge;
};

struct Job {
  Target target;
  View before;
  View now;
  Verdict verdict;
  Duration took{};      // 0: nothing was begun
  int write_error = 0;  // errno of the last write to the control FIFO that failed

  // The rest is the client's.
  ChangeWatch::Means watched = ChangeWatch::Means::none;
  Token token{};
  bool sent = false;
  bool is_orphaned = false;  // it has no supervisor, and one is awaited
  ProcessId sent_to;         // the supervisor
  Instant deadline;
  Instant alone_since;  // without a supervisor since
  pid_t check = 0;      // ./check, while it runs
  Instant check_until;
  Instant next_check;
  bool check_passed = false;
  bool killed = false;  // Task::kill_at_last has come true
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void on_done(const Job& job) = 0;                // once for each job, as they are done
  virtual void on_tick(const std::vector<Job>& jobs) = 0;  // now and then while there is something to wait for
};

class Client {
 public:
  Client(const Task& task, Listener& listener) : task_(task), listener_(listener) {}
  // The jobs in the order of the targets, all done.
  std::vector<Job> run(const std::vector<Target>& targets);

 private:
  void begin(Job& job, std::size_t key);
  bool may_begin(Job& job);
  Question question(bool acknowledged = false) const {
    return {task_.verb, task_.goal, acknowledged, task_.needs_process};
  }
  void await_supervisor(Job& job);
  bool awaits_supervisor(const Job& job) const;
  void examine(Job& job);
  void send(Job& job);
  void check_by_script(Job& job);
  void finish(Job& job, Verdict verdict);
  Duration pause(const std::vector<Job>& jobs) const;
  void give_up(Job& job);
  void tick(std::vector<Job>& jobs);
  void watch(Job& job, std::size_t key);
  bool wants_check_script(const Job& job) const;

  const Task& task_;
  Listener& listener_;
  std::optional<ChangeWatch> watch_;  // while it runs
  Instant start_;
  std::size_t pending_ = 0;
  std::size_t checks_running_ = 0;
};

// How long the command may take by the service's own settings: its stop ladder, its ready-timeout; at least 7 s.
Duration patience(Goal goal, const View& view);

}  // namespace svdir::svctl
