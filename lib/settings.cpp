#include "lib/settings.h"

#include <ini.h>

#include <algorithm>

#include "lib/attributes.h"
#include "lib/files.h"
#include "lib/settings_table.h"
#include "lib/system.h"

namespace svdir {
namespace {

// Quoted for a message: control characters shown as '?', long texts cut.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string result = "`";
  for (const char c : text.substr(0, longest)) result.push_back(static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c);
  return result.append(text.size() > longest ? "...`" : "`");
}

std::unexpected<SettingsError> trouble(std::string text) {
  return std::unexpected(SettingsError{{}, 0, std::move(text)});
}

const SettingEntry* find_entry(std::string_view key) {
  for (const SettingEntry& entry : setting_entries())
    if (entry.shown.key == key) return &entry;
  return nullptr;
}

std::unexpected<SettingsError> bad_value(std::string_view key, std::string_view type, std::string_view value) {
  return trouble(std::string(key).append(" = ").append(quoted(value)).append(": wanted is ").append(type));
}

// --- svrun's options: "--key=value", one per key, in the order of the table -------------------------------------------
std::string_view key_of(std::string_view option) { return option.substr(2, option.find('=') - 2); }

std::ptrdiff_t rank_of(std::string_view key) { return find_attribute(key) - attribute_rows().data(); }

void put_option(std::vector<std::string>& options, std::string_view key, std::string_view value) {
  std::erase_if(options, [&](const std::string& option) { return key_of(option) == key; });
  if (value.empty()) return;
  const auto after = std::ranges::find_if(
      options, [&](const std::string& option) { return rank_of(key_of(option)) > rank_of(key); });
  options.insert(after, std::string("--").append(key).append("=").append(value));
}

// --- inih: it cuts lines into keys and values, the lines come from us ---------------------------------------------------
struct Reading {
  std::string_view rest;
  std::string_view file;
  SettingsSource source;
  Settings& into;
  int line = 0;
  bool had_pair = false;  // inih found a key and a value in the present line
  std::string_view present;
  std::expected<void, SettingsError> result;

