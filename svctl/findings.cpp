#include "svctl/findings.h"

#include <fcntl.h>

#include <algorithm>

#include "lib/files.h"
#include "lib/system.h"

namespace svdir::svctl {
namespace {

constexpr mode_t kAnyExecute = S_IXUSR | S_IXGRP | S_IXOTH;

class Examiner {
 public:
  Examiner(const Target& target, std::vector<Finding>& into) : target_(target), into_(into) {}

  void problem(std::string text) { into_.push_back({true, std::move(text)}); }
  void note(std::string text) { into_.push_back({false, std::move(text)}); }

  bool stat(const std::string& name, struct stat& facts) const {
    return sys::fstatat(target_.at, (target_.path + "/" + name).c_str(), &facts) == 0;
  }
  bool exists(const std::string& name) const {
    struct stat facts;
    return stat(name, facts);
  }

  // A script or program that must be there and be executable.
  void program(const std::string& name) {
    struct stat facts;
    if (!stat(name, facts)) {
      const bool dangling =
          sys::fstatat(target_.at, (target_.path + "/" + name).c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
      return problem(dangling ? name + " is a link that leads nowhere" : name + " is missing");
    }
    if (S_ISDIR(facts.st_mode)) return problem(name + " is a directory");
    if (!S_ISREG(facts.st_mode)) return problem(name + " is no regular file");
    if ((facts.st_mode & kAnyExecute) == 0) return problem(name + " is not executable; chmod +x " + path(name));
    if ((facts.st_mode & S_IWOTH) != 0) problem(name + " can be written by everybody");
    if (facts.st_size == 0) return problem(name + " is empty");
    interpreter(name);
  }

  void interpreter(const std::string& name) {
    const Fd fd(sys::openat(target_.at, (target_.path + "/" + name).c_str(), O_RDONLY | O_NONBLOCK));
    char head[256];
    const ssize_t length = fd ? sys::read(fd.get(), head, sizeof head) : 0;
    if (length <= 0) return;
    std::string_view text(head, static_cast<std::size_t>(length));
    if (text.starts_with("\x7f"
                         "ELF"))
      return;
    if (!text.starts_with("#!")) return problem(name + " does not begin with #!, so it cannot be executed");
    std::string_view line = text.substr(2, text.find('\n') - 2);
    if (line.ends_with('\r'))
      return problem(name +
                     " has DOS line ends: the kernel looks for an interpreter with a "
                     "carriage return in its name");
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const std::string program(line.substr(0, line.find_first_of(" \t")));
    struct stat facts;
    if (sys::fstatat(target_.at, program.c_str(), &facts) != 0)
      return problem(name + " wants the interpreter `" + program + "`, which is not there");
    if ((facts.st_mode & kAnyExecute) == 0 || !S_ISREG(facts.st_mode))
      problem(name + " wants the interpreter `" + program + "`, which is not executable");
  }

 private:
  std::string path(const std::string& name) const { return target_.name + "/" + name; }

  const Target& target_;
  std::vector<Finding>& into_;
};

void examine_settings(const Settings& settings, Examiner& examiner) {
  const bool checks = settings.ready == Ready::check || settings.check_interval.count() > 0;
  if (checks) examiner.program("check");
  if (examiner.exists("log/run") && !settings.log.empty())
    examiner.note("there are both log/run and a `log` setting; log/run wins");
  if (examiner.exists("log") && !examiner.exists("log/run") && settings.log.empty())
    examiner.problem("log/ is there, but neither log/run nor a `log` setting");
}

}  // namespace

std::expected<Settings, SettingsError> settings_of(const Target& target) {
  const auto dir = open_service(target);
  if (!dir) return std::unexpected(SettingsError{target.name, 0, dir.error().text(), dir.error().number});
  std::string defaults = target.path;
  while (defaults.size() > 1 && defaults.ends_with('/')) defaults.pop_back();
  const std::size_t slash = defaults.rfind('/');
  defaults = slash == std::string::npos ? "" : defaults.substr(0, slash + 1);
  // Of a bare script, whose service directory is SCAN/.svdir/NAME, two steps further up.
  constexpr std::string_view kOwn = ".svdir/";
  if (defaults.ends_with(kOwn)) defaults.resize(defaults.size() - kOwn.size());
  defaults += ".defaults";
  if (target.at != AT_FDCWD && !defaults.starts_with('/'))
    defaults = "/proc/self/fd/" + std::to_string(target.at) + "/" + defaults;
  return read_settings(dir->get(), defaults.c_str());
}

std::vector<Finding> examine_service(const Target& target, const View& view) {
  std::vector<Finding> findings;
  Examiner examiner(target, findings);
  if (!view.trouble.empty()) examiner.problem(view.trouble);
  examiner.program("run");
  struct stat facts;
  if (examiner.stat("finish", facts) && (facts.st_mode & kAnyExecute) == 0)
    examiner.problem("finish is not executable");
  if (examiner.exists("log/run")) examiner.program("log/run");
  if (const auto settings = settings_of(target))
    examine_settings(*settings, examiner);
  else
    examiner.problem(settings.error().message());
  if (view.normally_down && view.is_supervised() && view.record.want == Want::up)
    examiner.note("it is up, but has a `down` file: it will not start by itself next time");
  return findings;
}

}  // namespace svdir::svctl
