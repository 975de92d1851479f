#include "svrun/faces.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <climits>

#include "lib/values.h"

namespace svdir::svrun {
namespace {

using Arguments = std::span<const char* const>;
using Parsed = std::expected<RunPlan, Refusal>;

Parsed parse_setuidgid(Arguments arguments);
Parsed parse_envuidgid(Arguments arguments);
Parsed parse_envdir(Arguments arguments);
Parsed parse_pgrphack(Arguments arguments);
Parsed parse_setlock(Arguments arguments);
Parsed parse_softlimit(Arguments arguments);

// Exit codes for a wrong usage are those of daemontools 0.76 and runit 2.1.
constexpr std::array kFaces{
    ChpstFace{"chpst",
              "chpst [-vVP012] [-u user[:group]] [-U user[:group]] [-b argv0] [-e dir] [-/ root] [-C dir] [-n nice] "
              "[-l|-L lock] [-m n] [-d n] [-o n] [-p n] [-f n] [-c n] [-r n] [-t n] prog",
              100, parse_chpst},
    ChpstFace{"setuidgid", "setuidgid account child", 100, parse_setuidgid},
    ChpstFace{"envuidgid", "envuidgid account child", 100, parse_envuidgid},
    ChpstFace{"envdir", "envdir dir child", 111, parse_envdir},
    ChpstFace{"pgrphack", "pgrphack child", 100, parse_pgrphack},
    ChpstFace{"setlock", "setlock [ -nNxX ] file program [ arg ... ]", 100, parse_setlock},
    ChpstFace{"softlimit",
              "softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] [-l lockbytes] [-m membytes] "
              "[-o openfiles] [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child",
              100, parse_softlimit},
};

std::unexpected<Refusal> wrong_usage(std::string_view name, std::string first_line = {}) {
  const ChpstFace& face = *find_face(name);
  const bool is_chpst = name == "chpst";
  return std::unexpected(Refusal{std::move(first_line) + (is_chpst ? "" : std::string(name) + ": ") +
                                     "usage: " + std::string(face.usage) + (is_chpst ? "\n\n" : "\n"),
                                 face.usage_exit_code});
}

// `chpst -u "$UNSET" prog` must not run prog as root: empty values are never the same as none.
std::unexpected<Refusal> empty_value(std::string_view name, std::string_view what) {
  return std::unexpected(Refusal{std::string(name) + ": fatal: " + std::string(what) + " is empty\n", 111});
}

// getopt(3) as daemontools and runit have it: letters before the first word that is no option, values behind the
// letter or in the next word.
class Letters {
 public:
  // `known` as for getopt: a letter with a colon takes a value.
  Letters(std::string_view name, Arguments arguments, std::string_view known)
      : name_(name), arguments_(arguments), known_(known) {}

  // The next letter, or 0 at their end; '?' after complaint() was filled.
  char next() {
    if (within_.empty()) {
      if (at_ == arguments_.size()) return 0;
      const std::string_view word = arguments_[at_];
      if (word == "--") return ++at_, '\0';
      if (word.size() < 2 || word[0] != '-') return 0;
      within_ = word.substr(1);
      ++at_;
    }
    const char letter = within_[0];
    within_.remove_prefix(1);
    const std::size_t found = letter == ':' ? std::string_view::npos : known_.find(letter);
    if (found == std::string_view::npos) return complain("illegal option -- ", letter);
    if (found + 1 == known_.size() || known_[found + 1] != ':') return letter;
    if (within_.empty() && at_ == arguments_.size()) return complain("option requires an argument -- ", letter);
    value_ = within_.empty() ? std::string_view(arguments_[at_++]) : within_;
    within_ = {};
    return letter;
  }

  std::string_view value() const { return value_; }
  Arguments rest() const { return arguments_.subspan(at_); }
  const std::string& complaint() const { return complaint_; }

 private:
  char complain(std::string_view what, char letter) {
    complaint_.append(name_).append(": ").append(what).append(1, letter).append("\n");
    return '?';
  }

