#include "lib/files.h"

#include <signal.h>

#include "lib/system.h"

namespace svdir {

namespace {

// What an earlier write has left behind, if it can be written over: nobody but us has it open, and whoever comes
// through its old name in this very moment has to wait until we close it. Empty otherwise.
Fd open_unread(int dir, const char* name, mode_t mode, struct stat& facts) {
  Fd fd(sys::openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!fd || ::fstat(fd.get(), &facts) != 0) return {};
  if (!S_ISREG(facts.st_mode) || facts.st_nlink != 1 || (facts.st_mode & 07777) != mode) return {};
  ::fcntl(fd.get(), F_SETSIG, SIGURG);  // which does no harm, should somebody come
  if (::fcntl(fd.get(), F_SETLEASE, F_WRLCK) != 0) return {};
  return fd;
}

Fd create_anew(int dir, const char* name, mode_t mode) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL;
  Fd fd(sys::openat(dir, name, kFlags, mode));
  if (!fd && errno == EEXIST && sys::unlinkat(dir, name) == 0) fd.reset(sys::openat(dir, name, kFlags, mode));
  return fd;
}

bool is_file(int dir, const char* name) {
  struct stat facts;
  return sys::fstatat(dir, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(facts.st_mode);
}

Result<void> write_all(int fd, std::string_view bytes, const char* name) {
  while (!bytes.empty()) {
    const ssize_t written = sys::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return system_error("unable to write", name);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

// Writes all of it to `fresh`, whatever was there before.
Result<void> write_fresh(int dir, const char* fresh, std::string_view bytes, mode_t mode) {
  struct stat before{};
  Fd fd = open_unread(dir, fresh, mode, before);
  const bool again = static_cast<bool>(fd);
  if (!again) fd = create_anew(dir, fresh, mode);
  if (!fd) return system_error("unable to create", fresh);
  if (auto written = write_all(fd.get(), bytes, fresh); !written) return written;
  const auto size = static_cast<off_t>(bytes.size());
  if (again && before.st_size > size && sys::ftruncate(fd.get(), size) != 0)
    return system_error("unable to shorten", fresh);
  return {};  // the lease ends before the file can be found under its name
}

bool is_full(int number) {
  return number == ENOSPC || number == EDQUOT;
}

bool write_over(int dir, const char* name, std::string_view bytes) {
  const Fd fd(sys::openat(dir, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat before;
  if (!fd || ::fstat(fd.get(), &before) != 0 || !S_ISREG(before.st_mode)) return false;
  std::string text(bytes);
  if (before.st_size > static_cast<off_t>(text.size())) text.resize(static_cast<std::size_t>(before.st_size), '\n');
  return sys::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

Result<void> write_atomically(int dir, const char* name, std::string_view bytes, mode_t mode) {
  char fresh[256];
  const int length = std::snprintf(fresh, sizeof fresh, "%s.new", name);
  if (length < 0 || static_cast<std::size_t>(length) >= sizeof fresh) {
    errno = ENAMETOOLONG;
    return system_error("unable to write", name);
  }
  if (auto written = write_fresh(dir, fresh, bytes, mode); !written) {
    if (is_full(written.error().number) && write_over(dir, name, bytes)) return {};
    return written;
  }
  if (is_file(dir, name) && sys::exchange(dir, fresh, name) == 0) return {};
  if (sys::renameat(dir, fresh, dir, name) != 0) return system_error("unable to rename into place", name);
  return {};
}

void remove_written(int dir, const char* name) {
  sys::unlinkat(dir, name);
  sys::unlinkat(dir, (std::string(name) + ".new").c_str());
}

// Whoever looks up a name just before an exchange, and opens what he has found after it, meets the writer's lease.
Fd open_to_read(int dir, const char* name) {
  Fd fd;
  for (int tries = 0; tries < 5 && !fd && (tries == 0 || errno == EAGAIN); ++tries)
    fd.reset(sys::openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  return fd;
}

Result<std::string> read_small(int dir, const char* name, std::size_t limit) {
  const Fd fd = open_to_read(dir, name);
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
