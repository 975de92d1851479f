// runsvdir's `log` argument: the last characters written to standard error, by us and by all below us, stand in our
// argument list, where ps(1) shows them. After readproctitle of daemontools.
//
// The first kFixed characters of the argument stay ("log: "); the rest moves to the left as new characters come in,
// with '.' for what is not printable. A dot is added every 15 minutes, so that old messages go away in time.
#pragma once

#include <cstddef>
#include <string_view>

#include "lib/fd.h"
#include "lib/loop.h"

namespace svdir::svscan {

class TitleLog {
 public:
  // Standard error becomes a pipe to us. `title` is the argument itself, at least kShortestTitle bytes; it lives on.
  // False when there is no pipe to be had; then nothing has changed.
  bool start(Loop& loop, char* title);

  static constexpr std::size_t kFixed = 5;
  // Moves `text` into the window. Pure but for the window.
  static void push(char* title, std::size_t size, std::string_view text);

 private:
  void on_text();
  void on_quarter();

  Fd pipe_;
  char* title_ = nullptr;
  std::size_t size_ = 0;
  Poll poll_;
  Timer quarter_;
  Loop* loop_ = nullptr;
};

}  // namespace svdir::svscan
