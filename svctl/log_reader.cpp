#include "svctl/log_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <charconv>

#include "lib/system.h"
#include "lib/values.h"
#include "svctl/deaths.h"

namespace svdir::svctl {
namespace {

constexpr std::size_t kBlock = 65536;

bool read_two(std::string_view text, std::size_t at, int& into) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (at + 2 > text.size() || !digit(text[at]) || !digit(text[at + 1])) return false;
  into = (text[at] - '0') * 10 + text[at + 1] - '0';
  return true;
}

// "2026-01-31" at `at`.
bool read_date(std::string_view text, tm& into) {
  int century = 0;
  int year = 0;
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return false;
  if (!read_two(text, 0, century) || !read_two(text, 2, year) || !read_two(text, 5, into.tm_mon) ||
      !read_two(text, 8, into.tm_mday))
    return false;
  into.tm_year = century * 100 + year - 1900;
  into.tm_mon -= 1;
  return into.tm_mon >= 0 && into.tm_mon < 12;
}

// "14:30" or "14:30:05".
bool read_clock(std::string_view text, tm& into) {
  into.tm_sec = 0;
  if (!read_two(text, 0, into.tm_hour) || text.size() < 5 || text[2] != ':' || !read_two(text, 3, into.tm_min))
    return false;
  if (text.size() == 5) return true;
  return text[5] == ':' && read_two(text, 6, into.tm_sec);
}

bool is_log_file(std::string_view name) {
  for (const std::string_view other : {"lock", "state", "newstate", "config", "processed", "previous"})
    if (name == other) return false;
  return !name.starts_with('.') && !name.ends_with(".t");
}

struct LogFile {
  std::string name;
  Stamp changed;
};

// The oldest first; `current` is the last.
std::vector<LogFile> list_files(int dir) {
  std::vector<LogFile> files;
  DIR* listing = ::fdopendir(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY));
  if (listing == nullptr) return files;
  while (const dirent* entry = ::readdir(listing)) {
    struct stat facts;
    if (!is_log_file(entry->d_name) || ::fstatat(dir, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(facts.st_mode))
      files.push_back({entry->d_name, {facts.st_mtim.tv_sec, static_cast<std::int32_t>(facts.st_mtim.tv_nsec)}});
  }
  ::closedir(listing);
  std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) {
    if ((a.name == "current") != (b.name == "current")) return b.name == "current";
    return a.changed != b.changed ? a.changed < b.changed : a.name < b.name;
  });
  return files;
}

bool is_compressed(std::string_view head) {
  for (const std::string_view magic : {std::string_view("\x1f\x8b"), std::string_view("\x28\xb5\x2f\xfd"),
                                       std::string_view("\xfd"
                                                        "7zXZ"),
                                       std::string_view("BZh")})
    if (head.starts_with(magic)) return true;
  return false;
}

// Reads a file from its end until it has the lines wanted; prepends nothing, returns them the oldest first.
class BackwardReader {
 public:
  BackwardReader(int fd, off_t size, const LogRange& range, std::size_t wanted)
      : fd_(fd), size_(size), range_(range), wanted_(wanted) {}

  // False when no older line is wanted: neither of this file nor of those before it.
  bool read(std::vector<std::string>& lines) {
    std::string text;  // what has been read and not yet cut off: its first line may begin in an earlier block
    for (off_t end = size_; end > 0;) {
      std::string block(static_cast<std::size_t>(std::min<off_t>(end, kBlock)), '\0');
      const off_t begin = end - static_cast<off_t>(block.size());
      if (::pread(fd_, block.data(), block.size(), begin) != static_cast<ssize_t>(block.size())) return false;
      if (end == size_ && block.ends_with('\n')) block.pop_back();
      text.insert(0, block);
      for (std::size_t newline; (newline = text.rfind('\n')) != std::string::npos; text.resize(newline))
        if (!add(text.substr(newline + 1), lines)) return false;
      end = begin;
    }
    return size_ <= 0 || add(std::move(text), lines);
  }

