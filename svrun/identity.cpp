#include "svrun/identity.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "lib/trust.h"
#include "lib/values.h"

namespace svdir::svrun {
namespace {

constexpr long long kMostId = 4294967294;  // 2^32 - 1 is "no change" to setresuid(2)

std::optional<unsigned> number_of(std::string_view text) {
  long long number = 0;
  if (!parse_number(text, 0, kMostId, number)) return {};
  return static_cast<unsigned>(number);
}

std::vector<std::string> split_at_colons(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t colon = text.find(':');
    parts.emplace_back(text.substr(0, colon));
    if (colon == std::string_view::npos) return parts;
    text.remove_prefix(colon + 1);
  }
}

void take_account(const passwd& account, Credentials& into) {
  into.uid = account.pw_uid;
  into.gid = account.pw_gid;
  into.name = account.pw_name;
  into.home = account.pw_dir;
  into.shell = account.pw_shell;
}

std::vector<gid_t> login_groups(const Credentials& identity) {
  if (identity.name.empty()) return {identity.gid};
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(identity.name.c_str(), identity.gid, groups.data(), &count) < 0)
    groups.resize(static_cast<std::size_t>(count));
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

// Sets the group id and the supplementary groups.
void take_groups(std::vector<gid_t> groups, Credentials& into) {
  into.gid = groups.front();
  into.groups_asked_for = true;
  into.groups = std::move(groups);
}

Result<gid_t> group_named(const std::string& name) {
  if (const group* found = ::getgrnam(name.c_str()); found != nullptr) return found->gr_gid;
  if (const auto number = number_of(name)) return *number;
  return user_error("there is no group `" + name + "`");
}

Result<Credentials> identity_by_numbers(std::string_view text, bool like_chpst) {
  const std::vector<std::string> parts = split_at_colons(text);
  std::vector<gid_t> numbers;
  for (const std::string& part : parts) {
    const auto number = number_of(part);
    if (!number) return user_error("invalid uid/gids: " + std::string(text));
    numbers.push_back(*number);
  }
  if (like_chpst && numbers.size() < 2) return user_error("invalid uid/gids: " + std::string(text));
  Credentials identity;
  if (const passwd* account = ::getpwuid(numbers[0]); account != nullptr) take_account(*account, identity);
  identity.uid = numbers[0];
  numbers.erase(numbers.begin());
  if (!numbers.empty()) {
    take_groups(std::move(numbers), identity);
  } else if (identity.name.empty()) {
    return user_error("uid " + parts[0] + " has no account, so its group must be named: :" + parts[0] + ":GID");
  }
  return identity;
}

Result<Credentials> identity_of_owner(const std::string& program) {
  struct stat facts;
  if (!examine_owner(AT_FDCWD, program.c_str(), facts)) return system_error("unable to examine", program);
  Credentials identity;
  if (const passwd* account = ::getpwuid(facts.st_uid); account != nullptr) take_account(*account, identity);
  identity.uid = facts.st_uid;
  if (identity.name.empty()) identity.gid = facts.st_gid;
  return identity;
}

Result<Credentials> identity_of_user(std::string_view text, const std::string& program) {
  if (text == "owner") return identity_of_owner(program);
  if (text.starts_with(':')) return identity_by_numbers(text.substr(1), false);
  std::vector<std::string> parts = split_at_colons(text);
  Credentials identity;
  if (const passwd* account = ::getpwnam(parts[0].c_str()); account != nullptr) {
    take_account(*account, identity);
  } else if (number_of(parts[0])) {
    auto numbered = identity_by_numbers(text, false);
    if (numbered) return numbered;
    if (parts.size() == 1) return numbered;
    identity.uid = *number_of(parts[0]);  // groups by name follow
  } else {
    return user_error("there is no user `" + parts[0] + "`");
  }
  std::vector<gid_t> groups;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Result<gid_t> group = group_named(parts[i]);
    if (!group) return std::unexpected(group.error());
    groups.push_back(*group);
  }
  if (!groups.empty()) take_groups(std::move(groups), identity);
  return identity;
}

std::vector<gid_t> present_groups() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  groups.resize(static_cast<std::size_t>(std::max(0, ::getgroups(static_cast<int>(groups.size()), groups.data()))));
  return groups;
}

// Whether the process has these ids already, and the groups that were asked for; it may have more.
bool is_already(const Credentials& identity) {
  uid_t uids[3];
  gid_t gids[3];
  if (::getresuid(&uids[0], &uids[1], &uids[2]) != 0 || ::getresgid(&gids[0], &gids[1], &gids[2]) != 0) return false;
  const auto same = [](const auto& ids, auto id) { return std::ranges::all_of(ids, [&](auto i) { return i == id; }); };
  if (!same(uids, identity.uid) || !same(gids, identity.gid)) return false;
  if (!identity.groups_asked_for) return true;
  const std::vector<gid_t> present = present_groups();
  return std::ranges::all_of(identity.groups, [&](gid_t group) {
    return group == identity.gid || std::ranges::find(present, group) != present.end();
  });
}

}  // namespace

Result<Credentials> chpst_identity(std::string_view text) {
  if (text.starts_with(':')) return identity_by_numbers(text.substr(1), true);
  const std::vector<std::string> parts = split_at_colons(text);
  const auto unknown = [&] { return user_error("unknown user/group: " + std::string(text)); };
  const passwd* account = ::getpwnam(parts[0].c_str());
  if (account == nullptr) return unknown();
  Credentials identity;
  take_account(*account, identity);
  identity.groups = {identity.gid};
  if (parts.size() == 1) return identity;
  std::vector<gid_t> groups;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const group* found = ::getgrnam(parts[i].c_str());
    if (found == nullptr) return unknown();
    groups.push_back(found->gr_gid);
  }
  take_groups(std::move(groups), identity);
  return identity;
}

Result<Credentials> settings_identity(std::string_view user, const std::vector<std::string>& groups,
                                      const std::string& program) {
  Result<Credentials> identity = Credentials{};
  if (user.empty()) {
    identity->uid = ::geteuid();
    identity->gid = ::getegid();
  } else {
    identity = identity_of_user(user, program);
    if (!identity) return identity;
  }
  std::vector<gid_t> numbers;
  for (const std::string& name : groups) {
    const Result<gid_t> group = group_named(name);
    if (!group) return std::unexpected(group.error());
    numbers.push_back(*group);
  }
  if (!numbers.empty()) take_groups(std::move(numbers), *identity);
  if (identity->groups.empty()) identity->groups = login_groups(*identity);
  return identity;
}

Result<void> become(const Credentials& identity, bool like_chpst) {
  if (!like_chpst && ::geteuid() != 0) {
    if (is_already(identity)) return {};
    return user_error("only root can run a program as another user or group");
  }
  if (::setgroups(identity.groups.size(), identity.groups.data()) != 0) return system_error("unable to setgroups");
  if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) return system_error("unable to setgid");
  if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) return system_error("unable to setuid");
  return {};
}

}  // namespace svdir::svrun
