// Where programs are: ours, as built, and the genuine ones that Debian packages.
#pragma once

#include <string>
#include <string_view>

#include "tests/support/temp_dir.h"

namespace svdir::test {

// The folder with our programs: the one above the folder that this test program is in.
std::string program_directory();
// Path of one of our programs.
std::string program(std::string_view name);
// Path of one of our programs in the build that can be killed before any system call (lib/system.cpp).
std::string faulty_program(std::string_view name);
// A symbolic link `name` to our program `to` in `in`/bin: the program under another name. Its path.
std::string alias(const TempDir& in, std::string_view name, std::string_view to);
// The examples folder of the source tree.
std::string examples_directory();
// Path of a Debian program (sv, runsv, multilog, nginx…), whatever $PATH says. Fails the test where it is missing.
std::string genuine(std::string_view name);

}  // namespace svdir::test
