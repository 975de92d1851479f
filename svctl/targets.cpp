#include "svctl/targets.h"

#include <fcntl.h>

#include <unordered_set>

#include "lib/files.h"
#include "lib/service_dir.h"

namespace svdir::svctl {
namespace {

constexpr std::string_view kLogger = "/log";

bool is_path(std::string_view name) {
  return name.starts_with('/') || name.starts_with('.') || name.ends_with('/');
}

class Finder {
 public:
  explicit Finder(Targets& into) : into_(into) {}

  // Services are listed once, when they are first needed.
  Result<const std::vector<ServiceEntry>*> services() {
    if (!listed_) {
      auto found = list_services(into_.scan_directory);
      if (!found) {
        found.error().fault = fault_of_missing(found.error().number);
        return std::unexpected(found.error());
      }
      services_ = std::move(*found);
      listed_ = true;
    }
    return &services_;
  }

  void add(std::string name, std::string path, int at) {
    if (seen_.insert(name).second) into_.list.push_back({std::move(name), std::move(path), at});
  }
  void add(const ServiceEntry& entry) {
    // Short relative paths are quicker to look up, and there may be thousands.
    std::string_view path = entry.path;
    if (into_.scan_fd && path.starts_with(into_.scan_directory)) {
      path.remove_prefix(into_.scan_directory.size());
      while (path.starts_with('/')) path.remove_prefix(1);
      add(entry.name, std::string(path), into_.scan_fd.get());
    } else {
      add(entry.name, entry.path, AT_FDCWD);
    }
  }

  Result<bool> add_glob(std::string pattern) {
    const auto all = services();
    if (!all) return std::unexpected(all.error());
    const bool loggers = pattern.ends_with(kLogger);
    if (loggers) pattern.resize(pattern.size() - kLogger.size());
    bool any = false;
    for (const ServiceEntry& entry : **all) {
      if (!glob_matches(pattern.c_str(), entry.name.c_str())) continue;
      if (!loggers) {
        add(entry);
      } else {
        const Target logger = logger_of({entry.name, entry.path, AT_FDCWD});
        if (!has_logger({entry.name, entry.path, AT_FDCWD})) continue;
        add(logger.name, logger.path, AT_FDCWD);
      }
      any = true;
    }
    return any;
  }

 private:
  Targets& into_;
  std::vector<ServiceEntry> services_;
  bool listed_ = false;
  std::unordered_set<std::string> seen_;
};

}  // namespace

Fault fault_of_missing(int number) {
  return number == ENOENT || number == ENOTDIR ? Fault::user : Fault::system;
}

Result<Targets> find_targets(const std::string& directory, std::span<const std::string> names) {
  Targets targets;
  targets.scan_directory = directory.empty() ? default_scan_directory() : directory;
  if (auto fd = open_directory(targets.scan_directory.c_str())) targets.scan_fd = std::move(*fd);
  Finder finder(targets);
  if (names.empty()) {
    const auto all = finder.services();
    if (!all) return std::unexpected(all.error());
    for (const ServiceEntry& entry : **all) finder.add(entry);
  }
  for (const std::string& name : names) {
    if (is_path(name) || !is_glob(name)) {
      finder.add(name, service_path(targets.scan_directory, name), AT_FDCWD);
      continue;
    }
    const auto matched = finder.add_glob(name);
    if (!matched) return std::unexpected(matched.error());
    if (!*matched) targets.unmatched.push_back(name);
  }
  return targets;
}

}  // namespace svdir::svctl
