// `svctl status`.
#include <algorithm>

#include "lib/say.h"
#include "svctl/actions.h"
#include "svctl/render.h"
#include "svctl/screen.h"
#include "svctl/survey.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {
constexpr std::size_t kWidestName = 40;
}

Action show_status(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  const Now now{wall_now(), monotonic_now()};
  std::size_t width = 0;
  for (const Target& target : targets->list) width = std::max(width, std::min(target.name.size(), kWidestName));
  Screen screen;
  int code = 0;
  for (const StatusRow& row : survey(targets->list, true)) {
    code = std::max(code, lsb_code(row.view));
    if (!request.quiet) screen.put(request.json ? status_json(row, now) : status_line(row, now, width, screen.paint()));
  }
  screen.flush();
  for (const std::string& glob : targets->unmatched) {
    warn({"no service matches `", glob, "` in ", targets->scan_directory});
    code = std::max(code, 3);
  }
  if (targets->list.empty() && request.names.empty()) {
    warn({"there are no services in ", targets->scan_directory});
    return 3;
  }
  return request.names.empty() ? 0 : code;
}

}  // namespace svdir::svctl
