// Waiting for a change of a service without polling: the FIFOs in supervise/event/.
//
// supervise writes one byte into each FIFO of supervise/event/ after every change of `state`. A waiter makes event/ if
// it is missing, makes a FIFO under a name that begins with a dot, opens it, and only then renames it to its real
// name, PID.N: so a FIFO under a real name always has a reader, unless its owner is dead, and then supervise may
// unlink it. Names with a leading dot are left alone. The waiter subscribes first and looks at `state` afterwards, so
// no change is ever missed.
//
// The other way is inotify(7) on supervise/, where `state` is renamed into place: it leaves nothing on disk and works
// with a genuine runsv, but needs one of the user's 128 instances (see svctl/change_watch.h).
#pragma once

#include "lib/error.h"
#include "lib/fd.h"

namespace svdir {

// One FIFO in one service's supervise/event/. Removes it, and event/ with it if it was the last, when closed.
class EventFifo {
 public:
  EventFifo() = default;
  EventFifo(EventFifo&& other) noexcept = default;
  EventFifo& operator=(EventFifo&& other) noexcept;
  ~EventFifo() { close(); }

  // `service_dir` is an open service directory, used only during the call. EACCES where this user may not write in
  // supervise/, ENOENT where no supervisor has ever run. When root waits for a user's service, what it makes there
  // belongs to that user, whose supervise must be able to open it.
  Result<void> open(int service_dir);
  // Readable after a change; -1 when closed. Non-blocking.
  int fd() const { return fifo_.get(); }
  // Takes all that has been written; the caller then looks at `state`.
  void drain();
  void close();

 private:
  Fd fifo_;
  Fd supervise_dir_;
  Fd event_dir_;
  char name_[32] = "";  // ".PID.N" while it is being made, then "PID.N" (at name_ + 1)
};

// For supervise: one byte into every FIFO of event/; those whose reader is gone are unlinked. Costs one failed open
// when nobody waits. Failures are nobody's business: a waiter has a deadline of its own.
void tell_waiters(int service_dir);

}  // namespace svdir
