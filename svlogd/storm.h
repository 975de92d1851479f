// Many small writes in a row: when it is worth waiting a moment so that one taking serves many of them, as network
// cards gather interrupts. Pure.
//
// Lines that come one by one are taken at once; a storm is when takings follow each other so fast that most of the
// time goes into being woken. The moment is short against the millisecond in which a line is to be readable, and in it
// no more may come than half of what the pipe holds, so that nobody who writes has to wait.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/clock.h"

namespace svdir::svlogd {

class Storm {
 public:
  // How long to wait; the kernel makes about twice as much of it (its timer slack).
  static constexpr Duration kMoment = std::chrono::microseconds(50);

  // To be told of each taking. True when the next one should wait for a moment. `room` is the size of the pipe in
  // bytes.
  bool note(std::uint64_t bytes, std::size_t room, Instant now);
  // Nothing came in that moment.
  void is_over() { *this = {}; }

 private:
  Instant began_;
  unsigned takings_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t average_before_ = 0;  // bytes in a taking, when the storm began
  bool rages_ = false;
};

}  // namespace svdir::svlogd
