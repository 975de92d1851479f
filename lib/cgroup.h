// Control groups, version 2, as far as a service gets one of its own.
//
// The setting `cgroup = DIR` stands for the directory DIR below the group that the supervisor runs in, or below the
// root of the hierarchy when it begins with '/'; the service's own group is DIR/NAME, so that services which share a
// setting (from .defaults, as instances) never share a group. NAME is that of the service directory when the service is
// started; if that group is there already and is not ours (the directory's name was another one's, which was renamed
// and runs on), its inode is added. supervise, which stays outside, chooses the group, makes it and puts it on record;
// svrun enters it before it executes the service; what is left in it is killed by cgroup.kill. No controller is
// switched on: what limits there are is for those who delegated the group. See cgroups(7) and the kernel's cgroup-v2
// document.
#pragma once

#include <string>
#include <string_view>

#include "lib/error.h"

namespace svdir {

// The directory of the group that a setting's value stands for. An error where there is no version 2 hierarchy.
Result<std::string> cgroup_directory(std::string_view setting);

// The group for the next run of the service whose directory is the working directory, as an absolute value of the
// setting; `present` is that of its last run, or "". It is made if that can be done; if not, entering it will tell why.
Result<std::string> choose_cgroup(std::string_view setting, const std::string& present);

// Makes the directory and moves the calling process into it.
Result<void> enter_cgroup(const std::string& directory);

// True when a process is in it or below it; false also when the directory is not there.
bool cgroup_has_processes(const std::string& directory);

// Sends a signal to each process in it, not below it. New ones may be missed.
void signal_cgroup(const std::string& directory, int signal);

// Kills all in it and below it at once (Linux 5.14); false when that is not possible.
bool kill_cgroup(const std::string& directory);

// Removes it where it is there and empty.
void remove_cgroup(const std::string& directory);

}  // namespace svdir
