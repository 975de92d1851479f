#include "supervise/upgrade.h"

#include <charconv>
#include <climits>
#include <cstdlib>

#include "lib/signals.h"
#include "lib/spawn.h"
#include "lib/system.h"

extern char** environ;

namespace svdir {
namespace {

constexpr char kVariable[] = "SVDIR_HANDOVER";

// The path a program was started by, made absolute while the working directory is still that of the start. Not
// /proc/self/exe: that names the old file, which an upgrade has replaced.
std::string absolute_program(const char* argv0) {
  const std::string_view name = argv0;
  char resolved[PATH_MAX];
  if (name.find('/') != std::string_view::npos) return ::realpath(argv0, resolved) != nullptr ? resolved : "";
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    const std::string candidate = std::string(folder.empty() ? "." : folder) + "/" + argv0;
    if (::access(candidate.c_str(), X_OK) == 0 && ::realpath(candidate.c_str(), resolved) != nullptr) return resolved;
  }
  return "";
}

}  // namespace

void Upgrade::remember(char** argv) {
  argv_ = argv;
  program_ = absolute_program(argv[0]);
}

Result<void> Upgrade::begin() {
  if (program_.empty()) {
    errno = ENOENT;
    return system_error("unable to find the program", argv_[0]);
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

Error Upgrade::execute(std::span<const int> handed_over) {
  std::string list;
  for (const int fd : handed_over) {
    if (fd >= 0) ::fcntl(fd, F_SETFD, 0);
    list += (list.empty() ? "" : " ") + std::to_string(fd);
  }
  ::setenv(kVariable, list.c_str(), 1);
  ::execv(program_.c_str(), argv_);
  const int failure = errno;
  ::unsetenv(kVariable);
  for (const int fd : handed_over)
    if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return {"unable to execute " + program_, failure};
}

std::size_t Upgrade::inherited(std::span<int> into) {
  const char* list = std::getenv(kVariable);
  if (list == nullptr) return 0;
  std::string_view rest = list;
  std::size_t count = 0;
  while (!rest.empty()) {
    int fd = -1;
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), fd);
    if (failure != std::errc{}) break;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (!rest.empty()) rest.remove_prefix(1);
    if (fd <= 2) fd = -1;
    if (fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (count < into.size()) into[count++] = fd;
    else if (fd >= 0) ::close(fd);
  }
  ::unsetenv(kVariable);
  return count;
}

}  // namespace svdir
