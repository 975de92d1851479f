// The processor of a log directory: one at a time, in the background, never in anybody's way.
//
// Files to be processed are those named @….u; the oldest comes first. `sh -c COMMAND` runs in the directory with the
// file as input, @….t as output, `state` readable as descriptor 4 and `newstate` writable as descriptor 5. When it has
// exited 0 the output becomes @….s, the input is deleted, and newstate becomes state. Otherwise the output is deleted
// and it is tried again, later each time. What a killed svlogd left behind is finished or begun again.
#pragma once

#include <string>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "svlogd/old_files.h"

namespace svdir::svlogd {

class Processor {
 public:
  // Starts on the oldest file if nothing runs and no delay is on. `path` names the directory in messages.
  void look(const OldFiles& files, int directory, const std::string& path, const std::string& command, bool verbose);
  // Settles what a predecessor left behind, once, when the directory has been opened.
  void settle(const OldFiles& files, int directory, const std::string& path);

  pid_t running() const { return pid_; }
  const std::string& file() const { return file_; }  // being processed; empty: none
  // The child has ended with this wait status.
  void on_end(int directory, const std::string& path, int status);
  Instant due() const { return due_; }  // after a failure: when look() may start again
  bool has_failed() const { return failures_ != 0; }

 private:
  Result<void> start(int directory, const std::string& input, const std::string& command);
  void fail();

  pid_t pid_ = 0;
  std::string file_;
  unsigned failures_ = 0;  // in a row
  Instant due_;
};

}  // namespace svdir::svlogd
