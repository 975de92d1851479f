#include "svscan/kept_pipes.h"

#include <sys/resource.h>

#include "lib/status.h"
#include "lib/system.h"

namespace svdir::svscan {
namespace {

Fd open_fifo(int work, const std::string& path) {
  Fd pipe(sys::openat(work, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY));
  struct stat facts;
  rlimit limit;
  const bool is_wanted = pipe && ::fstat(pipe.get(), &facts) == 0 && S_ISFIFO(facts.st_mode) &&
                         ::getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
                         static_cast<rlim_t>(pipe.get()) < limit.rlim_cur / 2;
  if (!is_wanted) pipe.reset();
  return pipe;
}

bool is_settled(const Service& service, Instant now) {
  switch (service.phase) {
    case Phase::running:
    case Phase::held: return now - service.since >= KeptPipes::kSettled;
    case Phase::queued:
    case Phase::delayed:
    case Phase::elsewhere: return false;
    case Phase::pending:
    case Phase::left_alone:
    case Phase::behind: break;
  }
  return true;
}

}  // namespace

void KeptPipes::keep(int work, Slot slot, const std::string& path) {
  Pipes pipes{open_fifo(work, path + "/" + file::kLogPipe), open_fifo(work, path + "/" + file::kErrorPipe)};
  if (pipes.output || pipes.errors) pipes_[slot] = std::move(pipes);
}

void KeptPipes::release_settled(const Roster& roster, Instant now) {
  std::erase_if(pipes_,
                [&](const auto& kept) { return !roster.contains(kept.first) || is_settled(roster[kept.first], now); });
}

}  // namespace svdir::svscan
