#include "lib/values.h"

#include <signal.h>

#include <algorithm>
#include <array>
#include <limits>

namespace svdir {
namespace {

using std::chrono::milliseconds;

// Longest first where one unit ends in another's letter.
struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr auto kUnits =
    std::to_array({Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000}, Unit{"d", 86'400'000}});
constexpr std::int64_t kLongest = 3652LL * 86'400'000;

struct SignalName {
  std::string_view name;
  int number;
};
constexpr auto kSignals =
    std::to_array({SignalName{"HUP", SIGHUP},       SignalName{"INT", SIGINT},   SignalName{"QUIT", SIGQUIT},
                   SignalName{"ILL", SIGILL},       SignalName{"TRAP", SIGTRAP}, SignalName{"ABRT", SIGABRT},
                   SignalName{"BUS", SIGBUS},       SignalName{"FPE", SIGFPE},   SignalName{"KILL", SIGKILL},
                   SignalName{"USR1", SIGUSR1},     SignalName{"SEGV", SIGSEGV}, SignalName{"USR2", SIGUSR2},
                   SignalName{"PIPE", SIGPIPE},     SignalName{"ALRM", SIGALRM}, SignalName{"TERM", SIGTERM},
                   SignalName{"STKFLT", SIGSTKFLT}, SignalName{"CHLD", SIGCHLD}, SignalName{"CONT", SIGCONT},
                   SignalName{"STOP", SIGSTOP},     SignalName{"TSTP", SIGTSTP}, SignalName{"TTIN", SIGTTIN},
                   SignalName{"TTOU", SIGTTOU},     SignalName{"URG", SIGURG},   SignalName{"XCPU", SIGXCPU},
                   SignalName{"XFSZ", SIGXFSZ},     SignalName{"PROF", SIGPROF}, SignalName{"VTALRM", SIGVTALRM},
                   SignalName{"WINCH", SIGWINCH},   SignalName{"IO", SIGIO},     SignalName{"PWR", SIGPWR},
                   SignalName{"SYS", SIGSYS},       SignalName{"POLL", SIGPOLL}, SignalName{"IOT", SIGIOT},
                   SignalName{"CLD", SIGCHLD}});

// The types of the tables whose names are no sentence's beginning.
struct Phrase {
  std::string_view type;
  std::string_view text;
};
constexpr auto kPhrases = std::to_array<Phrase>({
    {"duration", "a duration such as 10s, 500ms or 5m"},
    {"duration, at least 10ms", "a duration of at least 10ms, such as 10s, 500ms or 5m,"},
    {"duration, SOFT or SOFT:HARD; unlimited, hard",
     "a duration such as 10s or 5m, or two with a colon between them, SOFT:HARD, or unlimited or hard"},
    {"number", "a number"},
    {"number, at least 1", "a number of at least 1"},
    {"number up to 1000", "a number up to 1000"},
    {"number from -20 to 19", "a number from -20 to 19"},
    {"number from -1000 to 1000", "a number from -1000 to 1000"},
    {"number, SOFT or SOFT:HARD; unlimited, hard",
     "a number, or two with a colon between them, SOFT:HARD, or unlimited or hard"},
    {"octal number up to 777", "an octal number up to 777"},
    {"size, SOFT or SOFT:HARD; unlimited, hard",
     "a size such as 64k or 16m, or two with a colon between them, SOFT:HARD, or unlimited or hard"},
    {"list of exit codes, 0 to 255", "a list of exit codes from 0 to 255"},
    {"list of services", "a list of names of services"},
    {"list of paths, stdout, syslog or null", "a list of paths (with a slash, as ./log/main), stdout, syslog or null"},
    {"list of CPU numbers and ranges", "a list of CPU numbers and ranges such as 0,2-3"},
    {"list of names or numbers", "a list of names or numbers"},
    {"signals, each with the wait before the next",
     "a row of signals, each with the wait before the next, such as TERM 10s INT 5s KILL,"},
    {"signal", "a signal such as TERM or HUP"},
    {"group", "the name or number of one group"},
    {"path", "a path"},
    {"name, number, owner or [:]user[:group...]", "a name, a number, owner or [:]user[:group...]"},
});

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// Digits at the front of `text`, which is shortened by them. False without any, or when they exceed `most`.
bool take_digits(std::string_view& text, std::uint64_t most, std::uint64_t& into, unsigned base = 10) {
  std::uint64_t value = 0;
  std::size_t used = 0;
  while (used < text.size() && text[used] >= '0' && text[used] < static_cast<char>('0' + base)) {
    const auto digit = static_cast<unsigned>(text[used] - '0');
    if (value > (most - digit) / base) return false;
    value = value * base + digit;
    ++used;
  }
  if (used == 0) return false;
  text.remove_prefix(used);
  into = value;
  return true;
}

// The digits after a decimal point. False without any, or with more than can be a whole number of milliseconds, however
// long the unit: a day has 2^10 * 84375 of them.
bool take_fraction(std::string_view& text, std::uint64_t& into, std::int64_t& parts) {
  constexpr std::size_t most = 10;
  std::size_t length = 0;
  while (length < text.size() && text[length] >= '0' && text[length] <= '9') ++length;
  if (length == 0) return false;
  std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  while (digits.ends_with('0')) digits.remove_suffix(1);
  if (digits.size() > most) return false;
  into = 0;
  for (const char digit : digits) {
    into = into * 10 + static_cast<std::uint64_t>(digit - '0');
    parts *= 10;
  }
  return true;
}

}  // namespace

