#include "tests/support/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <set>
#include <stdexcept>

#include "tests/support/temp_dir.h"

extern char** environ;

namespace svdir::test {
namespace {

// A file without a name: takes any amount without blocking the writer, and can be read while it is being written.
int capture_file() {
  const int fd = ::memfd_create("output", MFD_CLOEXEC);
  ::fcntl(fd, F_SETFL, O_APPEND);
  return fd;
}

std::string contents(int fd) {
  std::string text;
  char block[8192];
  for (ssize_t count; (count = ::pread(fd, block, sizeof block, static_cast<off_t>(text.size()))) > 0;)
    text.append(block, static_cast<std::size_t>(count));
  return text;
}

struct Stat {
  char state = 0;
  pid_t parent = 0;
};

Stat stat_of(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto at = text.rfind(')');
  if (at == std::string::npos || text.size() < at + 4) return {};
  return {text[at + 2], static_cast<pid_t>(std::atoi(text.c_str() + at + 4))};
}

std::string command_line(pid_t pid) {
  std::string text = read_file("/proc/" + std::to_string(pid) + "/cmdline");
  std::replace(text.begin(), text.end(), '\0', ' ');
  return std::to_string(pid) + " " + text;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Runs in the child; returns only when something failed.
void become(const Launch& launch, char* const* argv, char* const* environment, const int (&descriptors)[3]) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int fd = 0; fd < 3; ++fd)
    if (::dup2(descriptors[fd], fd) < 0) return;
  if (!launch.directory.empty() && ::chdir(launch.directory.c_str()) != 0) return;
  if (launch.uid != static_cast<uid_t>(-1) &&
      (::setgroups(0, nullptr) != 0 || ::setresgid(launch.uid, launch.uid, launch.uid) != 0 ||
       ::setresuid(launch.uid, launch.uid, launch.uid) != 0))
    return;
  environ = const_cast<char**>(environment);
  ::execvp(launch.path.empty() ? argv[0] : launch.path.c_str(), argv);
}

// Stops all first, so that none can start another while we look; then kills.
std::vector<pid_t> freeze_and_kill(std::vector<pid_t> (*list)(pid_t), pid_t root) {
  std::set<pid_t> frozen;
  for (bool more = true; more;) {
    more = false;
    for (const pid_t pid : list(root))
      if (frozen.insert(pid).second) {
        ::kill(pid, SIGSTOP);
        more = true;
      }
  }
  for (const pid_t pid : frozen) ::kill(pid, SIGKILL);
  return {frozen.begin(), frozen.end()};
}

std::vector<pid_t> tree_of(pid_t pid) {
  std::vector<pid_t> all = descendants_of(pid);
  if (is_alive(pid)) all.push_back(pid);
  return all;
}

}  // namespace

Process::Process(Launch launch) {
  std::map<std::string, std::string> variables = launch.environment;
  if (!launch.clean_environment)
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      const auto equals = text.find('=');
      if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  const auto argv_pointers = pointers(launch.argv);
  const auto environment_pointers = pointers(environment);

  int input = launch.input_fd;
  if (input < 0 && launch.input.empty()) input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (input < 0) {
    input = capture_file();
    if (::pwrite(input, launch.input.data(), launch.input.size(), 0) < 0) throw std::runtime_error("memfd is full");
  }
  output_ = capture_file();
  error_ = capture_file();
  const int descriptors[3] = {input, launch.output_fd >= 0 ? launch.output_fd : output_,
                              launch.error_fd >= 0 ? launch.error_fd : error_};
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  pid_ = ::fork();
  if (pid_ == 0) {
    become(launch, argv_pointers.data(), environment_pointers.data(), descriptors);
    const int failure = errno;
    if (::write(ends[1], &failure, sizeof failure) < 0) ::_exit(126);
    ::_exit(127);
  }
  ::close(ends[1]);
  if (input != launch.input_fd) ::close(input);
  int failure = 0;
  const bool failed = ::read(ends[0], &failure, sizeof failure) > 0;
  ::close(ends[0]);
  if (!failed && pid_ > 0) return;
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  ::close(output_);
  ::close(error_);
  throw std::runtime_error("unable to run " + launch.argv.at(0) + ": " + std::strerror(failure));
}

Process::~Process() {
  if (!has_ended()) kill_tree();
  ::close(output_);
  ::close(error_);
}

void Process::signal(int number) const {
  ::kill(pid_, number);
}

bool Process::has_ended() {
  if (code_ >= 0) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

int Process::wait(std::chrono::seconds patience) {
  const std::string what = "the end of " + command_line(pid_);
  wait_until([&] { return has_ended(); }, what, patience);
  return code_;
}

void Process::kill_tree() {
  const auto killed = freeze_and_kill(tree_of, pid_);
  wait();
  for (const pid_t pid : killed)
    wait_until([&] { return ::waitpid(pid, nullptr, WNOHANG) == pid || !is_alive(pid); }, "a killed process to go");
}

std::string Process::output() const {
  return contents(output_);
}
std::string Process::errors() const {
  return contents(error_);
}

Ran run(Launch launch, std::chrono::seconds patience) {
  Process process(std::move(launch));
  const int code = process.wait(patience);
  return {code, process.output(), process.errors()};
}

bool is_alive(pid_t pid) {
  const char state = stat_of(pid).state;
  return pid > 0 && state != 0 && state != 'Z' && state != 'X';
}

pid_t parent_of(pid_t pid) {
  return stat_of(pid).parent;
}

std::vector<pid_t> descendants_of(pid_t root) {
  std::map<pid_t, Stat> all;
  DIR* listing = ::opendir("/proc");
  if (listing == nullptr) throw std::runtime_error("no /proc");
  for (const dirent* entry; (entry = ::readdir(listing)) != nullptr;) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid > 0) all[pid] = stat_of(pid);
  }
  ::closedir(listing);
  std::vector<pid_t> found;
  std::vector<pid_t> look{root};
  while (!look.empty()) {
    const pid_t parent = look.back();
    look.pop_back();
    for (const auto& [pid, facts] : all)
      if (facts.parent == parent && pid != parent) {
        look.push_back(pid);
        if (facts.state != 'Z' && facts.state != 'X') found.push_back(pid);
      }
  }
  return found;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children = descendants_of(pid);
  std::erase_if(children, [&](pid_t child) { return parent_of(child) != pid; });
  return children;
}

std::string end_all_descendants() {
  siginfo_t info;
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return "";  // no children: the usual, quick
  std::string text;
  for (const pid_t pid : descendants_of(::getpid())) text += (text.empty() ? "" : "; ") + command_line(pid);
  freeze_and_kill(descendants_of, ::getpid());
  while (::waitpid(-1, nullptr, 0) > 0) {
  }
  return text;
}

}  // namespace svdir::test