 private:
  bool add(std::string line, std::vector<std::string>& lines) {
    if (lines.size() >= wanted_) return false;
    if (range_.since)
      if (const auto stamp = stamp_of_line(line); stamp && *stamp < *range_.since) return false;
    lines.push_back(std::move(line));
    return true;
  }

  int fd_;
  off_t size_;
  const LogRange& range_;
  std::size_t wanted_;
};

bool has_current(const std::string& directory) {
  return ::access((directory + "/current").c_str(), F_OK) == 0;
}

// Words of a script that are directories with a `current` in them.
std::string directory_in_script(const std::string& script, const std::string& base) {
  const Fd fd(sys::open(script.c_str(), O_RDONLY | O_NONBLOCK));
  char text[8192];
  const ssize_t length = fd ? sys::read(fd.get(), text, sizeof text) : 0;
  std::string_view rest(text, length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \t\n\"'"), rest.size());
    const std::string word(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.empty() || word.front() == '-') continue;
    const std::string path = word.front() == '/' ? word : base + "/" + word;
    if (has_current(path)) return path;
  }
  return "";
}

// The directory of the `current` that process `pid` has open.
std::string directory_open_in(pid_t pid) {
  const std::string fds = "/proc/" + std::to_string(pid) + "/fd";
  DIR* listing = pid > 0 ? ::opendir(fds.c_str()) : nullptr;
  if (listing == nullptr) return "";
  std::string found;
  while (const dirent* entry = ::readdir(listing)) {
    char target[4096];
    const ssize_t length = ::readlinkat(::dirfd(listing), entry->d_name, target, sizeof target);
    const std::string_view path(target, length > 0 ? static_cast<std::size_t>(length) : 0);
    constexpr std::string_view kCurrent = "/current";
    if (path.ends_with(kCurrent)) found = path.substr(0, path.size() - kCurrent.size());
  }
  ::closedir(listing);
  return found;
}

std::string path_of(const Target& target) {
  if (target.at == AT_FDCWD || target.path.starts_with('/')) return target.path;
  return "/proc/self/fd/" + std::to_string(target.at) + "/" + target.path;
}

}  // namespace

std::optional<Stamp> stamp_of_line(std::string_view line) {
  Stamp stamp;
  if (read_tai64n_label(line, stamp)) return stamp;
  tm utc{};
  if (line.size() < 19 || (line[10] != '_' && line[10] != 'T' && line[10] != ' ') || !read_date(line, utc)) return {};
  if (!read_clock(line.substr(11, 8), utc)) return {};
  stamp.seconds = line[10] == ' ' ? ::mktime(&utc) : ::timegm(&utc);
  line.remove_prefix(19);
  if (!line.starts_with('.')) return stamp;
  int scale = 100'000'000;
  for (std::size_t i = 1; i < line.size() && line[i] >= '0' && line[i] <= '9' && scale > 0; ++i, scale /= 10)
    stamp.nanoseconds += (line[i] - '0') * scale;
  return stamp;
}

std::string readable_line(std::string_view line) {
  Stamp stamp;
  if (!read_tai64n_label(line, stamp)) return std::string(line);
  return local_time(stamp).append(line.substr(kTai64nLabelSize));
}

std::optional<Stamp> parse_since(std::string_view text, Stamp now) {
  Duration ago{};
  if (!text.empty() && text.find_first_of(":-") == std::string_view::npos && parse_duration(text, ago)) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(ago);
    return Stamp{now.seconds - whole.count(), now.nanoseconds};
  }
  const time_t seconds = now.seconds;
  tm local{};
  ::localtime_r(&seconds, &local);
  local.tm_isdst = -1;
  if (read_date(text, local)) {
    local.tm_hour = local.tm_min = local.tm_sec = 0;
    text.remove_prefix(10);
    if (!text.empty() && (text[0] == ' ' || text[0] == 'T' || text[0] == '_')) text.remove_prefix(1);
    if (text.empty()) return Stamp{::mktime(&local), 0};
  }
  if (text.size() != 5 && text.size() != 8) return {};
  if (!read_clock(text, local)) return {};
  return Stamp{::mktime(&local), 0};
}

