#include "svctl/request.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "lib/values.h"

namespace svdir::svctl {
namespace {

struct OptionRow {
  std::string_view name;   // without the dashes
  char letter;             // '\0': none
  std::string_view value;  // what its value is called; "": it has none
  unsigned needs;          // the bit of VerbRow::options; 0: all verbs take it
  std::string_view help;
  Result<void> (*apply)(Request&, std::string_view value);
};

Result<void> take_wait(Request& request, std::string_view value) {
  request.wait = parse_wait(value);
  if (!request.wait) return user_error("bad waiting time `" + std::string(value) + "`; say seconds, or 500ms, 2m, 1h");
  return {};
}
Result<void> take_lines(Request& request, std::string_view value) {
  unsigned long lines = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), lines);
  if (failure != std::errc{} || end != value.data() + value.size())
    return user_error("bad number of lines `" + std::string(value) + "`");
  request.lines = lines;
  return {};
}

template <bool Request::* kField>
Result<void> set(Request& request, std::string_view) {
  request.*kField = true;
  return {};
}
template <std::string Request::* kField>
Result<void> assign(Request& request, std::string_view value) {
  request.*kField = value;
  return {};
}

constexpr std::array kOptions{
    OptionRow{"wait", 'w', "SEC", option::kWait, "wait so long for the effect (default: 7, or as the stop ladder says)",
              take_wait},
    OptionRow{"no-wait", '\0', "", option::kWait, "do not wait for the effect", set<&Request::no_wait>},
    OptionRow{"lines", 'n', "N", option::kLines, "so many of the last lines or entries", take_lines},
    OptionRow{"follow", 'f', "", option::kFollow, "go on with new lines as they come", set<&Request::follow>},
    OptionRow{"since", '\0', "TIME", option::kSince, "only what is later: 10m (ago), 2026-01-31, 14:30, or both",
              assign<&Request::since>},
    OptionRow{"json", '\0', "", 0, "one JSON object per service and line", set<&Request::json>},
    OptionRow{"quiet", 'q', "", 0, "say nothing but errors", set<&Request::quiet>},
    OptionRow{"directory", 'd', "DIR", 0,
              "the scan directory, instead of $SVDIR or the first that is there of\n"
              "                     ~/services, /etc/service, /service",
              assign<&Request::directory>},
    OptionRow{"help", 'h', "", 0, "show this", set<&Request::help>},
    OptionRow{"version", 'V', "", 0, "show the version", set<&Request::version>},
};

template <class Table>
std::string nearest(const Table& table, std::string_view word) {
  std::string_view best;
  unsigned least = 3;
  for (const auto& row : table)
    if (const unsigned found = edit_distance(row.name, word); found < least) least = found, best = row.name;
  return best.empty() ? "" : "; did you mean `" + std::string(best) + "`?";
}

class Parser {
 public:
  explicit Parser(std::span<const char* const> arguments) : rest_(arguments) {}

  Result<Request> run() {
    while (!rest_.empty()) {
      const std::string_view word = next();
      Result<void> taken;
      if (options_over_ || word.size() < 2 || word[0] != '-')
        words_.push_back(word);
      else if (word == "--")
        options_over_ = true;
      else if (word[1] == '-')
        taken = take_long(word.substr(2));
      else
        taken = take_letters(word.substr(1));
      if (!taken) return std::unexpected(taken.error());
    }
    if (auto taken = take_words(); !taken) return std::unexpected(taken.error());
    return std::move(request_);
  }

 private:
  std::string_view next() {
    const std::string_view word = rest_.front();
    rest_ = rest_.subspan(1);
    return word;
  }

  Result<void> apply(const OptionRow& row, std::string_view value) {
    used_.push_back(&row);
    return row.apply(request_, value);
  }

  Result<void> take_value(const OptionRow& row) {
    if (row.letter == 'w' && is_once()) {  // `once -w NAME` waits for the end, `once -w 30 NAME` no longer than that
      request_.to_end = true;
      const bool limit_follows = rest_.size() > 1 && parse_wait(rest_.front());
      if (!limit_follows) return {};
    }
    if (rest_.empty())
      return user_error("option --" + std::string(row.name) + " needs a value: " + std::string(row.value));
    return apply(row, next());
  }

