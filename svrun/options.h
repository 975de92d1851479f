// svrun's own command line: svrun [--KEY=VALUE]... PROGRAM [ARGUMENT]...
#pragma once

#include <expected>
#include <span>

#include "svrun/plan.h"

namespace svdir::svrun {

// `arguments` are those after the name. A request for help is a Refusal with exit code 0.
std::expected<RunPlan, Refusal> parse_options(std::span<const char* const> arguments);

}  // namespace svdir::svrun
