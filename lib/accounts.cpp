#include "lib/accounts.h"

#include <fcntl.h>

#include "lib/files.h"
#include "lib/values.h"

namespace svdir {
namespace {

constexpr std::size_t kLongestAccounts = 4 * 1024 * 1024;  // bytes
constexpr long long kMostId = 4294967294;                  // 2^32 - 1 is no id

std::optional<unsigned> find_id(const char* file, std::string_view name) {
  if (const Result<std::string> text = read_small(AT_FDCWD, file, kLongestAccounts); text)
    if (const auto id = id_in(*text, name)) return id;
  long long number = 0;
  if (!parse_number(name, 0, kMostId, number)) return {};
  return static_cast<unsigned>(number);
}

}  // namespace

std::optional<unsigned> id_in(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(name) || line.size() == name.size() || line[name.size()] != ':') continue;
    line.remove_prefix(name.size() + 1);
    const std::size_t password = line.find(':');
    if (password == std::string_view::npos) continue;
    line.remove_prefix(password + 1);
    long long number = 0;
    if (parse_number(line.substr(0, line.find(':')), 0, kMostId, number)) return static_cast<unsigned>(number);
  }
  return {};
}

std::optional<uid_t> user_id(std::string_view name) {
  return find_id("/etc/passwd", name);
}
std::optional<gid_t> group_id(std::string_view name) {
  return find_id("/etc/group", name);
}

}  // namespace svdir
