#include <array>
#include <cerrno>

#include "svctl/faces.h"

namespace svdir::svctl {
namespace {

struct Row {
  int number;
  std::string_view text;
};

// As printed by runit 2.1.2 and daemontools 0.76; those that a client of theirs can meet.
constexpr std::array kTexts{
    Row{EINTR, "interrupted system call"},
    Row{ENOMEM, "out of memory"},
    Row{ENOENT, "file does not exist"},
    Row{ETXTBSY, "text busy"},
    Row{EIO, "input/output error"},
    Row{EEXIST, "file already exists"},
    Row{ETIMEDOUT, "timed out"},
    Row{EAGAIN, "temporary failure"},
    Row{EPIPE, "broken pipe"},
    Row{EPERM, "permission denied"},
    Row{EACCES, "access denied"},
    Row{ENXIO, "device not configured"},
    Row{EISDIR, "is a directory"},
    Row{ENOTDIR, "not a directory"},
    Row{EBADF, "file descriptor not open"},
    Row{EBUSY, "device busy"},
    Row{EINVAL, "invalid argument"},
    Row{ENFILE, "system cannot open more files"},
    Row{EMFILE, "process cannot open more files"},
    Row{EFBIG, "file too big"},
    Row{ENOSPC, "out of disk space"},
    Row{EROFS, "read-only file system"},
    Row{ELOOP, "symbolic link loop"},
    Row{ENAMETOOLONG, "file name too long"},
    Row{EDQUOT, "disk quota exceeded"},
    Row{ESTALE, "stale NFS file handle"},
    Row{ENODEV, "device does not support operation"},
};

}  // namespace

std::string djb_text(int number) {
  for (const Row& row : kTexts)
    if (row.number == number) return std::string(row.text);
  return "unknown error";
}

char DjbOptions::next() {
  if (word_.empty()) {
    if (rest_.empty()) return '\0';
    const std::string_view word = rest_.front();
    if (word.size() < 2 || word[0] != '-') return '\0';
    rest_ = rest_.subspan(1);
    if (word == "--") return '\0';
    word_ = word.substr(1);
  }
  letter = word_[0];
  word_.remove_prefix(1);
  if (with_value_.find(letter) != std::string_view::npos) {
    if (word_.empty()) {
      if (rest_.empty()) return '?';
      word_ = rest_.front();
      rest_ = rest_.subspan(1);
    }
    value = word_;
    word_ = {};
    return letter;
  }
  return letters_.find(letter) != std::string_view::npos ? letter : '?';
}

}  // namespace svdir::svctl
