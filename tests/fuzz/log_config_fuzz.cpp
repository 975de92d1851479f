// svlogd's config and its patterns: the first line is a text, the rest are config lines applied to it.
#include <cstdint>
#include <cstdlib>

#include "svlogd/config.h"
#include "svlogd/match.h"

using namespace svdir::svlogd;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view text = bytes.substr(0, end);
  const std::string_view lines = bytes.substr(std::min(end + 1, bytes.size()));
  OutputConfig config;
  parse_config(lines, config);
  for (const auto& complaint : config.complaints)
    if (complaint.find('\n') != std::string::npos) std::abort();  // a complaint is one line
  if (config.prefix.size() > kLongestPrefix) std::abort();
  config.lines.selects(text);
  config.alerts.selects(text);
  matches(lines, text);
  if (!matches("*", text)) std::abort();
  return 0;
}
