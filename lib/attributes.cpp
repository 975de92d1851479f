#include "lib/attributes.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>

#include "lib/values.h"

namespace svdir {
namespace {

enum class Measure : std::uint8_t { count, bytes, seconds, microseconds };

struct LimitKind {
  std::string_view name;
  int resource;
  Measure measure;
};
// Names as in getrlimit(2), in lower case.
constexpr auto kLimits = std::to_array({
    LimitKind{"as", RLIMIT_AS, Measure::bytes},
    LimitKind{"core", RLIMIT_CORE, Measure::bytes},
    LimitKind{"cpu", RLIMIT_CPU, Measure::seconds},
    LimitKind{"data", RLIMIT_DATA, Measure::bytes},
    LimitKind{"fsize", RLIMIT_FSIZE, Measure::bytes},
    LimitKind{"locks", RLIMIT_LOCKS, Measure::count},
    LimitKind{"memlock", RLIMIT_MEMLOCK, Measure::bytes},
    LimitKind{"msgqueue", RLIMIT_MSGQUEUE, Measure::bytes},
    LimitKind{"nice", RLIMIT_NICE, Measure::count},
    LimitKind{"nofile", RLIMIT_NOFILE, Measure::count},
    LimitKind{"nproc", RLIMIT_NPROC, Measure::count},
    LimitKind{"rss", RLIMIT_RSS, Measure::bytes},
    LimitKind{"rtprio", RLIMIT_RTPRIO, Measure::count},
    LimitKind{"rttime", RLIMIT_RTTIME, Measure::microseconds},
    LimitKind{"sigpending", RLIMIT_SIGPENDING, Measure::count},
    LimitKind{"stack", RLIMIT_STACK, Measure::bytes},
});
constexpr std::string_view kLimitPrefix = "limit-";

bool parse_limit_value(std::string_view text, Measure measure, std::uint64_t& into) {
  if (text == "unlimited" || text == "infinity") return into = kNoLimit, true;
  if (measure == Measure::bytes) return parse_size(text, into);
  long long count = 0;
  if (parse_number(text, 0, 1LL << 62, count)) return into = static_cast<std::uint64_t>(count), true;
  Duration time{};
  // A bare number is no duration here, and "1.5" must not be taken for seconds where "1" is a microsecond.
  const bool has_unit = !text.empty() && text.back() >= 'a';
  if (measure == Measure::count || !has_unit || !parse_duration(text, time)) return false;
  const std::int64_t unit = measure == Measure::seconds ? 1'000'000'000 : 1000;
  if (time.count() % unit != 0) return false;
  into = static_cast<std::uint64_t>(time.count() / unit);
  return true;
}

// "N" sets the soft limit (and raises the hard one where it is lower), "SOFT:HARD" both, ":HARD" the hard one, "hard"
// the soft one to the hard one.
bool parse_limit(std::string_view key, std::string_view value, Attributes& into) {
  key.remove_prefix(kLimitPrefix.size());
  const auto kind = std::ranges::find(kLimits, key, &LimitKind::name);
  if (kind == kLimits.end()) return false;
  std::erase_if(into.limits, [&](const LimitChange& change) { return change.resource == kind->resource; });
  if (value.empty()) return true;
  LimitChange change{kind->resource, {}, {}, false};
  const std::size_t colon = value.find(':');
  const std::string_view soft = value.substr(0, colon);
  std::uint64_t number = 0;
  if (soft == "hard") {
    change.soft_is_hard = true;
  } else if (!soft.empty()) {
    if (!parse_limit_value(soft, kind->measure, number)) return false;
    change.soft = number;
  }
  if (colon != std::string_view::npos) {
    if (!parse_limit_value(value.substr(colon + 1), kind->measure, number)) return false;
    change.hard = number;
    if (change.soft && *change.soft > number) return false;
  }
  into.limits.push_back(change);
  return true;
}

template <std::string Attributes::* Member>
bool parse_text(std::string_view, std::string_view value, Attributes& into) {
  into.*Member = value;
  return true;
}

template <bool Attributes::* Member, bool Default>
bool parse_flag(std::string_view, std::string_view value, Attributes& into) {
  if (value.empty()) return into.*Member = Default, true;
  return parse_yes_no(value, into.*Member);
}

template <std::optional<int> Attributes::* Member, int Least, int Most>
bool parse_int(std::string_view, std::string_view value, Attributes& into) {
  (into.*Member).reset();
  if (value.empty()) return true;
  long long number = 0;
  if (!parse_number(value, Least, Most, number)) return false;
  into.*Member = static_cast<int>(number);
  return true;
}

// A name or number; "[:]user[:group...]" has something between all of its colons but the first.
bool parse_user(std::string_view, std::string_view value, Attributes& into) {
  const std::string_view rest = value.starts_with(':') ? value.substr(1) : value;
  const bool odd = rest.starts_with(':') || rest.ends_with(':') || rest.find("::") != std::string_view::npos ||
                   value.find_first_of(" \t/") != std::string_view::npos || (rest.empty() && !value.empty());
  if (odd) return false;
  into.user = value;
  return true;
}

bool parse_groups(std::string_view, std::string_view value, Attributes& into) {
  into.groups = split_words(value);
  return true;
}

bool parse_umask(std::string_view, std::string_view value, Attributes& into) {
  into.umask.reset();
  if (value.empty()) return true;
  unsigned mask = 0;
  if (!parse_octal(value, 0777, mask)) return false;
  into.umask = mask;
  return true;
}

bool parse_io_class(std::string_view, std::string_view value, Attributes& into) {
  into.io_class = IoClass::unset;
  into.io_level = 4;  // the kernel's own middle, ioprio_set(2)
  if (value.empty()) return true;
  const std::size_t colon = value.find(':');
  const std::string_view name = value.substr(0, colon);
  if (name == "realtime") into.io_class = IoClass::realtime;
  if (name == "best-effort") into.io_class = IoClass::best_effort;
  if (name == "idle") into.io_class = IoClass::idle;
  if (into.io_class == IoClass::unset) return false;
  if (colon == std::string_view::npos) return true;
  long long level = 0;
  if (into.io_class == IoClass::idle || !parse_number(value.substr(colon + 1), 0, 7, level)) return false;
  into.io_level = static_cast<int>(level);
  return true;
}

// "0", "0-3", "0,2-3".
bool parse_cpus(std::string_view, std::string_view value, Attributes& into) {
  into.cpus.clear();
  for (std::string_view word = take_word(value); !word.empty(); word = take_word(value)) {
    const std::size_t dash = word.find('-');
    long long first = 0;
    long long last = 0;
    if (!parse_number(word.substr(0, dash), 0, kMostCpus - 1, first)) return false;
    if (dash == std::string_view::npos) {
      last = first;
    } else if (!parse_number(word.substr(dash + 1), first, kMostCpus - 1, last)) {
      return false;
    }
    for (long long cpu = first; cpu <= last; ++cpu)
      if (std::ranges::find(into.cpus, static_cast<unsigned>(cpu)) == into.cpus.end())
        into.cpus.push_back(static_cast<unsigned>(cpu));
  }
  return true;
}

bool parse_parent_death(std::string_view, std::string_view value, Attributes& into) {
  into.parent_death_signal = value.empty() ? 0 : parse_signal(value);
  return value.empty() || into.parent_death_signal != 0;
}

// Nothing may climb out of the place that was delegated.
bool parse_cgroup(std::string_view, std::string_view value, Attributes& into) {
  const std::string padded = "/" + std::string(value) + "/";
  if (padded.find("/../") != std::string::npos) return false;
  into.cgroup = value;
  return true;
}

constexpr std::string_view kBytesType = "size, SOFT or SOFT:HARD; unlimited, hard";
constexpr std::string_view kCountType = "number, SOFT or SOFT:HARD; unlimited, hard";
constexpr std::string_view kTimeType = "duration, SOFT or SOFT:HARD; unlimited, hard";

// In the order in which svrun applies them, as far as one order can tell (see svrun/process.cpp).
constexpr auto kRows = std::to_array({
    AttributeRow{"explain", "yes or no", "no", "in messages, name the lines in conf and run that the options come from",
                 false, true, parse_flag<&Attributes::explain, false>},
    AttributeRow{"cgroup", "path", "", "control group (version 2), below which it gets one of its own name", true,
                 false, parse_cgroup},
    AttributeRow{"clean-env", "yes or no", "no",
                 "leave only PATH, and what tells of the service itself, in the environment", true, true,
                 parse_flag<&Attributes::clean_env, false>},
    AttributeRow{"env-file", "path", "", "file of NAME=VALUE lines to put into the environment", true, false,
                 parse_text<&Attributes::env_file>},
    AttributeRow{"env-dir", "path", "", "directory with one file per environment variable, as envdir(8)", false, false,
                 parse_text<&Attributes::env_dir>},
    AttributeRow{"chroot", "path", "", "directory to become the root directory", true, false,
                 parse_text<&Attributes::chroot>},
    AttributeRow{"directory", "path", "", "directory to run in; by default the service directory", true, false,
                 parse_text<&Attributes::directory>},
    AttributeRow{"umask", "octal number up to 777", "", "file mode creation mask", true, false, parse_umask},
    AttributeRow{"nice", "number from -20 to 19", "", "scheduling priority; 19 is the most modest", true, false,
                 parse_int<&Attributes::nice, -20, 19>},
    AttributeRow{"io-class", "realtime[:0-7], best-effort[:0-7] or idle", "", "I/O scheduling class and level", true,
                 false, parse_io_class},
    AttributeRow{"cpu-affinity", "list of CPU numbers and ranges", "", "the only CPUs to run on, as 0,2-3", true, false,
                 parse_cpus},
    AttributeRow{"oom-score", "number from -1000 to 1000", "", "how soon the kernel kills it when memory runs out",
                 true, false, parse_int<&Attributes::oom_score, -1000, 1000>},
    AttributeRow{"limit-as", kBytesType, "", "address space", true, false, parse_limit},
    AttributeRow{"limit-core", kBytesType, "", "size of a core dump", true, false, parse_limit},
    AttributeRow{"limit-cpu", kTimeType, "", "CPU time, in whole seconds", true, false, parse_limit},
    AttributeRow{"limit-data", kBytesType, "", "data segment", true, false, parse_limit},
    AttributeRow{"limit-fsize", kBytesType, "", "size of a file it writes", true, false, parse_limit},
    AttributeRow{"limit-locks", kCountType, "", "file locks", true, false, parse_limit},
    AttributeRow{"limit-memlock", kBytesType, "", "locked memory", true, false, parse_limit},
    AttributeRow{"limit-msgqueue", kBytesType, "", "POSIX message queues", true, false, parse_limit},
    AttributeRow{"limit-nice", kCountType, "", "20 minus the best nice value it may take", true, false, parse_limit},
    AttributeRow{"limit-nofile", kCountType, "", "open descriptors", true, false, parse_limit},
    AttributeRow{"limit-nproc", kCountType, "", "processes of its user", true, false, parse_limit},
    AttributeRow{"limit-rss", kBytesType, "", "resident memory; Linux ignores it", true, false, parse_limit},
    AttributeRow{"limit-rtprio", kCountType, "", "real-time priority", true, false, parse_limit},
    AttributeRow{"limit-rttime", kTimeType, "",
                 "CPU time between two sleeps of a real-time process; a bare number is microseconds", true, false,
                 parse_limit},
    AttributeRow{"limit-sigpending", kCountType, "", "queued signals", true, false, parse_limit},
    AttributeRow{"limit-stack", kBytesType, "", "stack", true, false, parse_limit},
    AttributeRow{"groups", "list of names or numbers", "the user's",
                 "its groups; the first becomes the group id, no others remain", true, false, parse_groups},
    AttributeRow{"user", "name, number, owner or [:]user[:group...]", "",
                 "the user it runs as; owner is the owner of run", true, false, parse_user},
    AttributeRow{"ids-first", "yes or no", "no",
                 "take user and groups before all else, so that nothing is done with more rights", false, true,
                 parse_flag<&Attributes::ids_first, false>},
    AttributeRow{"lock-file", "path", "", "file to lock; held until it and all it starts have ended", true, false,
                 parse_text<&Attributes::lock_file>},
    AttributeRow{"lock-wait", "yes or no", "yes", "whether a lock held by another is waited for, or is an error", true,
                 false, parse_flag<&Attributes::lock_waits, true>},
    AttributeRow{"no-new-privs", "yes or no", "no",
                 "no program it executes may gain rights, by set-id bits or otherwise", true, true,
                 parse_flag<&Attributes::no_new_privileges, false>},
    AttributeRow{"parent-death-signal", "signal", "", "signal it gets when its supervisor dies", true, false,
                 parse_parent_death},
});

}  // namespace

std::span<const AttributeRow> attribute_rows() {
  return kRows;
}

const AttributeRow* find_attribute(std::string_view key) {
  const auto row = std::ranges::find(kRows, key, &AttributeRow::key);
  return row == kRows.end() ? nullptr : &*row;
}

int limit_of(std::string_view name) {
  const auto kind = std::ranges::find(kLimits, name, &LimitKind::name);
  return kind == kLimits.end() ? -1 : kind->resource;
}

std::string_view limit_name(int resource) {
  const auto kind = std::ranges::find(kLimits, resource, &LimitKind::resource);
  return kind == kLimits.end() ? "?" : kind->name;
}

}  // namespace svdir
