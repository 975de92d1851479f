#include "lib/program_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

namespace svdir {
namespace {

constexpr std::string_view kStandardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string absolute_if_executable(const std::string& path) {
  char resolved[PATH_MAX];
  struct stat facts;
  if (::stat(path.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) return {};  // folders have x bits too
  if (::access(path.c_str(), X_OK) != 0 || ::realpath(path.c_str(), resolved) == nullptr) return {};
  return resolved;
}

}  // namespace

std::string find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos) return absolute_if_executable(std::string(name));
  const char* set = std::getenv("PATH");
  std::string_view rest = set != nullptr ? set : kStandardPath;
  for (;;) {
    const std::size_t colon = rest.find(':');
    std::string folder(colon == 0 || rest.empty() ? "." : rest.substr(0, colon));
    if (std::string found = absolute_if_executable(folder.append("/").append(name)); !found.empty()) return found;
    if (colon == std::string_view::npos) return {};
    rest.remove_prefix(colon + 1);
  }
}

std::string own_program(const char* argv0) {
  if (argv0 == nullptr) return {};
  if (std::string_view(argv0).find('/') != std::string_view::npos) return find_program(argv0);
  // A bare name need not come from $PATH: svscan executes supervise by its path under such a name, and the first
  // `supervise` in $PATH may be daemontools'. Just after the start this link is right.
  char self[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self - 1);
  if (length > 0) {
    self[length] = '\0';
    if (std::string found = absolute_if_executable(self); !found.empty()) return found;
  }
  return find_program(argv0);
}

std::string sibling_program(const std::string& program, std::string_view name) {
  if (const std::size_t slash = program.rfind('/'); slash != std::string::npos) {
    std::string beside = program.substr(0, slash + 1);
    if (beside.append(name); ::access(beside.c_str(), X_OK) == 0) return beside;
  }
  return find_program(name);
}

}  // namespace svdir
