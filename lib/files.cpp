#include "lib/files.h"

#include "lib/system.h"

namespace svdir {

Result<void> write_atomically(int dir, const char* name, std::string_view bytes, mode_t mode) {
  char fresh[256];
  const int length = std::snprintf(fresh, sizeof fresh, "%s.new", name);
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof fresh) {
    errno = ENAMETOOLONG;
    return system_error("unable to write", name);
  }
  Fd fd(sys::openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, mode));
  if (!fd) return system_error("unable to create", fresh);
  while (!bytes.empty()) {
    const ssize_t written = sys::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error("unable to write", fresh);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (sys::renameat(dir, fresh, dir, name) != 0) return system_error("unable to rename into place", name);
  return {};
}

Result<std::string> read_small(int dir, const char* name, std::size_t limit) {
  const Fd fd(sys::openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd) return system_error("unable to open", name);
  struct stat facts;
  if (::fstat(fd.get(), &facts) != 0) return system_error("unable to examine", name);
  if (!S_ISREG(facts.st_mode)) {
    errno = S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
    return system_error("unable to read as a regular file", name);
  }
  std::string text;
  text.resize(std::min(static_cast<std::size_t>(facts.st_size), limit) + 1);  // one more, to see the end at once
  std::size_t length = 0;
  for (;;) {
    if (length == text.size()) {
      if (length > limit) break;
      text.resize(std::min(length * 2, limit + 1));
    }
    const ssize_t count = sys::read(fd.get(), text.data() + length, text.size() - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("unable to read", name);
    if (count == 0) break;
    length += static_cast<std::size_t>(count);
  }
  if (length > limit) {
    errno = EFBIG;
    return system_error("unable to read all of", name);
  }
  text.resize(length);
  return text;
}

Result<Fd> open_directory(const char* path) {
  Fd fd(sys::open(path, O_RDONLY | O_DIRECTORY));
  if (!fd) return system_error("unable to open directory", path);
  return fd;
}

Result<void> ensure_directory(const std::string& path) {
  if (sys::mkdirat(AT_FDCWD, path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    sys::mkdirat(AT_FDCWD, path.substr(0, slash).c_str(), 0755);  // most are there, and often not ours to make
  if (sys::mkdirat(AT_FDCWD, path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return system_error("unable to make the directory", path);
}

Result<void> ensure_fifo(int dir, const char* name, mode_t mode) {
  if (sys::mkfifoat(dir, name, mode) == 0) return {};
  if (errno != EEXIST) return system_error("unable to make the FIFO", name);
  struct stat facts;
  if (sys::fstatat(dir, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return system_error("unable to examine", name);
  if (S_ISFIFO(facts.st_mode)) return {};
  return std::unexpected(Error{std::string(name) + " is in the way: it is not a FIFO; remove it", 0, Fault::user});
}

}  // namespace svdir
