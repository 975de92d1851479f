// The rows of settings that supervise follows itself; for settings.cpp only.
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
};

std::span<const SettingEntry> setting_entries();

}  // namespace svdir
