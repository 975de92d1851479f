// Reading a log directory (svlogd's, multilog's): its last lines, its lines since a moment, and what comes next.
//
// The stream of a log is its old files in the order of their names, then `current`. Files are read backwards in
// blocks, so the cost is that of what is asked for, not of what is there. A file that a processor has compressed ends
// the way back: what is older is not shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"

namespace svdir {

// The moment in front of a line: a TAI64N label, "2026-11-20_10:15:30.12345" or the same with 'T' (both UTC).
// False if there is none.
bool read_line_stamp(std::string_view line, Stamp& into);

class LogTail {
 public:
  // A directory with a file `current`; ENOENT if there is none.
  static Result<LogTail> open(const std::string& path);

  // The last `count` complete lines, oldest first, each with its newline. Following goes on behind them.
  Result<std::string> last(std::size_t count);

  // The lines from `since` on, at most `limit` bytes (the newest are kept). Needs stamped lines; of lines without
  // stamps all those are given that stand in files which were rotated after `since`. Following goes on behind them.
  Result<std::string> since(Stamp since, std::size_t limit = 64 * 1024 * 1024);

  // The complete lines that have come since the last call of any of these functions, also when the log has been
  // rotated in between; "" when there are none. Never waits: watch the directory (DirectoryWatch) for changes.
  Result<std::string> more();

  // The bytes of a line that is not complete yet, as of the last call.
  const std::string& unfinished() const { return unfinished_; }

 private:
  struct File {
    std::string name;
    Fd fd;
    std::uint64_t size = 0;
  };
  // All that is there at one moment.
  struct Snapshot {
    std::vector<std::string> old_names;  // sorted
    bool has_current = false;            // not so for an instant of each rotation
    File current;
  };
  Result<Snapshot> look() const;
  Result<std::vector<std::string>> old_names() const;
  bool open_file(const std::string& name, File& into) const;
  std::vector<File> open_all(Snapshot& now);  // newest first; following goes on behind them
  void follow(Snapshot now);
  Result<void> read_on(std::string& into);

  Fd directory_;
  Fd current_;                // the file that was `current` when last looked at
  std::uint64_t offset_ = 0;  // in it: what has been given out or stands in unfinished_
  std::string newest_old_;    // the newest old file at that time
  std::string unfinished_;
};

}  // namespace svdir
