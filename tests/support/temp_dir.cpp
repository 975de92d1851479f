#include "tests/support/temp_dir.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace svdir::test {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void fail(const std::string& doing, const std::string& path) {
  throw std::runtime_error(doing + " " + path + ": " + std::strerror(errno));
}

// remove_all cannot enter directories whose permission bits a test has taken away.
void open_up(const fs::path& directory) {
  ::chmod(directory.c_str(), 0700);
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(directory, failure))
    if (entry.symlink_status(failure).type() == fs::file_type::directory) open_up(entry.path());
}

}  // namespace

TempDir::TempDir() {
  const char* base = ::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/svdir-test-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) fail("unable to make", path_);
  ::chmod(path_.c_str(), 0755);
}

TempDir::~TempDir() {
  std::error_code failure;
  fs::remove_all(path_, failure);
  if (!failure) return;
  open_up(path_);
  fs::remove_all(path_, failure);
}

void make_directories(const std::string& path) {
  fs::create_directories(path);
}

void write_file(const std::string& path, std::string_view text, mode_t mode) {
  make_directories(fs::path(path).parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) fail("unable to write", path);
  if (::chmod(path.c_str(), mode) != 0) fail("unable to change the mode of", path);
}

void write_script(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".being-written";
  write_file(fresh, text.starts_with("#!") ? std::string(text) : "#!/bin/sh\n" + std::string(text) + "\n", 0755);
  if (::rename(fresh.c_str(), path.c_str()) != 0) fail("unable to rename into place", path);
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

bool exists(const std::string& path) {
  struct stat facts;
  return ::lstat(path.c_str(), &facts) == 0;
}

std::string listing(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace svdir::test
