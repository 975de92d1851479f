// `svctl metrics`: the state of the services for Prometheus (text format 0.0.4).
#include "svctl/actions.h"
#include "svctl/render.h"
#include "svctl/screen.h"
#include "svctl/survey.h"
#include "svctl/targets.h"

namespace svdir::svctl {

Action print_metrics(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  Screen screen;
  screen.put(metrics_text(survey(targets->list, false)));
  return targets->unmatched.empty() ? 0 : 3;
}

}  // namespace svdir::svctl
