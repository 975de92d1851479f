#include "svctl/log_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <charconv>

#include "lib/log_tail.h"
#include "lib/system.h"
#include "lib/values.h"
#include "svctl/deaths.h"
#include "svctl/findings.h"

namespace svdir::svctl {
namespace {

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

}  // namespace

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

Result<std::string> find_log_directory(const Target& service, Stream stream) {
  const bool is_errors = stream == Stream::errors;
  const Target logger = is_errors ? error_logger_of(service) : logger_of(service);
  const std::string base = plain_path(service);
  const std::string log = plain_path(logger);
  const View seen = look(logger);
  if (const std::string open = directory_open_in(seen.is_supervised() ? seen.record.main.pid : 0); !open.empty())
    return open;
  if (const std::string named = directory_in_script(log + "/run", log); !named.empty()) return named;
  const Settings settings = settings_of(service).value_or(Settings{});
  for (const std::string& named : is_errors ? std::vector{settings.stderr_target} : settings.log) {
    if (named.find('/') == std::string::npos) continue;  // stdout, syslog
    for (const std::string& path : {named.starts_with('/') ? named : base + "/" + named, log + "/" + named})
      if (has_current(path)) return path;
  }
  for (const std::string& usual : {log + "/main", log})
    if (has_current(usual)) return usual;
  return user_error(service.name + (is_errors ? " has no log of its standard error" : " has no log") +
                    ": neither its logger nor " + logger.name + "/run nor a `" + (is_errors ? "stderr" : "log") +
                    "` setting shows a directory with a `current` in it");
}

std::vector<LogLine> split_lines(std::string_view text, Stamp otherwise) {
  std::vector<LogLine> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    read_line_stamp(text.substr(0, end), otherwise);
    lines.push_back({otherwise, std::string(text.substr(0, end))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

Result<std::vector<LogLine>> last_lines(const std::string& directory, unsigned long count) {
  auto tail = LogTail::open(directory);
  if (!tail) return std::unexpected(tail.error());
  const auto text = tail->last(count);
  if (!text) return std::unexpected(text.error());
  return split_lines(*text + tail->unfinished(), {});
}

}  // namespace svdir::svctl
