// What each signal means to svscan. Pure; the table of svscan(8) says the same.
#pragma once

#include <signal.h>

#include <cstdint>
#include <initializer_list>
#include <span>

#include "svscan/options.h"

namespace svdir::svscan {

enum class Reaction : std::uint8_t {
  none,
  stop,          // stop everything in order and exit; told again: KILL now
  rescan,        // look at everything anew, rotate logs
  leave,         // exit at once, leave everything running
  upgrade,       // execute the program anew, in place
  reap,          // a child has ended
  forward,       // hand it to the foreground program
  forward_stop,  // hand it to the foreground program, which is expected to end within the grace period
  stop_rudely,   // runsvdir's HUP: TERM to every supervise, exit 111 without waiting
};

// Which of svscan's lives it leads: decides what its signals mean.
enum class Role : std::uint8_t { daemon, init, foreground, runsvdir };

// All signals that svscan takes notice of.
std::initializer_list<int> signals_of_interest();

// The signal as `rewrites` want it seen; 0: dropped.
int rewritten(int signal, std::span<const Rewrite> rewrites);
Reaction reaction_to(int signal, Role role);

}  // namespace svdir::svscan