  std::string_view name_;
  Arguments arguments_;
  std::string_view known_;
  std::size_t at_ = 0;
  std::string_view within_;
  std::string_view value_;
  std::string complaint_;
};

RunPlan plan_for(Arguments command) {
  RunPlan plan;
  plan.like_chpst = true;
  for (const char* word : command) plan.command.emplace_back(word);
  return plan;
}

void take_command(RunPlan& plan, Arguments command) {
  for (const char* word : command) plan.command.emplace_back(word);
}

bool add_limits(std::string_view value, std::initializer_list<int> resources, RunPlan& plan) {
  long long number = 0;
  if (value != "=" && !parse_number(value, 0, LLONG_MAX, number)) return false;
  for (const int resource : resources)
    plan.soft_limits.push_back({resource, value == "=" ? kNoLimit : static_cast<std::uint64_t>(number)});
  return true;
}

// The letters that chpst and softlimit share. False for a value that is no number.
bool add_limit_by_letter(char letter, std::string_view value, RunPlan& plan) {
  switch (letter) {
    case 'm': return add_limits(value, {RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK, RLIMIT_AS}, plan);
    case 'a': return add_limits(value, {RLIMIT_AS}, plan);
    case 'd': return add_limits(value, {RLIMIT_DATA}, plan);
    case 's': return add_limits(value, {RLIMIT_STACK}, plan);
    case 'l': return add_limits(value, {RLIMIT_MEMLOCK}, plan);
    case 'o': return add_limits(value, {RLIMIT_NOFILE}, plan);
    case 'p': return add_limits(value, {RLIMIT_NPROC}, plan);
    case 'f': return add_limits(value, {RLIMIT_FSIZE}, plan);
    case 'c': return add_limits(value, {RLIMIT_CORE}, plan);
    case 'r': return add_limits(value, {RLIMIT_RSS}, plan);
    case 't': return add_limits(value, {RLIMIT_CPU}, plan);
    default: return false;
  }
}

Parsed parse_setuidgid(Arguments arguments) {
  if (arguments.size() < 2) return wrong_usage("setuidgid");
  if (*arguments[0] == '\0') return empty_value("setuidgid", "account");
  RunPlan plan = plan_for(arguments.subspan(1));
  plan.attributes.user = arguments[0];
  return plan;
}

Parsed parse_envuidgid(Arguments arguments) {
  if (arguments.size() < 2) return wrong_usage("envuidgid");
  if (*arguments[0] == '\0') return empty_value("envuidgid", "account");
  RunPlan plan = plan_for(arguments.subspan(1));
  plan.id_variables = arguments[0];
  return plan;
}

Parsed parse_envdir(Arguments arguments) {
  if (arguments.size() < 2) return wrong_usage("envdir");
  if (*arguments[0] == '\0') return empty_value("envdir", "dir");
  RunPlan plan = plan_for(arguments.subspan(1));
  plan.attributes.env_dir = arguments[0];
  return plan;
}

Parsed parse_pgrphack(Arguments arguments) {
  if (arguments.empty()) return wrong_usage("pgrphack");
  RunPlan plan = plan_for(arguments);
  plan.new_session = true;
  return plan;
}

Parsed parse_setlock(Arguments arguments) {
  RunPlan plan = plan_for({});
  Letters letters("setlock", arguments, "nNxX");
  for (char letter = letters.next(); letter != 0; letter = letters.next()) {
    if (letter == '?') return wrong_usage("setlock", letters.complaint());
    if (letter == 'n' || letter == 'N') plan.attributes.lock_waits = letter == 'N';
    if (letter == 'x' || letter == 'X') plan.lock_failure_is_success = letter == 'x';
  }
  if (letters.rest().size() < 2) return wrong_usage("setlock");
  if (*letters.rest()[0] == '\0') return empty_value("setlock", "file");
  plan.attributes.lock_file = letters.rest()[0];
  take_command(plan, letters.rest().subspan(1));
  return plan;
}

Parsed parse_softlimit(Arguments arguments) {
  RunPlan plan = plan_for({});
  Letters letters("softlimit", arguments, "a:c:d:f:l:m:o:p:r:s:t:");
  for (char letter = letters.next(); letter != 0; letter = letters.next())
    if (letter == '?' || !add_limit_by_letter(letter, letters.value(), plan))
      return wrong_usage("softlimit", letters.complaint());
  if (letters.rest().empty()) return wrong_usage("softlimit");
  take_command(plan, letters.rest());
  return plan;
}

// What is no limit. False for a bad value.
bool take_chpst_letter(char letter, std::string_view value, RunPlan& plan) {
  long long number = 0;
  switch (letter) {
    case 'u': return plan.attributes.user = value, true;
    case 'U': return plan.id_variables = value, true;
    case 'b': return plan.first_argument = value, plan.has_first_argument = true;
    case 'e': return plan.attributes.env_dir = value, plan.env_dir_may_hold_directories = true;
    case '/': return plan.attributes.chroot = value, true;
    case 'C': return plan.attributes.directory = value, true;
    case 'n':
      if (!parse_number(value, INT_MIN, INT_MAX, number)) return false;
      return plan.nice_step = static_cast<int>(number), true;
    case 'l':
    case 'L': return plan.attributes.lock_file = value, plan.attributes.lock_waits = letter == 'l', true;
    case 'P': return plan.new_session = true;
    case '0':
    case '1':
    case '2': return plan.closes[letter - '0'] = true;
    case 'v': return plan.verbose = true;
    default: return add_limit_by_letter(letter, value, plan);
  }
}

}  // namespace

Parsed parse_chpst(Arguments arguments) {
  RunPlan plan = plan_for({});
  Letters letters("chpst", arguments, "u:U:b:e:m:d:o:p:f:c:r:t:/:C:n:l:L:vVP012");
  for (char letter = letters.next(); letter != 0; letter = letters.next()) {
    if (letter == 'V') return wrong_usage("chpst", "svdir's chpst\n");
    if (std::string_view("uUe/ClL").contains(letter) && letters.value().empty())
      return empty_value("chpst", std::string("value of -") + letter);
    if (letter == '?' || !take_chpst_letter(letter, letters.value(), plan))
      return wrong_usage("chpst", letters.complaint());
  }
  if (letters.rest().empty()) return wrong_usage("chpst");
  take_command(plan, letters.rest());
  return plan;
}

const ChpstFace* find_face(std::string_view name) {
  const auto found = std::ranges::find_if(kFaces, [&](const ChpstFace& face) {
    return name == face.name || (name.starts_with('d') && name.substr(1) == face.name);
  });
  return found == kFaces.end() ? nullptr : &*found;
}

}  // namespace svdir::svrun
