// The event loop: the only place that knows libuv.
//
// Lifetime: handles are members of the object that uses them, and the Loop is that object's *last* member, hence the
// first to be destroyed. Its destructor closes every handle that is still open, runs the loop until the closings are
// through, and aborts if something is left, naming it. After that the handles' memory may go. A handle closed early
// (`stop`) stays in memory and may be started again.
//
// No heap, no std::function: a callback is a member function bound to its object, `callback<&Owner::method>(this)`.
//
// Traps of libuv 1.44, met and avoided: uv_poll refuses regular files (read those plainly); a FIFO polled for reading
// without a writer of our own spins (hold it open for both); uv_signal coalesces and fires in children that have not
// reset their handlers (we poll a signalfd, see signals.h); uv_spawn does not reap orphans (see spawn.h).
#pragma once

#include <uv.h>

#include "lib/clock.h"

namespace svdir {

struct Callback {
  void (*function)(void* owner) = nullptr;
  void* owner = nullptr;

  void operator()() const { function(owner); }
};

namespace detail {
template <class Method>
struct MethodOwner;
template <class Class>
struct MethodOwner<void (Class::*)()> {
  using Type = Class;
};
}  // namespace detail

template <auto kMethod>
Callback callback(typename detail::MethodOwner<decltype(kMethod)>::Type* owner) {
  using Owner = typename detail::MethodOwner<decltype(kMethod)>::Type;
  return {[](void* self) { (static_cast<Owner*>(self)->*kMethod)(); }, owner};
}

class Loop {
 public:
  Loop();  // aborts the program when the kernel gives no descriptors for it
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();   // until stop()
  void stop();  // from within a callback

  uv_loop_t* raw() { return &loop_; }

 private:
  uv_loop_t loop_;
};

// Calls back once, at or after a deadline.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Replaces any earlier deadline. A deadline in the past fires in the next turn of the loop.
  void start(Loop& loop, Instant deadline, Callback on_due);
  void stop();

 private:
  uv_timer_t handle_;
  Callback on_due_;
  bool open_ = false;
};

// Calls back whenever a descriptor is readable (or writable). Does not own the descriptor; stop before closing it.
// Sets O_NONBLOCK on it.
class Poll {
 public:
  Poll() = default;
  Poll(const Poll&) = delete;
  Poll& operator=(const Poll&) = delete;

  enum class For { reading, writing };

  // 0, or a negative errno: EPERM for a regular file, ENOSPC when the user's epoll watches are used up, EBUSY when a
  // third descriptor is polled within one turn of the loop.
  int start(Loop& loop, int fd, For what, Callback on_ready);
  void stop();
  bool is_running() const { return running_; }

 private:
  // A uv_poll_t stays with its descriptor for life, and closing it takes a turn of the loop; so that polling another
  // descriptor works at once, two handles take turns.
  struct Half {
    uv_poll_t handle;
    int fd = -1;
    bool open = false;
    bool closing = false;
  };
  Half halves_[2];
  int current_ = 0;
  Callback on_ready_;
  bool running_ = false;
  friend struct PollAccess;
};

// Calls back when an entry of a directory was made, removed or renamed (inotify).
class DirectoryWatch {
 public:
  DirectoryWatch() = default;
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  // 0, or a negative errno: EMFILE when the user's inotify instances are used up.
  int start(Loop& loop, const char* path, Callback on_change);
  void stop();
  bool is_running() const { return open_; }

 private:
  uv_fs_event_t handle_;
  Callback on_change_;
  bool open_ = false;
};

}  // namespace svdir
