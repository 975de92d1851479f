// Services that wait for each other in a circle. Pure: who waits for whom is asked through WaitGraph.
#pragma once

#include <string>
#include <vector>

namespace svdir {

class WaitGraph {
 public:
  // The names that `name` cannot start without just now; may hold doubles, and `name` itself.
  virtual std::vector<std::string> waits_for(const std::string& name) = 0;

 protected:
  ~WaitGraph() = default;
};

// The shortest circle that `start` stands in, as "start -> b -> start"; "" when there is none. Asks for each name at
// most once, breadth first and without recursion, so that no chain is too long for it.
std::string find_cycle(const std::string& start, WaitGraph& graph);

}  // namespace svdir
