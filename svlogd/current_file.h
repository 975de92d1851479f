// The file that lines are appended to.
//
// The journal notes how long it is after each write. What is found beyond that length is the beginning of a write that
// was not noted, because the disk was full or we were killed; the same bytes come again then, and what is there of
// them is not written twice.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string_view>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"

namespace svdir::svlogd {

class CurrentFile {
 public:
  static constexpr char kName[] = "current";
  static constexpr mode_t kOpenMode = 0644;
  static constexpr mode_t kClosedMode = 0744;  // runit's sign that it was closed in order

  // Opens or makes it; `facts` are of the opened file.
  Result<void> open(int directory, struct stat& facts);
  bool is_open() const { return static_cast<bool>(fd_); }
  // So much of the file is noted; whatever follows is a write that was cut short.
  void set_noted(std::uint64_t length, std::uint64_t size) {
    noted_ = length;
    ahead_ = size - length;
  }

  // All of `bytes`, or false with errno; then the same bytes must come again, with perhaps more after them.
  bool append(std::string_view bytes);
  // The bytes that append() has failed on will not come again: the file is cut after the last whole line in it. Its
  // length then.
  std::uint64_t keep_whole_lines(std::string_view bytes);
  bool ends_with_newline() const;  // also when empty

  // Onto the disk, so that nobody waits long for it: not more than once a second (unless it `must`), and only files
  // of up to 16 MiB. What is skipped here the kernel writes by itself within seconds.
  bool sync(bool must);
  // Sets the mode of a file that is complete; false with errno.
  bool seal() const;
  void close() { fd_.reset(); }

 private:
  bool settle_ahead(std::string_view bytes);
  std::uint64_t end_of_last_line() const;

  Fd fd_;
  std::uint64_t noted_ = 0;
  std::uint64_t ahead_ = 0;
  Instant last_sync_ = monotonic_now();
};

}  // namespace svdir::svlogd
