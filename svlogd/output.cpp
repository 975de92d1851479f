#include "svlogd/output.h"

#include <sys/mman.h>

namespace svdir::svlogd {
namespace {
alignas(4096) char line_buffer[kLineBuffer];
}

void release_line_buffer() {
  ::madvise(line_buffer, sizeof line_buffer, MADV_DONTNEED);
}

bool Output::attach(Journal& journal, OutputKey key, std::uint64_t start) {
  bool known = false;
  note_ = journal.note_for(key, start, known);
  progress_ = note_ != nullptr ? Journal::read(*note_) : Progress{.done = start};
  return known;
}

bool Output::end_line() {
  Progress now = progress_;
  now.line = {};
  note(now);
  return true;
}

void Output::note(const Progress& progress) {
  progress_ = progress;
  if (note_ != nullptr) Journal::write(*note_, progress);
}

bool Output::deliver(const Delivery& delivery) {
  stamp_ = delivery.stamp;
  for (;;) {
    const std::string_view input = delivery.journal.from(progress_.done);
    if (!make_room(false)) return false;
    if (input.empty()) return true;
    const Formatted made = format_lines(input, delivery.flush, progress_.line, rules_, room(), delivery.stamp,
                                        line_buffer, sizeof line_buffer);
    Progress after = progress_;
    after.done += made.consumed;
    after.length += made.bytes.size();
    after.line = made.state;
    if (!made.bytes.empty() && !write(made.bytes, after)) return false;
    if (made.consumed != 0) note(after);
    if (made.stop == Stop::full && !make_room(true)) return false;
    if (made.stop == Stop::input) return true;
  }
}

}  // namespace svdir::svlogd
