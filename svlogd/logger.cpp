#include "svlogd/logger.h"

#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>

#include "lib/say.h"
#include "lib/system.h"

namespace svdir::svlogd {
namespace {

constexpr int kTurns = 32;                           // takings before signals are looked at again
constexpr std::uint64_t kSmallTurn = 8 * 1024;       // bytes
constexpr Duration kIdle = std::chrono::seconds(1);  // until memory is given back
constexpr std::size_t kUnlimited = ~std::size_t{0};
constexpr int kLargePipe = 1024 * 1024;
constexpr int kOrdinaryPipe = 64 * 1024;

}  // namespace

Logger::Logger(const Options& options)
    : outputs_(options),
      stamps_(options, outputs_.service()),
      needs_moment_(!stamps_.is_silent() ||
                    std::any_of(options.targets.begin(), options.targets.end(),
                                [](const Target& target) { return target.kind() == TargetKind::syslog; })) {}

Result<void> Logger::open() {
  if (auto opened = signals_.open({SIGTERM, SIGHUP, SIGALRM, SIGCHLD}); !opened) return opened;
  struct stat input{};
  ::fstat(STDIN_FILENO, &input);
  is_pipe_ = S_ISFIFO(input.st_mode);
  input_flags_ = ::fcntl(STDIN_FILENO, F_GETFL);
  const auto opened = outputs_.open(journal_, input.st_dev, input.st_ino);
  stamps_.make(journal_.moment(), stamp_);
  return opened;
}

Result<void> Logger::run() {
  if (const int failure =
          signal_poll_.start(loop_, signals_.fd(), Poll::For::reading, callback<&Logger::on_signals>(this));
      failure != 0) {
    errno = -failure;
    return system_error("unable to wait for signals");
  }
  advance();
  set_timer();
  loop_.run();
  if (input_flags_ >= 0) ::fcntl(STDIN_FILENO, F_SETFL, input_flags_);
  if (!failure_.what.empty()) return std::unexpected(failure_);
  return {};
}

// Standard input is waited for, or not.
void Logger::listen(bool wanted) {
  if (!is_pollable_) return;
  if (!wanted) return input_poll_.stop();
  if (input_poll_.is_running()) return;
  const int failure = input_poll_.start(loop_, STDIN_FILENO, Poll::For::reading, callback<&Logger::on_input>(this));
  if (failure != 0) is_pollable_ = false;
}

Journal::Taken Logger::take() {
  const std::size_t limit = phase_ == Phase::draining ? static_cast<std::size_t>(left_to_drain_) : kUnlimited;
  const std::uint64_t before = journal_.end();
  const auto taken =
      is_pipe_ ? journal_.take_from_pipe(STDIN_FILENO, limit) : journal_.take_by_reading(STDIN_FILENO, limit);
  const std::uint64_t count = journal_.end() - before;
  if (phase_ == Phase::draining) left_to_drain_ -= count;
  if (is_pipe_ && count >= pipe_size_) grow_pipe(count);
  if (taken == Journal::Taken::bytes && needs_moment_) {
    journal_.set_moment(wall_now());
    stamps_.make(journal_.moment(), stamp_);
  }
  return taken;
}

// A pipe found full means that its writers wait for us: a bigger one lets both work at the same time. Not given back
// while there is much to do; refused by the kernel when the user has too many of them, which is not looked at again.
void Logger::grow_pipe(std::size_t taken) {
  if (pipe_size_ == 0) pipe_size_ = static_cast<std::size_t>(::fcntl(STDIN_FILENO, F_GETPIPE_SZ));
  if (taken < pipe_size_ || pipe_size_ >= kLargePipe) return;
  const int size = ::fcntl(STDIN_FILENO, F_SETPIPE_SZ, kLargePipe);
  pipe_size_ = size > 0 ? static_cast<std::size_t>(size) : kUnlimited;
}

bool Logger::deliver() {
  const bool flush = phase_ == Phase::settling || phase_ == Phase::finishing;
  blocked_ = !outputs_.deliver({journal_, stamp_, flush});
  return !blocked_;
}

void Logger::on_input() {
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::uint64_t before = journal_.end();
    const auto taken = take();
    if (taken == Journal::Taken::bytes) {
      if (!deliver()) break;
      if (phase_ == Phase::reading && is_pollable_ && !goes_on(journal_.end() - before)) break;
      if (phase_ != Phase::draining || left_to_drain_ != 0) continue;
    }
    if (taken == Journal::Taken::failed) warn(system_error("unable to read standard input").error());
    if (taken == Journal::Taken::nothing && phase_ == Phase::reading) {
      storm_.is_over();
      break;
    }
    phase_ = Phase::finishing;
    break;
  }
  advance();
  set_timer();
}

