#include "svlogd/current_file.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "lib/system.h"

namespace svdir::svlogd {
namespace {
constexpr Duration kSyncInterval = std::chrono::seconds(1);
constexpr std::uint64_t kMostToSearch = 1024 * 1024;
constexpr std::uint64_t kMostToSync = 16 * 1024 * 1024;
}  // namespace

Result<void> CurrentFile::open(int directory, struct stat& facts) {
  Fd fd(sys::openat(directory, kName, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, kOpenMode));
  if (!fd) return system_error("unable to open", kName);
  if (::fstat(fd.get(), &facts) != 0) return system_error("unable to examine", kName);
  if ((facts.st_mode & 0777) != kOpenMode && sys::fchmod(fd.get(), kOpenMode) != 0)
    return system_error("unable to set the mode of", kName);
  fd_ = std::move(fd);
  return {};
}

bool CurrentFile::append(std::string_view bytes) {
  if (ahead_ != 0 && !settle_ahead(bytes)) return false;
  while (ahead_ < bytes.size()) {
    const ssize_t count = sys::write(fd_.get(), bytes.data() + ahead_, bytes.size() - ahead_);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) errno = ENOSPC;
    if (count <= 0) return false;
    ahead_ += static_cast<std::uint64_t>(count);
  }
  noted_ += bytes.size();
  ahead_ = 0;
  return true;
}

// If what is there is not the beginning of these bytes (the options have changed since), it goes.
bool CurrentFile::settle_ahead(std::string_view bytes) {
  char there[4096];
  std::uint64_t same = 0;
  while (same < ahead_ && same < bytes.size()) {
    const std::uint64_t left = std::min<std::uint64_t>(ahead_, bytes.size()) - same;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(sizeof there, left));
    const ssize_t got = ::pread(fd_.get(), there, size, static_cast<off_t>(noted_ + same));
    if (got <= 0 || std::memcmp(there, bytes.data() + same, static_cast<std::size_t>(got)) != 0) break;
    same += static_cast<std::uint64_t>(got);
  }
  if (same == ahead_) return true;
  if (sys::ftruncate(fd_.get(), static_cast<off_t>(noted_)) != 0) return false;
  ahead_ = 0;
  return true;
}

std::uint64_t CurrentFile::keep_whole_lines(std::string_view bytes) {
  const std::size_t newline = bytes.substr(0, static_cast<std::size_t>(ahead_)).rfind('\n');
  const std::uint64_t end = newline != std::string_view::npos ? noted_ + newline + 1 : end_of_last_line();
  // If it cannot be cut, the half line stays: better than to write over it later.
  const bool is_cut = end == noted_ + ahead_ || sys::ftruncate(fd_.get(), static_cast<off_t>(end)) == 0;
  noted_ = is_cut ? end : noted_ + ahead_;
  ahead_ = 0;
  return noted_;
}

// Where the last line of what is noted ends; of a line that is longer than what is looked at, the beginning stays.
std::uint64_t CurrentFile::end_of_last_line() const {
  char tail[4096];
  std::uint64_t end = noted_;
  while (end > 0 && noted_ - end < kMostToSearch) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(end, sizeof tail));
    if (::pread(fd_.get(), tail, size, static_cast<off_t>(end - size)) != static_cast<ssize_t>(size)) return noted_;
    const std::size_t newline = std::string_view(tail, size).rfind('\n');
    if (newline != std::string_view::npos) return end - size + newline + 1;
    end -= size;
  }
  return end == 0 ? 0 : noted_;
}

bool CurrentFile::ends_with_newline() const {
  char last = '\n';
  return noted_ == 0 || ::pread(fd_.get(), &last, 1, static_cast<off_t>(noted_) - 1) != 1 || last == '\n';
}

bool CurrentFile::sync(bool must) {
  const Instant now = monotonic_now();
  if (noted_ > kMostToSync) return true;
  if (!must && now - last_sync_ < kSyncInterval) return true;
  last_sync_ = now;
  return sys::fsync(fd_.get()) == 0;
}

bool CurrentFile::seal() const {
  return sys::fchmod(fd_.get(), kClosedMode) == 0;
}

}  // namespace svdir::svlogd
