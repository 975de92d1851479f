#include "svlogd/rotate.h"

#include <algorithm>

namespace svdir::svlogd {

std::string old_file_name(Stamp stamp, char kind) {
  char label[kTai64nLabelSize];
  write_tai64n_label(stamp, label);
  return std::string(label, sizeof label) + '.' + kind;
}

std::optional<OldFile> parse_old_file(std::string_view name) {
  Stamp stamp;
  if (name.size() != kTai64nLabelSize + 2 || name[kTai64nLabelSize] != '.') return {};
  const char kind = name.back();
  if ((kind != 's' && kind != 'u' && kind != 't') || !read_tai64n_label(name, stamp)) return {};
  return OldFile{std::string(name), kind};
}

std::vector<std::string> files_to_delete(std::vector<OldFile> files, std::size_t keep, std::string_view in_use) {
  std::vector<std::string> chosen;
  std::erase_if(files, [](const OldFile& file) { return file.kind == 't'; });
  if (files.size() <= keep) return chosen;
  std::sort(files.begin(), files.end(), [](const OldFile& a, const OldFile& b) { return a.name < b.name; });
  std::size_t too_many = files.size() - keep;
  for (const OldFile& file : files) {
    if (too_many == 0) break;
    if (file.name == in_use) continue;
    chosen.push_back(file.name);
    --too_many;
  }
  return chosen;
}

Stamp next_name_stamp(Stamp now, Stamp newest) {
  if (now > newest) return now;
  if (newest.nanoseconds < 999'999'999) return {newest.seconds, newest.nanoseconds + 1};
  return {newest.seconds + 1, 0};
}

}  // namespace svdir::svlogd
