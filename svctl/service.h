// One service as a client sees it: where it is, and what one look at its files has shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/status.h"

namespace svdir::svctl {

// A service somebody named. `path` is looked up relative to the descriptor `at`.
struct Target {
  std::string name;  // as shown to the person
  std::string path;  // of the service directory
  int at = -100;     // AT_FDCWD, or the scan directory

  std::string instance_of = {};    // the service that was named, of which this is one instance
  std::string hint = {};           // where there is no such service: what to do about it
  bool in_scan_directory = false;  // so that a svscan may start a supervise for it
  bool is_made_by_svscan = false;  // its directory is: that of a bare executable file or of an instance
};

struct View {
  enum class Supervisor : std::uint8_t {
    running,
    gone,     // it was there once
    never,    // supervise/ has never been made
    unknown,  // we may not look
  };
  // Where `record` comes from: from `state`, or as much of it as `status` tells (a genuine runsv or daemontools'
  // supervise: no counters, no reasons, no acknowledgements), or from nowhere.
  enum class Source : std::uint8_t { nothing, status, state };

  bool exists = false;  // the service directory is there
  Supervisor supervisor = Supervisor::never;
  Source source = Source::nothing;
  bool normally_down = false;  // it has a `down` file
  StateRecord record;
  bool is_new = false;  // the supervisor is there, but has written nothing yet
  // Why nothing, or not everything, is known: one line, or "".
  std::string trouble;

  bool is_supervised() const { return supervisor == Supervisor::running; }
  bool is_known() const { return source != Source::nothing; }
  bool is_precise() const { return source == Source::state; }
  // Something of the service runs: run, finish, or leftovers of its group.
  bool is_running() const { return record.main.pid != 0; }
};

// One look. Never blocks, changes nothing, never fails: what is wrong is in `trouble`.
View look(const Target& target);

// A svscan, if one looks after the scan directory, is about to start the first supervise of the service.
bool may_yet_be_supervised(const Target& target, const View& view);

// False while `state` is ahead of `status`: a process is recorded there before it executes run, which may still fail.
bool is_published(const Target& target, const View& view);

// The service's logger, log/, and the one of its standard error, log/stderr/, as targets of their own.
Target logger_of(const Target& target);
Target error_logger_of(const Target& target);
// Whether it is there and ever was supervised.
bool has_logger(const Target& target);
bool has_error_logger(const Target& target);

// The target may be a logger itself, NAME/log or NAME/log/stderr: of what, and of which service. Any other target is
// its own service.
enum class Stream : std::uint8_t { none, output, errors };
Stream stream_of(const Target& target);
Target service_of_logger(const Target& target);

// What `status` tells, put as a record.
StateRecord record_from(const RunitStatus& status);

// Writes `bytes` to the control FIFO, in one piece and without waiting. ENXIO: no supervisor has it open; ENOENT:
// there is none; EACCES; EAGAIN: it is full; EINVAL: what is there is no FIFO.
Result<void> write_control(const Target& target, std::string_view bytes);

// The service directory's path for calls that take no descriptor.
std::string plain_path(const Target& target);

// The service directory as a descriptor.
Result<Fd> open_service(const Target& target);

}  // namespace svdir::svctl
