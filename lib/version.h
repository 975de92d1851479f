// The version of all programs: they are released together.
#pragma once

namespace svdir {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace svdir
