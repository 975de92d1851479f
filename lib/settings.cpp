#include "lib/settings.h"
namespace svdir {
std::span<const Rung> Settings::ladder() const {
  static constexpr Rung kStandard[] = {{15, std::chrono::seconds(30)}, {9, {}}};
  return stop.empty() ? std::span<const Rung>(kStandard) : std::span<const Rung>(stop);
}
bool Settings::is_success(int code) const { return code == 0; }
std::string format_duration(Duration d) { return std::to_string(d.count()); }
}
