#include "svlogd/json.h"

#include <algorithm>
#include <cstring>

namespace svdir::svlogd {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr std::string_view kReplacement = "\\ufffd";

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// Length of a character by its first byte; 0 for a byte that begins none.
std::size_t length_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

// Length of the character that `text` begins with, 0 if it is no UTF-8 (RFC 3629: shortest form, no surrogates).
std::size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = length_of(first);
  if (length < 2) return length;
  if (text.size() < length || !std::all_of(text.begin() + 1, text.begin() + static_cast<long>(length), is_continuation))
    return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  const bool is_bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return is_bad ? 0 : length;
}

// What one byte or character becomes: `put(bytes)`; how many bytes of `text` that was.
template <class Put>
std::size_t escape_one(std::string_view text, Put put) {
  const char c = text[0];
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80) {
    const std::size_t length = character(text);
    put(length == 0 ? kReplacement : text.substr(0, length));
    return length == 0 ? 1 : length;
  }
  if (byte >= 32 && c != '"' && c != '\\') {
    put(text.substr(0, 1));
  } else if (c == '\n') {
    put("\\n");
  } else if (c == '\t') {
    put("\\t");
  } else if (byte < 32) {
    const char escaped[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    put({escaped, sizeof escaped});
  } else {
    const char escaped[] = {'\\', c};
    put({escaped, sizeof escaped});
  }
  return 1;
}

template <class Put>
void escape(std::string_view text, Put put) {
  while (!text.empty()) text.remove_prefix(escape_one(text, put));
}

}  // namespace

std::size_t escape_json(std::string_view text, char* to) {
  const char* const begin = to;
  escape(text, [&](std::string_view bytes) {
    std::memcpy(to, bytes.data(), bytes.size());
    to += bytes.size();
  });
  return static_cast<std::size_t>(to - begin);
}

std::string escape_json(std::string_view text) {
  std::string escaped;
  escape(text, [&](std::string_view bytes) { escaped.append(bytes); });
  return escaped;
}

std::size_t escaped_size(std::string_view text) {
  std::size_t size = 0;
  escape(text, [&](std::string_view bytes) { size += bytes.size(); });
  return size;
}

std::size_t whole_characters(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const char c = text[text.size() - back];
    if (is_continuation(c)) continue;
    return length_of(static_cast<unsigned char>(c)) > back ? text.size() - back : text.size();
  }
  return text.size();
}

}  // namespace svdir::svlogd
