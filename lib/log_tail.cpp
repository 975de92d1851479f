#include "lib/log_tail.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lib/system.h"

namespace svdir {
namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr char kCurrent[] = "current";

bool is_compressed(int fd) {
  unsigned char magic[4] = {};
  if (::pread(fd, magic, sizeof magic, 0) < 2) return false;
  const bool gzip = magic[0] == 0x1f && magic[1] == 0x8b;
  const bool zstd = magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd;
  const bool bzip2 = magic[0] == 'B' && magic[1] == 'Z' && magic[2] == 'h';
  const bool xz = magic[0] == 0xfd && magic[1] == '7' && magic[2] == 'z' && magic[3] == 'X';
  return gzip || zstd || bzip2 || xz;
}

// [from, from + size) of a file; shorter when the file is.
std::string read_block(int fd, std::uint64_t from, std::size_t size) {
  std::string block(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::pread(fd, block.data() + got, size - got, static_cast<off_t>(from + got));
    if (count <= 0) break;
    got += static_cast<std::size_t>(count);
  }
  block.resize(got);
  return block;
}

bool digits(std::string_view text, std::size_t at, std::size_t count, int& into) {
  into = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    into = into * 10 + (text[i] - '0');
  }
  return true;
}

// An old file without its kind (".s", ".u"): a TAI64N label, or a time as svlogd's `names` writes it, with '~' and a
// number where several files have the same.
std::string_view stem(std::string_view name) {
  return name.substr(0, name.size() - 2);
}

bool is_before(std::string_view a, std::string_view b) {
  const auto split = [](std::string_view text, int& number) {
    const std::size_t tilde = text.find('~');
    if (tilde == std::string_view::npos || text.size() - tilde > 9) return text;
    if (!digits(text, tilde + 1, text.size() - tilde - 1, number)) number = 0;
    return text.substr(0, tilde);
  };
  int first = 0;
  int second = 0;
  const std::string_view begin = split(stem(a), first);
  const std::string_view other = split(stem(b), second);
  return begin != other ? begin < other : first < second;
}

// Reads files, newest first, backwards until `enough` says so of a block; the text in its right order. `from_start`
// tells whether it begins with the very first byte of the log.
template <class Files, class Enough>
std::string read_backwards(const Files& files, Enough enough, bool& from_start) {
  std::vector<std::string> blocks;
  from_start = false;
  for (const auto& file : files) {
    std::uint64_t end = file.size;
    bool stop = false;
    while (end > 0 && !stop) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(end, kBlock));
      end -= size;
      blocks.push_back(read_block(file.fd.get(), end, size));
      stop = enough(file, blocks.back());
    }
    if (stop) break;
    from_start = &file == &files.back();
  }
  std::string text;
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) text.append(*block);
  return text;
}

// Cuts what follows the last newline off `text`.
std::string split_unfinished(std::string& text) {
  const std::size_t last_newline = text.rfind('\n');
  const std::size_t complete = last_newline == std::string::npos ? 0 : last_newline + 1;
  std::string rest = text.substr(complete);
  text.resize(complete);
  return rest;
}

}  // namespace

