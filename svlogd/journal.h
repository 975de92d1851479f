// Exactly once: the bytes in hand and how far each output is, in a file that outlives us.
//
// DIR/.svlogd is mapped shared, so what is stored in it is in the kernel's page cache and there for the next svlogd
// when this one is killed, at whatever instruction. It holds one page of notes and the *window*: the bytes that were
// taken from standard input and that some output is not done with. Positions are counted in bytes of the stream, from
// the first one ever taken; the window holds [base, end).
//
// *Taking* bytes from a pipe must be one indivisible step: killed before it they are in the pipe, after it they are in
// the window, and the next svlogd must know which. Reading n bytes that are already there is one system call that
// reads all n or is not begun; whether it has happened is seen from what stands where the read puts its first bytes.
// So: learn n (FIONREAD), put there something else than what will come, note n and what was put, read. If the next
// svlogd finds it unchanged, the bytes are still in the pipe; else they are all in the window. Something else is 64
// random bits, new each time, which no 8 bytes of a log are by chance; for fewer than 8 bytes it is the complement of
// the first one, which tee(2) tells without taking it.
//
// *Writing* is repeatable: an output notes {position, length of its file, where in a line it is} after each write, and
// writes with pwrite(2) at the noted length. Killed between write and note, the next svlogd does the same work again
// from the noted position and writes the same bytes to the same place (the moment that stamps are made of is noted as
// well). A note is two slots and a counter that says which one holds, so it changes with one store.
//
// After a crash of the machine page cache and pipe are gone alike, and so the notes are void: they carry the boot id.
// Where standard input is no pipe, or the file cannot be made, bytes are taken by plain reading.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "svlogd/lines.h"

namespace svdir::svlogd {

// Says which output a note belongs to, across restarts.
struct OutputKey {
  std::uint64_t a = 0;  // of a directory: its device and inode
  std::uint64_t b = 0;
  bool operator==(const OutputKey&) const = default;
};

// How far an output is.
struct Progress {
  std::uint64_t done = 0;     // stream position
  std::uint64_t length = 0;   // of its file, bytes
  std::uint64_t inode = 0;    // of its file
  std::uint64_t dropped = 0;  // lines, since the disk became full and their number could be written
  LineState line{};
};

// What the file holds; only journal.cpp and its test look inside.
struct JournalNotes;

inline constexpr std::size_t kMostNotes = 32;

class Journal {
 public:
  enum class Taken { bytes, nothing, end, failed };

  Journal() = default;
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Opens or makes DIR/.svlogd. Notes of this boot are taken over, any others are forgotten. On an error an
  // unnamed journal in memory is used instead, which serves all the same but does not survive us.
  // `input` identifies standard input; a different one means that the line in hand will not be completed.
  Result<void> open(int directory, std::size_t head, std::uint64_t input_device, std::uint64_t input_inode);
  void open_in_memory(std::size_t head);

  // Takes what is there, at most `limit` bytes, and without waiting. After Taken::failed errno tells why.
  Taken take_from_pipe(int fd, std::size_t limit);
  Taken take_by_reading(int fd, std::size_t limit);

  std::string_view from(std::uint64_t position) const;  // [position, end)
  std::uint64_t begin() const;
  std::uint64_t end() const;
  bool is_worth_shrinking() const { return used_ > kWorthShrinking; }
  bool same_input() const { return same_input_; }  // as the svlogd before us
  bool is_named() const { return static_cast<bool>(fd_); }

  // The moment that stamps of the bytes in hand are made of. Set when nothing of an older moment is unfinished.
  Stamp moment() const;
  void set_moment(Stamp now);

  // The note of an output: found, or made anew to begin at `start`. nullptr when there is no more room for one.
  // `known` says which it was.
  struct Note;
  Note* note_for(OutputKey key, std::uint64_t start, bool& known);
  static Progress read(const Note& note);
  static void write(Note& note, const Progress& progress);

  // Says to whoever looks at the directory (lib/log_status.h) what is wrong; "": nothing any more.
  void set_trouble(std::string_view text);

  // Makes room in the window: everything before `position` is done with by all.
  void discard_before(std::uint64_t position);
  // Gives back the memory of a window in which there was much, and its place on the disk if it has grown.
  void shrink();
  // Nothing is in hand any more: leaves only the notes on the disk.
  void close_clean();

 private:
  static constexpr std::size_t kWorthShrinking = 16 * 1024;

  bool map(int flags, int fd);
  bool take_over();
  void start_anew(std::uint64_t device, std::uint64_t inode);
  void finish_taking();
  Taken look_at_first(int fd, unsigned char& first);
  void mark_place(std::string_view mark, std::size_t size);
  bool grow(std::size_t capacity);
  char* place(std::uint64_t position) const;
  std::size_t space() const;

  Fd fd_;
  Fd probe_[2];  // a private pipe, for looking at the first byte
  std::uint64_t random_ = 0;
  JournalNotes* notes_ = nullptr;
  char* window_ = nullptr;
  std::size_t mapped_ = 0;  // bytes of the window's mapping
  std::size_t small_ = 0;   // capacities of the window, bytes
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;  // the most that has been in the window since it was last shrunk
  bool same_input_ = false;
};

}  // namespace svdir::svlogd
