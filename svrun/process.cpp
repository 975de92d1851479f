#include "svrun/process.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "lib/cgroup.h"
#include "lib/fd.h"
#include "lib/say.h"
#include "lib/settings.h"
#include "lib/system.h"
#include "svrun/environment.h"
#include "svrun/identity.h"

extern char** environ;

namespace svdir::svrun {
namespace {

// The error of an attribute, with its key, or with the line of the setting it came from.
Error about(const RunPlan& plan, std::string_view key, Error error) {
  if (plan.like_chpst) return error;
  std::string place = plan.attributes.explain ? place_of_setting(AT_FDCWD, key) : "";
  place.append(place.empty() ? "--" : ": ").append(key).append(": ");
  return {place + error.what, error.number, error.fault};
}

// A system call that was refused for want of rights, or for a value that the system does not know, is the user's to
// mend.
std::unexpected<Error> refused(std::string_view doing, std::string_view subject = {}) {
  std::unexpected<Error> failure = system_error(doing, subject);
  const int number = failure.error().number;
  if (number == EPERM || number == EACCES || number == EINVAL || number == ENOENT || number == ENOTDIR)
    failure.error().fault = Fault::user;
  return failure;
}

Result<void> set_oom_score(int score) {
  const Fd fd(sys::open("/proc/self/oom_score_adj", O_WRONLY));
  const std::string text = std::to_string(score);
  if (!fd || sys::write(fd.get(), text.data(), text.size()) < 0) return refused("unable to set it to", text);
  return {};
}

// There is no header for it; the numbers are those of ioprio_set(2).
Result<void> set_io_class(IoClass io_class, int level) {
  constexpr int process = 1;
  constexpr int class_shift = 13;
  const int number = static_cast<int>(io_class);  // realtime 1, best effort 2, idle 3
  const int value = number << class_shift | (io_class == IoClass::idle ? 0 : level);
  if (::syscall(SYS_ioprio_set, process, 0, value) != 0) return refused("unable to set it");
  return {};
}

Result<void> set_cpus(const std::vector<unsigned>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const unsigned cpu : cpus) CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) return refused("unable to run on these CPUs only");
  return {};
}

Result<void> set_limit(const LimitChange& change) {
  rlimit limit{};
  const auto resource = static_cast<__rlimit_resource>(change.resource);
  if (::getrlimit(resource, &limit) != 0) return system_error("unable to read the limit");
  const rlim_t before = limit.rlim_max;
  if (change.hard) limit.rlim_max = *change.hard;
  if (change.soft) limit.rlim_cur = *change.soft;
  if (change.soft_is_hard) limit.rlim_cur = limit.rlim_max;
  if (!change.hard) limit.rlim_max = std::max(limit.rlim_max, limit.rlim_cur);
  if (change.hard && !change.soft) limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(resource, &limit) == 0) return {};
  if (errno == EPERM)
    return user_error("above the hard limit of " + (before == RLIM_INFINITY ? "the system" : std::to_string(before)));
  return refused("unable to set the limit");
}

Result<void> set_soft_limit(const SoftLimit& wanted) {
  rlimit limit{};
  const auto resource = static_cast<__rlimit_resource>(wanted.resource);
  if (::getrlimit(resource, &limit) != 0) return system_error("unable to get limit:", limit_name(wanted.resource));
  limit.rlim_cur = std::min<rlim_t>(wanted.value, limit.rlim_max);
  if (::setrlimit(resource, &limit) != 0) return system_error("unable to set limit:", limit_name(wanted.resource));
  return {};
}

Result<void> change_root(const std::string& root) {
  if (::chdir(root.c_str()) != 0) return refused("unable to change directory:", root);
  if (::chroot(".") != 0) return refused("unable to change root directory");
  return {};
}

Result<void> change_directory(const std::string& directory) {
  if (::chdir(directory.c_str()) != 0) return refused("unable to change directory:", directory);
  return {};
}

Result<void> set_nice(int value) {
  if (::setpriority(PRIO_PROCESS, 0, value) != 0) return refused("unable to set nice level");
  return {};
}

Result<void> add_nice(int step) {
  errno = 0;
  const bool failed = ::nice(step) == -1 && errno != 0;
  if (!failed) return {};
  return system_error("unable to set nice level");
}

