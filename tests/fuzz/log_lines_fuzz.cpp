// svlogd's config, patterns and lines out of any bytes: up to the first NUL a config, the rest a log.
// Whatever the config, the log that goes out must be the same whether it comes in one piece or in two.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "svlogd/config.h"
#include "svlogd/lines.h"

using namespace svdir::svlogd;

namespace {

char buffer[256 * 1024];

std::string made_of(std::string_view input, std::size_t cut, const LineRules& rules, Room room) {
  std::string text;
  LineState state;
  std::size_t done = 0;
  for (const std::size_t end : {cut, input.size()}) {
    for (;;) {
      const bool last = end == input.size();
      const Formatted made =
          format_lines(input.substr(done, end - done), last, state, rules, room, "STAMP ", buffer, sizeof buffer);
      if (made.consumed == 0 && made.bytes.empty() && made.stop == Stop::full && room.size == 0) std::abort();
      text.append(made.bytes);
      room.size = made.stop == Stop::full ? 0 : room.size + made.bytes.size();
      done += made.consumed;
      state = made.state;
      if (made.stop == Stop::input) break;
    }
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = std::min(input.find('\0'), size);
  OutputConfig config;
  parse_config(input.substr(0, zero), config);
  const std::string_view log = input.substr(std::min(zero + 1, size));
  LineRules rules;
  rules.lines = &config.lines;
  rules.prefix = config.prefix;
  rules.stamped = !config.hup_rotates;
  rules.json = config.deletes_when_full;
  rules.head = 20;
  const Room room{0, config.size == 1'000'000 ? 0 : config.size + 64, 10};
  if (made_of(log, log.size() / 2, rules, room) != made_of(log, 0, rules, room)) std::abort();
  return 0;
}
