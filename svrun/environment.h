// The environment that the program will get, and the files that change it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/error.h"

namespace svdir::svrun {

// "NAME=VALUE" strings. A variable that is set goes to the end, and the last one takes the place of one that is unset:
// the order that chpst leaves them in.
class Environment {
 public:
  explicit Environment(const char* const* from);

  void set(std::string_view name, std::string_view value);
  void unset(std::string_view name);
  // Nothing but PATH and what tells the service about itself: NOTIFY_SOCKET, WATCHDOG_USEC, INSTANCE.
  void clear();
  // nullptr when it is not set. Valid until the next change.
  const char* get(std::string_view name) const;
  // For execve(2); valid until the next change.
  std::vector<char*> pointers();

 private:
  std::vector<std::string> variables_;
};

// envdir(8): the name of a file is that of a variable, its first line the value, without blanks at the end, NUL bytes
// as newlines; an empty file unsets it. Names that begin with a dot are skipped; directories are too if
// `skip_directories`.
Result<void> apply_env_dir(const std::string& path, bool skip_directories, Environment& into);

// NAME=VALUE lines; blank lines and those that begin with '#' are skipped, "export " before a name too, quotes around
// a whole value as well. Nothing is expanded. `file` is for messages.
Result<void> apply_env_text(std::string_view text, std::string_view file, Environment& into);
Result<void> apply_env_file(const std::string& path, Environment& into);

}  // namespace svdir::svrun
