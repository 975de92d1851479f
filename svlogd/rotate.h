// When a log file is full, and what rotated files are called. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"

namespace svdir::svlogd {

// How full a log file is, and how full it may become. The rule is runit's: a file is rotated at the end of the line
// that brings it within `slack` bytes of `limit`; a file never grows beyond `limit`. In addition a line that is known
// to be too long for what is left, but not for a file of its own, is not cut: the file is rotated before it.
struct Room {
  std::uint64_t size = 0;   // bytes in the file
  std::uint64_t limit = 0;  // bytes it may hold; 0: no limit
  std::uint64_t slack = 0;  // bytes

  bool is_limited() const { return limit != 0; }
  std::uint64_t left(std::uint64_t added) const { return size + added >= limit ? 0 : limit - size - added; }
  // At this size or beyond, the end of a line ends the file.
  std::uint64_t full_at() const { return slack < limit ? limit - slack : limit; }
  bool is_full_after_line(std::uint64_t added) const { return is_limited() && size + added >= full_at(); }
  bool must_make_room_for(std::uint64_t added, std::uint64_t line) const {
    return is_limited() && size + added > 0 && line > left(added) && line <= limit;
  }
};

// A rotated file: the moment of its rotation, and '.' with a letter: `s` finished, `u` still to be processed, `t` the
// unfinished output of a processor. The moment is '@' and 24 hexadecimal digits of TAI64N; or, with a `names` format,
// the local time by that format, and where several files have the same, '~' and a number from 1 on.
struct OldFile {
  std::string name;
  char kind = 's';
  Stamp stamp;
  unsigned number = 0;

  bool is_before(const OldFile& other) const {
    return stamp != other.stamp ? stamp < other.stamp : number < other.number;
  }
};

// The same file's name as one of another kind.
inline std::string with_kind(const std::string& name, char kind) {
  return name.substr(0, name.size() - 1) + kind;
}

// `format` is that of config.h; empty for TAI64N, for which `number` is not used.
std::string old_file_name(const std::string& format, Stamp stamp, unsigned number, char kind);
// Names of TAI64N are understood whatever the format.
std::optional<OldFile> parse_old_file(const std::string& format, std::string_view name);

// Which of the old files (in any order; `t` ones are not counted) must go so that `keep` are left, oldest first.
// The one called `in_use` (it is being processed) is counted but never chosen.
std::vector<std::string> files_to_delete(std::vector<OldFile> files, std::size_t keep, std::string_view in_use);

struct SizedFile {
  OldFile file;
  std::uint64_t size = 0;  // bytes
};
// Which must go, oldest first, so that the others have at most `total` bytes together.
std::vector<std::string> files_over_total(std::vector<SizedFile> files, std::uint64_t total, std::string_view in_use);

// The stamp to name the next file by: now, or just after `newest` where the clock has been set back. The order of the
// names is the order of the files, whatever the clock does; else the newest file could be deleted as the oldest.
Stamp next_name_stamp(Stamp now, Stamp newest);

}  // namespace svdir::svlogd
