// daemontools' words for errors, which people's scripts and eyes know.
#pragma once

#include <string>

#include "lib/error.h"

namespace svdir::svrun {

// "unable to run: nothing: file does not exist".
std::string chpst_text(const Error& error);

}  // namespace svdir::svrun
