// Text inside a JSON string (RFC 8259). Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace svdir::svlogd {

// No byte becomes longer than this.
inline constexpr std::size_t kLongestEscape = 6;

// Writes `text` to `to` (which has room for kLongestEscape times as much): quotes, backslashes and control characters
// escaped, bytes that are no UTF-8 as U+FFFD. The number of bytes written.
std::size_t escape_json(std::string_view text, char* to);
std::string escape_json(std::string_view text);
std::size_t escaped_size(std::string_view text);

// How much of `text` can be escaped now, if more of the same line will follow: an unfinished character at its end
// (up to 3 bytes) has to wait.
std::size_t whole_characters(std::string_view text);

}  // namespace svdir::svlogd