Result<std::string> find_log_directory(const Target& service) {
  const std::string base = path_of(service);
  const std::string log = base + "/log";
  const View logger = look(logger_of(service));
  if (const std::string open = directory_open_in(logger.is_supervised() ? logger.record.main.pid : 0); !open.empty())
    return open;
  if (const std::string named = directory_in_script(log + "/run", log); !named.empty()) return named;
  for (const std::string& usual : {log + "/main", log})
    if (has_current(usual)) return usual;
  return user_error(service.name + " has no log: neither its logger nor " + service.name +
                    "/log/run shows a directory with a `current` in it");
}

Result<std::vector<LogLine>> read_log(const std::string& directory, const LogRange& range) {
  const Fd dir(sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY));
  if (!dir) return system_error("unable to open", directory);
  const std::vector<LogFile> files = list_files(dir.get());
  std::vector<std::vector<LogLine>> parts;  // the latest file first
  std::size_t count = 0;
  for (auto file = files.rbegin(); file != files.rend() && count < range.lines; ++file) {
    if (range.since && file->name != "current" && file->changed < *range.since) break;
    const Fd fd(sys::openat(dir.get(), file->name.c_str(), O_RDONLY | O_NONBLOCK));
    if (!fd && file->name == "current" && errno == EACCES)
      return system_error("unable to read", directory + "/current");
    char head[6] = "";
    if (!fd || (::pread(fd.get(), head, sizeof head, 0) > 0 && is_compressed({head, sizeof head}))) continue;
    std::vector<std::string> lines;
    off_t size = ::lseek(fd.get(), 0, SEEK_END);
    if (file->name == "current" && range.current_end >= 0) size = std::min(size, range.current_end);
    const bool go_on = BackwardReader(fd.get(), size, range, range.lines - count).read(lines);
    count += lines.size();
    std::vector<LogLine>& part = parts.emplace_back();
    Stamp last = file->changed;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      if (const auto stamp = stamp_of_line(*line)) last = *stamp;
      part.push_back({last, std::move(*line)});
    }
    if (!go_on) break;
  }
  std::vector<LogLine> all;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part)
    std::move(part->begin(), part->end(), std::back_inserter(all));
  return all;
}

Result<void> LogFollower::open(const std::string& directory) {
  directory_ = directory;
  file_.reset(sys::open((directory + "/current").c_str(), O_RDONLY | O_NONBLOCK));
  if (!file_) return system_error("unable to open", directory + "/current");
  begin_ = ::lseek(file_.get(), 0, SEEK_END);
  for (char last = '\n'; begin_ > 0; --begin_)
    if (::pread(file_.get(), &last, 1, begin_ - 1) != 1 || last == '\n') break;
  ::lseek(file_.get(), begin_, SEEK_SET);
  return {};
}

void LogFollower::read_rest(std::vector<LogLine>& into) {
  std::string block(kBlock, '\0');
  for (;;) {
    const ssize_t length = file_ ? sys::read(file_.get(), block.data(), block.size()) : 0;
    if (length <= 0) return;
    held_.append(block, 0, static_cast<std::size_t>(length));
    std::size_t begin = 0;
    for (std::size_t end; (end = held_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      std::string line = held_.substr(begin, end - begin);
      last_ = stamp_of_line(line).value_or(wall_now());
      into.push_back({last_, std::move(line)});
    }
    held_.erase(0, begin);
  }
}

void LogFollower::take(std::vector<LogLine>& into) {
  struct stat open_one;
  struct stat present;
  read_rest(into);
  // Rotated: another file is `current` by now. What was written to ours before is read first.
  if (::stat((directory_ + "/current").c_str(), &present) != 0) return;
  const bool same = file_ && ::fstat(file_.get(), &open_one) == 0 && open_one.st_ino == present.st_ino &&
                    open_one.st_dev == present.st_dev;
  if (same && ::lseek(file_.get(), 0, SEEK_CUR) <= present.st_size) return;
  if (!same) read_rest(into);
  file_.reset(sys::open((directory_ + "/current").c_str(), O_RDONLY | O_NONBLOCK));
  read_rest(into);
}

}  // namespace svdir::svctl
