#include "lib/loop.h"

#include <cstdlib>

#include "lib/say.h"

namespace svdir {

Loop::Loop() {
  if (const int failure = uv_loop_init(&loop_); failure != 0) {
    say("fatal", {"unable to make an event loop: ", uv_strerror(failure)});
    std::_Exit(111);
  }
}

Loop::~Loop() {
  uv_walk(
      &loop_,
      [](uv_handle_t* handle, void*) {
        if (uv_is_closing(handle) == 0) uv_close(handle, nullptr);
      },
      nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop_) != 0) {
    uv_walk(
        &loop_,
        [](uv_handle_t* handle, void*) { say("bug", {"handle left open: ", uv_handle_type_name(handle->type)}); },
        nullptr);
    std::abort();
  }
}

void Loop::run() {
  uv_run(&loop_, UV_RUN_DEFAULT);
}
void Loop::stop() {
  uv_stop(&loop_);
}

void Timer::start(Loop& loop, Instant deadline, Callback on_due) {
  if (!open_) {
    uv_timer_init(loop.raw(), &handle_);
    handle_.data = this;
    open_ = true;
  }
  on_due_ = on_due;
  // Rounded up, so that the callback never sees a clock before its deadline; uv_now may be stale after a long turn.
  uv_update_time(loop.raw());
  const auto left = (deadline - monotonic_now()).count();
  const std::uint64_t milliseconds = left <= 0 ? 0 : static_cast<std::uint64_t>((left + 999'999) / 1'000'000);
  uv_timer_start(&handle_, [](uv_timer_t* handle) { static_cast<Timer*>(handle->data)->on_due_(); }, milliseconds, 0);
}

void Timer::stop() {
  if (open_) uv_timer_stop(&handle_);
}

struct PollAccess {
  static void ready(uv_poll_t* handle, int, int) {
    const auto* self = static_cast<Poll*>(handle->data);
    if (self->running_) self->on_ready_();
  }
  static void closed(uv_handle_t* handle) {
    auto* self = static_cast<Poll*>(handle->data);
    for (auto& half : self->halves_)
      if (reinterpret_cast<uv_handle_t*>(&half.handle) == handle) half.open = half.closing = false;
  }
};

int Poll::start(Loop& loop, int fd, For what, Callback on_ready) {
  stop();
  Half* half = &halves_[current_];
  if (half->open && half->fd != fd && !half->closing) {
    half->closing = true;
    uv_close(reinterpret_cast<uv_handle_t*>(&half->handle), &PollAccess::closed);
  }
  if (half->closing) half = &halves_[current_ = 1 - current_];
  if (half->closing) return UV_EBUSY;
  if (!half->open) {
    if (const int failure = uv_poll_init(loop.raw(), &half->handle, fd); failure != 0) return failure;
    half->handle.data = this;
    half->fd = fd;
    half->open = true;
  }
  on_ready_ = on_ready;
  running_ = true;
  return uv_poll_start(&half->handle, what == For::reading ? UV_READABLE : UV_WRITABLE, &PollAccess::ready);
}

void Poll::stop() {
  if (!running_) return;
  running_ = false;
  uv_poll_stop(&halves_[current_].handle);
}

int DirectoryWatch::start(Loop& loop, const char* path, Callback on_change) {
  if (!open_) {
    uv_fs_event_init(loop.raw(), &handle_);
    handle_.data = this;
    open_ = true;
  }
  on_change_ = on_change;
  uv_fs_event_stop(&handle_);
  return uv_fs_event_start(
      &handle_,
      [](uv_fs_event_t* handle, const char*, int, int) { static_cast<DirectoryWatch*>(handle->data)->on_change_(); },
      path, 0);
}

void DirectoryWatch::stop() {
  if (open_) uv_fs_event_stop(&handle_);
}

}  // namespace svdir
