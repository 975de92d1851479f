// What root may run: nothing that somebody else could have changed, unless it runs as that somebody.
//
// Looked at are the service directory and, where they are there, run, finish, check, conf, env, control and the
// scripts in it. Each must belong to root or to the user that it runs as, and be writable by no other user and by no
// group but root's. It is the rule of sudo and of sshd's StrictModes. A link is judged by what it leads to: the
// directory that holds it is judged too.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "lib/settings.h"

namespace svdir {

struct Trust {
  // "" when all is well, else one line: "run is writable by uid 1000 and would run as root".
  std::string refusal;
  // Some of it is in the hands of the user (not root) that it runs as. Then svrun must take that user before it does
  // anything else (--ids-first), or the user could have root read and open files for him by way of his settings; and
  // finish, check and control scripts must be started by svrun as that user too, for he can write them.
  bool users_own = false;
};

// Judges the service directory `dir` (an open descriptor) by the settings that it would be started with. finish, check
// and control scripts are taken to run as the same user where they are his. Trusts everything when the process is not
// root, or when .defaults say `trust = any`; .defaults themselves must be root's alone in any case. Costs some ten
// fstatat calls.
Trust judge_trust(int dir, const char* defaults_path, const Settings& settings);

// The rule for one file: why not, or "". `user` is the one it would run as, 0 for root; `name` is for the message.
std::string why_not_trusted(const struct stat& facts, uid_t user, std::string_view name);

// Whose `path` (relative to `dir`) is, for `user = owner`: the owner of the first link on the way to the file that is
// not root's, else the owner of the file. So root may link to a user's file (as svscan does for a bare file), and a
// user who links to root's file gets his own rights, not root's. False, with errno, when it cannot be told.
bool examine_owner(int dir, const char* path, struct stat& into);

// The user id of the settings: 0 without a user, kNobodyKnown when the name is in no /etc/passwd. `run_owner` is for
// `user = owner`.
inline constexpr uid_t kNobodyKnown = static_cast<uid_t>(-1);
uid_t user_of(const Settings& settings, uid_t run_owner);

}  // namespace svdir
