// What svscan says of itself, in SCAN/.svdir/.scan (or STATE/.svdir/.scan under -s): written at its start and whenever
// its counts have changed, removed when it leaves.
//
// `key=value` lines like those of supervise/state: the first is "svscan=1", the last "end=1"; unknown keys are
// skipped. Whether the svscan is still there is told by the lock on .svdir/.lock, not by this file.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "lib/clock.h"

namespace svdir {

// Names that no service in .svdir can have.
inline constexpr char kScanStateFile[] = ".svdir/.scan";
inline constexpr char kScanLockFile[] = ".svdir/.lock";  // "PID\n"; locked (flock) while that svscan lives

struct ScanState {
  pid_t pid = 0;
  Stamp since;  // when it was started; an upgrade in place does not change it
  std::string version;
  std::string directory;  // the scan directory's absolute path
  bool stopping = false;
  unsigned services = 0;    // it knows of
  unsigned running = 0;     // with a supervise that is its child
  unsigned held = 0;        // with a supervise that is not, and is watched
  unsigned pending = 0;     // whose `run` is not there yet
  unsigned delayed = 0;     // whose supervise has died and is started again later, or could not be started yet
  unsigned left_alone = 0;  // whose supervise was told to exit
  unsigned restarts = 0;    // of supervises that died, since svscan was started
};

inline constexpr std::size_t kLongestScanState = 8192;

std::string pack(const ScanState& state);
bool unpack(std::string_view text, ScanState& into);

}  // namespace svdir
