// Where lines go: what all outputs have in common.
//
// An output follows the stream at its own pace: it knows how far it is (Progress, noted in the journal), makes lines
// from what is there by its own rules, and writes them. One that cannot go on is *blocked*; nothing more is taken
// from standard input until it can, and it says when it wants to be asked again.
#pragma once

#include <string>

#include "lib/clock.h"
#include "svlogd/journal.h"
#include "svlogd/lines.h"

namespace svdir::svlogd {

// What all outputs of this svlogd are given.
struct Delivery {
  Journal& journal;
  std::string_view stamp;  // of the bytes in hand, with the space after it; empty without -t
  bool flush = false;      // a line without its end will not be completed: it goes out as it is
};

class Output {
 public:
  virtual ~Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Brings this output up to journal.end(), but for the beginning of a line that cannot be decided on yet. False when
  // blocked: then call again at due(), with the same journal.
  bool deliver(const Delivery& delivery);
  std::uint64_t done() const { return progress_.done; }
  // A line that was begun and will never be completed ends here. False when blocked.
  virtual bool end_line();
  // When this output wants on_due() (and deliver(), if it is blocked) to be called; unset: not at all.
  virtual Instant due() const { return due_; }

 protected:
  Output() = default;

  // Finds the note, or makes one that begins at `start`; true if there was one of this boot.
  bool attach(Journal& journal, OutputKey key, std::uint64_t start);
  void note(const Progress& progress);

  // Writes all of `bytes`, or says why not, sets due_ and returns false.
  virtual bool write(std::string_view bytes) = 0;
  // Called before more is written, and (`must`) when a file has no room for what comes. False when blocked.
  virtual bool make_room(bool must) = 0;
  virtual Room room() const { return {}; }

  LineRules rules_;
  Progress progress_;
  Instant due_;

 private:
  Journal::Note* note_ = nullptr;
};

// Lines are put together here by all outputs in turn; big enough for a head, a prefix and a stamp, and for the writes
// to be large.
inline constexpr std::size_t kLineBuffer = 256 * 1024;
// Gives the memory of the line buffer back to the kernel.
void release_line_buffer();

}  // namespace svdir::svlogd
