// Control groups, version 2, as far as a service gets one of its own.
//
// The setting `cgroup = NAME` stands for the directory NAME below the group that the supervisor runs in; a NAME that
// begins with '/' is counted from the root of the hierarchy. svrun makes it (all missing parts) and enters it before
// it executes the service; supervise, which stays outside, finds leftovers in it and kills them by cgroup.kill. No
// controller is switched on: what limits there are is for those who delegated the group. See cgroups(7) and the
// kernel's cgroup-v2 document.
#pragma once

#include <string>
#include <string_view>

#include "lib/error.h"

namespace svdir {

// The directory of the setting's value. An error where there is no version 2 hierarchy.
Result<std::string> cgroup_directory(std::string_view setting);

// Makes the directory and moves the calling process into it.
Result<void> enter_cgroup(const std::string& directory);

// True when a process is in it or below it; false also when the directory is not there.
bool cgroup_has_processes(const std::string& directory);

// Kills all in it and below it at once (Linux 5.14); false when that is not possible.
bool kill_cgroup(const std::string& directory);

}  // namespace svdir
