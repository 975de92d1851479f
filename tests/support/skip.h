// Tests that cannot run here say so; tests/run counts them, and fails when one is skipped that should not be.
#pragma once

#include <unistd.h>

#include <string_view>

namespace svdir::test {

// Writes "SKIPPED: test name: reason" to standard error and into the report of this test.
void note_skip(std::string_view reason);

inline bool is_root() {
  return ::geteuid() == 0;
}

}  // namespace svdir::test

// Ends the present TEST_CASE, which must be the calling function.
#define SKIP(reason)                  \
  do {                                \
    ::svdir::test::note_skip(reason); \
    return;                           \
  } while (false)

#define NEEDS_ROOT() \
  if (!::svdir::test::is_root()) SKIP("needs root")
