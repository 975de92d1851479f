#include "lib/access.h"

#include <unistd.h>

#include "lib/accounts.h"
#include "lib/fd.h"
#include "lib/status.h"
#include "lib/system.h"

namespace svdir {
namespace {

struct Modes {
  mode_t directory = 0700;
  mode_t control = 0600;
  mode_t ok = 0600;
};

Modes modes_of(const Settings& settings) {
  Modes modes;
  if (!settings.control_group.empty()) modes = {0750, 0620, 0620};
  if (settings.status_readers == Readers::group) modes.directory = 0750, modes.ok |= 0020;
  if (settings.status_readers == Readers::all) modes.directory = 0755, modes.ok |= 0022;
  return modes;
}

// The group first: until the mode is set as well, nobody has gained anything.
Result<void> give(int dir, const char* path, std::optional<gid_t> group, mode_t mode) {
  const Fd fd(sys::openat(dir, path, O_PATH));
  if (!fd) return system_error("unable to open", path);
  if (group && ::fchownat(fd.get(), "", static_cast<uid_t>(-1), *group, AT_EMPTY_PATH) != 0)
    return system_error("unable to give to the control-group:", path);
  if (sys::fails("fchmod") || ::fchmodat(dir, path, mode, 0) != 0)
    return system_error("unable to set the mode of", path);
  return {};
}

Result<void> apply(int dir, const Modes& modes, std::optional<gid_t> group) {
  if (auto given = give(dir, file::kControl, group, modes.control); !given) return given;
  if (auto given = give(dir, file::kOk, group, modes.ok); !given) return given;
  return give(dir, "supervise", group, modes.directory);
}

}  // namespace

bool has_access_settings(const Settings& settings) {
  return !settings.control_group.empty() || settings.status_readers != Readers::owner;
}

Result<void> apply_access(int dir, const Settings& settings) {
  std::optional<gid_t> group;
  if (!settings.control_group.empty()) {
    group = group_id(settings.control_group);
    if (!group) {
      if (auto closed = apply(dir, {}, {}); !closed) return closed;
      return user_error("control-group = " + settings.control_group + ": there is no such group in /etc/group");
    }
  }
  if (auto applied = apply(dir, modes_of(settings), group); !applied) {
    if (auto closed = apply(dir, {}, {}); !closed) return closed;
    return applied;
  }
  return {};
}

}  // namespace svdir
