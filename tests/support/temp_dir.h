// A directory of a test's own, gone when the test ends.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace svdir::test {

class TempDir {
 public:
  // Below $TMPDIR or /tmp, mode 0755, so that children of other users can enter it too.
  TempDir();
  // Removes everything below, also what the test made unreadable; follows no symbolic links.
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// The calls below throw std::runtime_error, which fails the test with the reason.

// Writes a file, making the directories on the way.
void write_file(const std::string& path, std::string_view text, mode_t mode = 0644);
// The same with mode 0755; a text without "#!" becomes a /bin/sh script. Renamed into place, so that a supervisor
// never sees half of it and never finds it "busy".
void write_script(const std::string& path, std::string_view text);
// "" for a file that is not there.
std::string read_file(const std::string& path);
void make_directories(const std::string& path);
bool exists(const std::string& path);  // itself, not what a link points to
// Names in a directory, sorted, without "." and "..".
std::string listing(const std::string& path);

}  // namespace svdir::test
