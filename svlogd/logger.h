// The edge: standard input, signals, timers and children on one side, outputs on the other.
//
// Each turn takes what standard input has (at most a window full), then brings every output up to it. While an output
// is blocked nothing is taken; the writers then wait when the pipe is full, and no line is lost.
#pragma once

#include <string>

#include "lib/loop.h"
#include "lib/signals.h"
#include "svlogd/journal.h"
#include "svlogd/options.h"
#include "svlogd/outputs.h"
#include "svlogd/stamp.h"
#include "svlogd/storm.h"

namespace svdir::svlogd {

class Logger {
 public:
  explicit Logger(const Options& options);

  Result<void> open();
  // Until standard input ends or TERM comes, and then until all is written and processed.
  Result<void> run();

 private:
  enum class Phase {
    settling,  // what a predecessor left in hand goes out before anything is taken
    reading,
    draining,   // TERM: what is in the pipe is still taken
    finishing,  // nothing is taken any more, the rest goes out
    waiting,    // for processors, and for servers that are slow
  };

  void on_input();
  bool goes_on(std::uint64_t taken);
  void on_signals();
  void on_due();

  Journal::Taken take();
  bool deliver();
  void advance();  // does what the phase asks for once everything in hand is delivered
  void finish();
  void wait_for_outputs();
  void hang_up();
  void listen(bool wanted);
  void set_timer();
  void be_idle();
  void grow_pipe(std::size_t taken);

  Journal journal_;
  Outputs outputs_;
  StampMaker stamps_;
  std::string stamp_;  // made of the journal's moment
  Phase phase_ = Phase::settling;
  Error failure_;
  bool is_pipe_ = false;
  bool is_pollable_ = true;  // not a regular file: those are always ready, and epoll refuses them
  int input_flags_ = 0;
  bool blocked_ = false;
  const bool needs_moment_;      // lines carry the time
  bool is_told_to_end_ = false;  // by TERM
  std::uint64_t left_to_drain_ = 0;
  Instant idle_at_;  // when a window that has grown is to shrink
  std::uint64_t idle_mark_ = 0;
  Instant timer_at_;
  std::size_t pipe_size_ = 0;
  Storm storm_;

  Signals signals_;
  Poll input_poll_;
  Poll signal_poll_;
  Timer timer_;
  Loop loop_;
};

}  // namespace svdir::svlogd
