// A program of the service's about to be executed: its plan (lib/spawn.h) and all that must live until it runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/fd.h"
#include "lib/spawn.h"

namespace svdir {

// What svscan tells supervise, and supervise itself after an upgrade: the path of `.defaults`. No program of the
// service's sees it.
inline constexpr char kDefaultsVariable[] = "SVDIR_DEFAULTS";
// Likewise: the directory of its neighbours.
inline constexpr char kNeighboursVariable[] = "SVDIR_NEIGHBOURS";
// Set when svscan was told (--start) that this service does not start by itself, as with a file `down`.
inline constexpr char kDownVariable[] = "SVDIR_DOWN";

class Program {
 public:
  // `path` is relative to `directory`, an open descriptor, or absolute. Standard input is /dev/null, output and error
  // are ours.
  Program(int directory, std::string path);

  void argument(std::string_view text) { arguments_.emplace_back(text); }
  // An environment variable beside the inherited ones.
  void variable(std::string_view name, std::string_view value);
  // One that is not to be inherited.
  void without(std::string_view name) { removed_.emplace_back(name); }
  void input_from(Fd input) { input_ = std::move(input); }
  // Standard output, and error with it where `error_too`.
  void output_to(Fd output, bool error_too);
  void error_to(Fd error);
  // One more descriptor, as number `as` (3 or more).
  void pass(Fd descriptor, int as);
  void before_exec(int (*hook)(void*, pid_t), void* context);
  void with_lowest_priority() { plan_.lowest_priority = true; }

  std::expected<pid_t, SpawnError> spawn();

 private:
  ChildPlan plan_;
  std::vector<std::string> arguments_;
  std::vector<std::string> variables_;
  std::vector<std::string> removed_;
  Fd input_;
  Fd output_;
  Fd error_;
  Fd extra_;
};

}  // namespace svdir
