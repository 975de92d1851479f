#include "svctl/render.h"

#include <algorithm>

namespace svdir::svctl {
namespace {

constexpr std::string_view kGreen = "\033[32m";
constexpr std::string_view kYellow = "\033[33m";
constexpr std::string_view kRed = "\033[31m";
constexpr std::string_view kDim = "\033[2m";
constexpr std::string_view kNormal = "\033[0m";
constexpr std::size_t kStateWidth = 9;

void paint_onto(std::string& text, std::string_view what, std::string_view colour, Paint paint) {
  if (paint == Paint::plain)
    text.append(what);
  else
    text.append(colour).append(what).append(kNormal);
}

std::string two_digits(long long value) {
  return (value < 10 ? "0" : "") + std::to_string(value);
}

std::string_view colour_of_state(const View& view) {
  if (!view.is_supervised() || !view.is_known()) return kRed;
  switch (view.record.state) {
    case State::up: return kGreen;
    case State::down: return view.record.want == Want::up ? kYellow : kDim;
    case State::failed:
    case State::backoff: return kRed;
    default: return kYellow;
  }
}

std::string_view colour_of(Outcome outcome) {
  if (outcome == Outcome::ok) return kGreen;
  return outcome == Outcome::timeout || outcome == Outcome::pending ? kYellow : kRed;
}

// How long a thing that has a stamp has been so; a wall clock set back shows as 0.
std::string since(const Stamp& stamp, const Now& now) {
  if (!stamp.is_set()) return "?";
  const Duration passed =
      std::chrono::seconds(now.wall.seconds - stamp.seconds) + Duration(now.wall.nanoseconds - stamp.nanoseconds);
  return short_duration(std::chrono::floor<std::chrono::seconds>(std::max(passed, Duration{})));
}

class Details {
 public:
  void add(std::string_view text) {
    if (!text_.empty()) text_ += "  ";
    text_ += text;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// To the tenth of a second, upwards: "12.4s", "2m05s".
std::string until(Duration duration) {
  constexpr Duration kTenth = std::chrono::milliseconds(100);
  if (duration >= std::chrono::minutes(1)) return short_duration(duration);
  const auto tenths = (std::max(duration, Duration{}) + kTenth - Duration(1)) / kTenth;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "s";
}

std::string backoff_details(const View& view, const Now& now) {
  const StateRecord& record = view.record;
  std::string text;
  if (record.wake_at.is_set()) {
    text = "next start in " + until(record.wake_at - now.monotonic);
  } else {
    text = "next start within a second";
  }
  if (record.failures > 0) text += " (" + counted(record.failures, "failure") + ")";
  return text;
}

std::string ending_details(const StateRecord& record) {
  const std::string last = describe(record.last);
  return last.empty() ? last : "last " + last;
}

void add_wishes(Details& details, const View& view) {
  const StateRecord& record = view.record;
  const bool runs = record.main.pid != 0 || record.finish.pid != 0;
  if (record.paused) details.add("paused");
  if (record.leaving) details.add("supervisor leaving");
  if (runs && record.want != Want::up && record.state != State::stopping)
    details.add(record.want == Want::once ? "once" : "want down");
  if (!runs && record.want == Want::up && record.state == State::down) details.add("want up");
  if (view.normally_down && record.want == Want::up) details.add("normally down");
  if (!view.normally_down && record.want == Want::down && !runs) details.add("normally up");
}

constexpr std::string_view kMisconfigured = "misconfigured";

// What stands directly behind the state's word: ", next start in 12.4s", " (run exited 100)", " on db, cache".
std::string joined_to_word(const View& view, const Now& now) {
  const StateRecord& record = view.record;
  if (!view.is_supervised() || !view.is_known())
    return view.trouble.empty() ? "" : (view.exists ? ": " : "; ") + view.trouble;
  if (state_word(view) == kMisconfigured) return record.reason.substr(kMisconfigured.size());
  if (record.state == State::waiting && !record.reason.empty()) return " on " + record.reason;
  if (record.state == State::failed && !record.reason.empty()) return " (" + record.reason + ")";
  if (record.state != State::backoff) return "";
  std::string text = ", " + backoff_details(view, now);
  if (const std::string last = ending_details(record); !last.empty()) text += ", " + last;
  if (!record.reason.empty()) text += ": " + record.reason;
  return text;
}

// The columns behind that.
std::string details_of(const View& view, const Now& now) {
  const StateRecord& record = view.record;
  Details details;
  if (!view.is_supervised() || !view.is_known()) return "";
  const bool told = !joined_to_word(view, now).empty();
  if (record.main.pid != 0) {
    details.add("pid " + std::to_string(record.main.pid));
    details.add(since(record.started, now));
    if (record.state == State::up && record.became_ready > record.started) details.add("ready");
    if (record.state == State::starting && !record.ready) details.add("not ready yet");
    if (record.got_term) details.add("got TERM");
  } else if (record.state == State::finishing) {
    if (record.finish.pid != 0) details.add("pid " + std::to_string(record.finish.pid));
  } else if (record.state == State::down || record.state == State::failed) {
    if (state_word(view) != kMisconfigured) details.add(since(record.changed, now));
    if (const std::string last = ending_details(record); !last.empty()) details.add(last);
  }
  add_wishes(details, view);
  if (!told && !record.reason.empty()) details.add(record.reason);
  if (!record.status_text.empty()) details.add("\"" + record.status_text + "\"");
  if (!view.trouble.empty()) details.add("[" + view.trouble + "]");
  return details.take();
}

std::string log_words(const View& log, const Now& now) {
  const std::string details = details_of(log, now);
  return state_word(log) + joined_to_word(log, now) + (details.empty() ? "" : "  " + details);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown(text);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return shown;
}

std::string counted(std::size_t number, std::string_view what) {
  return std::to_string(number).append(" ").append(what).append(number == 1 ? "" : "s");
}

std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string word = "'";
  for (const char c : text) c == '\'' ? word.append("'\\''") : word.append(1, c);
  return word + "'";
}

std::string short_duration(Duration duration) {
  using namespace std::chrono;
  const auto whole = duration_cast<seconds>(duration).count();
  if (whole < 60) {
    const auto thousandths = duration_cast<milliseconds>(duration).count();
    if (thousandths % 1000 == 0) return std::to_string(whole) + "s";
    if (whole >= 10) return std::to_string(whole) + "." + std::to_string(thousandths % 1000 / 100) + "s";
    const std::string digits = std::to_string(1000 + thousandths % 1000);
    return std::to_string(whole) + "." + digits.substr(1) + "s";
  }
  if (whole < 3600) return std::to_string(whole / 60) + "m" + two_digits(whole % 60) + "s";
  if (whole < 86400) return std::to_string(whole / 3600) + "h" + two_digits(whole % 3600 / 60) + "m";
  return std::to_string(whole / 86400) + "d" + two_digits(whole % 86400 / 3600) + "h";
}

std::string state_word(const View& view) {
  if (!view.exists) return "no such service";
  if (view.supervisor == View::Supervisor::unknown) return "unknown";
  if (!view.is_supervised()) return "no supervisor";
  if (!view.is_known()) return "unknown";
  if (view.record.main.pid == 0 && view.record.reason.starts_with(kMisconfigured)) return std::string(kMisconfigured);
  return std::string(name_of(view.record.state));
}

int lsb_code(const View& view) {
  if (!view.is_supervised() || !view.is_known()) return 4;
  const StateRecord& record = view.record;
  return record.main.pid != 0 || record.state == State::finishing ? 0 : 3;
}

std::string status_line(const StatusRow& row, const Now& now, std::size_t name_width, Paint paint) {
  std::string line = printable(row.target.name);
  line.append(line.size() < name_width ? name_width - line.size() : 0, ' ').append("  ");
  const std::string word = state_word(row.view);
  const std::string joined = joined_to_word(row.view, now);
  const std::string details = details_of(row.view, now);
  paint_onto(line, word, colour_of_state(row.view), paint);
  line.append(printable(joined));
  if (!details.empty()) {
    const std::size_t width = joined.empty() ? kStateWidth : 0;
    line.append(word.size() < width ? width - word.size() : 0, ' ').append("  ").append(printable(details));
  }
  for (const LoggerRow& log : row.loggers) {
    const std::string name = log.stream == Stream::errors ? "; log/stderr: " : "; log: ";
    paint_onto(line, name + printable(log_words(log.view, now)), kDim, paint);
    if (!log.trouble.empty()) paint_onto(line, "  " + printable(log.trouble), kRed, paint);
  }
  return line + "\n";
}

std::string_view outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok: return "ok";
    case Outcome::timeout: return "timeout";
    case Outcome::pending: return "waiting";
    default: return "fail";
  }
}

std::string outcome_line(const Job& job, Paint paint) {
  std::string line;
  paint_onto(line, outcome_word(job.verdict.outcome), colour_of(job.verdict.outcome), paint);
  line.append(": ").append(printable(job.target.name)).append(": ");
  if (job.verdict.outcome == Outcome::timeout) line.append("still ");
  line.append(printable(job.verdict.text));
  const bool waited = job.verdict.outcome == Outcome::timeout || job.took >= std::chrono::milliseconds(1);
  if (waited) line.append(" (").append(short_duration(job.took)).append(")");
  return line + "\n";
}

int exit_code_of(const std::vector<Job>& jobs) {
  bool any_bad = false;
  bool all_idle = true;
  bool all_alone = true;
  for (const Job& job : jobs) {
    const Outcome outcome = job.verdict.outcome;
    if (outcome == Outcome::ok) continue;
    any_bad = true;
    if (outcome != Outcome::not_running && outcome != Outcome::not_found) all_idle = false;
    if (outcome != Outcome::no_supervisor) all_alone = false;
  }
  if (!any_bad) return 0;
  return all_idle ? 3 : all_alone ? 4 : 1;
}

}  // namespace svdir::svctl
