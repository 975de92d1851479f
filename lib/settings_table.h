// What the files of lib/settings share: the rows of settings that supervise follows itself, and small helpers.
#pragma once

#include "lib/settings.h"

namespace svdir {

struct SettingEntry {
  SettingRow shown;
  bool only_in_defaults;
  // `value` is not empty. False when it is not of the type.
  bool (*parse)(std::string_view value, Settings& into);
  std::string (*format)(const Settings& settings);
  void (*reset)(Settings& into);
  // What is wrong with a value that parse has refused; nullptr where the type says it all.
  std::string (*fault)(std::string_view value);
};

std::span<const SettingEntry> setting_entries();

// Sets or, with an empty value, removes the svrun option "--key=value".
void put_option(std::vector<std::string>& options, std::string_view key, std::string_view value);

// Quoted for a message: control characters shown as '?', long texts cut.
std::string quoted(std::string_view text);

// The last line of `text` that sets `key`; 0 without one.
int line_of_setting(std::string_view text, SettingsSource source, std::string_view key);

}  // namespace svdir
