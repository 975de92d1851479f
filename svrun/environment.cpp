#include "svrun/environment.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <memory>

#include "lib/fd.h"
#include "lib/files.h"
#include "lib/system.h"

namespace svdir::svrun {
namespace {

constexpr std::size_t kLongestEnvFile = 1024 * 1024;  // bytes; execve(2) refuses much less
// What supervise and svscan tell a service, which it cannot do its work without.
constexpr std::string_view kKept[] = {"PATH", "NOTIFY_SOCKET", "WATCHDOG_USEC", "INSTANCE"};
constexpr std::string_view kStandardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool is_variable(std::string_view variable, std::string_view name) {
  return variable.size() > name.size() && variable.starts_with(name) && variable[name.size()] == '=';
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The value of an envdir file: its first line without blanks at the end; NUL stands for newline in it.
std::string value_of(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  std::string value(text);
  std::ranges::replace(value, '\0', '\n');
  return value;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool is_name(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

Environment::Environment(const char* const* from) {
  for (; *from != nullptr; ++from) variables_.emplace_back(*from);
}

void Environment::set(std::string_view name, std::string_view value) {
  unset(name);
  variables_.push_back(std::string(name).append("=").append(value));
}

void Environment::unset(std::string_view name) {
  for (std::size_t i = 0; i < variables_.size();) {
    if (!is_variable(variables_[i], name)) {
      ++i;
      continue;
    }
    std::swap(variables_[i], variables_.back());
    variables_.pop_back();
  }
}

void Environment::clear() {
  if (get("PATH") == nullptr) set("PATH", kStandardPath);
  std::erase_if(variables_, [](const std::string& variable) {
    return std::ranges::none_of(kKept, [&](std::string_view name) { return is_variable(variable, name); });
  });
}

const char* Environment::get(std::string_view name) const {
  for (const std::string& variable : variables_)
    if (is_variable(variable, name)) return variable.c_str() + name.size() + 1;
  return nullptr;
}

std::vector<char*> Environment::pointers() {
  std::vector<char*> pointers;
  for (std::string& variable : variables_) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<void> apply_env_dir(const std::string& path, bool skip_directories, Environment& into) {
  Fd fd(sys::open(path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd) return system_error("unable to switch to directory:", path);
  const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(fd.get()));
  if (!directory) return system_error("unable to open directory:", path);
  const int number = fd.release();  // it is the DIR's now
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(directory.get());
    if (found == nullptr && errno != 0) return system_error("unable to read directory:", path);
    if (found == nullptr) return {};
    if (found->d_name[0] == '.') continue;
    Result<std::string> text = read_small(number, found->d_name, kLongestEnvFile);
    if (!text && text.error().number == EISDIR && skip_directories) continue;
    if (!text) return std::unexpected(Error{"unable to read " + path + "/" + found->d_name, text.error().number});
    into.unset(found->d_name);
    if (!text->empty()) into.set(found->d_name, value_of(*text));
  }
}

Result<void> apply_env_text(std::string_view text, std::string_view file, Environment& into) {
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    std::string_view rest = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (rest.empty() || rest[0] == '#') continue;
    if (rest.starts_with("export ")) rest = trim(rest.substr(7));
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos || !is_name(rest.substr(0, equals)) ||
        rest.find('\0') != std::string_view::npos)
      return user_error(std::string(file) + ":" + std::to_string(line) + ": not a variable; a line is NAME=VALUE");
    std::string_view value = rest.substr(equals + 1);
    const bool quoted = value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0];
    if (quoted) value = value.substr(1, value.size() - 2);
    into.set(rest.substr(0, equals), value);
  }
  return {};
}

Result<void> apply_env_file(const std::string& path, Environment& into) {
  const Result<std::string> text = read_small(AT_FDCWD, path.c_str(), kLongestEnvFile);
  if (!text) return std::unexpected(Error{"unable to read " + path, text.error().number, Fault::user});
  return apply_env_text(*text, path, into);
}

}  // namespace svdir::svrun
