#include "supervise/cycle.h"

#include <set>

namespace svdir {
namespace {

struct Step {
  std::string name;
  std::size_t before = 0;  // the step that led here
};

std::string in_words(const std::vector<Step>& steps, std::size_t last) {
  std::string text = steps.front().name;
  for (std::size_t at = last; at != 0; at = steps[at].before) text.insert(0, steps[at].name + " -> ");
  return steps.front().name + " -> " + text;
}

}  // namespace

std::string find_cycle(const std::string& start, WaitGraph& graph) {
  std::vector<Step> steps{{start, 0}};
  std::set<std::string> seen{start};
  for (std::size_t at = 0; at < steps.size(); ++at)
    for (std::string& next : graph.waits_for(steps[at].name)) {
      if (next == start) return in_words(steps, at);
      if (seen.insert(next).second) steps.push_back({std::move(next), at});
    }
  return {};
}

}  // namespace svdir
