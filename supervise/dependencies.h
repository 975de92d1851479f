// What a service waits for before it starts: its neighbours named by `depends` and `after`.
//
// A neighbour is in the way until its `state` says up and ready. One named by `depends` is told to come up, once per
// start of ours; one named by `after` only counts while it is on its way up. We first subscribe to a neighbour
// (lib/events.h) and then look at it, so no change is missed; descriptors are held only while we wait, or as long as
// the service runs with `depends-restart = yes`. A neighbour that cannot be subscribed to, because nobody supervises it
// yet, is looked at four times a second.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/events.h"
#include "lib/loop.h"
#include "lib/settings.h"
#include "lib/status.h"

namespace svdir {

class Dependencies {
 public:
  explicit Dependencies(Loop& loop) : loop_(loop) {}

  // `scan_directory` is where neighbours are, `own_name` our name there, `boot` the running boot's id.
  void open(std::string scan_directory, std::string own_name, std::string boot);

  struct Verdict {
    std::string missing;  // "db, cache (failed: …)"; "" when nothing is in the way
    std::string cycle;    // "a -> b -> a"; "" when there is none
  };
  // Subscribes to the neighbours that `settings` names, tells those to come up that must, and looks.
  Verdict begin(const Settings& settings, Callback on_change);
  // Looks again, after a change.
  Verdict look(const Settings& settings);
  // The service is started: with depends-restart keeps watching, else lets go.
  void started(const Settings& settings);
  // True when a neighbour of `depends` has been started anew since ours was, and is ready.
  bool was_restarted(const Settings& settings);
  void stop();

 private:
  struct Neighbour {
    std::string name;
    bool required = false;  // by `depends`
    bool subscribed = false;
    bool told = false;      // to come up
    unsigned long long starts = 0;  // when ours was started
    EventFifo events;
  };
  void subscribe(Neighbour& neighbour);
  bool state_of(const std::string& name, StateRecord& into) const;
  std::string obstacle(Neighbour& neighbour);
  bool find_cycle(const std::string& name, std::vector<std::string>& path, std::vector<std::string>& seen) const;
  void on_event();
  void arm_timer();

  Loop& loop_;
  std::string scan_directory_;
  std::string own_name_;
  std::string boot_;
  std::vector<Neighbour> neighbours_;
  Fd epoll_;  // one descriptor for the loop, however many neighbours
  Callback on_change_;
  Poll poll_;
  Timer timer_;
};

}  // namespace svdir
