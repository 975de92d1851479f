// Starting a child process: all that happens between fork and exec, in one place.
//
// vfork(2): the child runs in our memory while we sleep, so what it notes (its pid in a record on disk, the errno of
// a failed exec) is noted in ours, no pipe is needed, and nothing is copied. All signals are blocked meanwhile and we
// never install handlers, so nothing but the code below runs. If we are killed in the meantime the child goes on.
#pragma once

#include <sys/types.h>

#include "lib/error.h"

namespace svdir {

struct ChildPlan {
  const char* path = nullptr;          // execve(2)d; looked up relative to `directory`
  const char* const* argv = nullptr;   // ends with nullptr
  char* const* environment = nullptr;  // nullptr: ours
  int directory = -1;                  // fchdir(2)ed to; -1: ours
  int input = -1;                      // descriptors to become 0, 1, 2; -1: ours
  int output = -1;
  int error = -1;
  int extra = -1;  // one more descriptor, to become number `extra_as`
  int extra_as = -1;
  bool new_session = true;       // setsid(2)
  bool lowest_priority = false;  // nice(19)
  // Called in the child after all of the above, just before exec; `self` is the child's pid. May write files. Returns
  // 0, or an errno: then nothing is executed and spawn fails with it.
  int (*before_exec)(void* context, pid_t self) = nullptr;
  void* context = nullptr;
};

struct SpawnError {
  int number = 0;           // errno
  bool could_fork = false;  // the child was there, but exec (or what leads to it) failed
};

// The child's pid. It has executed its program by the time this returns, and has no descriptor above 2 of ours but
// `extra`. A failed child has been reaped.
std::expected<pid_t, SpawnError> spawn(const ChildPlan& plan);

// What /proc/PID/stat tells of a process (proc(5)); zeros when there is no such process or no /proc. Allocates nothing.
struct ProcessFacts {
  pid_t parent = 0;
  unsigned long long start_ticks = 0;  // clock ticks since boot: tells a process from a later one of its number
};
ProcessFacts process_facts(pid_t pid);
inline unsigned long long start_ticks(pid_t pid) {
  return process_facts(pid).start_ticks;
}

}  // namespace svdir