// The descriptor stays open in the program: that is what holds the lock.
Result<void> take_lock(const Attributes& attributes) {
  const char* path = attributes.lock_file.c_str();
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY, 0600);
  if (fd < 0) return refused("unable to open lock:", path);
  int result = 0;
  do {
    result = sys::flock(fd, LOCK_EX | (attributes.lock_waits ? 0 : LOCK_NB));
  } while (result != 0 && errno == EINTR);
  if (result != 0) return system_error("unable to lock:", path);
  return {};
}

Result<void> read_environment(const RunPlan& plan, const Credentials* identity, Environment& into) {
  const Attributes& attributes = plan.attributes;
  if (attributes.clean_env) into.clear();
  if (identity != nullptr && !plan.like_chpst && !attributes.user.empty() && !identity->name.empty()) {
    into.set("USER", identity->name);
    into.set("LOGNAME", identity->name);
    into.set("HOME", identity->home);
    if (!identity->shell.empty()) into.set("SHELL", identity->shell);
  }
  if (!attributes.env_file.empty())
    if (auto read = apply_env_file(attributes.env_file, into); !read)
      return std::unexpected(about(plan, "env-file", read.error()));
  if (!attributes.env_dir.empty()) {
    const bool skip = !plan.like_chpst || plan.env_dir_may_hold_directories;
    if (auto read = apply_env_dir(attributes.env_dir, skip, into); !read) return read;
  }
  return {};
}

// Whatever needs rights that the user may not have, and the files that are named relative to the present directory.
Result<void> prepare(const RunPlan& plan, const Credentials* identity, Environment& environment) {
  const Attributes& wanted = plan.attributes;
  const auto wrong = [&](std::string_view key, const Error& error) { return std::unexpected(about(plan, key, error)); };
  if (!wanted.cgroup.empty()) {
    const auto directory = cgroup_directory(wanted.cgroup);
    if (!directory) return wrong("cgroup", directory.error());
    if (const auto entered = enter_cgroup(*directory); !entered) return wrong("cgroup", entered.error());
  }
  if (wanted.oom_score)
    if (const auto set = set_oom_score(*wanted.oom_score); !set) return wrong("oom-score", set.error());
  if (wanted.io_class != IoClass::unset)
    if (const auto set = set_io_class(wanted.io_class, wanted.io_level); !set) return wrong("io-class", set.error());
  if (!wanted.cpus.empty())
    if (const auto set = set_cpus(wanted.cpus); !set) return wrong("cpu-affinity", set.error());
  if (const auto read = read_environment(plan, identity, environment); !read) return read;
  for (const LimitChange& change : wanted.limits)
    if (const auto set = set_limit(change); !set)
      return wrong("limit-" + std::string(limit_name(change.resource)), set.error());
  if (!wanted.chroot.empty())
    if (const auto changed = change_root(wanted.chroot); !changed) return wrong("chroot", changed.error());
  if (!wanted.directory.empty())
    if (const auto changed = change_directory(wanted.directory); !changed) return wrong("directory", changed.error());
  if (wanted.umask) ::umask(*wanted.umask);
  if (wanted.nice)
    if (const auto set = set_nice(*wanted.nice); !set) return wrong("nice", set.error());
  if (plan.nice_step) return add_nice(*plan.nice_step);
  return {};
}

