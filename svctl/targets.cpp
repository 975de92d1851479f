#include "svctl/targets.h"

#include <fcntl.h>

#include <algorithm>
#include <unordered_set>

#include "lib/files.h"
#include "lib/service_dir.h"
#include "lib/system.h"
#include "lib/values.h"
#include "svctl/findings.h"
#include "svctl/render.h"
#include "svctl/svscan_health.h"

namespace svdir::svctl {
namespace {

constexpr std::string_view kLogger = "/log";
constexpr std::string_view kErrorLogger = "/log/stderr";
constexpr std::string_view kOwn = ".svdir/";  // what svscan makes

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

  void add(Target target) {
    if (seen_.insert(target.name).second) into_.list.push_back(std::move(target));
  }
  void add(const ServiceEntry& entry) {
    // Short relative paths are quicker to look up, and there may be thousands.
    std::string_view path = entry.path;
    Target target{entry.name, entry.path, AT_FDCWD};
    if (into_.scan_fd && path.starts_with(into_.scan_directory)) {
      path.remove_prefix(into_.scan_directory.size());
      while (path.starts_with('/')) path.remove_prefix(1);
      target.path = path;
      target.at = into_.scan_fd.get();
    }
    target.in_scan_directory = true;
    target.is_made_by_svscan = path.starts_with(kOwn);
    add(std::move(target));
  }

  void add_path(const std::string& name) {
    Target target{name, name, AT_FDCWD};
    std::string_view parent = name;
    while (parent.size() > 1 && parent.ends_with('/')) parent.remove_suffix(1);
    parent = parent.substr(0, parent.rfind('/') + 1);
    struct stat scan;
    struct stat facts;
    target.in_scan_directory = into_.scan_fd && ::fstat(into_.scan_fd.get(), &scan) == 0 &&
                               ::stat(parent.empty() ? "." : std::string(parent).c_str(), &facts) == 0 &&
                               facts.st_dev == scan.st_dev && facts.st_ino == scan.st_ino;
    add(std::move(target));
  }

  // A service of the scan directory, or its logger: NAME, NAME/log.
  void add_plain(const std::string& name) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string service = name.substr(0, slash);
    const std::vector<std::string> instances = instance_names(service);
    for (const std::string& instance : instances) {
      Target target{instance + name.substr(slash), own_path(instance + name.substr(slash)), AT_FDCWD};
      target.instance_of = service;
      target.in_scan_directory = true;
      target.is_made_by_svscan = true;
      add(std::move(target));
    }
    if (instances.empty()) add(plain(name));
  }

  Result<bool> add_glob(std::string pattern) {
    const auto all = services();
    if (!all) return std::unexpected(all.error());
    const bool errors = pattern.ends_with(kErrorLogger);
    const bool loggers = errors || pattern.ends_with(kLogger);
    if (loggers) pattern.resize(pattern.size() - (errors ? kErrorLogger : kLogger).size());
    bool any = false;
    for (const ServiceEntry& entry : **all) {
      if (!glob_matches(pattern.c_str(), entry.name.c_str())) continue;
      if (!loggers) {
        add(entry);
      } else {
        const Target service{entry.name, entry.path, AT_FDCWD};
        if (!(errors ? has_error_logger(service) : has_logger(service))) continue;
        add(errors ? error_logger_of(service) : logger_of(service));
      }
      any = true;
    }
    return any;
  }

 private:
  std::string own_path(const std::string& name) const { return into_.scan_directory + "/" + std::string(kOwn) + name; }

  // Of a service with `instances`: those that svscan has made, else those that it is about to make.
  std::vector<std::string> instance_names(const std::string& service) const {
    std::vector<std::string> names;
    for (ServiceEntry& entry : instances_of(into_.scan_directory, service)) names.push_back(std::move(entry.name));
    const Target whole{service, into_.scan_directory + "/" + service, AT_FDCWD};
    struct stat facts;
    const bool is_itself_supervised = ::stat((whole.path + "/supervise").c_str(), &facts) == 0;
    if (!names.empty() || !into_.scan_fd || is_itself_supervised) return names;
    const unsigned wanted = settings_of(whole).value_or(Settings{}).instances;
    if (wanted == 0 || find_svscan(into_.scan_fd.get()) == 0) return names;
    for (unsigned number = 1; number <= wanted; ++number) names.push_back(service + "-" + std::to_string(number));
    return names;
  }

  Target plain(const std::string& name) {
    Target target{name, service_path(into_.scan_directory, name), AT_FDCWD};
    target.in_scan_directory = true;
    target.is_made_by_svscan = target.path == own_path(name);
    struct stat facts;
    if (sys::fstatat(target.at, target.path.c_str(), &facts) != 0) {
      if (const std::string near = nearest(name); !near.empty()) target.hint = "did you mean `" + near + "`?";
    } else if (S_ISREG(facts.st_mode) && (facts.st_mode & S_IXUSR) == 0) {
      target.hint = "the file is not executable: chmod +x " + shell_word(target.path);
    } else if (S_ISREG(facts.st_mode)) {
      target.path = own_path(name);
      target.is_made_by_svscan = true;
    }
    return target;
  }

  // The service that was probably meant; "" when none comes near.
  std::string nearest(const std::string& name) {
    std::string best;
    const auto all = services();
    if (!all) return best;
    unsigned least = static_cast<unsigned>(std::max<std::size_t>(1, (name.size() + 1) / 3)) + 1;
    for (const ServiceEntry& entry : **all) {
      const unsigned distance = edit_distance(name, entry.name);
      if (distance >= least || distance >= std::min(name.size(), entry.name.size())) continue;
      least = distance;
      best = entry.name;
    }
    return best;
  }

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
  auto scan = open_directory(targets.scan_directory.c_str());
  if (scan) targets.scan_fd = std::move(*scan);
  if (!scan && fault_of_missing(scan.error().number) == Fault::user && !std::ranges::all_of(names, is_path)) {
    scan.error().fault = Fault::user;
    return std::unexpected(scan.error());
  }
  Finder finder(targets);
  if (names.empty()) {
    const auto all = finder.services();
    if (!all) return std::unexpected(all.error());
    for (const ServiceEntry& entry : **all) finder.add(entry);
  }
  for (const std::string& name : names) {
    if (is_path(name)) {
      finder.add_path(name);
      continue;
    }
    if (!is_glob(name)) {
      finder.add_plain(name);
      continue;
    }
    const auto matched = finder.add_glob(name);
    if (!matched) return std::unexpected(matched.error());
    if (!*matched) targets.unmatched.push_back(name);
  }
  return targets;
}

}  // namespace svdir::svctl
