#include "lib/service_dir.h"

#include <dirent.h>
#include <fnmatch.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace svdir {
namespace {

bool is_directory(const std::string& path) {
  struct stat facts;
  return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

// The service that SCAN/.svdir/NAME is an instance of: its run is a link to ../../SERVICE or ../../SERVICE/run.
// Empty for anything else.
std::string original_of(const std::string& scan_directory, const std::string& name) {
  char target[kLongestName + 16];
  const std::string link = scan_directory + "/.svdir/" + name + "/run";
  const ssize_t length = ::readlink(link.c_str(), target, sizeof target);
  std::string_view text(target, length > 0 ? static_cast<std::size_t>(length) : 0);
  constexpr std::string_view kUp = "../../";
  if (!text.starts_with(kUp)) return {};
  text.remove_prefix(kUp.size());
  return std::string(text.substr(0, text.find('/')));
}

// Puts the instances of services in their place.
void list_instances(const std::string& scan_directory, std::vector<ServiceEntry>& services) {
  DIR* listing = ::opendir((scan_directory + "/.svdir").c_str());
  if (listing == nullptr) return;
  std::vector<std::string> originals;
  std::vector<ServiceEntry> instances;
  for (const dirent* entry; (entry = ::readdir(listing)) != nullptr;) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_REG || !why_bad_name(name).empty()) continue;
    std::string original = original_of(scan_directory, name);
    if (original.empty() || original == name) continue;
    originals.push_back(std::move(original));
    instances.push_back({name, scan_directory + "/.svdir/" + name});
  }
  ::closedir(listing);
  if (instances.empty()) return;
  std::sort(originals.begin(), originals.end());
  std::erase_if(services, [&](const ServiceEntry& service) {
    return std::binary_search(originals.begin(), originals.end(), service.name);
  });
  services.insert(services.end(), instances.begin(), instances.end());
}

}  // namespace

std::string_view why_bad_name(std::string_view name) {
  if (name.empty()) return "it is empty";
  if (name.front() == '.') return "it begins with a dot";
  if (name.size() > kLongestName) return "it is longer than 200 bytes";
  for (const char c : name) {
    if (c == '/') return "it contains a slash";
    if (static_cast<unsigned char>(c) < 32 || c == 127) return "it contains a control character";
  }
  return {};
}

std::string default_scan_directory() {
  if (const char* set = std::getenv("SVDIR"); set != nullptr && *set != '\0') return set;
  std::string home;
  if (const char* set = std::getenv("HOME"); set != nullptr && *set != '\0') home = std::string(set) + "/services";
  for (const std::string& candidate : {home, std::string("/etc/service"), std::string("/service")})
    if (!candidate.empty() && is_directory(candidate)) return candidate;
  return home.empty() ? "/service" : home;
}

bool is_glob(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

bool glob_matches(const char* pattern, const char* name) {
  return ::fnmatch(pattern, name, 0) == 0;
}

Result<std::vector<ServiceEntry>> list_services(const std::string& scan_directory) {
  DIR* listing = ::opendir(scan_directory.c_str());
  if (listing == nullptr) return system_error("unable to list services in", scan_directory);
  std::vector<ServiceEntry> services;
  for (const dirent* entry; (entry = ::readdir(listing)) != nullptr;) {
    const std::string name = entry->d_name;
    if (!why_bad_name(name).empty()) continue;
    std::string path = scan_directory + "/" + name;
    struct stat facts;
    if (entry->d_type != DT_DIR) {
      if (::stat(path.c_str(), &facts) != 0) continue;
      if (S_ISREG(facts.st_mode)) {
        path = scan_directory + "/.svdir/" + name;
        if ((facts.st_mode & S_IXUSR) == 0 || !is_directory(path)) continue;
      } else if (!S_ISDIR(facts.st_mode)) {
        continue;
      }
    }
    services.push_back({name, std::move(path)});
  }
  ::closedir(listing);
  list_instances(scan_directory, services);
  std::sort(services.begin(), services.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return services;
}

std::vector<ServiceEntry> instances_of(const std::string& scan_directory, const std::string& name) {
  std::vector<ServiceEntry> instances;
  if (original_of(scan_directory, name + "-1") != name) return instances;  // few services have any
  DIR* listing = ::opendir((scan_directory + "/.svdir").c_str());
  if (listing == nullptr) return instances;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string instance = entry->d_name;
    if (instance.starts_with(name + "-") && original_of(scan_directory, instance) == name)
      instances.push_back({instance, scan_directory + "/.svdir/" + instance});
  }
  ::closedir(listing);
  std::sort(instances.begin(), instances.end(), [](const auto& a, const auto& b) {
    return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
  });
  return instances;
}

std::string service_path(const std::string& scan_directory, std::string_view name) {
  if (name.starts_with('/') || name.starts_with('.') || name.ends_with('/')) return std::string(name);
  std::string path = scan_directory + "/" + std::string(name);
  const std::string own = scan_directory + "/.svdir/" + std::string(name);
  return !is_directory(path) && is_directory(own) ? own : path;
}

}  // namespace svdir
