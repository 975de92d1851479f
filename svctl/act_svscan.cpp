// scan, shutdown and upgrade: svscan itself.
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <climits>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/scan_state.h"
#include "lib/system.h"
#include "svctl/actions.h"
#include "svctl/render.h"
#include "svctl/screen.h"
#include "svctl/survey.h"
#include "svctl/svscan_health.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {

// What svscan does at the end of its grace it does within seconds.
constexpr Duration kShutdownWait = std::chrono::seconds(70);

std::string svscan_program(pid_t pid) {
  char path[4096];
  const std::string link = "/proc/" + std::to_string(pid) + "/exe";
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "";
}

ScanState read_scan_state(int scan_directory) {
  ScanState state;
  const auto text = read_small(scan_directory, kScanStateFile, kLongestScanState);
  if (!text || !unpack(*text, state)) return {};
  return state;
}

Error no_svscan(const Targets& targets) {
  return {"no svscan looks after " + targets.scan_directory + ", or it may not be seen by this user", 0, Fault::user};
}

}  // namespace

Action show_svscan(const Request& request) {
  const auto targets = find_targets(request.directory, {});
  if (!targets) return std::unexpected(targets.error());
  const pid_t pid = targets->scan_fd ? find_svscan(targets->scan_fd.get()) : 0;
  ScanSummary summary;
  summary.directory = targets->scan_directory;
  summary.pid = pid;
  summary.program = pid != 0 ? svscan_program(pid) : "";
  if (pid != 0) summary.said = read_scan_state(targets->scan_fd.get());
  for (const StatusRow& row : survey(targets->list, false)) summary.add(state_word(row.view));
  Screen screen;
  screen.put(request.json ? scan_json(summary) : scan_text(summary, {wall_now(), monotonic_now()}));
  return pid != 0 ? 0 : 4;
}

Action shut_down(const Request& request) {
  const auto targets = find_targets(request.directory, {});
  if (!targets) return std::unexpected(targets.error());
  const pid_t pid = targets->scan_fd ? find_svscan(targets->scan_fd.get()) : 0;
  if (pid == 0) {
    say("fatal", {no_svscan(*targets).text()});
    return 4;
  }
  const Fd process(sys::pidfd_open(pid));
  if (sys::kill(pid, SIGTERM) != 0) return std::unexpected(system_error("unable to send TERM to svscan").error());
  const std::string name = "svscan (pid " + std::to_string(pid) + ")";
  Screen screen;
  if (request.no_wait || !process) {
    if (!request.quiet) screen.put("ok: " + name + ": told to stop everything\n");
    return 0;
  }
  const Instant begin = monotonic_now();
  if (!request.quiet) screen.progress("waiting for " + name + " to stop " + counted(targets->list.size(), "service"));
  const Duration wait = request.wait.value_or(kShutdownWait);
  pollfd ended{process.get(), POLLIN, 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  const bool done = ::poll(&ended, 1, static_cast<int>(std::min<long long>(milliseconds, INT_MAX))) == 1;
  screen.progress("");
  const std::string took = " (" + short_duration(monotonic_now() - begin) + ")\n";
  if (!done || !request.quiet)
    screen.put((done ? "ok: " : "timeout: ") + name + (done ? ": all services stopped" : ": still stopping") + took);
  return done ? 0 : 1;
}

// Without names: all, and svscan last, so that it is the new svscan that sees to what may go wrong.
Action upgrade_programs(const Request& request) {
  const Action upgraded = command_services(request);
  if (!request.names.empty() || !upgraded) return upgraded;
  const auto targets = find_targets(request.directory, {});
  if (!targets) return std::unexpected(targets.error());
  const pid_t pid = targets->scan_fd ? find_svscan(targets->scan_fd.get()) : 0;
  if (pid == 0) {
    warn(no_svscan(*targets));
    return std::max(*upgraded, 1);
  }
  if (sys::kill(pid, SIGUSR1) != 0) return std::unexpected(system_error("unable to send USR1 to svscan").error());
  if (!request.quiet) Screen().put("ok: svscan (pid " + std::to_string(pid) + "): told to upgrade\n");
  return upgraded;
}

}  // namespace svdir::svctl
