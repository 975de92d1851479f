// Texts of settings: lines cut into keys and values by inih, every oddity an error with its line.
#include <ini.h>

#include <algorithm>

#include "lib/settings_table.h"

namespace svdir {
namespace {

struct Reading {
  std::string_view rest;
  std::string_view file;
  SettingsSource source;
  Settings& into;
  int line = 0;
  bool had_pair = false;  // inih found a key and a value in the present line
  std::string_view present;
  std::expected<void, SettingsError> result;
  std::string_view watched;  // a key, and the line that set it last
  int watched_line = 0;

  void fail(std::string text) {
    if (result) result = std::unexpected(SettingsError{std::string(file), line, std::move(text), 0});
  }
};

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// inih says in which line it failed, but not before it has read on; so the line before is judged when the next one is
// asked for.
void judge_present_line(Reading& reading) {
  if (reading.line > 0 && !reading.present.empty() && !reading.had_pair)
    reading.fail("not a setting: " + quoted(reading.present) + "; a line is `key = value`");
  reading.present = {};
}

// The text of the next line as inih shall see it; in run, that is what follows "#:", and an empty line for others.
std::string_view meaning_of(std::string_view line, const Reading& reading) {
  if (reading.source != SettingsSource::run_head) return trim(line);
  return line.starts_with("#:") ? trim(line.substr(2)) : std::string_view{};
}

// fgets(3) for inih.
char* next_line(char* to, int size, void* context) {
  Reading& reading = *static_cast<Reading*>(context);
  judge_present_line(reading);
  if (!reading.result || reading.rest.empty()) return nullptr;
  const std::size_t end = reading.rest.find('\n');
  const std::string_view line = reading.rest.substr(0, end);
  const bool over = reading.source == SettingsSource::run_head && !line.empty() && line[0] != '#';
  if (over) return nullptr;
  reading.rest.remove_prefix(end == std::string_view::npos ? reading.rest.size() : end + 1);
  ++reading.line;
  std::string_view text = meaning_of(line, reading);
  if (reading.line == 1 && text.starts_with("\xEF\xBB\xBF")) text = trim(text.substr(3));
  if (text.starts_with('#') || text.starts_with(';')) text = {};
  const auto is_odd = [](char c) { return (static_cast<unsigned char>(c) < 32 && c != '\t') || c == 127; };
  if (text.size() > kLongestSettingLine || text.size() + 2 > static_cast<std::size_t>(size))
    reading.fail("line longer than " + std::to_string(kLongestSettingLine) + " bytes");
  else if (std::ranges::any_of(text, is_odd))
    reading.fail("control character in the line; settings are plain text");
  else if (text.starts_with('['))
    reading.fail("settings have no sections: " + quoted(text));
  if (!reading.result) return nullptr;
  reading.present = text;
  reading.had_pair = false;
  *std::ranges::copy(text, to).out = '\0';
  return to;
}

int take_pair(void* context, const char*, const char* key, const char* value) {
  Reading& reading = *static_cast<Reading*>(context);
  reading.had_pair = true;
  if (reading.watched == key) reading.watched_line = reading.line;
  if (const auto set = set_setting(key, value, reading.source, reading.into); !set) reading.fail(set.error().text);
  return reading.result ? 1 : 0;
}

void carry_out(Reading& reading) {
  ini_allow_multiline = false;  // an indented line is a setting like any other
  ini_max_line = static_cast<int>(kLongestSettingLine) + 3;
  ini_parse_stream(next_line, &reading, take_pair, &reading);
  judge_present_line(reading);
}

}  // namespace

std::expected<void, SettingsError> parse_settings(std::string_view text, std::string_view file, SettingsSource source,
                                                  Settings& into) {
  Reading reading{text, file, source, into, 0, false, {}, {}, {}, 0};
  carry_out(reading);
  return reading.result;
}

int line_of_setting(std::string_view text, SettingsSource source, std::string_view key) {
  Settings scratch;
  Reading reading{text, {}, source, scratch, 0, false, {}, {}, key, 0};
  carry_out(reading);
  return reading.watched_line;
}

}  // namespace svdir
