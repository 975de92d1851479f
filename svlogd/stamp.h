// The time in front of a line. Pure.
#pragma once

#include <array>
#include <string_view>

#include "lib/clock.h"
#include "svlogd/options.h"

namespace svdir::svlogd {

// The text of one moment, with the space after it; made once for all lines that arrived together.
class StampText {
 public:
  StampText() = default;
  StampText(StampKind kind, Stamp stamp);

  operator std::string_view() const { return {text_.data(), length_}; }

 private:
  std::array<char, 64> text_;
  std::size_t length_ = 0;
};

}  // namespace svdir::svlogd
