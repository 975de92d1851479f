// Names of services, and where they are found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/error.h"

namespace svdir {

inline constexpr std::size_t kLongestName = 200;

// Not empty, no '/', no leading '.', at most kLongestName bytes, no control characters. Says why not, or "".
std::string_view why_bad_name(std::string_view name);

// The scan directory a person means: $SVDIR, else ~/services, else /etc/service, else /service; the first that is
// there. With none of them there, the first candidate, for the error message.
std::string default_scan_directory();

// True for a text with one of * ? [ in it.
bool is_glob(std::string_view text);

// fnmatch(3) without flags: `*` also matches a leading dot, but such names are never services.
bool glob_matches(const char* pattern, const char* name);

// Service directories in `scan_directory`, sorted by name: subdirectories and symbolic links to directories with
// good names, and bare executable files, whose service directories are SCAN/.svdir/NAME; in the place of a service
// with `instances` stand those, SCAN/.svdir/NAME-1 and so on.
struct ServiceEntry {
  std::string name;
  std::string path;  // of the service directory
};
Result<std::vector<ServiceEntry>> list_services(const std::string& scan_directory);

// Those that svscan has made of the service `name`, if it has `instances`; by number.
std::vector<ServiceEntry> instances_of(const std::string& scan_directory, const std::string& name);

// The path that `name` stands for, by sv's rule: one that begins with '/' or '.', or ends with '/', is a path;
// anything else is looked up in the scan directory ("NAME/log" reaches the logger).
std::string service_path(const std::string& scan_directory, std::string_view name);

}  // namespace svdir
