#include "lib/settings.h"

#include <algorithm>

#include "lib/attributes.h"
#include "lib/files.h"
#include "lib/settings_table.h"
#include "lib/system.h"

namespace svdir {
namespace {

std::unexpected<SettingsError> unreadable(std::string_view file, std::string_view why, int number = 0) {
  return std::unexpected(SettingsError{std::string(file), 0, "cannot be read: " + std::string(why), number});
}

// The comment lines that `run` begins with, as far as they are looked at; "" for what is no script.
std::expected<std::string, SettingsError> run_head(int dir) {
  const Fd fd(sys::openat(dir, "run", O_RDONLY | O_NONBLOCK | O_NOCTTY));
  // Not there, or executable only: then there is no head, and the start will tell what is wrong. But nothing is
  // started without its settings because descriptors or memory are short.
  const auto is_no_head = [](int number) {
    return number == ENOENT || number == EACCES || number == ENOTDIR || number == ELOOP || number == EISDIR ||
           number == ENXIO || number == EAGAIN;
  };
  if (!fd && is_no_head(errno)) return {};
  if (!fd) return unreadable("run", ::strerror(errno), errno);
  char bytes[kRunHead];
  ssize_t length = 0;
  do {
    length = sys::read(fd.get(), bytes, sizeof bytes);
  } while (length < 0 && errno == EINTR);
  if (length < 0 && is_no_head(errno)) return {};
  if (length < 0) return unreadable("run", ::strerror(errno), errno);
  std::string_view head(bytes, static_cast<std::size_t>(length));
  if (!head.starts_with('#')) return {};
  if (head.size() < kRunHead) return std::string(head);
  const std::size_t last = head.rfind('\n') + 1;  // npos + 1 is 0: a single line
  if (head.substr(last).starts_with("#:"))
    return std::unexpected(SettingsError{"run", 0, "its settings do not end within the first 4096 bytes", 0});
  return std::string(head.substr(0, last));
}

std::expected<void, SettingsError> read_file(int dir, const char* path, std::string_view shown, SettingsSource source,
                                             Settings& into) {
  const Result<std::string> text = read_small(dir, path, kLongestSettings);
  if (text) return parse_settings(*text, shown, source, into);
  const int number = text.error().number;
  struct stat facts;
  // A link that leads nowhere was meant to lead somewhere: starting without its settings would be wrong.
  if (number == ENOENT && sys::fstatat(dir, path, &facts, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return {};
  switch (number) {
    case ENOENT: return unreadable(shown, "it is a symbolic link that leads nowhere");
    case EISDIR: return unreadable(shown, "it is a directory");
    case ENXIO:
    case EINVAL: return unreadable(shown, "it is not a regular file");
    case EFBIG: return unreadable(shown, "it is longer than 64 KiB");
    default: return unreadable(shown, ::strerror(number), number);
  }
}

}  // namespace

std::string SettingsError::message() const {
  std::string text_with_place = file;
  if (line > 0) text_with_place.append(":").append(std::to_string(line));
  return text_with_place.append(text_with_place.empty() ? "" : ": ").append(text);
}

std::expected<Settings, SettingsError> read_settings(int dir, const char* defaults_path) {
  Settings settings;
  if (defaults_path != nullptr)
    if (auto read = read_file(AT_FDCWD, defaults_path, ".defaults", SettingsSource::defaults, settings); !read)
      return std::unexpected(std::move(read.error()));
  auto head = run_head(dir);
  if (!head) return std::unexpected(std::move(head.error()));
  if (auto read = parse_settings(*head, "run", SettingsSource::run_head, settings); !read)
    return std::unexpected(std::move(read.error()));
  if (auto read = read_file(dir, "conf", "conf", SettingsSource::conf, settings); !read)
    return std::unexpected(std::move(read.error()));
  // A maximum below the first delay can only be a default that was forgotten.
  settings.restart_delay_max = std::max(settings.restart_delay_max, settings.restart_delay);
  struct stat facts;
  if (sys::fstatat(dir, "env", &facts) != 0) {
    if (errno != ENOENT) return unreadable("env", ::strerror(errno), errno);
  } else if (S_ISDIR(facts.st_mode)) {
    put_option(settings.svrun, "env-dir", "env");
  }
  if (!settings.svrun.empty()) put_option(settings.svrun, "explain", "yes");
  return settings;
}

std::string place_of_setting(int dir, std::string_view key) {
  if (const Result<std::string> conf = read_small(dir, "conf", kLongestSettings); conf)
    if (const int line = line_of_setting(*conf, SettingsSource::conf, key); line > 0)
      return "conf:" + std::to_string(line);
  if (const auto head = run_head(dir); head)
    if (const int line = line_of_setting(*head, SettingsSource::run_head, key); line > 0)
      return "run:" + std::to_string(line);
  return ".defaults";
}

}  // namespace svdir
