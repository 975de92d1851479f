// Who may command a service and read its state: the settings `control-group` and `status-readers`, put into the owners
// and modes of supervise/.
//
//                      supervise/        control, ok       state files (made 0644)
//   neither            0700, as runsv    0600
//   control-group = G  0750, group G     0620, group G     seen by who may enter
//   status-readers =
//     group            0750, group G or the directory's
//     all              0755              ok 0622 as well: opening it tells whether a supervisor is there
#pragma once

#include "lib/error.h"
#include "lib/settings.h"

namespace svdir {

// True when the settings say anything about it. Where they never did, supervise/ is left as it is found: many an
// administrator has set it by hand.
bool has_access_settings(const Settings& settings);

// Sets owners and modes in `dir`, the service directory; everything in supervise/ that it touches must be there.
// Without such settings it goes back to what runsv makes. A group that is not known, or not ours to give, is an error,
// and then nobody else may do anything.
Result<void> apply_access(int dir, const Settings& settings);

}  // namespace svdir
