// Watches services for changes, each by the best means there is. For a few that is a FIFO in supervise/event/; for
// many, and with a genuine runsv, inotify on supervise/, one instance for all of them: but when that is closed the
// kernel lets us wait for up to 20 ms. Where neither is to be had, a look every 10 ms.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string_view>
#include <vector>

#include "lib/events.h"
#include "lib/fd.h"

namespace svdir::svctl {

class ChangeWatch {
 public:
  enum class Means : std::uint8_t { none, inotify, fifo, polling };

  // `services` is how many are to be watched, about.
  explicit ChangeWatch(std::size_t services);

  // `key` comes back from wait(). `service_dir` is used only during the call. `polling` where the service cannot be
  // watched (no right to, or supervise/ is not there yet); it may be added again.
  Means add(int service_dir, std::size_t key);
  // The supervisor's end is a change, too: of process `supervisor`, or, where that is not known (0), of whoever closes
  // the reading end of supervise/ok. After add().
  void watch_end(int service_dir, std::size_t key, pid_t supervisor);
  void remove(std::size_t key);

  // Waits at most `milliseconds` for something to change. The keys concerned, each once; none on a time-out.
  // Services that can only be polled are reported every time.
  const std::vector<std::size_t>& wait(int milliseconds);

 private:
  struct Entry {
    Means means = Means::none;
    int watch = -1;
    EventFifo fifo;
    Fd supervisor;  // pidfd
    bool reported = false;
  };

  bool add_inotify(int service_dir, std::size_t key, std::uint32_t mask);
  bool add_fifo(int service_dir, std::size_t key);
  void read_inotify();
  void report(std::size_t key);

  const bool are_few_;
  Fd epoll_;
  Fd inotify_;                 // made when it is needed
  std::deque<Entry> entries_;  // by key
  std::map<int, std::size_t> key_of_watch_;
  std::size_t polled_ = 0;
  std::vector<std::size_t> changed_;
};

}  // namespace svdir::svctl
