// Upgrade in place: svscan executes its program anew, with the same pid, the same children and the same lock.
//
// First the new program is tried (`svscan --version` must exit 0), so that one that cannot start is noticed while the
// old one is still here. Then what cannot be read off the disk goes along in a memory file, whose descriptor
// $SVSCAN_HANDOVER names. Its format, text:
//
//   svscan 1
//   lock FD
//   since SECONDS NANOSECONDS RESTARTS
//   service PID QUICK_DEATHS HAS_DIED DEVICE INODE INSTANCE KIND PHASE NAME SOURCE     (one line for each)
//
// NAME and SOURCE hold no control characters and are separated by a slash; all services are looked for in the
// scan directory again afterwards, so one that has vanished meanwhile is stopped as usual.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/error.h"
#include "svscan/places.h"
#include "svscan/roster.h"

namespace svdir::svscan {

struct Handover {
  int lock = -1;
  Stamp since;                    // when svscan was started
  unsigned restarts = 0;          // of supervises
  std::vector<Service> services;  // `path` and `since` are left out
};

std::string pack_handover(const Handover& facts, Roster& roster);
// False when it is not a handover of this version; nothing is changed then.
bool unpack_handover(std::string_view text, Handover& into);

// Takes $SVSCAN_HANDOVER out of the environment and reads what it names; nothing there is an empty handover.
Handover take_handover();

// Starts the trial of `program`; its pid.
Result<pid_t> begin_trial(const std::string& program);

// Returns only when the program could not be executed.
Error execute_anew(const Places& places, char** argv, const std::string& handover);

}  // namespace svdir::svscan
