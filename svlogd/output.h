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
  std::string_view stamp;  // of the bytes in hand, with what follows it; empty where lines have none
  bool flush = false;      // a line without its end will not be completed: it goes out as it is
};

class Output {
 public:
  virtual ~Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Brings this output up to journal.end(), but for the beginning of a line that cannot be decided on yet. False when
  // blocked: then call again at due(), with the same journal.
  virtual bool deliver(const Delivery& delivery);
  // What is before this position in the stream is not needed here any more.
  virtual std::uint64_t done() const { return progress_.done; }
  // A line that was begun and will never be completed ends here. False when blocked.
  virtual bool end_line();

  // When this output wants on_due() (and deliver(), if it is blocked) to be called; unset: not at all.
  virtual Instant due() const { return due_; }
  virtual void on_due() {}

  // Everything has been delivered. True when this output has nothing more to do, or will not be waited for.
  virtual bool is_finished(bool is_told_to_end) {
    (void)is_told_to_end;
    return true;
  }
  // What is wrong, in a few words, "" if nothing is.
  virtual std::string trouble() const { return {}; }
  virtual bool is_in_trouble() const { return false; }

 protected:
  Output() = default;

  // Finds the note, or makes one that begins at `start`; true if there was one of this boot.
  bool attach(Journal& journal, OutputKey key, std::uint64_t start);
  void note(const Progress& progress);

  // Writes all of `bytes`, or says why not, sets due_ and returns false. `after` is what will be noted then; an output
  // that gives up on some of the bytes changes it.
  virtual bool write(std::string_view bytes, Progress& after) = 0;
  // Called before more is written, and (`must`) when a file has no room for what comes. False when blocked.
  virtual bool make_room(bool must) {
    (void)must;
    return true;
  }
  virtual Room room() const { return {}; }

  LineRules rules_;
  Progress progress_;
  Instant due_;
  std::string_view stamp_;  // while deliver() runs

 private:
  Journal::Note* note_ = nullptr;
};

// Lines are put together here by all outputs in turn; big enough for a head, a prefix and a stamp, and for the writes
// to be large.
inline constexpr std::size_t kLineBuffer = 256 * 1024;
// Gives the memory of the line buffer back to the kernel.
void release_line_buffer();

}  // namespace svdir::svlogd
