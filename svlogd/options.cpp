#include "svlogd/options.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "svlogd/schedule.h"
#include "svlogd/syslog_message.h"

namespace svdir::svlogd {
namespace {

using Trouble = std::expected<void, Refusal>;

std::unexpected<Refusal> refuse(std::string why) {
  return std::unexpected(Refusal{std::move(why)});
}

std::unexpected<Refusal> wrong_usage(std::string why = {}) {
  return std::unexpected(Refusal{std::move(why), true});
}

bool parse_size(std::string_view text, std::size_t& into) {
  const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failure == std::errc{} && rest == text.data() + text.size();
}

std::string size_in_words(char letter, std::size_t size, std::size_t standard) {
  return std::string("-") + letter + " is " + std::to_string(size) + (size == standard ? " by default" : "");
}

// An option that has a value.
Trouble apply_value(char letter, std::string_view value, Options& options, std::string& lines) {
  switch (letter) {
    case 'r':
      if (value.size() != 1) return refuse("-r needs a single character, not `" + std::string(value) + "`");
      options.replaces = true;
      options.replacement = value[0];
      return {};
    case 'R':
      options.replaces = true;
      options.replaced = value;
      return {};
    case 'l':
      if (!parse_size(value, options.head))
        return refuse("-l needs a number of bytes, not `" + std::string(value) + "`");
      if (options.head == 0) options.head = Options{}.head;
      return {};
    case 'b':
      if (!parse_size(value, options.buffer))
        return refuse("-b needs a number of bytes, not `" + std::string(value) + "`");
      if (options.buffer == 0) options.buffer = Options{}.buffer;
      return {};
    case 'T':
      if (format_time(std::string(value), {1, 0}, true).empty())
        return refuse("-T needs a time format of at most 100 characters");
      options.stamp = StampKind::format;
      options.stamp_format = value;
      return {};
    case 'n': options.service = value; return {};
    case 's': options.stream = value; return {};
    default: lines.append(value).append("\n"); return {};
  }
}

bool apply_flag(char letter, Options& options) {
  switch (letter) {
    case 't':
      if (options.stamp < StampKind::letter_t)
        options.stamp = static_cast<StampKind>(std::to_underlying(options.stamp) + 1);
      return true;
    case 'U': options.utc = true; return true;
    case 'j': options.json = true; return true;
    case 'v': options.verbose = true; return true;
    case 'V': options.show_version = true; return true;
    default: return false;
  }
}

}  // namespace

TargetKind Target::kind() const {
  if (text == "stdout") return TargetKind::standard_output;
  if (text == "stderr") return TargetKind::standard_error;
  if (text == "null") return TargetKind::null;
  return is_syslog(text) ? TargetKind::syslog : TargetKind::directory;
}

std::expected<Options, Refusal> parse_options(int argc, const char* const* argv) {
  constexpr std::string_view kWithValue = "rRlbcTns";
  Options options;
  std::string lines;
  bool flags_over = false;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--" && !flags_over) {
      flags_over = true;
      continue;
    }
    // After the first target only -c is an option still, so that any directory can be named.
    const bool is_option =
        word.size() > 1 && word[0] == '-' && (options.targets.empty() ? !flags_over : word.starts_with("-c"));
    if (!is_option) {
      options.targets.push_back({std::string(word), std::exchange(lines, {})});
      continue;
    }
    for (word.remove_prefix(1); !word.empty(); word.remove_prefix(1)) {
      if (apply_flag(word[0], options)) continue;
      if (kWithValue.find(word[0]) == std::string_view::npos)
        return wrong_usage(std::string("illegal option -- ") + word[0]);
      const char letter = word[0];
      word.remove_prefix(1);
      if (word.empty() && ++i == argc) return wrong_usage(std::string("option requires an argument -- ") + letter);
      const auto applied = apply_value(letter, word.empty() ? argv[i] : word, options, lines);
      if (!applied) return std::unexpected(applied.error());
      break;
    }
  }
  if (options.show_version) return options;
  if (options.buffer <= options.head)  // of no use to us, but runit's svlogd does not start with it
    return refuse("-b must be greater than -l, but " + size_in_words('b', options.buffer, Options{}.buffer) + " and " +
                  size_in_words('l', options.head, Options{}.head));
  options.head = std::min(options.head, options.json ? kLongestJsonHead : kLongestHead);
  if (options.targets.empty()) return wrong_usage();
  if (options.targets.size() > kMostTargets)
    return refuse("more than " + std::to_string(kMostTargets) + " targets; split them over two loggers");
  for (const Target& target : options.targets) {
    if (target.kind() != TargetKind::syslog) continue;
    if (const auto address = parse_syslog(target.text); !address) return refuse(target.text + ": " + address.error());
  }
  return options;
}

}  // namespace svdir::svlogd
