// Supervises that are not our children: those of an svscan before us, or ones that a person has started.
#pragma once

#include <cstdint>
#include <string>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/status.h"

namespace svdir::svscan {

// Whether somebody has PATH/supervise/lock. `work` is the directory that PATH is seen from.
bool is_lock_held(int work, const std::string& path);

// The supervise that `state` names, opened as a pidfd; none when it is dead, or the file tells nothing (a genuine
// runsv writes no such file).
struct Holder {
  pid_t pid = 0;
  Fd pidfd;
};
Holder find_holder(int work, const std::string& path);

// True when the service's last supervise left because it was told to.
bool was_told_to_exit(int work, const std::string& path);

// Writes a byte into PATH/supervise/control; false when nobody reads it.
bool send_command(int work, const std::string& path, char letter);

// Many descriptors behind one: readable when one of them is. One epoll instance, so that ten thousand pidfds cost no
// libuv handle each. A closed descriptor leaves by itself.
class Bells {
 public:
  Result<void> open();
  int fd() const { return epoll_.get(); }
  // False when it cannot be had (ENOSPC: fs.epoll.max_user_watches).
  bool add(int fd, std::uint64_t tag);
  // The tag of one that rings; false when none does.
  bool next(std::uint64_t& tag);

 private:
  Fd epoll_;
};

}  // namespace svdir::svscan
