#include "svscan/title_log.h"

#include <algorithm>
#include <cstring>

#include "lib/system.h"

namespace svdir::svscan {
namespace {
constexpr Duration kQuarter = std::chrono::minutes(15);
}

bool TitleLog::start(Loop& loop, char* title) {
  int ends[2];
  if (sys::pipe2(ends, 0) != 0) return false;
  pipe_.reset(ends[0]);
  Fd write_end(ends[1]);
  if (::dup2(write_end.get(), STDERR_FILENO) < 0) return false;
  title_ = title;
  size_ = std::strlen(title);
  loop_ = &loop;
  poll_.start(loop, pipe_.get(), Poll::For::reading, callback<&TitleLog::on_text>(this));
  quarter_.start(loop, monotonic_now() + kQuarter, callback<&TitleLog::on_quarter>(this));
  return true;
}

void TitleLog::push(char* title, std::size_t size, std::string_view text) {
  char* window = title + kFixed;
  const std::size_t width = size - kFixed;
  if (text.size() > width) text.remove_prefix(text.size() - width);
  std::memmove(window, window + text.size(), width - text.size());
  std::transform(text.begin(), text.end(), window + width - text.size(),
                 [](char c) { return c < 32 || c > 126 ? '.' : c; });
}

void TitleLog::on_text() {
  char text[512];
  const ssize_t length = sys::read(pipe_.get(), text, sizeof text);
  if (length > 0) push(title_, size_, {text, static_cast<std::size_t>(length)});
}

void TitleLog::on_quarter() {
  push(title_, size_, ".");
  quarter_.start(*loop_, monotonic_now() + kQuarter, callback<&TitleLog::on_quarter>(this));
}

}  // namespace svdir::svscan
