// What svctl's verbs do: each takes a request, says what happened, and returns the exit code.
#pragma once

#include "lib/error.h"
#include "svctl/request.h"

namespace svdir {

// The exit code, or an error that main tells.
using Action = Result<int>;

Action show_status(const Request& request);
// All that writes into control FIFOs, and `check`.
Action command_services(const Request& request);

}  // namespace svdir
