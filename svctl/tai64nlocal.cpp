// tai64nlocal: TAI64N labels at the head of lines, as local time.
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <utility>

#include "lib/clock.h"
#include "svctl/faces.h"

namespace svdir::svctl {
namespace {

constexpr int kTrouble = 111;

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void append_local(Stamp stamp, std::string& to) {
  // Lines of one second share its text.
  static std::int64_t known = -1;
  static char date[64];
  if (stamp.seconds != known) {
    const time_t seconds = stamp.seconds;
    tm local;
    if (::localtime_r(&seconds, &local) == nullptr || ::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &local) == 0)
      date[0] = '?', date[1] = '\0';
    known = stamp.seconds;
  }
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%09d", static_cast<int>(stamp.nanoseconds));
  to.append(date).append(fraction);
}

}  // namespace

int run_tai64nlocal() {
  static char input[65536];
  std::string output;
  std::string label;  // what may yet become a label, at the head of a line
  bool in_head = true;
  for (;;) {
    const ssize_t length = ::read(STDIN_FILENO, input, sizeof input);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return kTrouble;
    if (length == 0) break;
    std::string_view rest(input, static_cast<std::size_t>(length));
    while (!rest.empty()) {
      if (in_head && (label.empty() ? rest[0] == '@' : label.size() < kTai64nLabelSize && rest[0] != '\n')) {
        label.push_back(rest[0]);
        rest.remove_prefix(1);
        if (label.size() < kTai64nLabelSize) continue;
        Stamp stamp;
        if (read_tai64n_label(label, stamp))
          append_local(stamp, output);
        else
          output += label;
        label.clear();
        in_head = false;
        continue;
      }
      output += std::exchange(label, {});
      const std::size_t end = rest.find('\n');
      const std::size_t taken = end == std::string_view::npos ? rest.size() : end + 1;
      output += rest.substr(0, taken);
      rest.remove_prefix(taken);
      in_head = end != std::string_view::npos;
    }
    if (!write_all(output)) return kTrouble;
    output.clear();
  }
  return write_all(label) ? 0 : kTrouble;
}

}  // namespace svdir::svctl
