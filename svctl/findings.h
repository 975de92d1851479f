// What can be seen to be wrong with a service without starting it.
#pragma once

#include <string>
#include <vector>

#include "lib/settings.h"
#include "svctl/service.h"

namespace svdir::svctl {

struct Finding {
  bool is_problem = true;  // else worth knowing
  std::string text;
};

// Looks at its files, rights and settings.
std::vector<Finding> examine_service(const Target& target, const View& view);

// The settings of a service, with its scan directory's .defaults.
std::expected<Settings, SettingsError> settings_of(const Target& target);

// One service in the graph of dependencies.
struct Node {
  std::string name;
  std::string state;  // in a word
  std::vector<std::string> depends;
  std::vector<std::string> after;
};

// Pure. A cycle as "a -> b -> a", each once; names that nobody has.
std::vector<std::string> find_cycles(const std::vector<Node>& nodes);
// `nodes` are those asked about, `all` those that are there.
std::vector<Finding> examine_dependencies(const std::vector<Node>& nodes, const std::vector<Node>& all);

// Pure. The graph as lines: who stands at the top is what nothing depends on.
std::string tree_text(const std::vector<Node>& nodes);

}  // namespace svdir::svctl
