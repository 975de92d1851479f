// Taking bytes from standard input into the window, in a step of which a successor can tell whether it has happened.
#include <sys/ioctl.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>

#include "lib/system.h"
#include "svlogd/journal_notes.h"

namespace svdir::svlogd {

void Journal::finish_taking() {
  if (notes_->take_from != notes_->end) return;
  const std::uint64_t size = notes_->take_size;
  const std::uint64_t marked = notes_->mark_size;
  const bool is_sound = size <= space() && marked != 0 && marked <= size && marked <= sizeof notes_->mark;
  const bool has_happened = is_sound && std::memcmp(place(notes_->end), notes_->mark, marked) != 0;
  if (has_happened) store(notes_->end, notes_->end + size);
  store(notes_->take_from, kNotTaking);
}

// The first byte in the pipe, which stays there. Taken::bytes if there is one.
Journal::Taken Journal::look_at_first(int fd, unsigned char& first) {
  if (!probe_[0]) {
    int ends[2];
    if (sys::pipe2(ends, 0) != 0) return Taken::failed;
    probe_[0].reset(ends[0]);
    probe_[1].reset(ends[1]);
  }
  const ssize_t seen = sys::tee(fd, probe_[1].get(), 1, SPLICE_F_NONBLOCK);
  if (seen == 0) return Taken::end;
  if (seen < 0) return errno == EAGAIN || errno == EINTR ? Taken::nothing : Taken::failed;
  if (sys::read(probe_[0].get(), &first, 1) == 1) return Taken::bytes;
  probe_[0].reset();  // whatever is in it must not be taken for the next first byte
  probe_[1].reset();
  return errno == EINTR ? Taken::nothing : Taken::failed;
}

// From here on until `end` moves, a successor finds out by the mark whether `size` bytes have been read.
void Journal::mark_place(std::string_view mark, std::size_t size) {
  std::memcpy(notes_->mark, mark.data(), mark.size());
  std::memcpy(place(notes_->end), mark.data(), mark.size());
  notes_->mark_size = mark.size();
  notes_->take_size = size;
  store(notes_->take_from, notes_->end);
}

Journal::Taken Journal::take_from_pipe(int fd, std::size_t limit) {
  int waiting = 0;
  if (::ioctl(fd, FIONREAD, &waiting) != 0) return Taken::failed;
  std::size_t size = std::min(static_cast<std::size_t>(waiting), limit);
  if (size > space() && capacity_ < kLargeWindow) grow(kLargeWindow);
  size = std::min(size, space());
  if (size < sizeof notes_->mark) {
    unsigned char first = 0;
    if (const Taken seen = look_at_first(fd, first); seen != Taken::bytes) return seen;
    if (size == 0) return Taken::nothing;
    const char other = static_cast<char>(~first);
    mark_place({&other, 1}, size);
  } else {
    if (random_ == 0 && ::getrandom(&random_, sizeof random_, 0) != sizeof random_) random_ = 1;
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX: all 64-bit values in turn
    mark_place({reinterpret_cast<const char*>(&random_), sizeof random_}, size);
  }
  const ssize_t got = sys::read(fd, place(notes_->end), size);
  if (got <= 0) {
    const int failure = errno;
    store(notes_->take_from, kNotTaking);
    errno = failure;
    if (got == 0) return Taken::end;
    return failure == EAGAIN || failure == EINTR ? Taken::nothing : Taken::failed;
  }
  store(notes_->end, notes_->end + static_cast<std::uint64_t>(got));
  used_ = std::max(used_, static_cast<std::size_t>(notes_->end - notes_->base));
  return Taken::bytes;
}

Journal::Taken Journal::take_by_reading(int fd, std::size_t limit) {
  if (capacity_ < kLargeWindow && space() < capacity_) grow(kLargeWindow);
  const std::size_t size = std::min(space(), limit);
  if (size == 0) return Taken::nothing;
  const ssize_t got = sys::read(fd, place(notes_->end), size);
  if (got == 0) return Taken::end;
  if (got < 0) return errno == EAGAIN || errno == EINTR ? Taken::nothing : Taken::failed;
  store(notes_->end, notes_->end + static_cast<std::uint64_t>(got));
  used_ = std::max(used_, static_cast<std::size_t>(notes_->end - notes_->base));
  return Taken::bytes;
}

}  // namespace svdir::svlogd
