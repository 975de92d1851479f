// What svrun is asked to do, whatever name and notation it was asked in. A plain value: options.cpp and faces.cpp fill
// it, process.cpp carries it out in one fixed order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/attributes.h"

namespace svdir::svrun {

// chpst's way with limits: the soft one only, and no higher than the hard one allows.
struct SoftLimit {
  int resource = 0;
  std::uint64_t value = 0;  // kNoLimit: as high as the hard one
};

struct RunPlan {
  Attributes attributes;

  // What only chpst and its kin do.
  bool like_chpst = false;  // its rules for users, its search for the program, its texts and its exit code 111
  bool new_session = false;
  std::string id_variables;  // "[:]user[:group...]" to set $UID and $GID from
  std::optional<int> nice_step;
  std::vector<SoftLimit> soft_limits;
  bool closes[3] = {};         // descriptors 0, 1, 2
  std::string first_argument;  // argv[0] for the program
  bool has_first_argument = false;
  bool env_dir_may_hold_directories = false;
  bool lock_failure_is_success = false;
  bool verbose = false;

  std::vector<std::string> command;
};

// Command lines that cannot be taken: the text for standard error, and the exit code.
struct Refusal {
  std::string text;  // whole lines
  int exit_code = 100;
};

}  // namespace svdir::svrun
