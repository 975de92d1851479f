// What a service waits for before it starts: its neighbours named by `depends` and `after`.
//
// A neighbour is in the way until it is up and ready (neighbour.h). One named by `depends` is told to come up, once per
// start of ours; one named by `after` only counts while it is on its way up, and one that nobody supervises does not
// count for longer than it takes svscan to start everything. A service with `instances` stands for all of them.
//
// We first subscribe to a neighbour (lib/events.h) and then look at it, so no change is missed; descriptors are held
// only while we wait, or as long as the service runs with `depends-restart = yes`. A neighbour that cannot be
// subscribed to, because nobody of ours supervises it (yet), is looked at four times a second.
//
// Who has waited for a while looks whether it waits for itself (cycle.h). Not at once: when many services start
// together most of them wait for a moment, and the search reads the settings of all that stand in the way.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/events.h"
#include "lib/loop.h"
#include "lib/settings.h"
#include "supervise/cycle.h"
#include "supervise/neighbour.h"

namespace svdir {

class Dependencies final : WaitGraph {
 public:
  explicit Dependencies(Loop& loop) : loop_(loop) {}

  // `scan_directory` is where neighbours are, `own_name` our name there, `boot` the running boot's id.
  void open(std::string scan_directory, std::string own_name, std::string boot);

  struct Verdict {
    std::string missing;  // "db, cache (failed: …)"; "" when nothing is in the way
    std::string cycle;    // "a -> b -> a"; "" when none was found; may come only with a later look
  };
  // Subscribes to the neighbours that `settings` names, tells those to come up that must, and looks. `on_change` is
  // called whenever it is time to look again.
  Verdict begin(const Settings& settings, Callback on_change);
  // Looks again, after a change.
  Verdict look();
  // The service is started: with depends-restart keeps watching, else lets go.
  void started(const Settings& settings);
  // The same for a service that a predecessor started, at `started_at`.
  void resume(const Settings& settings, Callback on_change, Instant started_at);
  // True when a neighbour of `depends` has been started anew since ours was, and is ready.
  bool was_restarted();
  void stop();

 private:
  struct Neighbour {
    std::string name;
    bool required = false;     // by `depends`
    bool is_instance = false;  // of the service that was named
    bool subscribed = false;
    bool is_precise = false;        // its supervise will tell us
    bool told = false;              // to come up
    unsigned long long starts = 0;  // when it was last seen up
    EventFifo events;
  };
  void take(const Settings& settings, Callback on_change);
  void add(std::string name, bool required);
  void resolve_instances();
  void subscribe(Neighbour& neighbour);
  NeighbourView view_of(const std::string& name) const;
  std::string obstacle(Neighbour& neighbour);
  bool waits_for_itself();
  bool tell_to_come_up(const std::string& name) const;
  std::vector<std::string> waits_for(const std::string& name) override;
  void search_cycle(Verdict& into);
  void on_event();
  void arm_timer();

  Loop& loop_;
  std::string scan_directory_;
  std::string own_name_;
  std::string boot_;
  std::vector<Neighbour> neighbours_;
  Fd epoll_;  // one descriptor for the loop, however many neighbours
  Callback on_change_;
  Instant began_;
  Instant search_at_;  // for a circle; and the pause before the next search
  Duration search_pause_{};
  Poll poll_;
  Timer timer_;
};

}  // namespace svdir
