// lib/loop.h over the kernel in the box: callbacks one at a time, deadlines first, then descriptors in an order drawn
// by lot, and when there is nothing to do the world goes on.
#include "lib/loop.h"

#include <algorithm>
#include <vector>

#include "tests/simulation/kernel.h"

namespace svdir {
namespace {

struct WaitingTimer {
  const Loop* loop;
  const Timer* timer;
  Instant deadline;
  Callback due;
};
struct WaitingPoll {
  const Loop* loop;
  const Poll* poll;
  int fd;
  Callback ready;
};
std::vector<WaitingTimer> timers;
std::vector<WaitingPoll> polls;
const Loop* stopped = nullptr;

bool is_readable(int fd) {
  using sim::Description;
  const Description* of = sim::kernel->description(fd);
  if (of == nullptr) {
    sim::kernel->fate().breach("it polls a descriptor that is closed");
    return false;
  }
  if (of->kind == Description::Kind::signals) return !sim::kernel->image->pending_signals.empty();
  if (of->kind == Description::Kind::inode) return !of->inode->bytes.empty();
  const sim::Process* process = sim::kernel->find(of->pid);
  return process == nullptr || process->ticks != of->offset || process->zombie;
}

bool call_back() {
  const auto first = std::min_element(timers.begin(), timers.end(),
                                      [](const auto& a, const auto& b) { return a.deadline < b.deadline; });
  if (first != timers.end() && first->deadline <= sim::kernel->now) {
    const Callback due = first->due;
    timers.erase(first);
    due();
    return true;
  }
  for (std::size_t i = 0; i < polls.size(); ++i) {
    const WaitingPoll& each = polls[(i + sim::kernel->turns) % polls.size()];
    if (!is_readable(each.fd)) continue;
    const Callback ready = each.ready;
    ++sim::kernel->turns;
    ready();
    return true;
  }
  return false;
}

Instant next_deadline() {
  Instant next{};
  for (const WaitingTimer& each : timers)
    if (!next.is_set() || each.deadline < next) next = each.deadline;
  return next;
}

}  // namespace

Loop::Loop() : loop_() {
  if (stopped == this) stopped = nullptr;  // an earlier one in the same place
}
Loop::~Loop() {
  std::erase_if(timers, [&](const auto& each) { return each.loop == this; });
  std::erase_if(polls, [&](const auto& each) { return each.loop == this; });
}

void Loop::run() {
  while (stopped != this)  // it may have been stopped before it runs
    if (!call_back()) sim::kernel->fate().idle(next_deadline());
}
void Loop::stop() {
  stopped = this;
}

void Timer::start(Loop& loop, Instant deadline, Callback on_due) {
  stop();
  open_ = true;
  on_due_ = on_due;
  // libuv counts whole milliseconds.
  const auto left = std::max<std::int64_t>((deadline - sim::kernel->now).count(), 0);
  timers.push_back({&loop, this, sim::kernel->now + Duration((left + 999'999) / 1'000'000 * 1'000'000), on_due});
}
void Timer::stop() {
  if (open_) std::erase_if(timers, [&](const auto& each) { return each.timer == this; });
}

int Poll::start(Loop& loop, int fd, For, Callback on_ready) {
  stop();
  on_ready_ = on_ready;
  running_ = true;
  polls.push_back({&loop, this, fd, on_ready});
  return 0;
}
void Poll::stop() {
  if (running_) std::erase_if(polls, [&](const auto& each) { return each.poll == this; });
  running_ = false;
}

int DirectoryWatch::start(Loop&, const char*, Callback) {
  return 0;
}
void DirectoryWatch::stop() {}

}  // namespace svdir
