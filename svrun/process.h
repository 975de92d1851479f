// Carries out a plan on the calling process and executes the program in its place.
#pragma once

#include "lib/error.h"
#include "svrun/plan.h"

namespace svdir::svrun {

// The environment is looked up in `environ`. Returns only when something failed.
//
// The order is chpst's where chpst has a say: session, envdir, chroot, directory, nice, $UID and $GID, user and groups,
// lock, closing descriptors, limits. What chpst does not have and what needs rights comes before the user is taken;
// names are looked up before the root directory changes.
Error execute(RunPlan& plan);

}  // namespace svdir::svrun