bool read_line_stamp(std::string_view line, Stamp& into) {
  if (line.starts_with('@')) return read_tai64n_label(line, into);
  tm civil{};
  int fraction = 0;
  if (line.size() < 25 || line[4] != '-' || line[7] != '-' || (line[10] != '_' && line[10] != 'T') || line[13] != ':' ||
      line[16] != ':' || line[19] != '.')
    return false;
  if (!digits(line, 0, 4, civil.tm_year) || !digits(line, 5, 2, civil.tm_mon) || !digits(line, 8, 2, civil.tm_mday) ||
      !digits(line, 11, 2, civil.tm_hour) || !digits(line, 14, 2, civil.tm_min) || !digits(line, 17, 2, civil.tm_sec) ||
      !digits(line, 20, 5, fraction))
    return false;
  civil.tm_year -= 1900;
  civil.tm_mon -= 1;
  into = {::timegm(&civil), fraction * 10'000};
  return true;
}

Result<LogTail> LogTail::open(const std::string& path) {
  LogTail tail;
  tail.directory_.reset(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!tail.directory_) return system_error("unable to open log directory", path);
  File current;
  if (!tail.open_file(kCurrent, current)) return system_error("unable to open", path + "/current");
  return tail;
}

bool LogTail::open_file(const std::string& name, File& into) const {
  into.name = name;
  into.fd.reset(sys::openat(directory_.get(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  struct stat facts;
  if (!into.fd || ::fstat(into.fd.get(), &facts) != 0) return false;
  if (!S_ISREG(facts.st_mode)) {
    errno = EINVAL;
    return false;
  }
  into.size = static_cast<std::uint64_t>(facts.st_size);
  return true;
}

// Oldest first. Unfinished output of processors (.t) is left out, and so is an .s next to the .u that it is made from.
Result<std::vector<std::string>> LogTail::old_names() const {
  std::vector<std::string> names;
  Fd again(sys::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY));
  if (!again) return system_error("unable to list a log directory");
  alignas(8) char buffer[8192];
  constexpr std::size_t kNameAt = 19;  // d_name in struct linux_dirent64, getdents64(2)
  for (;;) {
    const long size = ::syscall(SYS_getdents64, again.get(), buffer, sizeof buffer);
    if (size < 0) return system_error("unable to list a log directory");
    if (size == 0) break;
    for (long at = 0; at < size;) {
      unsigned short length = 0;
      std::memcpy(&length, buffer + at + 16, sizeof length);
      const std::string_view name(buffer + at + kNameAt);
      at += length;
      const bool is_old = name.size() > 2 && name[0] != '.' && (name.ends_with(".s") || name.ends_with(".u"));
      if (is_old) names.emplace_back(name);
    }
  }
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) { return is_before(a, b); });
  const auto same_stem = [](const std::string& a, const std::string& b) { return stem(a) == stem(b); };
  names.erase(std::unique(names.begin(), names.end(), same_stem), names.end());
  return names;
}

// Newest first. A rotation between two steps here is noticed by the newest name, and all is done again.
Result<LogTail::Snapshot> LogTail::look() const {
  for (int attempt = 0;; ++attempt) {
    auto before = old_names();
    if (!before) return std::unexpected(before.error());
    Snapshot now;
    now.has_current = open_file(kCurrent, now.current);
    const auto after = old_names();
    if (after && *after != *before && attempt < 1000) continue;
    now.old_names = std::move(*before);
    return now;
  }
}

std::vector<LogTail::File> LogTail::open_all(Snapshot& now) {
  std::vector<File> files;
  if (now.has_current)
    files.push_back({kCurrent, Fd(::fcntl(now.current.fd.get(), F_DUPFD_CLOEXEC, 0)), now.current.size});
  for (auto name = now.old_names.rbegin(); name != now.old_names.rend(); ++name) {
    File file;
    if (!open_file(*name, file)) continue;
    if (is_compressed(file.fd.get())) break;
    files.push_back(std::move(file));
  }
  follow(std::move(now));
  return files;
}

void LogTail::follow(Snapshot now) {
  newest_old_ = now.old_names.empty() ? "" : now.old_names.back();
  offset_ = now.has_current ? now.current.size : 0;
  current_ = now.has_current ? std::move(now.current.fd) : Fd();
}

Result<std::string> LogTail::last(std::size_t count) {
  auto now = look();
  if (!now) return std::unexpected(now.error());
  const std::vector<File> files = open_all(*now);
  std::size_t newlines = 0;
  const auto enough = [&](const File&, const std::string& block) {
    newlines += static_cast<std::size_t>(std::count(block.begin(), block.end(), '\n'));
    return newlines > count;
  };
  bool from_start = false;
  std::string text = read_backwards(files, enough, from_start);
  unfinished_ = split_unfinished(text);
  std::size_t begin = 0;
  for (; newlines > count; --newlines) begin = text.find('\n', begin) + 1;
  text.erase(0, begin);
  return text;
}

Result<std::string> LogTail::since(Stamp since, std::size_t limit) {
  auto now = look();
  if (!now) return std::unexpected(now.error());
  const std::vector<File> files = open_all(*now);
  std::size_t size = 0;
  const auto enough = [&](const File& file, const std::string& block) {
    size += block.size();
    // The name of an old file is the moment of its end; the first line that begins in a block is older than the rest.
    Stamp stamp;
    if (read_tai64n_label(file.name, stamp) && stamp < since) return true;
    const std::size_t newline = block.find('\n');
    if (newline == std::string::npos) return size > limit;
    return size > limit || (read_line_stamp(std::string_view(block).substr(newline + 1), stamp) && stamp < since);
  };
  bool from_start = false;
  std::string text = read_backwards(files, enough, from_start);
  unfinished_ = split_unfinished(text);
  std::size_t begin = 0;
  bool may_be_cut = !from_start;
  while (begin < text.size()) {
    Stamp stamp;
    const bool has_stamp = read_line_stamp(std::string_view(text).substr(begin), stamp);
    if (!(has_stamp && stamp < since) && !(may_be_cut && !has_stamp) && text.size() - begin <= limit) break;
    begin = text.find('\n', begin) + 1;
    may_be_cut = false;
  }
  text.erase(0, begin);
  return text;
}

// What has been appended to the file that we are reading.
Result<void> LogTail::read_on(std::string& into) {
  struct stat facts;
  if (!current_) return {};
  if (::fstat(current_.get(), &facts) != 0) return system_error("unable to examine current");
  if (static_cast<std::uint64_t>(facts.st_size) < offset_) offset_ = 0;  // truncated by somebody
  for (;;) {
    char block[kBlock / 4];
    const ssize_t count = ::pread(current_.get(), block, sizeof block, static_cast<off_t>(offset_));
    if (count < 0) return system_error("unable to read current");
    if (count == 0) return {};
    into.append(block, static_cast<std::size_t>(count));
    offset_ += static_cast<std::uint64_t>(count);
  }
}

Result<std::string> LogTail::more() {
  auto now = look();
  if (!now) return std::unexpected(now.error());
  std::string text = std::exchange(unfinished_, {});
  if (const auto read = read_on(text); !read) return std::unexpected(read.error());
  bool is_rotated = !current_;
  for (const std::string& name : now->old_names) {
    if (!newest_old_.empty() && !is_before(newest_old_, name)) continue;
    // The first new one is the file that we have open and have read to its end.
    if (!std::exchange(is_rotated, true)) continue;
    File file;
    if (!open_file(name, file) || is_compressed(file.fd.get())) continue;
    current_ = std::move(file.fd);
    offset_ = 0;
    if (const auto read = read_on(text); !read) return std::unexpected(read.error());
  }
  if (is_rotated) {
    follow(std::move(*now));
    offset_ = 0;
    if (const auto read = read_on(text); !read) return std::unexpected(read.error());
  }
  unfinished_ = split_unfinished(text);
  return text;
}

}  // namespace svdir
