// `--prefix`: what services without a logger write, line by line, with "NAME: " before each.
//
// Each such service writes into a FIFO of its own, DIR/.svdir/.output/NAME. It has a name so that the next svscan gets
// the same one back, and it is given to the service open for both ways, so that it never lacks a reader (no SIGPIPE
// while svscan is away). Nothing is read while standard output does not take any more: then the services wait, not
// svscan. A line longer than kLongestPiece is written in pieces, with the prefix before the first only.
#pragma once

#include <string>
#include <unordered_map>

#include "lib/fd.h"
#include "svscan/holders.h"
#include "svscan/roster.h"

namespace svdir::svscan {

class Outputs {
 public:
  Result<void> open(int work);
  // Readable when some service has written.
  int fd() const { return bells_.fd(); }

  // From now on the service's FIFO is read. False when it cannot be had; a warning has been said.
  bool attach(const Service& service, Slot slot);
  // For the service's standard output; -1 when it is not attached.
  Fd open_for_child(Slot slot) const;
  void release(Slot slot);
  // What the service writes has this before it; to be called when its name changes.
  void rename(const Service& service, Slot slot);

  // Passes on what there is. False when standard output takes no more: then call again in a while.
  bool pass_on();
  // Passes on all that is left, at the end, without waiting for anybody.
  void flush();

 private:
  static constexpr std::size_t kLongestPiece = 4096;  // PIPE_BUF: a pipe that polls writable takes as much at once
  struct Output {
    Fd fifo;
    std::string file;        // name of the FIFO
    std::string prefix;      // "NAME: "
    std::string line;        // begun, not ended
    bool continues = false;  // pieces of the present line have been written already
  };
  bool pass_on(Output& output);
  void write_piece(Output& output, std::string_view piece, bool is_end);

  Fd directory_;
  Bells bells_;
  std::unordered_map<Slot, Output> outputs_;
};

}  // namespace svdir::svscan
