// From names, globs and paths to services.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "svctl/service.h"

namespace svdir::svctl {

struct Targets {
  std::string scan_directory;  // as a path
  Fd scan_fd;                  // what relative paths of `list` are relative to; empty when there is no such directory
  std::vector<Target> list;    // in the order named, a glob's matches by name, each service once; a service with
                               // `instances` stands for those
  std::vector<std::string> unmatched;  // globs that match no service
};

// Whose fault it is that a scan directory cannot be opened: one that is not there was named wrongly.
Fault fault_of_missing(int number);

// `directory` "" stands for the default scan directory. Without names: every service. An error only when the scan
// directory is needed and is not there or cannot be read. A plain name becomes a target whether it is there or not.
Result<Targets> find_targets(const std::string& directory, std::span<const std::string> names);

}  // namespace svdir::svctl
