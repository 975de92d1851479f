#include "svscan/essentials.h"

#include <algorithm>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir::svscan {

int code_of_end(const StateRecord& record) {
  if (record.leaving) return -1;
  if (record.state != State::failed && (record.state != State::down || record.reason.empty())) return -1;
  if (record.starts == 0 && record.reason.starts_with(kMisconfigured)) return kExitUser;
  switch (record.last.kind) {
    case Ending::Kind::exited: return record.last.value;
    case Ending::Kind::signalled: return 128 + record.last.value;
    case Ending::Kind::none:
    case Ending::Kind::unknown: break;
  }
  return kExitSystem;  // it could not be started at all, or nobody saw how it ended
}

void Essentials::watch(int work, const std::string& path, Slot slot, Bells& bells) {
  for (const Watched& watched : watched_)
    if (watched.slot == slot) return;
  const Fd dir(sys::openat(work, path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!dir) return;
  sys::mkdirat(dir.get(), "supervise", 0700);  // supervise makes it when it starts, and we come before it
  Watched fresh;
  fresh.slot = slot;
  if (const Result<void> opened = fresh.fifo.open(dir.get()); !opened || !bells.add(fresh.fifo.fd(), kTag | slot)) {
    warn({path, " is essential, but its end cannot be watched for: ",
          opened ? std::string_view("no room for another event") : std::string_view(opened.error().text())});
    return;
  }
  watched_.push_back(std::move(fresh));
}

void Essentials::release(Slot slot) {
  std::erase_if(watched_, [slot](const Watched& watched) { return watched.slot == slot; });
}

int Essentials::look(int work, const std::string& path, Slot slot) {
  for (Watched& watched : watched_)
    if (watched.slot == slot) watched.fifo.drain();
  const Result<std::string> text = read_small(work, (path + "/" + file::kState).c_str(), kLongestState);
  StateRecord record;
  return text && unpack(*text, record) ? code_of_end(record) : -1;
}

}  // namespace svdir::svscan
