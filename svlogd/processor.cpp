#include "svlogd/processor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/say.h"
#include "lib/spawn.h"
#include "lib/system.h"
#include "svlogd/old_files.h"

namespace svdir::svlogd {
namespace {

constexpr Duration kFirstDelay = std::chrono::seconds(1);
constexpr unsigned kMostDoublings = 6;

// The descriptors of the protocol, moved out of the way of numbers 4 and 5 before the child is made.
struct StateFiles {
  int state;
  int new_state;
};

int place_state_files(void* context, pid_t) {
  const auto* files = static_cast<const StateFiles*>(context);
  return ::dup2(files->state, 4) < 0 || ::dup2(files->new_state, 5) < 0 ? errno : 0;
}

Result<Fd> open_high(int directory, const std::string& name, int flags, mode_t mode) {
  const Fd low(sys::openat(directory, name.c_str(), flags | O_NOFOLLOW, mode));
  if (!low) return system_error("unable to open", name);
  Fd high(::fcntl(low.get(), F_DUPFD_CLOEXEC, 10));
  if (!high) return system_error("unable to open", name);
  return high;
}

}  // namespace

void Processor::settle(const OldFiles& old, int directory, const std::string& path) {
  const std::vector<OldFile> files = old.list();
  for (const OldFile& file : files) {
    if (file.kind == 't') sys::unlinkat(directory, file.name.c_str());
    if (file.kind != 'u') continue;
    // The output was in place already, so the input has been processed: what came after that is done now.
    const std::string finished = with_kind(file.name, 's');
    const auto same = [&](const OldFile& other) { return other.name == finished; };
    if (std::none_of(files.begin(), files.end(), same)) continue;
    sys::renameat(directory, "newstate", directory, "state");
    if (sys::unlinkat(directory, file.name.c_str()) != 0)
      warn(system_error("unable to delete", path + "/" + file.name).error());
  }
}

void Processor::look(const OldFiles& files, int directory, const std::string& path, const std::string& command,
                     bool verbose) {
  if (pid_ != 0 || command.empty() || (due_.is_set() && monotonic_now() < due_)) return;
  due_ = {};
  const std::string oldest = files.oldest_unprocessed();
  if (oldest.empty()) return;
  if (verbose) info({"info: processing: ", path, "/", oldest});
  if (const auto started = start(directory, oldest, command); !started) {
    warn({path, ": unable to process ", oldest, ": ", started.error().text()});
    fail();
  }
}

Result<void> Processor::start(int directory, const std::string& input, const std::string& command) {
  const std::string output = with_kind(input, 't');
  // Made anew, so that a processor which outlived a killed svlogd writes to files that nobody looks at.
  sys::unlinkat(directory, "newstate");
  sys::unlinkat(directory, output.c_str());
  const auto from = open_high(directory, input, O_RDONLY, 0);
  if (!from) return std::unexpected(from.error());
  const auto to = open_high(directory, output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!to) return std::unexpected(to.error());
  const auto state = open_high(directory, "state", O_RDONLY | O_CREAT, 0644);
  if (!state) return std::unexpected(state.error());
  const auto new_state = open_high(directory, "newstate", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (!new_state) return std::unexpected(new_state.error());

  const char* const argv[] = {"sh", "-c", command.c_str(), nullptr};
  StateFiles files{state->get(), new_state->get()};
  ChildPlan plan;
  plan.path = "/bin/sh";
  plan.argv = argv;
  plan.directory = directory;
  plan.input = from->get();
  plan.output = to->get();
  plan.new_session = true;
  plan.lowest_priority = true;
  plan.before_exec = place_state_files;
  plan.context = &files;
  const auto child = spawn(plan);
  if (!child) {
    errno = child.error().number;
    return system_error("unable to start /bin/sh");
  }
  pid_ = *child;
  file_ = input;
  return {};
}

void Processor::fail() {
  due_ = monotonic_now() + kFirstDelay * (1u << std::min(failures_, kMostDoublings));
  ++failures_;
}

void Processor::on_end(int directory, const std::string& path, int status) {
  const std::string input = std::exchange(file_, {});
  const std::string output = with_kind(input, 't');
  pid_ = 0;
  if (status != 0) {
    warn({path, ": processor failed on ", input, ", will be tried again"});
    sys::unlinkat(directory, output.c_str());
    return fail();
  }
  {
    // On the disk before the input goes: losing both to a power cut would be worse than keeping both.
    const Fd written(sys::openat(directory, output.c_str(), O_WRONLY));
    if (written && (sys::fchmod(written.get(), 0744) != 0 || sys::fsync(written.get()) != 0))
      warn(system_error("unable to finish", path + "/" + output).error());
  }
  if (sys::renameat(directory, output.c_str(), directory, with_kind(input, 's').c_str()) != 0) {
    warn(system_error("unable to rename", path + "/" + output).error());
    return fail();
  }
  failures_ = 0;
  sys::renameat(directory, "newstate", directory, "state");
  if (sys::unlinkat(directory, input.c_str()) != 0) warn(system_error("unable to delete", path + "/" + input).error());
}

}  // namespace svdir::svlogd
