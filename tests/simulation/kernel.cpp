#include "tests/simulation/kernel.h"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

namespace svdir::sim {

Kernel* kernel = nullptr;

namespace {

constexpr pid_t kFirstPid = 100;
constexpr pid_t kLastPid = 140;  // few, so that numbers come again soon
constexpr Duration kPidRest = std::chrono::milliseconds(200);
constexpr std::int64_t kNanosecondsPerTick = 10'000'000;

}  // namespace

// --- Processes -----------------------------------------------------------------------------------------------------

pid_t Kernel::free_pid() {
  for (;;) {
    last_pid_ = last_pid_ >= kLastPid ? kFirstPid : last_pid_ + 1;
    const auto freed = freed_.find(last_pid_);
    const bool rested = freed == freed_.end() || freed->second + kPidRest < now;
    if (find(last_pid_) == nullptr && !group_exists(last_pid_) && rested) return last_pid_;
    pass(std::chrono::milliseconds(1));
  }
}

Process& Kernel::create(Role role, pid_t parent, pid_t group) {
  Process process;
  process.pid = free_pid();
  process.parent = parent;
  process.group = group != 0 ? group : process.pid;
  process.ticks = static_cast<unsigned long long>(now.nanoseconds / kNanosecondsPerTick);
  process.role = role;
  return processes[process.pid] = process;
}

Process* Kernel::find(pid_t pid) {
  const auto found = processes.find(pid);
  return found != processes.end() ? &found->second : nullptr;
}

bool Kernel::group_exists(pid_t group) const {
  return std::any_of(processes.begin(), processes.end(), [&](const auto& p) { return p.second.group == group; });
}

pid_t Kernel::subreaper_of(const Process& process) const {
  for (pid_t above = process.parent; above != 0;) {
    const auto found = processes.find(above);
    if (found == processes.end() || found->second.zombie) break;
    if (found->second.role == Role::supervise || found->second.role == Role::parent) return above;
    above = found->second.parent;
  }
  return grandparent;
}

void Kernel::end(Process& process, int wait_status) {
  process.zombie = true;
  process.status = wait_status;
  process.has_log_pipe = false;
  const auto told = [&](pid_t parent) {
    for (Image* each : images_)
      if (each->pid == parent) each->pending_signals.insert(SIGCHLD);
  };
  told(process.parent);
  for (auto& [pid, child] : processes) {
    if (child.parent != process.pid) continue;
    child.parent = subreaper_of(process);
    if (child.zombie) told(child.parent);
  }
  forget_unheld_fifos();
}

void Kernel::reap(pid_t pid) {
  processes.erase(pid);
  freed_[pid] = now;
}

void Kernel::deliver(Process& process, int signal, bool by_supervise) {
  if (signal == 0) return;
  fate_.signalled(process, signal, by_supervise);
  if (process.zombie) return;
  switch (signal) {
    case SIGSTOP: process.stopped = true; break;
    case SIGCONT: process.stopped = false; break;
    case SIGCHLD: break;
    case SIGKILL: end(process, SIGKILL); break;
    default:
      if (process.obeys && process.dying_of == 0) process.dying_of = signal;
      break;
  }
}

int Kernel::kill(pid_t pid, int signal) {
  bool found = false;
  for (auto& [number, process] : processes) {
    if (pid > 0 ? number != pid : process.group != -pid) continue;
    found = true;
    deliver(process, signal, true);
  }
  if (pid == -1 || pid == 0 || pid == 1) fate_.breach("kill(2) of everybody");
  if (found) return 0;
  errno = ESRCH;
  return -1;
}

// --- Files ---------------------------------------------------------------------------------------------------------

std::shared_ptr<Inode> Kernel::file(std::string_view path) const {
  const auto found = files.find(path);
  return found != files.end() ? found->second : nullptr;
}

void Kernel::put(std::string_view path, std::string_view bytes, mode_t mode) {
  auto inode = std::make_shared<Inode>();
  inode->bytes = bytes;
  inode->mode = mode;
  files[std::string(path)] = std::move(inode);
}

std::string Kernel::absolute(int dir, std::string_view path) const {
  if (path.starts_with('/')) return std::string(path);
  std::string base = image != nullptr ? image->working_directory : "/";
  if (image != nullptr)
    if (const auto found = image->descriptors.find(dir); found != image->descriptors.end())
      base = found->second.to->path;
  if (path == ".") return base;
  if (path.starts_with("./")) path.remove_prefix(2);
  return base.append("/").append(path);
}

Description* Kernel::description(int fd) {
  const auto found = image->descriptors.find(fd);
  if (found != image->descriptors.end()) return found->second.to.get();
  errno = EBADF;
  return nullptr;
}

int Kernel::add_descriptor(Description description) {
  constexpr int kLowest = 1'000'000;  // a call that is not renamed will find nothing there
  int fd = kLowest;
  for (const auto& each : image->descriptors) {
    if (each.first > fd) break;
    fd = each.first + 1;
  }
  description.identity = next_identity_++;
  image->descriptors[fd].to = std::make_shared<Description>(std::move(description));
  return fd;
}

bool Kernel::log_pipe_has_writer() const {
  constexpr std::string_view kPipe = "/svc/supervise/log.pipe";
  for (const Image* each : images_)
    for (const auto& [fd, descriptor] : each->descriptors)
      if (descriptor.to->path == kPipe) return true;
  return std::any_of(processes.begin(), processes.end(), [](const auto& each) {
    return each.second.has_log_pipe && each.second.role != Role::logger && !each.second.zombie;
  });
}

bool Kernel::fifo_has_reader(std::string_view path) const {
  for (const Image* each : images_)
    for (const auto& [fd, descriptor] : each->descriptors)
      if (descriptor.to->path == path) return true;
  return false;
}

void Kernel::forget_unheld_fifos() {
  for (const auto& [path, inode] : files) {
    if (inode->kind != Inode::Kind::fifo || inode->bytes.empty()) continue;
    if (!fifo_has_reader(path)) inode->bytes.clear();
  }
}

// --- The supervise itself ------------------------------------------------------------------------------------------

void Kernel::starts(Image& now_running, bool in_place) {
  dead = in_child = killed_in_child = false;
  image = &now_running;
  if (in_place) {
    std::erase_if(now_running.descriptors, [](const auto& each) { return each.second.close_on_exec; });
  } else {
    images_.push_back(&now_running);
  }
  for (auto& [path, inode] : files) {
    if (inode->locked_by == 0) continue;
    const bool held = std::any_of(images_.begin(), images_.end(), [&](const Image* each) {
      return std::any_of(each->descriptors.begin(), each->descriptors.end(),
                         [&](const auto& d) { return d.second.to->identity == inode->locked_by; });
    });
    if (!held) inode->locked_by = 0;
  }
}

void Kernel::is_killed(Image& gone) {
  for (const auto& [fd, descriptor] : gone.descriptors)
    if (descriptor.to->inode && descriptor.to->inode->locked_by == descriptor.to->identity)
      descriptor.to->inode->locked_by = 0;
  gone.descriptors.clear();
  std::erase(images_, &gone);
  if (Process* process = find(gone.pid); process != nullptr) end(*process, SIGKILL);
  if (image == &gone) image = nullptr;
  forget_unheld_fifos();
}

int Kernel::enter(std::string_view name, std::string_view path) {
  if (dead || image == nullptr) {
    errno = EIO;
    return -1;
  }
  ++calls;
  pass(std::chrono::microseconds(1));
  fate_.at_call(name);
  if (const int failure = fate_.failure_of(name, path); failure != 0) {
    errno = failure;
    return -1;
  }
  return 0;
}

}  // namespace svdir::sim
