// `svctl clean`: what dead supervisors and dead waiters have left behind.
#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <vector>

#include "lib/spawn.h"
#include "lib/system.h"
#include "svctl/actions.h"
#include "svctl/screen.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {

std::vector<std::string> names_in(int at, const std::string& path) {
  std::vector<std::string> names;
  const int fd = sys::openat(at, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  DIR* listing = fd < 0 ? nullptr : ::fdopendir(fd);
  if (listing == nullptr) {
    if (fd >= 0) ::close(fd);
    return names;
  }
  while (const dirent* entry = ::readdir(listing))
    if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")
      names.emplace_back(entry->d_name);
  ::closedir(listing);
  return names;
}

// The lock of a service that nobody supervises, which keeps a supervise away until we are done; false when somebody
// has it. There may be no lock at all.
bool take_lock(const Target& target, Fd& lock) {
  lock.reset(sys::openat(target.at, (target.path + "/supervise/lock").c_str(), O_RDONLY | O_NONBLOCK));
  return !lock || sys::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
}

bool still_runs(const ProcessId& process) {
  return process.pid > 0 && process.ticks != 0 && start_ticks(process.pid) == process.ticks;
}

// FIFOs of waiters that are dead, with a supervisor or without.
std::size_t remove_waiters(const Target& target) {
  const std::string event = target.path + "/supervise/event";
  std::size_t removed = 0;
  for (const std::string& name : names_in(target.at, event)) {
    const std::string path = event + "/" + name;
    const Fd fifo(sys::openat(target.at, path.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW));
    if (!fifo && errno == ENXIO && sys::unlinkat(target.at, path.c_str()) == 0) ++removed;
  }
  sys::unlinkat(target.at, event.c_str(), AT_REMOVEDIR);
  return removed;
}

// All of supervise/, where nobody supervises and nothing that is on record runs; the lock last.
Result<void> remove_state(const Target& target) {
  const std::string supervise = target.path + "/supervise";
  std::vector<std::string> names = names_in(target.at, supervise);
  std::ranges::partition(names, [](const std::string& name) { return name != "lock"; });
  for (const std::string& name : names)
    if (sys::unlinkat(target.at, (supervise + "/" + name).c_str()) != 0)
      return system_error("unable to remove", supervise + "/" + name);
  if (sys::unlinkat(target.at, supervise.c_str(), AT_REMOVEDIR) != 0)
    return system_error("unable to remove", supervise);
  return {};
}

// What was done, or why nothing was; "" for nothing to do.
std::string clean_one(const Target& target, bool& failed) {
  const View view = look(target);
  const std::size_t waiters = remove_waiters(target);
  std::string text = waiters > 0 ? counted(waiters, "stale FIFO") + " of waiters removed" : "";
  if (view.supervisor != View::Supervisor::gone) return text;
  Fd lock;
  if (!take_lock(target, lock)) return text;
  if (still_runs(view.record.main) || still_runs(view.record.finish))
    return "left alone: without a supervisor, but process " +
           std::to_string(view.record.main.pid != 0 ? view.record.main.pid : view.record.finish.pid) + " still runs";
  const auto removed = remove_state(target);
  if (!removed) failed = true;
  return removed ? "supervise/ removed, nobody supervises it" : removed.error().text();
}

}  // namespace

Action clean_up(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  Screen screen;
  int code = targets->unmatched.empty() ? 0 : 3;
  for (const Target& target : targets->list)
    for (const Target& one : {target, logger_of(target), error_logger_of(target)}) {
      bool failed = false;
      const std::string text = clean_one(one, failed);
      if (failed) code = 1;
      if (!text.empty() && (failed || !request.quiet))
        screen.put((failed ? "fail: " : "ok: ") + printable(one.name) + ": " + text + "\n");
    }
  return code;
}

}  // namespace svdir::svctl
