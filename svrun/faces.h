// The faces of svrun: the grammars of chpst(8) and of daemontools' small programs, by the name it was called.
#pragma once

#include <expected>
#include <span>
#include <string_view>

#include "svrun/plan.h"

namespace svdir::svrun {

struct ChpstFace {
  std::string_view name;
  std::string_view usage;  // without "usage: "
  int usage_exit_code;
  std::expected<RunPlan, Refusal> (*parse)(std::span<const char* const> arguments);
};

// By the name of the program, with or without a leading "d"; nullptr: svrun itself.
const ChpstFace* find_face(std::string_view name);

std::expected<RunPlan, Refusal> parse_chpst(std::span<const char* const> arguments);

}  // namespace svdir::svrun