  void fail(std::string text) {
    if (result) result = std::unexpected(SettingsError{std::string(file), line, std::move(text)});
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
  if (const auto set = set_setting(key, value, reading.source, reading.into); !set) reading.fail(set.error().text);
  return reading.result ? 1 : 0;
}

// Text that ends before kRunHead may be taken as it is; a longer head must not be cut in the middle of a setting.
std::expected<void, SettingsError> parse_run_head(std::string_view head, Settings& into) {
  if (!head.starts_with('#')) return {};  // no script, or one without a head
  if (head.size() == kRunHead) {
    const std::size_t last = head.rfind('\n') + 1;  // npos + 1 is 0: a single line
    if (head.substr(last).starts_with("#:"))
      return std::unexpected(SettingsError{"run", 0, "its settings do not end within the first 4096 bytes"});
    head = head.substr(0, last);
  }
  return parse_settings(head, "run", SettingsSource::run_head, into);
}

std::expected<void, SettingsError> read_run_head(int dir, Settings& into) {
  const Fd fd(sys::openat(dir, "run", O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd) return {};  // not there, or executable only: then there is no head, and what follows tells about it
  char head[kRunHead];
  const ssize_t length = sys::read(fd.get(), head, sizeof head);
  if (length <= 0) return {};
  return parse_run_head({head, static_cast<std::size_t>(length)}, into);
}

std::expected<void, SettingsError> read_file(int dir, const char* path, std::string_view shown, SettingsSource source,
                                             Settings& into) {
  const Result<std::string> text = read_small(dir, path, kLongestSettings);
  if (text) return parse_settings(*text, shown, source, into);
  const int number = text.error().number;
  struct stat facts;
  // A link that leads nowhere was meant to lead somewhere: starting without its settings would be wrong.
  const bool is_missing = number == ENOENT && sys::fstatat(dir, path, &facts, AT_SYMLINK_NOFOLLOW) != 0;
  if (is_missing) return {};
  std::string why = "cannot be read: ";
  if (number == ENOENT) why += "it is a symbolic link that leads nowhere";
  else if (number == EISDIR) why += "it is a directory";
  else if (number == EINVAL || number == ENXIO) why += "it is not a regular file";
  else if (number == EFBIG) why += "it is longer than 64 KiB";
  else why += ::strerror(number);
  return std::unexpected(SettingsError{std::string(shown), 0, std::move(why)});
}

}  // namespace

std::string SettingsError::message() const {
  std::string text_with_place = file;
  if (line > 0) text_with_place.append(":").append(std::to_string(line));
  return text_with_place.append(text_with_place.empty() ? "" : ": ").append(text);
}

std::string_view Settings::attribute(std::string_view key) const {
  for (const std::string& option : svrun)
    if (key_of(option) == key) return std::string_view(option).substr(key.size() + 3);
  return {};
}

std::string_view nearest_key(std::string_view key) {
  std::string_view nearest;
  unsigned least = static_cast<unsigned>(std::max<std::size_t>(2, key.size() / 3)) + 1;
  const auto consider = [&](std::string_view known) {
    const unsigned distance = edit_distance(key, known);
    if (distance >= least || distance >= known.size()) return;
    least = distance;
    nearest = known;
  };
  for (const SettingEntry& entry : setting_entries()) consider(entry.shown.key);
  for (const AttributeRow& row : attribute_rows())
    if (row.is_setting) consider(row.key);
  return nearest;
}

std::expected<void, SettingsError> set_setting(std::string_view key, std::string_view value, SettingsSource source,
                                               Settings& into) {
  if (const SettingEntry* entry = find_entry(key); entry != nullptr) {
    if (entry->only_in_defaults && source != SettingsSource::defaults)
      return trouble(std::string(key).append(" may stand in .defaults only"));
    if (value.empty()) entry->reset(into);
    else if (!entry->parse(value, into)) return bad_value(key, entry->shown.type, value);
    return {};
  }
  if (const AttributeRow* row = find_attribute(key); row != nullptr && row->is_setting) {
    Attributes scratch;
    if (!row->parse(key, value, scratch)) return bad_value(key, row->type, value);
    put_option(into.svrun, key, value);
    return {};
  }
  std::string text = "unknown setting " + quoted(key);
  if (const std::string_view near = nearest_key(key); !near.empty()) text.append("; did you mean `").append(near).append("`?");
  return trouble(std::move(text));
}

std::expected<void, SettingsError> parse_settings(std::string_view text, std::string_view file, SettingsSource source,
                                                  Settings& into) {
  Reading reading{text, file, source, into, 0, false, {}, {}};
  ini_allow_multiline = false;  // an indented line is a setting like any other
  ini_max_line = static_cast<int>(kLongestSettingLine) + 3;
  ini_parse_stream(next_line, &reading, take_pair, &reading);
  judge_present_line(reading);
  return reading.result;
}

std::expected<Settings, SettingsError> read_settings(int dir, const char* defaults_path) {
  Settings settings;
  if (defaults_path != nullptr)
    if (auto read = read_file(AT_FDCWD, defaults_path, ".defaults", SettingsSource::defaults, settings); !read)
      return std::unexpected(std::move(read.error()));
  if (auto read = read_run_head(dir, settings); !read) return std::unexpected(std::move(read.error()));
  if (auto read = read_file(dir, "conf", "conf", SettingsSource::conf, settings); !read)
    return std::unexpected(std::move(read.error()));
  // A maximum below the first delay can only be a default that was forgotten.
  settings.restart_delay_max = std::max(settings.restart_delay_max, settings.restart_delay);
  struct stat facts;
  if (sys::fstatat(dir, "env", &facts) == 0 && S_ISDIR(facts.st_mode))
    put_option(settings.svrun, "env-dir", "env");
  return settings;
}

std::string format_settings(const Settings& settings) {
  const Settings standard;
  std::string text;
  const auto add = [&](std::string_view key, std::string_view value) {
    text.append(key).append(" = ").append(value).append("\n");
  };
  for (const SettingEntry& entry : setting_entries())
    if (const std::string value = entry.format(settings); value != entry.format(standard)) add(entry.shown.key, value);
  for (const std::string& option : settings.svrun)
    if (const std::string_view key = key_of(option); find_attribute(key)->is_setting) add(key, settings.attribute(key));
  return text;
}

std::string summary(const Settings& settings) {
  std::string text;
  const std::string lines = format_settings(settings);
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    const std::size_t equals = lines.find(" = ", at);
    text.append(text.empty() ? "" : ";").append(lines, at, equals - at).append("=");
    text.append(lines, equals + 3, end - equals - 3);
    at = end + 1;
  }
  return text;
}

std::span<const SettingRow> setting_rows() {
  static const std::vector<SettingRow> rows = [] {
    std::vector<SettingRow> all;
    for (const SettingEntry& entry : setting_entries()) all.push_back(entry.shown);
    for (const AttributeRow& row : attribute_rows())
      if (row.is_setting) all.push_back({row.key, row.type, row.default_text, row.help});
    return all;
  }();
  return rows;
}

}  // namespace svdir
