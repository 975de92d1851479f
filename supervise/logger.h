// A logger beside the service, and the pipe that leads to it.
//
// The pipe is a FIFO in the service's supervise/, so a new supervise or a new logger gets the same pipe back after a
// crash, with what is still in it. Three hold it open: the service for reading and writing (its pipe never breaks, and
// without a reader it only waits when the pipe is full), the logger for reading, and we for both, so that the logger
// sees no end of input between two runs of the service. An end of input is how the logger learns that all is over.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "supervise/unit.h"

namespace svdir {

class Logger {
 public:
  struct Layout {
    const char* directory;  // its service directory, below the service's
    const char* pipe;       // in the service's directory
  };
  static constexpr Layout kOutput{"log", file::kLogPipe};
  static constexpr Layout kErrors{"log/stderr", file::kErrorPipe};

  Logger(const Layout& layout, UnitHost& host, Loop& loop) : layout_(layout), host_(host), loop_(loop) {}

  // The descriptor of the lock that our predecessor handed over, or -1.
  void inherit_lock(int fd) { inherited_lock_ = fd; }

  // Takes the logger under supervision and starts it, unless that is done already: where there is a `run` in its
  // directory, or where `command` (a program's absolute path and its arguments, executed in the service directory) is
  // not empty; the directory is then made. A logger whose lock somebody else holds is left to him, with a warning.
  // An error is the system's, and worth another try.
  Result<void> take(const Unit& service, const std::vector<std::string>& command);

  bool is_here() const { return unit_ != nullptr; }
  bool is_missing() const { return is_missing_; }  // there ought to be one, but it could not be taken
  bool has_own_run() const { return has_own_run_; }
  // A new description of the pipe each time: a program that sets O_NONBLOCK on its standard output changes nobody
  // else's.
  Fd open_pipe(int flags) const;
  // Lets go of the pipe; when the service has done so too, the logger sees the end of its input, and leaves.
  void drain();

  bool has(const Unit& unit) const { return unit_.get() == &unit; }
  Unit& unit() { return *unit_; }  // when it is here
  const Unit& unit() const { return *unit_; }
  int pipe() const { return pipe_.get(); }

 private:
  const Layout layout_;
  UnitHost& host_;
  Loop& loop_;
  std::unique_ptr<Unit> unit_;  // on the heap: it is large, and most services have one logger at most
  Fd pipe_;
  int service_dir_ = -1;
  int inherited_lock_ = -1;
  bool is_missing_ = false;
  bool is_foreign_ = false;  // somebody else's; not tried again
  bool has_own_run_ = false;
};

}  // namespace svdir
