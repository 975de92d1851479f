#include "svscan/signal_table.h"

namespace svdir::svscan {

std::initializer_list<int> signals_of_interest() {
  static constexpr std::initializer_list<int> kAll{
      SIGCHLD, SIGTERM, SIGINT,  SIGHUP,   SIGQUIT, SIGUSR1, SIGUSR2, SIGPWR,
      SIGALRM, SIGCONT, SIGTSTP, SIGWINCH, SIGTTIN, SIGTTOU, 37 /* SIGRTMIN+3: how systemd and podman stop an init */};
  return kAll;
}

int rewritten(int signal, std::span<const Rewrite> rewrites) {
  for (const Rewrite& rewrite : rewrites)
    if (rewrite.from == signal) return rewrite.to;
  return signal;
}

namespace {

Reaction with_foreground(int signal) {
  switch (signal) {
    case SIGTERM: return Reaction::forward_stop;
    case SIGINT:
    case SIGHUP:
    case SIGQUIT:
    case SIGUSR1:
    case SIGUSR2:
    case SIGALRM:
    case SIGCONT:
    case SIGTSTP:
    case SIGWINCH: return Reaction::forward;
    default: return Reaction::none;
  }
}

Reaction alone(int signal, Role role) {
  switch (signal) {
    case SIGTERM:
    case SIGINT: return Reaction::stop;
    case SIGHUP: return Reaction::rescan;
    case SIGUSR1: return Reaction::upgrade;
    // Nothing outlives PID 1, so there is nothing to leave running.
    case SIGQUIT: return role == Role::init ? Reaction::stop : Reaction::leave;
    case SIGPWR: return role == Role::init ? Reaction::stop : Reaction::none;
    default: return Reaction::none;
  }
}

}  // namespace

Reaction reaction_to(int signal, Role role) {
  if (signal == SIGCHLD) return Reaction::reap;
  if (role == Role::runsvdir) {
    if (signal == SIGTERM) return Reaction::leave;
    return signal == SIGHUP ? Reaction::stop_rudely : Reaction::none;
  }
  // Interactive stops and terminal traffic are none of a supervisor's business, but for the program's sake.
  if (signal == SIGRTMIN + 3) return role == Role::foreground ? Reaction::forward_stop : Reaction::stop;
  return role == Role::foreground ? with_foreground(signal) : alone(signal, role);
}

}  // namespace svdir::svscan
