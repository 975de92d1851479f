#include "tests/support/programs.h"

#include <unistd.h>

#include <filesystem>
#include <stdexcept>

namespace svdir::test {
namespace fs = std::filesystem;

std::string program_directory() {
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path();
}

std::string program(std::string_view name) {
  std::string path = program_directory() + "/" + std::string(name);
  if (::access(path.c_str(), X_OK) != 0) throw std::runtime_error(path + " is not built; run `make programs`");
  return path;
}

std::string faulty_program(std::string_view name) {
  for (const char* folder : {"/faults/", "/../faults/"})
    if (std::string path = program_directory() + folder + std::string(name); ::access(path.c_str(), X_OK) == 0)
      return path;
  throw std::runtime_error("build/faults/" + std::string(name) + " is not built; run `make faulty`");
}

std::string alias(const TempDir& in, std::string_view name, std::string_view to) {
  make_directories(in / "bin");
  std::string path = in / "bin/" + std::string(name);
  if (!exists(path)) fs::create_symlink(program(to), path);
  return path;
}

std::string examples_directory() {
  for (fs::path at = program_directory(); at.has_relative_path(); at = at.parent_path())
    if (fs::exists(at / "examples")) return at / "examples";
  throw std::runtime_error("there is no folder examples above " + program_directory());
}

std::string genuine(std::string_view name) {
  for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"})
    if (std::string path = folder + std::string(name); ::access(path.c_str(), X_OK) == 0) return path;
  throw std::runtime_error("the genuine " + std::string(name) + " is not installed");
}

}  // namespace svdir::test
