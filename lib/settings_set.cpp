// One setting at a time: found by its key, checked by its row, written back.
#include <algorithm>

#include "lib/attributes.h"
#include "lib/settings_table.h"
#include "lib/values.h"

namespace svdir {
namespace {

std::unexpected<SettingsError> trouble(std::string text) {
  return std::unexpected(SettingsError{{}, 0, std::move(text), 0});
}

const SettingEntry* find_entry(std::string_view key) {
  for (const SettingEntry& entry : setting_entries())
    if (entry.shown.key == key) return &entry;
  return nullptr;
}

std::unexpected<SettingsError> bad_value(std::string_view key, std::string_view type, std::string_view value,
                                         const std::string& fault = {}) {
  std::string text = std::string(key).append(" = ").append(quoted(value)).append(": ");
  if (!fault.empty()) text.append(fault).append("; ");
  return trouble(text.append(wanted(type)));
}

// --- svrun's options: "--key=value", one per key, in the order of the table ----------------------------------------
std::string_view key_of(std::string_view option) {
  return option.substr(2, option.find('=') - 2);
}

std::ptrdiff_t rank_of(std::string_view key) {
  return find_attribute(key) - attribute_rows().data();
}

}  // namespace

void put_option(std::vector<std::string>& options, std::string_view key, std::string_view value) {
  std::erase_if(options, [&](const std::string& option) { return key_of(option) == key; });
  if (value.empty()) return;
  const auto after =
      std::ranges::find_if(options, [&](const std::string& option) { return rank_of(key_of(option)) > rank_of(key); });
  options.insert(after, std::string("--").append(key).append("=").append(value));
}

std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string result = "`";
  for (const char c : text.substr(0, longest))
    result.push_back(static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c);
  return result.append(text.size() > longest ? "...`" : "`");
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
  // Where settings stand in one line, it is what lies between them.
  if (value.find(';') != std::string_view::npos)
    return trouble(std::string(key).append(": a value holds no semicolon"));
  if (const SettingEntry* entry = find_entry(key); entry != nullptr) {
    if (entry->only_in_defaults && source != SettingsSource::defaults)
      return trouble(std::string(key).append(" may stand in .defaults only"));
    if (value.empty())
      entry->reset(into);
    else if (!entry->parse(value, into))
      return bad_value(key, entry->shown.type, value, entry->fault == nullptr ? "" : entry->fault(value));
    return {};
  }
  if (const AttributeRow* row = find_attribute(key); row != nullptr && row->is_setting) {
    Attributes scratch;
    if (!row->parse(key, value, scratch)) return bad_value(key, row->type, value);
    put_option(into.svrun, key, value);
    return {};
  }
  std::string text = "unknown setting " + quoted(key);
  if (const std::string_view near = nearest_key(key); !near.empty())
    text.append("; did you mean `").append(near).append("`?");
  return trouble(std::move(text));
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
