#include "svlogd/old_files.h"

#include <algorithm>

#include "lib/fd.h"
#include "lib/system.h"

namespace svdir::svlogd {

std::vector<OldFile> OldFiles::list(int directory) {
  // getdents64(2) itself: opendir(3) would allocate 32 KiB each time.
  struct Entry {
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
  };
  std::vector<OldFile> files;
  const Fd again(sys::openat(directory, ".", O_RDONLY | O_DIRECTORY));
  if (!again) return files;
  alignas(Entry) char buffer[4096];
  for (;;) {
    const long size = ::syscall(SYS_getdents64, again.get(), buffer, sizeof buffer);
    if (size <= 0) return files;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      if (auto file = parse_old_file(entry->name)) files.push_back(std::move(*file));
      at += entry->length;
    }
  }
}

void OldFiles::look(int directory) {
  for (const OldFile& file : list(directory)) {
    Stamp stamp;
    if (read_tai64n_label(file.name, stamp)) newest_ = std::max(newest_, stamp);
  }
}

Result<std::string> OldFiles::set_aside(int directory, char kind) {
  for (;;) {
    newest_ = next_name_stamp(wall_now(), newest_);
    const std::string name = old_file_name(newest_, kind);
    if (sys::rename_new(directory, "current", directory, name.c_str()) == 0) return name;
    if (errno == EEXIST) continue;
    // A file system that knows no exclusive rename: ours are the only names of this form here, and they go up.
    if (errno == EINVAL && sys::renameat(directory, "current", directory, name.c_str()) == 0) return name;
    return system_error("unable to rename current");
  }
}

}  // namespace svdir::svlogd
