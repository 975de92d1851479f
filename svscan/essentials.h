// Services marked `essential`: when one of them ends for good, everything ends.
//
// svscan learns of their changes as any other waiter does, by a FIFO in supervise/event/ (lib/events.h); only these
// few services cost a descriptor.
#pragma once

#include <string>
#include <vector>

#include "lib/events.h"
#include "svscan/holders.h"
#include "svscan/roster.h"

namespace svdir::svscan {

// The exit code that the end of such a service stands for, or -1 when it has not ended for good. It has when its
// supervise has given it up, or its `restart` setting lets it rest. What a person has stopped may be started again.
int code_of_end(const StateRecord& record);

class Essentials {
 public:
  static constexpr std::uint64_t kTag = std::uint64_t{1} << 32;  // set in the tags of bells that are ours

  // Subscribes to the changes of the service at `path`; to be called before its supervise is started.
  void watch(int work, const std::string& path, Slot slot, Bells& bells);
  void release(Slot slot);
  // It has changed: as code_of_end.
  int look(int work, const std::string& path, Slot slot);

 private:
  struct Watched {
    Slot slot = kNobody;
    EventFifo fifo;
  };
  std::vector<Watched> watched_;
};

}  // namespace svdir::svscan
