// What svctl's verbs do: each takes a request, says what happened, and returns the exit code.
#pragma once

#include "lib/error.h"
#include "svctl/request.h"

namespace svdir::svctl {

// The exit code, or an error that main tells.
using Action = Result<int>;

Action show_status(const Request& request);
// All that writes into control FIFOs, and `check`.
Action command_services(const Request& request);
Action make_new(const Request& request);
Action add_services(const Request& request);
Action remove_services(const Request& request);
Action clean_up(const Request& request);
Action print_pids(const Request& request);
Action explain(const Request& request);
Action list_deaths(const Request& request);
Action show_logs(const Request& request);
Action show_events(const Request& request);
Action show_tree(const Request& request);
Action examine_services(const Request& request);
Action show_svscan(const Request& request);
Action print_metrics(const Request& request);
Action shut_down(const Request& request);
Action upgrade_programs(const Request& request);

}  // namespace svdir::svctl
