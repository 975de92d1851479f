// One-line diagnostics on standard error: "supervise: warning: unable to open x: No such file or directory".
//
// A line is put together on the stack and written with one write(2), so lines of several processes do not mix and
// nothing is allocated. Longer lines are cut at kLongestLine bytes. Control characters that came in with a name are
// shown as '?', so one event is always one line. A reader of stderr that has died costs nothing: SIGPIPE is ignored
// in every program, and the failed write is forgotten.
#pragma once

#include <initializer_list>
#include <string_view>

namespace svdir {

struct Error;

inline constexpr std::size_t kLongestLine = 1024;

// The program's name in front of every line. `name` must live as long as the program (argv[0] or a literal).
void set_program_name(std::string_view name);

void say(std::string_view severity, std::initializer_list<std::string_view> parts);

inline void warn(std::initializer_list<std::string_view> parts) {
  say("warning", parts);
}
void warn(const Error& error);
inline void info(std::initializer_list<std::string_view> parts) {
  say("", parts);
}

// Says why the program cannot go on, and returns the exit code for it.
int fatal(const Error& error);

// Decimal text of a number, for the calls above; lives until the end of the full expression it stands in.
struct Number {
  explicit Number(long long value);
  operator std::string_view() const { return {text + begin, sizeof text - begin}; }
  char text[21];
  unsigned char begin;
};

}  // namespace svdir