bool parse_duration(std::string_view text, Duration& into) {
  std::uint64_t count = 0;
  if (!take_digits(text, kLongest, count)) return false;
  std::uint64_t fraction = 0;
  std::int64_t parts = 1;  // the fraction is counted in so many to one
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!take_fraction(text, fraction, parts)) return false;
  }
  std::int64_t unit = text.empty() ? 1000 : 0;
  for (const Unit& known : kUnits)
    if (text == known.name) unit = known.milliseconds;
  if (unit == 0 || count > static_cast<std::uint64_t>(kLongest / unit)) return false;
  const std::int64_t of_fraction = static_cast<std::int64_t>(fraction) * unit;  // below 10^10 days
  const std::int64_t total = static_cast<std::int64_t>(count) * unit + of_fraction / parts;
  if (of_fraction % parts != 0 || total > kLongest) return false;
  into = milliseconds(total);
  return true;
}

std::string format_duration(Duration duration) {
  const std::int64_t count = std::chrono::duration_cast<milliseconds>(duration).count();
  if (count == 0) return "0";
  const Unit* best = &kUnits[0];
  for (const Unit& unit : kUnits)
    if (count % unit.milliseconds == 0) best = &unit;
  return std::to_string(count / best->milliseconds).append(best->name);
}

bool parse_size(std::string_view text, std::uint64_t& into) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  std::uint64_t count = 0;
  if (!take_digits(text, most, count) || text.size() > 1) return false;
  int shift = 0;
  if (!text.empty()) {
    const std::size_t unit = std::string_view("KMGT").find(upper(text[0]));
    if (unit == std::string_view::npos) return false;
    shift = 10 * (static_cast<int>(unit) + 1);
  }
  if (count > most >> shift) return false;
  into = count << shift;
  return true;
}

std::string format_size(std::uint64_t size) {
  std::size_t unit = 0;
  while (unit < 4 && size != 0 && size % 1024 == 0) {
    size /= 1024;
    ++unit;
  }
  std::string text = std::to_string(size);
  if (unit > 0) text.push_back("kmgt"[unit - 1]);
  return text;
}

int parse_signal(std::string_view text) {
  long long number = 0;
  if (parse_number(text, 1, SIGRTMAX, number)) return static_cast<int>(number);
  std::string name;
  for (const char c : text) name.push_back(upper(c));
  std::string_view rest = name;
  if (rest.starts_with("SIG")) rest.remove_prefix(3);
  for (const SignalName& known : kSignals)
    if (rest == known.name) return known.number;
  const bool from_least = rest.starts_with("RTMIN");
  if (!from_least && !rest.starts_with("RTMAX")) return 0;
  rest.remove_prefix(5);
  if (rest.empty()) return from_least ? SIGRTMIN : SIGRTMAX;
  if (rest[0] != (from_least ? '+' : '-')) return 0;
  if (!parse_number(rest.substr(1), 0, SIGRTMAX - SIGRTMIN, number)) return 0;
  return static_cast<int>(from_least ? SIGRTMIN + number : SIGRTMAX - number);
}

std::string signal_name(int signal) {
  for (const SignalName& known : kSignals)
    if (signal == known.number) return std::string(known.name);
  if (signal == SIGRTMIN) return "RTMIN";
  if (signal > SIGRTMIN && signal <= SIGRTMAX) return "RTMIN+" + std::to_string(signal - SIGRTMIN);
  return signal > 0 && signal <= SIGRTMAX ? std::to_string(signal) : "?";
}

bool parse_number(std::string_view text, long long least, long long most, long long& into) {
  const bool negative = least < 0 && !text.empty() && text[0] == '-';
  if (negative || (least < 0 && !text.empty() && text[0] == '+')) text.remove_prefix(1);
  std::uint64_t digits = 0;
  if (!take_digits(text, std::numeric_limits<std::int64_t>::max(), digits) || !text.empty()) return false;
  const long long value = negative ? -static_cast<long long>(digits) : static_cast<long long>(digits);
  if (value < least || value > most) return false;
  into = value;
  return true;
}

bool parse_octal(std::string_view text, unsigned most, unsigned& into) {
  std::uint64_t value = 0;
  if (!take_digits(text, most, value, 8) || !text.empty()) return false;
  into = static_cast<unsigned>(value);
  return true;
}

bool parse_yes_no(std::string_view text, bool& into) {
  constexpr std::array<std::string_view, 4> yes{"yes", "true", "on", "1"};
  constexpr std::array<std::string_view, 4> no{"no", "false", "off", "0"};
  if (std::ranges::find(yes, text) != yes.end()) return into = true, true;
  if (std::ranges::find(no, text) != no.end()) return into = false, true;
  return false;
}

std::string wanted(std::string_view type) {
  for (const Phrase& phrase : kPhrases)
    if (type == phrase.type) return std::string(phrase.text).append(" is wanted");
  return std::string(type).append(" is wanted");  // a choice of words, which needs nothing around it
}

std::string_view take_word(std::string_view& text) {
  const auto between = [](char c) { return is_blank(c) || c == ','; };
  while (!text.empty() && between(text.front())) text.remove_prefix(1);
  std::size_t length = 0;
  while (length < text.size() && !between(text[length])) ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text)) words.emplace_back(word);
  return words;
}

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text.append(between);
    text.append(word);
  }
  return text;
}

unsigned edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t longest = 40;
  if (a.size() > longest || b.size() > longest) return std::numeric_limits<unsigned>::max();
  unsigned rows[3][longest + 1] = {};
  unsigned* before = rows[0];
  unsigned* last = rows[1];
  unsigned* now = rows[2];
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<unsigned>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = static_cast<unsigned>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const unsigned replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({replace, last[j] + 1, now[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    unsigned* const oldest = before;
    before = last;
    last = now;
    now = oldest;
  }
  return last[b.size()];
}

}  // namespace svdir
