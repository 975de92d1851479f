#include "lib/say.h"

#include <unistd.h>

#include <cstring>

#include "lib/error.h"

namespace svdir {
namespace {
std::string_view program_name = "svdir";
}

void set_program_name(std::string_view name) {
  program_name = name;
}

void say(std::string_view severity, std::initializer_list<std::string_view> parts) {
  char line[kLongestLine];
  std::size_t length = 0;
  const auto add = [&](std::string_view part) {
    for (const char c : part) {
      if (length == sizeof line - 1) return;
      const auto byte = static_cast<unsigned char>(c);
      line[length++] = byte < 32 || byte == 127 ? '?' : c;
    }
  };
  add(program_name);
  add(": ");
  if (!severity.empty()) {
    add(severity);
    add(": ");
  }
  for (const std::string_view part : parts) add(part);
  line[length++] = '\n';
  const int saved = errno;
  if (::write(STDERR_FILENO, line, length) < 0) {
    // Nobody reads our warnings any more; that must not become trouble of its own.
  }
  errno = saved;
}

void warn(const Error& error) {
  warn({error.text()});
}

int fatal(const Error& error) {
  say("fatal", {error.text()});
  return error.exit_code();
}

Number::Number(long long value) : begin(sizeof text) {
  unsigned long long rest =
      value < 0 ? -static_cast<unsigned long long>(value) : static_cast<unsigned long long>(value);
  do {
    text[--begin] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (value < 0) text[--begin] = '-';
}

}  // namespace svdir
