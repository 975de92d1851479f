// Settings out of any bytes: as conf, as .defaults, as the head of run, and as the environment file of svrun. What is
// taken must be written and read back as the same.
#include <cstdint>
#include <cstdlib>

#include "lib/settings.h"
#include "svrun/environment.h"

using namespace svdir;
using namespace svdir::svrun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto source : {SettingsSource::conf, SettingsSource::defaults, SettingsSource::run_head}) {
    Settings settings;
    const auto parsed = parse_settings(text, "conf", source, settings);
    if (!parsed) {
      if (parsed.error().message().find('\n') != std::string::npos) std::abort();  // an error is one line
      continue;
    }
    Settings again;
    if (!parse_settings(format_settings(settings), "again", SettingsSource::defaults, again) || !(again == settings))
      std::abort();
  }
  const char* const none[] = {nullptr};
  Environment environment(none);
  if (apply_env_text(text, "file", environment)) environment.pointers();
  return 0;
}
