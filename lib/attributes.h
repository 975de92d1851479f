// Attributes of a process that is about to be executed: who it is, what it may use, where it stands.
//
// One table, two users: settings.cpp checks and collects them (each becomes one svrun option "--key=value"), svrun
// parses the same text with the same functions and applies them. Names of users and groups are only looked up by
// svrun, which alone is linked against the name services.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace svdir {

// One resource limit; a part that is not set stays as it is. kNoLimit: none.
inline constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
struct LimitChange {
  int resource = 0;  // RLIMIT_…
  std::optional<std::uint64_t> soft;
  std::optional<std::uint64_t> hard;
  bool soft_is_hard = false;  // "hard": the soft limit becomes whatever the hard one is
  bool operator==(const LimitChange&) const = default;
};

enum class IoClass : std::uint8_t { unset, realtime, best_effort, idle };

struct Attributes {
  bool explain = false;  // they are settings of the service in the working directory: errors name their lines
  std::string user;      // "name", "[:]user[:group...]" or "owner"; "" leaves it as it is
  std::vector<std::string> groups;  // the first is the group id, the others are supplementary
  std::string env_dir;
  std::string env_file;
  bool clean_env = false;
  std::string chroot;
  std::string directory;
  std::optional<unsigned> umask;
  std::optional<int> nice;  // absolute, -20..19
  IoClass io_class = IoClass::unset;
  int io_level = 4;  // 0..7, 0 is served first
  std::vector<unsigned> cpus;
  std::optional<int> oom_score;  // -1000..1000
  std::vector<LimitChange> limits;
  bool no_new_privileges = false;
  std::string lock_file;
  bool lock_waits = true;
  int parent_death_signal = 0;
  std::string cgroup;      // see lib/cgroup.h
  bool ids_first = false;  // user and groups before all else: what follows is done with no more rights than theirs
};

inline constexpr unsigned kMostCpus = 1024;

struct AttributeRow {
  std::string_view key;
  std::string_view type;
  std::string_view default_text;
  std::string_view help;
  bool is_setting;      // false: an option of svrun only
  bool takes_no_value;  // as an option: "--key" stands for "--key=yes"
  // An empty value takes back what was set before. False when `value` is not of the type.
  bool (*parse)(std::string_view key, std::string_view value, Attributes& into);
};

std::span<const AttributeRow> attribute_rows();
const AttributeRow* find_attribute(std::string_view key);

// "nofile" -> RLIMIT_NOFILE; -1 when there is no such limit.
int limit_of(std::string_view name);
std::string_view limit_name(int resource);

}  // namespace svdir
