// From bytes that came in to bytes that go out: lines found, chosen, cleaned, stamped. Pure.
//
// A stream may be cut anywhere into calls: the outcome is the same, because what must be remembered between two calls
// is in LineState, and because a call leaves alone (does not consume) the beginning of a line that it cannot decide
// on yet. That is at most `head` bytes; so however long a line is, little of it waits.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "svlogd/match.h"
#include "svlogd/rotate.h"

namespace svdir::svlogd {

// Where in a line the next byte is.
struct LineState {
  bool mid_line = false;  // the beginning of this line has been dealt with
  bool selected = false;  // if so: whether it goes out

  bool operator==(const LineState&) const = default;
};

using ReplaceTable = std::array<char, 256>;

// Every byte below 32 or above 126, and those of `replaced`, become `replacement`; a newline never does.
ReplaceTable replace_table(char replacement, std::string_view replaced);

inline constexpr std::string_view kJsonEnd = "\"}\n";

// How the lines of one output are made. What is pointed to outlives the rules.
struct LineRules {
  std::string_view prefix;
  const ReplaceTable* replace = nullptr;  // nullptr: bytes pass as they are
  const PatternList* lines = nullptr;     // nullptr: all
  std::size_t head = 1000;                // bytes that patterns see
  bool stamped = false;
  bool json = false;       // the line becomes a JSON string; the stamp opens the object, and kJsonEnd closes it
  bool one_line = false;   // one line per call, for outputs that send lines (datagrams)
  bool head_only = false;  // longer lines are cut after `head` bytes, with "..." in place of the rest

  bool passes_everything() const {
    return prefix.empty() && replace == nullptr && !filters() && !stamped && !json && !one_line && !head_only;
  }
  bool filters() const { return lines != nullptr && !lines->selects_all(); }
  bool needs_head() const { return filters() || one_line || head_only; }
  std::string_view line_end() const { return json ? kJsonEnd : "\n"; }
};

enum class Stop {
  input,   // nothing more can be done with this input
  output,  // the buffer is full; or, with one_line, there is a line in it
  full,    // the file is full: rotate, then go on
};

struct Formatted {
  std::size_t consumed = 0;  // bytes of the input that are done with
  std::string_view bytes;    // what goes out for them: in the input itself, or in the buffer
  LineState state;
  Stop stop = Stop::input;
};

inline constexpr std::size_t kSmallestBuffer = 4096;  // of `buffer`; the prefix must fit as well

// `stamp` is put before each line if the rules say so. With `flush` no more input will come for the line at the end,
// so it is decided on as it is. `buffer` is where lines are put together that cannot go out as they came in.
Formatted format_lines(std::string_view input, bool flush, LineState state, const LineRules& rules, const Room& room,
                       std::string_view stamp, char* buffer, std::size_t buffer_size);

}  // namespace svdir::svlogd
