#include "lib/trust.h"

#include <unistd.h>

#include <climits>
#include <cstring>

#include "lib/accounts.h"
#include "lib/commands.h"
#include "lib/system.h"

namespace svdir {
namespace {

constexpr int kMostLinks = 16;

std::string runs_as(uid_t user) {
  if (user == 0) return "root";
  return user == kNobodyKnown ? "a user that is not in /etc/passwd" : "uid " + std::to_string(user);
}

class Judge {
 public:
  Judge(int dir, uid_t user) : dir_(dir), user_(user) {}

  // What is not there is no danger.
  void look_at(const char* path, std::string_view name) {
    if (!trust_.refusal.empty()) return;
    struct stat facts;
    if (sys::fstatat(dir_, path, &facts) != 0) {
      if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        trust_.refusal.append("unable to examine ").append(name).append(": ").append(::strerror(errno));
      return;
    }
    trust_.refusal = why_not_trusted(facts, user_, name);
    if (facts.st_uid != 0) trust_.users_own = true;
  }

  void look_at_scripts() {
    struct stat facts;
    if (sys::fstatat(dir_, "control", &facts) != 0) return;
    look_at("control", "control");
    for (const CommandRow& row : kCommands) {
      const char path[] = {'c', 'o', 'n', 't', 'r', 'o', 'l', '/', row.letter, '\0'};
      look_at(path, path);
    }
  }

  const Trust& verdict() const { return trust_; }

 private:
  int dir_;
  uid_t user_;
  Trust trust_;
};

}  // namespace

std::string why_not_trusted(const struct stat& facts, uid_t user, std::string_view name) {
  std::string writer;
  // An owner can give himself the right to write whenever he likes.
  if (facts.st_uid != 0 && facts.st_uid != user)
    writer = "uid " + std::to_string(facts.st_uid);
  else if ((facts.st_mode & S_IWOTH) != 0)
    writer = "everybody";
  else if ((facts.st_mode & S_IWGRP) != 0 && facts.st_gid != 0)
    writer = "group " + std::to_string(facts.st_gid);
  if (writer.empty()) return {};
  return std::string(name).append(" is writable by ").append(writer).append(" and would run as ").append(runs_as(user));
}

bool examine_owner(int dir, const char* path, struct stat& into) {
  std::string at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    if (sys::fstatat(dir, at.c_str(), &into, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (!S_ISLNK(into.st_mode) || into.st_uid != 0) return true;
    char target[PATH_MAX];
    const ssize_t length = ::readlinkat(dir, at.c_str(), target, sizeof target);
    if (length < 0) return false;
    if (length > 0 && target[0] == '/')
      at.clear();
    else
      at.resize(at.rfind('/') + 1);  // npos + 1 is 0
    at.append(target, static_cast<std::size_t>(length));
  }
  errno = ELOOP;
  return false;
}

uid_t user_of(const Settings& settings, uid_t run_owner) {
  std::string_view user = settings.attribute("user");
  if (user.empty()) return 0;
  if (user == "owner") return run_owner;
  if (user.starts_with(':')) user.remove_prefix(1);
  return user_id(user.substr(0, user.find(':'))).value_or(kNobodyKnown);
}

Trust judge_trust(int dir, const char* defaults_path, const Settings& settings) {
  if (::geteuid() != 0) return {};
  if (defaults_path != nullptr) {
    Judge defaults(AT_FDCWD, 0);
    defaults.look_at(defaults_path, ".defaults");
    if (!defaults.verdict().refusal.empty()) return defaults.verdict();
  }
  if (settings.trust_any) return {};
  struct stat run{};
  const uid_t owner = examine_owner(dir, "run", run) ? run.st_uid : kNobodyKnown;
  Judge judge(dir, user_of(settings, owner));
  judge.look_at(".", "the service directory");
  for (const char* name : {"run", "finish", "check", "conf", "env"}) judge.look_at(name, name);
  judge.look_at_scripts();
  return judge.verdict();
}

}  // namespace svdir