  Result<void> take_long(std::string_view word) {
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    for (const OptionRow& row : kOptions) {
      if (row.name != name) continue;
      if (equals == std::string_view::npos) return row.value.empty() ? apply(row, {}) : take_value(row);
      if (row.value.empty()) return user_error("option --" + std::string(name) + " takes no value");
      if (row.letter == 'w' && is_once()) request_.to_end = true;
      return apply(row, word.substr(equals + 1));
    }
    return user_error("unknown option --" + std::string(name) + nearest(kOptions, name));
  }

  Result<void> take_letters(std::string_view letters) {
    while (!letters.empty()) {
      const auto row = std::find_if(kOptions.begin(), kOptions.end(),
                                    [&](const OptionRow& candidate) { return candidate.letter == letters[0]; });
      if (row == kOptions.end()) return user_error("unknown option -" + std::string(1, letters[0]));
      letters.remove_prefix(1);
      Result<void> taken;
      if (row->value.empty())
        taken = apply(*row, {});
      else if (letters.empty())
        taken = take_value(*row);
      else
        taken = apply(*row, std::exchange(letters, {}));
      if (!taken) return taken;
    }
    return {};
  }

  bool is_once() const { return !words_.empty() && words_[0] == row_of(Verb::once).name; }

  Result<void> take_words() {
    if (request_.help || request_.version) return {};
    std::span<const std::string_view> words(words_);
    if (!words.empty()) {
      request_.verb = find_verb(words[0]);
      if (request_.verb == nullptr)
        return user_error("unknown command `" + std::string(words[0]) + "`" + nearest(kVerbs, words[0]));
      words = words.subspan(1);
    }
    const VerbRow& verb = *request_.verb;
    for (const OptionRow* row : used_)
      if (row->needs != 0 && (row->needs & verb.options) == 0)
        return user_error("option --" + std::string(row->name) + " means nothing to `" + std::string(verb.name) + "`");
    const bool has_argument = verb.arguments.find(" NAME") != std::string_view::npos;
    if (has_argument && !words.empty()) {
      request_.argument = words[0];
      words = words.subspan(1);
    }
    request_.names.assign(words.begin(), words.end());
    if (verb.arguments == "[]" && !words.empty()) return user_error(std::string(verb.name) + " takes no names");
    if ((verb.needs_names() && words.empty()) || (has_argument && request_.argument.empty()))
      return user_error("usage: svctl " + std::string(verb.name) + " " + std::string(verb.arguments));
    return {};
  }

  std::span<const char* const> rest_;
  std::vector<std::string_view> words_;
  std::vector<const OptionRow*> used_;
  bool options_over_ = false;
  Request request_;
};

void pad(std::string& text, std::size_t from, std::size_t width) {
  const std::size_t length = text.size() - from;
  text.append(length < width ? width - length : 1, ' ');
}

}  // namespace

std::optional<Duration> parse_wait(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || !std::isfinite(value) || value < 0) return {};
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1},   {"ms", 1e-3}, {"s", 1},
                                                            {"m", 60}, {"h", 3600},  {"d", 86400}};
  for (const auto& [name, seconds] : kUnits)
    if (name == unit && value * seconds < 3.2e8) return Duration(std::llround(value * seconds * 1e9));
  return {};
}

Result<Request> parse_request(std::span<const char* const> arguments) {
  return Parser(arguments).run();
}

std::string help_text() {
  std::string text = "usage: svctl [OPTION...] [COMMAND [NAME|GLOB...]]\n\nCommands:\n";
  for (const VerbRow& row : kVerbs) {
    const std::size_t begin = text.size();
    text.append("  ").append(row.name).append(" ").append(row.arguments == "[]" ? "" : row.arguments);
    pad(text, begin, 24);
    text.append(row.help).append("\n");
  }
  text += "\nOptions:\n";
  for (const OptionRow& row : kOptions) {
    const std::size_t begin = text.size();
    if (row.letter != '\0')
      text.append("  -").append(1, row.letter).append(", --").append(row.name);
    else
      text.append("      --").append(row.name);
    if (!row.value.empty()) text.append(" ").append(row.value);
    pad(text, begin, 24);
    text.append(row.help).append("\n");
  }
  text +=
      "\nA NAME is a service of the scan directory, or a path if it begins with / or . or ends with /; NAME/log is\n"
      "the service's logger. Exit codes: 0 all done, 1 some failed or timed out, 3 nothing matched or not running,\n"
      "4 no supervisor, 100 wrong usage, 111 system trouble; of status: 0 up, 3 down, 4 unknown.\n";
  return text;
}

}  // namespace svdir::svctl
