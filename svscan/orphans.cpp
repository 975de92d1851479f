#include "svscan/orphans.h"

#include <signal.h>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/status.h"
#include "lib/system.h"

namespace svdir::svscan {
void Orphans::collect(int work, Slot slot) {
  for (const std::string_view unit : file::kUnits) {
    const std::string path = roster_[slot].path + std::string(unit) + file::kState;
    const Result<std::string> text = read_small(work, path.c_str(), kLongestState);
    StateRecord record;
    if (!text || !unpack(*text, record)) continue;
    for (const ProcessId& process : {record.main, record.finish})
      if (process.pid > 1) note(work, process.pid, {slot, unit});
  }
}

void Orphans::note(int work, pid_t pid, Owner owner) {
  // The number may have been given to somebody else since: then the stranger is not the process that is meant.
  if (::kill(pid, 0) != 0 && errno == ESRCH) {
    for (Stranger& stranger : strangers_) {
      if (stranger.pid != pid) continue;
      tell(work, pid, stranger.status, owner);
      stranger.pid = 0;
      return;
    }
  }
  owners_[pid] = owner;
}

void Orphans::ended(int work, pid_t pid, int status) {
  if (const auto at = owners_.find(pid); at != owners_.end()) {
    const Owner owner = at->second;
    owners_.erase(at);
    tell(work, pid, status, owner);
    return;
  }
  strangers_[next_stranger_] = {pid, status};
  next_stranger_ = (next_stranger_ + 1) % kKept;
}

bool Orphans::has_any(Slot slot) const {
  for (const auto& [pid, owner] : owners_)
    if (owner.slot == slot && ::kill(pid, 0) == 0) return true;
  return false;
}

void Orphans::forget(Slot slot) {
  std::erase_if(owners_, [slot](const auto& entry) { return entry.second.slot == slot; });
}

void Orphans::tell(int work, pid_t pid, int status, Owner owner) const {
  const std::string base = roster_[owner.slot].path + std::string(owner.unit);
  const std::string news = std::to_string(pid) + " " + std::to_string(status) + "\n";
  if (const Result<void> written = write_atomically(work, (base + file::kExit).c_str(), news, 0600); !written) {
    warn(written.error());
    return;
  }
  // Nobody reads it between two supervises: the next one looks at the file by itself.
  const Fd control(sys::openat(work, (base + file::kControl).c_str(), O_WRONLY | O_NONBLOCK));
  if (control && sys::write(control.get(), "!", 1) < 0)
    warn({"unable to write ", base, file::kControl, ": ", ::strerror(errno)});
}

}  // namespace svdir::svscan
