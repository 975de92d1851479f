#include "supervise/neighbour.h"

#include "lib/files.h"
#include "lib/spawn.h"
#include "lib/system.h"

namespace svdir {
namespace {

bool is_alive(const ProcessId& process) {
  if (process.pid <= 0 || (::kill(process.pid, 0) != 0 && errno == ESRCH)) return false;
  const auto ticks = start_ticks(process.pid);
  return process.ticks == 0 || ticks == 0 || ticks == process.ticks;  // 0: nobody can tell
}

bool read_runit_status(const std::string& path, NeighbourView& into) {
  const auto bytes = read_small(AT_FDCWD, (path + "/" + file::kStatus).c_str(), 64);
  RunitStatus status;
  if (!bytes || !unpack(*bytes, status)) return false;
  StateRecord& state = into.state;
  state = {};
  state.want = status.want_up ? Want::up : Want::down;
  state.state = status.phase == RunitStatus::Phase::run ? State::up : State::down;
  state.ready = state.state == State::up;
  if (state.ready) state.main.pid = status.pid;
  // The stamp of its last start stands for their number: it is only ever compared.
  state.starts = status.changed.seconds * 1'000'000'000 + status.changed.nanoseconds;
  into.is_supervised = true;
  return true;
}

}  // namespace

NeighbourView look_at_neighbour(const std::string& path, const std::string& boot) {
  NeighbourView view;
  const auto text = read_small(AT_FDCWD, (path + "/" + file::kState).c_str(), kLongestState);
  if (text && unpack(*text, view.state)) {
    view.exists = view.is_precise = true;
    view.is_known = view.state.boot == boot;
    view.is_supervised = is_alive(view.state.supervisor);
  } else if (read_runit_status(path, view)) {
    view.exists = view.is_known = true;
  } else {
    struct stat facts;
    view.exists = ::stat(path.c_str(), &facts) == 0;
  }
  view.is_up = view.is_known && view.state.state == State::up && view.state.ready && is_alive(view.state.main);
  return view;
}

}  // namespace svdir
