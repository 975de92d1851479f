#include "svlogd/stream_output.h"

#include <limits.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

#include "lib/say.h"
#include "lib/system.h"

namespace svdir::svlogd {
namespace {
constexpr Duration kPause = std::chrono::milliseconds(20);
constexpr OutputKey kNullKey{0, 3};
}  // namespace

StreamOutput::StreamOutput(const Target& target, const Options& options, const ReplaceTable* replace, int fd)
    : fd_(fd) {
  parse_config(target.config, config_);
  for (const std::string& complaint : config_.complaints) warn({target.text, ": ", complaint});
  rules_.prefix = config_.prefix;
  rules_.replace = replace;
  rules_.lines = &config_.lines;
  rules_.head = options.head;
  rules_.stamped = options.stamp != StampKind::none || options.json;
  rules_.json = options.json;
}

void StreamOutput::open(Journal& journal) {
  attach(journal, {0, static_cast<std::uint64_t>(fd_)}, journal.begin());
}

bool StreamOutput::write(std::string_view bytes, Progress&) {
  while (!is_broken_ && ahead_ < bytes.size()) {
    // A pipe that polls as writable takes PIPE_BUF bytes at once; O_NONBLOCK is not ours to set, others share it.
    pollfd ready{fd_, POLLOUT, 0};
    if (::poll(&ready, 1, 0) == 0) {
      due_ = monotonic_now() + kPause;
      return false;
    }
    const ssize_t count =
        sys::write(fd_, bytes.data() + ahead_, std::min<std::size_t>(bytes.size() - ahead_, PIPE_BUF));
    if (count >= 0) {
      ahead_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == ENOSPC) {
      due_ = monotonic_now() + kPause;
      return false;
    } else if (errno != EINTR) {
      warn(system_error("unable to write to",
                        fd_ == STDOUT_FILENO ? "standard output; its lines are lost" : "standard error")
               .error());
      is_broken_ = true;
    }
  }
  ahead_ = 0;
  due_ = {};
  return true;
}

void NullOutput::open(Journal& journal) {
  attach(journal, kNullKey, journal.end());
}

}  // namespace svdir::svlogd
