// The verbs that make and remove files: new, add, remove, clean.
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <utility>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/service_dir.h"
#include "lib/system.h"
#include "svctl/actions.h"
#include "svctl/screen.h"
#include "svctl/svscan_health.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {

constexpr std::string_view kRunSkeleton =
    "#!/bin/sh\n"
    "# The service itself. It must stay in the foreground; what it prints goes to the logger.\n"
    "# Settings, where the defaults do not do, stand in lines here or in the file `conf` (svdir(5)), for example:\n"
    "#   #: stop = INT 10s KILL\n"
    "exec 2>&1\n"
    "# cd /srv/thing\n"
    "exec sleep infinity   # put your program here\n";

constexpr std::string_view kLogSkeleton =
    "#!/bin/sh\n"
    "# The logger: reads what the service prints, keeps and rotates it in ./main (svlogd(8)).\n"
    "exec svlogd -tt ./main\n";

Result<void> write_new(int dir, const char* name, std::string_view text, mode_t mode) {
  const Fd fd(sys::openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, mode));
  if (!fd) return system_error("unable to make", name);
  if (sys::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return system_error("unable to write", name);
  return {};
}

// A whole service directory at once: made under a name that svscan passes over, and renamed into place.
Result<void> make_service(int scan, const std::string& name) {
  const std::string draft = "." + name + ".new";
  if (sys::mkdirat(scan, draft.c_str(), 0755) != 0) return system_error("unable to make the directory", draft);
  const Fd dir(sys::openat(scan, draft.c_str(), O_RDONLY | O_DIRECTORY));
  if (!dir) return system_error("unable to open", draft);
  if (sys::mkdirat(dir.get(), "log", 0755) != 0) return system_error("unable to make the directory", draft + "/log");
  Result<void> written = write_new(dir.get(), "run", kRunSkeleton, 0755);
  if (written) written = write_new(dir.get(), "log/run", kLogSkeleton, 0755);
  if (written) written = write_new(dir.get(), "down", "", 0644);
  if (!written) return written;
  if (::syscall(SYS_renameat2, scan, draft.c_str(), scan, name.c_str(), RENAME_NOREPLACE) != 0)
    return system_error("unable to make", name);
  return {};
}

void remove_draft(int scan, const std::string& name) {
  const std::string draft = "." + name + ".new";
  for (const char* file : {"/down", "/log/run", "/run"}) sys::unlinkat(scan, (draft + file).c_str());
  for (const char* dir : {"/log", ""}) sys::unlinkat(scan, (draft + dir).c_str(), AT_REMOVEDIR);
}

std::string_view base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Result<std::string> absolute(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return system_error("unable to find", path);
  std::string text = real;
  ::free(real);
  return text;
}

// Links `path` into the scan directory; what it now is called.
Result<std::string> link_service(int scan, const std::string& path) {
  const auto target = absolute(path);
  if (!target) return std::unexpected(target.error());
  struct stat facts;
  if (::stat(target->c_str(), &facts) != 0) return system_error("unable to examine", *target);
  const bool is_script = S_ISREG(facts.st_mode) && (facts.st_mode & S_IXUSR) != 0;
  if (!S_ISDIR(facts.st_mode) && !is_script)
    return user_error(*target + " is neither a service directory nor an executable file");
  const std::string name(base_name(path == "." || path.ends_with("..") ? *target : path));
  if (const std::string_view why = why_bad_name(name); !why.empty())
    return user_error("`" + printable(name) + "` cannot be a service's name: " + std::string(why));
  if (S_ISDIR(facts.st_mode) && ::access((*target + "/run").c_str(), F_OK) != 0)
    return user_error(*target + " has no `run`, so it is no service directory");
  if (sys::symlinkat(target->c_str(), scan, name.c_str()) == 0) return name;
  if (errno != EEXIST) return system_error("unable to link", name);
  char present[PATH_MAX];
  const ssize_t length = ::readlinkat(scan, name.c_str(), present, sizeof present);
  if (length > 0 && std::string_view(present, static_cast<std::size_t>(length)) == *target) return name;
  return user_error("there is another `" + name + "` already; nothing is overwritten");
}

Result<Fd> open_scan_directory(const Request& request, std::string& path) {
  path = request.directory.empty() ? default_scan_directory() : request.directory;
  auto fd = open_directory(path.c_str());
  if (!fd) fd.error().fault = fault_of_missing(fd.error().number);
  return fd;
}

}  // namespace

Action make_new(const Request& request) {
  if (request.names.empty()) {
    Screen().put(kRunSkeleton);
    return 0;
  }
  std::string path;
  auto scan = open_scan_directory(request, path);
  if (!scan && scan.error().number == ENOENT && ::mkdir(path.c_str(), 0755) == 0) scan = open_directory(path.c_str());
  if (!scan) return std::unexpected(scan.error());
  Screen screen;
  int code = 0;
  for (const std::string& name : request.names) {
    const std::string_view why = why_bad_name(name);
    Result<void> made = why.empty()
                            ? make_service(scan->get(), name)
                            : user_error("`" + printable(name) + "` cannot be a service's name: " + std::string(why));
    if (made) {
      const std::string option = name.starts_with('-') ? "-- " : "";
      if (!request.quiet)
        screen.put("ok: " + name + ": made in " + path + "; edit " + shell_word(path + "/" + name + "/run") +
                   ", then: svctl enable " + option + shell_word(name) + "\n");
      continue;
    }
    remove_draft(scan->get(), name);
    screen.put("fail: " + printable(name) + ": " + made.error().text() + "\n");
    code = 1;
  }
  return code;
}

Action add_services(const Request& request) {
  std::string path;
  const auto scan = open_scan_directory(request, path);
  if (!scan) return std::unexpected(scan.error());
  const bool is_scanned = find_svscan(scan->get()) != 0;
  Screen screen;
  int code = 0;
  for (const std::string& source : request.names) {
    const auto linked = link_service(scan->get(), source);
    if (!linked) {
      screen.put("fail: " + printable(source) + ": " + linked.error().text() + "\n");
      code = 1;
      continue;
    }
    if (request.quiet) continue;
    screen.put("ok: " + *linked + ": added to " + path + (is_scanned ? "\n" : "; no svscan looks after it just now\n"));
  }
  return code;
}

// Refuses what is no link before anything is stopped.
Action remove_services(const Request& request) {
  std::string path;
  const auto scan = open_scan_directory(request, path);
  if (!scan) return std::unexpected(scan.error());
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  Request stop = request;
  stop.names.clear();
  int code = 0;
  std::string done;
  for (const Target& target : targets->list) {
    char link[PATH_MAX];
    const std::string name(target.instance_of.empty() ? base_name(target.name) : target.instance_of);
    if (std::exchange(done, name) == name) continue;  // another of its instances
    if (::readlinkat(scan->get(), name.c_str(), link, sizeof link) >= 0) {
      stop.names.push_back(name);
      continue;
    }
    warn({name, errno == ENOENT ? " is not in " : " is no link in ", path, "; only what `add` has linked is removed"});
    code = 1;
  }
  if (stop.names.empty()) return targets->list.empty() ? 3 : code;
  const Action stopped = command_services(stop);
  if (!stopped || *stopped != 0) return stopped;
  Screen screen;
  for (const std::string& name : stop.names) {
    if (sys::unlinkat(scan->get(), name.c_str()) == 0) {
      if (!request.quiet) screen.put("ok: " + name + ": removed from " + path + "\n");
      continue;
    }
    warn(system_error("unable to remove", path + "/" + name).error());
    code = 1;
  }
  return code;
}

}  // namespace svdir::svctl
