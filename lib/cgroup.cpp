#include "lib/cgroup.h"

#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "lib/fd.h"
#include "lib/files.h"
#include "lib/system.h"

namespace svdir {
namespace {

// Files below /proc and /sys have no size to go by and are short; "" when it cannot be read.
std::string read_kernel_file(const std::string& path) {
  const Fd fd(sys::open(path.c_str(), O_RDONLY | O_NONBLOCK));
  if (!fd) return {};
  std::string text(4096, '\0');
  const ssize_t length = sys::read(fd.get(), text.data(), text.size());
  text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
  return text;
}

bool write_kernel_file(const std::string& path, std::string_view text) {
  const Fd fd(sys::open(path.c_str(), O_WRONLY));
  return fd && sys::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Where version 2 is mounted: alone, or beside version 1 (systemd's hybrid layout).
std::string hierarchy() {
  for (const char* place : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    struct stat facts;
    if (sys::fstatat(AT_FDCWD, (std::string(place) + "/cgroup.procs").c_str(), &facts) == 0) return place;
  }
  return {};
}

// The path of our own group within the hierarchy: the line "0::/path" of /proc/self/cgroup; no slash at its end.
std::string own_group() {
  const std::string text = "\n" + read_kernel_file("/proc/self/cgroup");
  const std::size_t begin = text.find("\n0::/");
  if (begin == std::string::npos) return {};
  std::string path = text.substr(begin + 4, text.find('\n', begin + 1) - begin - 4);
  while (path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

Result<std::string> cgroup_directory(std::string_view setting) {
  std::string directory = hierarchy();
  if (directory.empty()) return user_error("there are no control groups of version 2 here");
  if (!setting.starts_with('/')) directory += own_group() + "/";
  return directory.append(setting);
}

Result<std::string> choose_cgroup(std::string_view setting, const std::string& present) {
  char here[PATH_MAX];
  struct stat facts;
  if (::getcwd(here, sizeof here) == nullptr || sys::fstatat(AT_FDCWD, ".", &facts) != 0)
    return system_error("unable to tell the name of the working directory");
  const std::string_view path = here;
  std::string group = setting.starts_with('/') ? "" : own_group() + "/";
  group.append(setting).append(path.substr(path.rfind('/')));
  const Result<std::string> directory = cgroup_directory(group);
  if (!directory) return directory;
  if (group == present) return group;
  if (const std::size_t slash = directory->rfind('/'); !ensure_directory(directory->substr(0, slash))) return group;
  // Who makes it has it; processes may not have come to it yet.
  if (sys::mkdirat(AT_FDCWD, directory->c_str(), 0755) != 0 && errno == EEXIST)
    group += "." + std::to_string(facts.st_ino);
  return group;
}

Result<void> enter_cgroup(const std::string& directory) {
  if (auto made = ensure_directory(directory); !made) return made;
  if (!write_kernel_file(directory + "/cgroup.procs", "0"))
    return system_error("unable to enter the control group", directory);
  return {};
}

bool cgroup_has_processes(const std::string& directory) {
  return read_kernel_file(directory + "/cgroup.events").find("populated 1") != std::string::npos;
}

void signal_cgroup(const std::string& directory, int signal) {
  const std::string processes = read_kernel_file(directory + "/cgroup.procs");
  for (const char* at = processes.c_str(); *at != '\0';) {
    char* end = nullptr;
    const long pid = std::strtol(at, &end, 10);
    if (*end != '\n') break;  // the last number may be cut
    if (pid > 0) sys::kill(static_cast<pid_t>(pid), signal);
    at = end + 1;
  }
}

bool kill_cgroup(const std::string& directory) {
  return write_kernel_file(directory + "/cgroup.kill", "1");
}

void remove_cgroup(const std::string& directory) {
  sys::unlinkat(AT_FDCWD, directory.c_str(), AT_REMOVEDIR);
}

}  // namespace svdir
