// Names of users and groups turned into numbers, by the name services (nsswitch.conf(5)).
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/error.h"

namespace svdir::svrun {

struct Credentials {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;      // supplementary ones, the group id among them
  bool groups_asked_for = false;  // rather than found in the account
  std::string name;               // "" without an account
  std::string home;
  std::string shell;
};

// chpst's rules: "user", "user:group[:group...]" by name, ":uid:gid[:gid...]" by number. Without groups the user's own
// is the only one.
Result<Credentials> chpst_identity(std::string_view text);

// Our rules for `user` and `groups`: names, else numbers; "owner" is the owner of the program file (see examine_owner
// in lib/trust.h). Without groups they are those that the account has when it logs in. An empty `user` is the present
// one.
Result<Credentials> settings_identity(std::string_view user, const std::vector<std::string>& groups,
                                      const std::string& program);

// Makes the process so; to be called last of all that needs rights. Does nothing when it is so already.
Result<void> become(const Credentials& identity, bool like_chpst);

}  // namespace svdir::svrun
