#include "svrun/texts.h"

#include <algorithm>
#include <array>

namespace svdir::svrun {
namespace {

struct Words {
  int number;
  std::string_view text;
};
constexpr std::array kWords{
    Words{ENOENT, "file does not exist"},
    Words{EACCES, "access denied"},
    Words{EPERM, "permission denied"},
    Words{EAGAIN, "temporary failure"},
    Words{EISDIR, "is a directory"},
    Words{ENOTDIR, "not a directory"},
    Words{ENOEXEC, "exec format error"},
    Words{ENOMEM, "out of memory"},
    Words{EINVAL, "invalid argument"},
    Words{ELOOP, "symbolic link loop"},
    Words{ETXTBSY, "text busy"},
    Words{EROFS, "read-only file system"},
    Words{ENOSPC, "out of disk space"},
    Words{EMFILE, "too many open files"},
    Words{ENAMETOOLONG, "file name too long"},
    Words{EIO, "input/output error"},
};

}  // namespace

std::string chpst_text(const Error& error) {
  const auto words = std::ranges::find(kWords, error.number, &Words::number);
  if (words == kWords.end()) return error.text();
  return error.what + ": " + std::string(words->text);
}

}  // namespace svdir::svrun
