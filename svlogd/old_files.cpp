#include "svlogd/old_files.h"

#include <algorithm>
#include <utility>

#include "lib/fd.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir::svlogd {

std::vector<OldFile> OldFiles::list() const {
  // getdents64(2) itself: opendir(3) would allocate 32 KiB each time.
  struct Entry {
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
  };
  std::vector<OldFile> files;
  const Fd again(sys::openat(directory_, ".", O_RDONLY | O_DIRECTORY));
  if (!again) return files;
  alignas(Entry) char buffer[4096];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, again.get(), buffer, sizeof buffer);
    if (size <= 0) return files;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      if (auto file = parse_old_file(format_, entry->name)) files.push_back(std::move(*file));
      at += entry->length;
    }
  }
}

void OldFiles::open(int directory, std::string format) {
  directory_ = directory;
  format_ = std::move(format);
  for (const OldFile& file : list()) newest_ = std::max(newest_, file.stamp);
}

std::string OldFiles::oldest_unprocessed() const {
  std::vector<OldFile> files = list();
  std::erase_if(files, [](const OldFile& file) { return file.kind != 'u'; });
  const auto oldest =
      std::min_element(files.begin(), files.end(), [](const OldFile& a, const OldFile& b) { return a.is_before(b); });
  return oldest == files.end() ? std::string() : oldest->name;
}

Result<std::string> OldFiles::set_aside(Stamp moment, char kind) {
  unsigned number = 0;
  for (;;) {
    newest_ = format_.empty() ? next_name_stamp(moment, newest_) : std::max(moment, newest_);
    const std::string name = old_file_name(format_, newest_, number, kind);
    if (!format_.empty()) {
      // All kinds of a name belong together, so no other kind of it may be there.
      const auto made = parse_old_file(format_, name);
      unsigned next = number;
      for (const OldFile& file : list())
        if (made && file.stamp == made->stamp) next = std::max(next, file.number + 1);
      if (std::exchange(number, next) != next) continue;
    }
    if (sys::rename_new(directory_, "current", directory_, name.c_str()) == 0) return name;
    if (errno == EEXIST) {
      ++number;
      continue;
    }
    // A file system that knows no exclusive rename: ours are the only names of this form here, and they go up.
    if (errno == EINVAL && sys::renameat(directory_, "current", directory_, name.c_str()) == 0) return name;
    return system_error("unable to rename current");
  }
}

std::vector<std::string> OldFiles::remove(std::vector<std::string> names) const {
  std::erase_if(names, [&](const std::string& name) {
    if (sys::unlinkat(directory_, name.c_str()) == 0) return false;
    warn(system_error("unable to delete", name).error());
    return true;
  });
  return names;
}

std::vector<std::string> OldFiles::delete_beyond(std::uint64_t keep, std::string_view in_use) const {
  if (keep == 0) return {};
  return remove(files_to_delete(list(), keep, in_use));
}

std::vector<std::string> OldFiles::delete_over(std::uint64_t total, std::string_view in_use) const {
  std::vector<SizedFile> files;
  for (OldFile& file : list()) {
    struct stat facts;
    if (file.kind == 't' || sys::fstatat(directory_, file.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    files.push_back({std::move(file), static_cast<std::uint64_t>(facts.st_size)});
  }
  return remove(files_over_total(std::move(files), total, in_use));
}

std::string OldFiles::delete_oldest(std::uint64_t keep, std::string_view in_use) const {
  auto names = files_to_delete(list(), keep, in_use);
  if (names.empty()) return {};
  names.resize(1);
  names = remove(std::move(names));
  return names.empty() ? std::string() : names.front();
}

}  // namespace svdir::svlogd
