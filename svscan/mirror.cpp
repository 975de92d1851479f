#include "svscan/mirror.h"

#include <dirent.h>
#include <limits.h>

#include "lib/system.h"

namespace svdir::svscan {
namespace {

// A link `name` -> `target` in the directory, made or put right; atomically, so that a start in the same moment
// finds the old or the new.
Result<void> put_link(int directory, const std::string& target, const char* name) {
  char present[PATH_MAX];
  const ssize_t length = ::readlinkat(directory, name, present, sizeof present);
  if (length >= 0 && std::string_view(present, static_cast<std::size_t>(length)) == target) return {};
  if (length < 0 && sys::symlinkat(target.c_str(), directory, name) == 0) return {};
  const std::string fresh = std::string(".new.") + name;
  sys::unlinkat(directory, fresh.c_str());
  if (sys::symlinkat(target.c_str(), directory, fresh.c_str()) != 0)
    return system_error("unable to make the link", name);
  if (sys::renameat(directory, fresh.c_str(), directory, name) != 0)
    return system_error("unable to put the link in place", name);
  return {};
}

Result<Fd> make_directory(int parent, const std::string& path) {
  if (sys::mkdirat(parent, path.c_str(), 0755) != 0 && errno != EEXIST)
    return system_error("unable to make the service directory", path);
  Fd fd(sys::openat(parent, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!fd) return system_error("unable to open the service directory", path);
  return fd;
}

// What belongs to the copy, never to the original.
bool is_state(std::string_view name) {
  return name == "supervise" || name == "log" || name == "." || name == "..";
}

bool is_directory(int parent, const char* name) {
  struct stat facts;
  return sys::fstatat(parent, name, &facts) == 0 && S_ISDIR(facts.st_mode);
}

// Links for all that `original` holds, and removal of links to what it no longer holds.
Result<void> link_all(int original, int copy, const std::string& prefix, bool is_logger = false) {
  DIR* listing = ::fdopendir(sys::openat(original, ".", O_RDONLY | O_DIRECTORY));
  if (listing == nullptr) return system_error("unable to list", prefix);
  Result<void> result;
  for (const dirent* entry; result && (entry = ::readdir(listing)) != nullptr;)
    if (!is_state(entry->d_name) && !(is_logger && is_directory(original, entry->d_name)))
      result = put_link(copy, prefix + "/" + entry->d_name, entry->d_name);
  ::closedir(listing);
  if (!result) return result;
  listing = ::fdopendir(sys::openat(copy, ".", O_RDONLY | O_DIRECTORY));
  if (listing == nullptr) return system_error("unable to list the copy of", prefix);
  struct stat facts;
  for (const dirent* entry; (entry = ::readdir(listing)) != nullptr;)
    if (entry->d_type == DT_LNK && sys::fstatat(original, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
      sys::unlinkat(copy, entry->d_name);
  ::closedir(listing);
  return {};
}

// Log directories (log/main) are the copy's own, because two loggers cannot share one; of the original's, the logger's
// configuration counts.
Result<void> copy_log_directories(int original, int copy, const std::string& prefix) {
  DIR* listing = ::fdopendir(sys::openat(original, ".", O_RDONLY | O_DIRECTORY));
  if (listing == nullptr) return system_error("unable to list", prefix);
  Result<void> result;
  for (const dirent* entry; result && (entry = ::readdir(listing)) != nullptr;) {
    if (is_state(entry->d_name) || !is_directory(original, entry->d_name)) continue;
    struct stat facts;
    const std::string config = std::string(entry->d_name) + "/config";
    if (sys::fstatat(original, config.c_str(), &facts) != 0) continue;
    const Result<Fd> made = make_directory(copy, entry->d_name);
    result = made ? put_link(made->get(), (prefix[0] == '/' ? "" : "../") + prefix + "/" + config, "config")
                  : std::unexpected(made.error());
  }
  ::closedir(listing);
  return result;
}

// Removes what supervise and svscan have made in a service directory. What somebody else has put there stays.
void clear(int directory) {
  if (const Fd state(sys::openat(directory, "supervise", O_RDONLY | O_DIRECTORY | O_NOFOLLOW)); state) {
    if (DIR* listing = ::fdopendir(sys::openat(state.get(), ".", O_RDONLY | O_DIRECTORY)); listing != nullptr) {
      while (const dirent* entry = ::readdir(listing)) sys::unlinkat(state.get(), entry->d_name);
      ::closedir(listing);
    }
    sys::unlinkat(directory, "supervise", AT_REMOVEDIR);
  }
  DIR* listing = ::fdopendir(sys::openat(directory, ".", O_RDONLY | O_DIRECTORY));
  if (listing == nullptr) return;
  while (const dirent* entry = ::readdir(listing))
    if (entry->d_type == DT_LNK) sys::unlinkat(directory, entry->d_name);
  ::closedir(listing);
}

}  // namespace

bool needs_mirror(const Places& places, const Listed& listed) {
  return places.separate || listed.kind == Kind::script || listed.identity.instance != 0;
}

std::string service_directory_of(const Places& places, const Listed& listed) {
  if (places.separate || !needs_mirror(places, listed)) return listed.name;
  return std::string(kOwn) + "/" + listed.name;
}

Result<void> make_mirror(const Places& places, const Listed& listed, const std::string& path) {
  // Links below .svdir are relative, so that the tree can be moved; ones out of a state directory cannot be.
  const std::string original = (places.separate ? places.absolute : std::string("../..")) + "/" + listed.source;
  Result<Fd> copy = make_directory(places.work.get(), path);
  if (!copy) return std::unexpected(copy.error());
  if (listed.kind == Kind::script) return put_link(copy->get(), original, "run");
  const Fd source(sys::openat(places.scan.get(), listed.source.c_str(), O_RDONLY | O_DIRECTORY));
  if (!source) return system_error("unable to open", listed.source);
  if (Result<void> linked = link_all(source.get(), copy->get(), original); !linked) return linked;
  const Fd logger(sys::openat(source.get(), "log", O_RDONLY | O_DIRECTORY));
  if (!logger) return {};
  Result<Fd> logger_copy = make_directory(copy->get(), "log");
  if (!logger_copy) return std::unexpected(logger_copy.error());
  const std::string prefix = (places.separate ? "" : "../") + original + "/log";
  if (Result<void> linked = link_all(logger.get(), logger_copy->get(), prefix, true); !linked) return linked;
  return copy_log_directories(logger.get(), logger_copy->get(), prefix);
}

void unmake_mirror(const Places& places, const std::string& path) {
  const Fd copy(sys::openat(places.work.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!copy) return;
  if (const Fd logger(sys::openat(copy.get(), "log", O_RDONLY | O_DIRECTORY | O_NOFOLLOW)); logger) {
    clear(logger.get());
    sys::unlinkat(copy.get(), "log", AT_REMOVEDIR);
  }
  clear(copy.get());
  sys::unlinkat(places.work.get(), path.c_str(), AT_REMOVEDIR);
}

}  // namespace svdir::svscan
