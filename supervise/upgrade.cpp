#include "supervise/upgrade.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "lib/fd.h"
#include "lib/program_path.h"
#include "lib/signals.h"
#include "lib/spawn.h"
#include "lib/system.h"

extern char** environ;

namespace svdir {
namespace {

constexpr char kVariable[] = "SVDIR_HANDOVER";

}  // namespace

void Upgrade::remember(const char* argv0) {
  argv0_ = argv0;
  program_ = own_program(argv0);
}

Result<void> Upgrade::begin() {
  if (program_.empty()) {
    errno = ENOENT;
    return system_error("unable to find the program", argv0_);
  }
  const char* const arguments[] = {program_.c_str(), "--version", nullptr};
  const Fd nothing(sys::open("/dev/null", O_RDWR));
  ChildPlan plan;
  plan.path = program_.c_str();
  plan.argv = arguments;
  plan.input = plan.output = nothing.get();
  const auto child = spawn(plan);
  if (!child) {
    errno = child.error().number;
    return system_error("unable to execute", program_);
  }
  trial_ = *child;
  return {};
}

void Upgrade::kill_trial() {
  if (trial_ != 0) sys::kill(-trial_, SIGKILL);
}

// The variable's text: "FD FD … FD NAME".
Error Upgrade::execute(std::span<const int> handed_over, const std::string& name) {
  std::string text;
  for (const int fd : handed_over) {
    if (fd >= 0) ::fcntl(fd, F_SETFD, 0);
    text += std::to_string(fd) + " ";
  }
  ::setenv(kVariable, (text + name).c_str(), 1);
  const char* const arguments[] = {argv0_, ".", nullptr};
  restore_descriptor_limit_in_child();  // what our services get is what we were started with
  restore_umask_in_child();
  ::execv(program_.c_str(), const_cast<char* const*>(arguments));
  const int failure = errno;
  raise_descriptor_limit();
  use_standard_umask();
  ::unsetenv(kVariable);
  for (const int fd : handed_over)
    if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return {"unable to execute " + program_, failure};
}

bool Upgrade::inherited(std::span<int> descriptors, std::string& name) {
  const char* text = std::getenv(kVariable);
  if (text == nullptr) return false;
  const char* end = text + std::strlen(text);
  for (int& fd : descriptors) {
    int number = -1;
    const auto [after, failure] = std::from_chars(text, end, number);
    if (failure != std::errc{} || after == end || *after != ' ') break;
    fd = number;
    if (fd > 2) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    text = after + 1;
  }
  name = text;
  ::unsetenv(kVariable);
  return true;
}

}  // namespace svdir
