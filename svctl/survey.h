// A look at many services at once.
#pragma once

#include <vector>

#include "svctl/render.h"
#include "svctl/service.h"

namespace svdir::svctl {

// A look at one.
StatusRow survey_one(const Target& target, bool with_loggers);

// The rows in the order of the targets. What a look costs is the kernel's walk to some files; for many services two
// threads share it.
std::vector<StatusRow> survey(const std::vector<Target>& targets, bool with_loggers);

}  // namespace svdir::svctl
