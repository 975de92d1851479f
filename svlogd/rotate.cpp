#include "svlogd/rotate.h"

#include <algorithm>

#include "lib/values.h"
#include "svlogd/schedule.h"

namespace svdir::svlogd {

std::string old_file_name(const std::string& format, Stamp stamp, unsigned number, char kind) {
  if (!format.empty()) {
    const std::string time = format_time(format, stamp, false);
    return time + (number == 0 ? "" : "~" + std::to_string(number)) + "." + kind;
  }
  char label[kTai64nLabelSize];
  write_tai64n_label(stamp, label);
  return std::string(label, sizeof label) + '.' + kind;
}

std::optional<OldFile> parse_old_file(const std::string& format, std::string_view name) {
  if (name.size() < 3 || name[name.size() - 2] != '.') return {};
  OldFile file{std::string(name), name.back(), {}, 0};
  if (file.kind != 's' && file.kind != 'u' && file.kind != 't') return {};
  const std::string stem(name.substr(0, name.size() - 2));
  if (stem.size() == kTai64nLabelSize && read_tai64n_label(stem, file.stamp)) return file;
  if (format.empty()) return {};
  auto stamp = parse_time(format, stem);
  if (const std::size_t tilde = stem.rfind('~'); !stamp && tilde != std::string::npos) {
    long long number = 0;
    if (!parse_number(std::string_view(stem).substr(tilde + 1), 1, 1'000'000'000, number)) return {};
    file.number = static_cast<unsigned>(number);
    stamp = parse_time(format, stem.substr(0, tilde));
  }
  if (!stamp) return {};
  file.stamp = *stamp;
  return file;
}

std::vector<std::string> files_to_delete(std::vector<OldFile> files, std::size_t keep, std::string_view in_use) {
  std::vector<std::string> chosen;
  std::erase_if(files, [](const OldFile& file) { return file.kind == 't'; });
  if (files.size() <= keep) return chosen;
  std::sort(files.begin(), files.end(), [](const OldFile& a, const OldFile& b) { return a.is_before(b); });
  std::size_t too_many = files.size() - keep;
  for (const OldFile& file : files) {
    if (too_many == 0) break;
    if (file.name == in_use) continue;
    chosen.push_back(file.name);
    --too_many;
  }
  return chosen;
}

std::vector<std::string> files_over_total(std::vector<SizedFile> files, std::uint64_t total, std::string_view in_use) {
  std::vector<std::string> chosen;
  std::sort(files.begin(), files.end(),
            [](const SizedFile& a, const SizedFile& b) { return a.file.is_before(b.file); });
  std::uint64_t sum = 0;
  for (const SizedFile& file : files) sum += file.size;
  for (const SizedFile& file : files) {
    if (sum <= total) break;
    if (file.file.name == in_use) continue;
    chosen.push_back(file.file.name);
    sum -= file.size;
  }
  return chosen;
}

Stamp next_name_stamp(Stamp now, Stamp newest) {
  if (now > newest) return now;
  if (newest.nanoseconds < 999'999'999) return {newest.seconds, newest.nanoseconds + 1};
  return {newest.seconds + 1, 0};
}

}  // namespace svdir::svlogd
