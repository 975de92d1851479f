// What is wrong with a log, for those who look at its directory from outside.
//
// svlogd keeps notes in DIR/.svlogd (the first directory of its command line); a fixed place in them holds one line of
// text: empty when all is well, else as "logs/main: disk full, 312 lines dropped". It is there on the disk before
// anything goes wrong, so saying that the disk is full needs no room on it.
#pragma once

#include <cstddef>
#include <string>

namespace svdir {

inline constexpr char kLogStatusFile[] = ".svlogd";
inline constexpr std::size_t kLogStatusOffset = 3840;  // bytes from the beginning of the file
inline constexpr std::size_t kLogStatusSize = 256;     // ended by a NUL

// The trouble of the log in `directory`; "" when there is none, or no svlogd of ours has ever been there.
std::string read_log_trouble(const std::string& directory);

}  // namespace svdir
