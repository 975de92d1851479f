// Where programs are: found by name as execvp(3) does, or beside our own.
#pragma once

#include <string>
#include <string_view>

namespace svdir {

// Absolute path of the executable file that `name` means: itself where it has a slash, else the first in $PATH.
// Empty when there is none.
std::string find_program(std::string_view name);

// Absolute path of this program, as it was started; to be called at the start, in the working directory of the start:
// later, /proc/self/exe may name the old file, which an upgrade has replaced. Empty when it cannot be told.
std::string own_program(const char* argv0);

// The program `name` in the folder of `program`, else in $PATH, else empty: programs of one release stand together.
std::string sibling_program(const std::string& program, std::string_view name);

}  // namespace svdir
