#include "svctl/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace svdir::svctl {
namespace {
constexpr std::size_t kMostHeld = 32768;
constexpr std::string_view kClearLine = "\r\033[K";

bool wants_colour() {
  const char* no_colour = std::getenv("NO_COLOR");  // https://no-color.org
  const char* terminal = std::getenv("TERM");
  return (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr && std::string_view(terminal) != "dumb";
}
}  // namespace

Screen::Screen()
    : terminal_(::isatty(STDOUT_FILENO) == 1), paint_(terminal_ && wants_colour() ? Paint::coloured : Paint::plain) {}

void Screen::put(std::string_view text) {
  held_.append(text);
  if (held_.size() >= kMostHeld) flush();
}

void Screen::flush() {
  if (progress_shown_ && !held_.empty()) held_.insert(0, kClearLine), progress_shown_ = false;
  std::string_view rest = held_;
  while (!rest.empty() && well_) {
    const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      well_ = false;
    else
      rest.remove_prefix(static_cast<std::size_t>(written));
  }
  held_.clear();
}

void Screen::progress(const std::string& text) {
  if (!terminal_) return;
  flush();
  winsize size{};
  const std::size_t width = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79U;
  if (text.empty() && !progress_shown_) return;
  held_ = std::string(kClearLine) + text.substr(0, width);
  progress_shown_ = false;
  flush();
  progress_shown_ = !text.empty();
}

void Teller::on_done(const Job& job) {
  if (quiet_ && job.verdict.outcome == Outcome::ok && !job.verdict.is_flawed) return;
  screen_.put(json_ ? outcome_json(job) : outcome_line(job, screen_.paint()));
}

void Teller::on_tick(const std::vector<Job>& jobs) {
  screen_.flush();
  if (!screen_.is_terminal() || json_ || quiet_) return;
  std::string text;
  std::size_t waiting = 0;
  for (const Job& job : jobs) {
    if (job.verdict.outcome != Outcome::pending) continue;
    if (++waiting <= 4) text += (waiting > 1 ? "; " : "") + printable(job.target.name + ": " + job.verdict.text);
  }
  if (waiting > 4) text += "; ...";
  screen_.progress("waiting for " + std::to_string(waiting) + " of " + std::to_string(jobs.size()) + ": " + text);
}

}  // namespace svdir::svctl
