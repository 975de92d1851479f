// The notations of values that people write in settings and options: durations, sizes, signals, numbers, lists.
//
// Pure: text in, value out. Every parser takes the whole text or nothing; blanks around it are not part of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"

namespace svdir {

// "500ms", "10s", "1.5s", "5m", "1h", "1d"; a number without a unit is seconds. A whole number of milliseconds, up to
// ten years.
bool parse_duration(std::string_view text, Duration& into);
// The same without a fraction, by the greatest unit that is exact: "1500ms".
std::string format_duration(Duration duration);

// "64k", "16m", "1g", "1t" (powers of 1024, upper case as well); a number without a unit is bytes. Below 2^63.
bool parse_size(std::string_view text, std::uint64_t& into);
// The shortest of the above forms that is exact.
std::string format_size(std::uint64_t size);

// "TERM", "SIGTERM", "term", "15", "RTMIN+2", "RTMAX-1"; 0 when there is no such signal.
int parse_signal(std::string_view text);
// "TERM", "RTMIN+2": what parse_signal reads; "?" for no signal.
std::string signal_name(int signal);

// Decimal, with a sign where `least` is negative; nothing else.
bool parse_number(std::string_view text, long long least, long long most, long long& into);
// Octal, at most `most`.
bool parse_octal(std::string_view text, unsigned most, unsigned& into);
// yes no true false on off 1 0
bool parse_yes_no(std::string_view text, bool& into);

// What a person is told who wrote something else, of a type as the tables of settings name it: "duration" makes "a
// duration such as 10s, 500ms or 5m is wanted".
std::string wanted(std::string_view type);

// Words between blanks and commas.
std::vector<std::string> split_words(std::string_view text);
// The first word of `text`, which is shortened by it; empty at the end.
std::string_view take_word(std::string_view& text);
std::string join(const std::vector<std::string>& words, std::string_view between);

// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours, each 1. Texts
// longer than 40 bytes are as far from anything as can be.
unsigned edit_distance(std::string_view a, std::string_view b);

}  // namespace svdir