// After a little there is mostly nothing; if there is, the loop calls us again. In a storm we wait a moment for more,
// and for signals.
bool Logger::goes_on(std::uint64_t taken) {
  const std::size_t room = pipe_size_ != 0 && pipe_size_ != kUnlimited ? pipe_size_ : kOrdinaryPipe;
  if (!is_pipe_ || !storm_.note(taken, room, monotonic_now())) return taken >= kSmallTurn;
  // advance() listens again. Meanwhile the kernel has nobody to tell of each write.
  input_poll_.stop();
  pollfd signals{signals_.fd(), POLLIN, 0};
  constexpr timespec kMoment{0, Storm::kMoment.count()};
  return ::ppoll(&signals, 1, &kMoment, nullptr) == 0;
}

void Logger::advance() {
  if (phase_ == Phase::settling) {
    // Where our predecessor's standard input was another one, its last line will not be completed.
    if (journal_.same_input()) phase_ = Phase::reading;
    if (deliver()) {
      if (phase_ == Phase::settling) outputs_.end_lines();
      phase_ = Phase::reading;
    }
  }
  if (phase_ == Phase::finishing) finish();
  const bool takes = !blocked_ && (phase_ == Phase::reading || phase_ == Phase::draining);
  listen(takes);
  if (takes && !is_pollable_) timer_at_ = {};
  if (phase_ == Phase::reading && journal_.is_worth_shrinking() && !idle_at_.is_set()) {
    idle_at_ = monotonic_now() + kIdle;
    idle_mark_ = journal_.end();
  }
}

void Logger::be_idle() {
  idle_at_ = {};
  if (journal_.end() != idle_mark_) return;  // advance() will look again
  journal_.shrink();
  release_line_buffer();
  if (pipe_size_ == kLargePipe && ::fcntl(STDIN_FILENO, F_SETPIPE_SZ, kOrdinaryPipe) > 0) pipe_size_ = kOrdinaryPipe;
}

void Logger::finish() {
  if (!deliver()) return;
  outputs_.close();
  journal_.close_clean();
  phase_ = Phase::waiting;
  wait_for_outputs();
}

void Logger::wait_for_outputs() {
  if (outputs_.are_finished(is_told_to_end_)) loop_.stop();
}

void Logger::on_signals() {
  while (const int signal = signals_.next()) {
    switch (signal) {
      case SIGCHLD: outputs_.reap(!is_told_to_end_); break;
      case SIGHUP: hang_up(); break;
      case SIGALRM: outputs_.ask_for_rotation(); break;
      case SIGTERM:
        if (phase_ == Phase::finishing || phase_ == Phase::waiting) {
          // Asked twice: what is not written stays in the journal, for the next svlogd.
          loop_.stop();
        } else if (phase_ == Phase::reading || phase_ == Phase::settling) {
          int waiting = 0;
          if (is_pipe_ && ::ioctl(STDIN_FILENO, FIONREAD, &waiting) != 0) waiting = 0;
          left_to_drain_ = static_cast<std::uint64_t>(waiting);
          is_told_to_end_ = true;
          phase_ = waiting > 0 ? Phase::draining : Phase::finishing;
        }
        break;
      default: break;
    }
  }
  if (phase_ == Phase::reading) deliver();  // rotations that were asked for
  if (phase_ == Phase::waiting) wait_for_outputs();
  advance();
  set_timer();
}

void Logger::hang_up() {
  if (phase_ == Phase::waiting) return;
  deliver();
  if (outputs_.hang_up(journal_)) return;
  failure_ = {"no functional log directories.", 0, Fault::user};
  loop_.stop();
}

void Logger::on_due() {
  timer_at_ = {};
  const Instant now = monotonic_now();
  if (idle_at_.is_set() && now >= idle_at_) be_idle();
  outputs_.on_due();
  if (phase_ == Phase::reading || phase_ == Phase::draining) deliver();
  if (!is_pollable_ && !blocked_ && (phase_ == Phase::reading || phase_ == Phase::draining)) return on_input();
  if (phase_ == Phase::waiting) wait_for_outputs();
  advance();
  set_timer();
}

void Logger::set_timer() {
  Instant next = idle_at_;
  const auto consider = [&](Instant when) {
    if (when.is_set() && (!next.is_set() || when < next)) next = when;
  };
  consider(outputs_.due());
  if (!is_pollable_ && !blocked_ && (phase_ == Phase::reading || phase_ == Phase::draining)) consider({1});
  if (next == timer_at_) return;
  timer_at_ = next;
  if (next.is_set())
    timer_.start(loop_, next, callback<&Logger::on_due>(this));
  else
    timer_.stop();
}

}  // namespace svdir::svlogd
