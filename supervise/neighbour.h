// A neighbour as its files in supervise/ show it: whether it is there for who depends on it.
#pragma once

#include <string>
#include <string_view>

#include "lib/status.h"

namespace svdir {

// How the reason of a service begins that is part of a circle, which follows; see kMisconfigured.
inline constexpr std::string_view kDependsOnItself = "misconfigured: it depends on itself: ";

struct NeighbourView {
  bool exists = false;         // it has a service directory
  bool is_known = false;       // a supervise of this boot has written `state`
  bool is_precise = false;     // one of ours, which tells of changes (lib/events.h); a genuine runsv does not
  bool is_up = false;          // ready, and its process is alive
  bool is_supervised = false;  // whoever wrote this is alive (always, for a genuine runsv)
  StateRecord state;           // of a genuine runsv only want, state, ready, main and a count of starts made up

  // Refused because it waits for itself.
  bool is_circular() const {
    return is_known && state.state == State::failed && state.reason.starts_with(kDependsOnItself);
  }
  // On its way up, or up already and not ready yet.
  bool is_coming() const { return is_known && state.want == Want::up && state.state != State::failed && !is_up; }
};

// `path` is the neighbour's service directory, `boot` the running boot's id. What is left of a supervise that was
// killed together with its service (a container's restart is no boot) does not make a neighbour up.
NeighbourView look_at_neighbour(const std::string& path, const std::string& boot);

}  // namespace svdir