// What is left when the user is the right one.
Result<void> conclude(const RunPlan& plan) {
  const Attributes& wanted = plan.attributes;
  if (!wanted.lock_file.empty()) {
    const auto locked = take_lock(wanted);
    if (!locked && plan.lock_failure_is_success) ::_exit(0);
    if (!locked) return std::unexpected(about(plan, "lock-file", locked.error()));
  }
  for (int fd = 0; fd <= 2; ++fd)
    if (plan.closes[fd]) ::close(fd);
  for (const SoftLimit& limit : plan.soft_limits)
    if (auto set = set_soft_limit(limit); !set) return set;
  if (wanted.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::unexpected(about(plan, "no-new-privs", system_error("unable to give up new privileges").error()));
  // Last: a change of user takes it back (prctl(2)).
  if (wanted.parent_death_signal != 0 && ::prctl(PR_SET_PDEATHSIG, wanted.parent_death_signal) != 0)
    return std::unexpected(about(plan, "parent-death-signal", system_error("unable to ask for it").error()));
  return {};
}

Result<void> set_id_variables(const RunPlan& plan, Environment& environment) {
  if (plan.id_variables.empty()) return {};
  const Result<Credentials> identity = chpst_identity(plan.id_variables);
  if (!identity) return std::unexpected(identity.error());
  environment.set("GID", std::to_string(identity->gid));
  environment.set("UID", std::to_string(identity->uid));
  return {};
}

// A program named relative to the present directory is meant to be found there even when it will run elsewhere. Below
// another root nothing of here can be reached.
void fix_program(RunPlan& plan, std::string& program) {
  const bool relative = program.find('/') != std::string::npos && !program.starts_with('/');
  if (plan.like_chpst || !relative || plan.attributes.directory.empty() || !plan.attributes.chroot.empty()) return;
  char* here = ::getcwd(nullptr, 0);
  if (here == nullptr) return;
  while (program.starts_with("./")) program.erase(0, 2);
  program = std::string(here) + "/" + program;
  ::free(here);
}

// Looks the program up as execvp(3) does, in chpst's case by the path that svrun itself was given.
Error run_program(const RunPlan& plan, const std::string& program, Environment& environment) {
  std::vector<char*> arguments;
  for (const std::string& word : plan.command) arguments.push_back(const_cast<char*>(word.c_str()));
  if (plan.has_first_argument) arguments[0] = const_cast<char*>(plan.first_argument.c_str());
  arguments.push_back(nullptr);
  const char* path = plan.like_chpst ? ::getenv("PATH") : environment.get("PATH");
  std::string_view rest = path == nullptr ? "/bin:/usr/bin" : path;
  const std::vector<char*> variables = environment.pointers();
  const auto attempt = [&](const std::string& file) { ::execve(file.c_str(), arguments.data(), variables.data()); };
  int number = ENOENT;
  if (program.find('/') != std::string::npos) {
    attempt(program);
    number = errno;
  } else {
    for (bool more = !program.empty(); more;) {
      const std::size_t colon = rest.find(':');
      const std::string_view folder = rest.substr(0, colon);
      attempt(std::string(folder.empty() ? "." : folder).append("/").append(program));
      if (errno != ENOENT && errno != ENOTDIR) number = errno;
      more = colon != std::string_view::npos &&
             (errno == ENOENT || errno == EACCES || errno == EPERM || errno == EISDIR || errno == ENOTDIR);
      if (more) rest.remove_prefix(colon + 1);
    }
  }
  return {"unable to run: " + program, number, Fault::system};
}

}  // namespace

Error execute(RunPlan& plan) {
  const Attributes& wanted = plan.attributes;
  Environment environment(environ);
  std::string program = plan.command.front();
  const bool changes_user = !wanted.user.empty() || !wanted.groups.empty();
  Credentials identity;
  if (changes_user) {
    // A service's finish and check belong to whom its run belongs to.
    const std::string owned = wanted.explain ? "run" : program;
    Result<Credentials> found =
        plan.like_chpst ? chpst_identity(wanted.user) : settings_identity(wanted.user, wanted.groups, owned);
    if (!found) return about(plan, wanted.user.empty() ? "groups" : "user", found.error());
    identity = std::move(*found);
  }
  const auto take_user = [&]() -> Result<void> {
    if (!changes_user) return {};
    auto became = become(identity, plan.like_chpst);
    if (became) return became;
    return std::unexpected(about(plan, wanted.user.empty() ? "groups" : "user", became.error()));
  };
  fix_program(plan, program);
  if (plan.new_session) ::setsid();
  if (wanted.ids_first)
    if (const auto took = take_user(); !took) return took.error();
  if (const auto prepared = prepare(plan, changes_user ? &identity : nullptr, environment); !prepared)
    return prepared.error();
  if (const auto set = set_id_variables(plan, environment); !set) return set.error();
  if (!wanted.ids_first)
    if (const auto took = take_user(); !took) return took.error();
  if (const auto concluded = conclude(plan); !concluded) return concluded.error();
  return run_program(plan, program, environment);
}

}  // namespace svdir::svrun
