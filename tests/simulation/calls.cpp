// The calls of the C library that the simulated supervise makes, answered by the kernel in the box. Their names are in
// the file `calls`, which the Makefile hands to objcopy.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "tests/simulation/kernel.h"

using svdir::sim::Description;
using svdir::sim::Executed;
using svdir::sim::Inode;
using svdir::sim::kernel;
using svdir::sim::Process;

namespace {

int failed(int number) {
  errno = number;
  return -1;
}

std::shared_ptr<Inode> make(const std::string& path, Inode::Kind kind, mode_t mode) {
  auto inode = std::make_shared<Inode>();
  inode->kind = kind;
  inode->mode = mode;
  kernel->files[path] = inode;
  return inode;
}

int make_new(const char* name, int dir, const char* path, Inode::Kind kind, mode_t mode) {
  const std::string full = kernel->absolute(dir, path);
  if (kernel->enter(name, full) != 0) return -1;
  if (kernel->file(full)) return failed(EEXIST);
  make(full, kind, mode);
  return 0;
}

void describe(const Inode& inode, struct stat* into) {
  std::memset(into, 0, sizeof *into);
  into->st_mode = inode.mode | (inode.kind == Inode::Kind::fifo        ? S_IFIFO
                                : inode.kind == Inode::Kind::directory ? S_IFDIR
                                                                       : S_IFREG);
  into->st_size = static_cast<off_t>(inode.bytes.size());
  into->st_nlink = 1;
  into->st_ino = 1;
  into->st_dev = 1;
}

// A child of the caller's that is a zombie, or nullptr; `any` says whether there is a child at all.
Process* ended_child(idtype_t type, id_t id, bool& any) {
  any = false;
  for (auto& [pid, process] : kernel->processes) {
    if (process.parent != kernel->image->pid || (type == P_PID && pid != static_cast<pid_t>(id))) continue;
    any = true;
    if (process.zombie) return &process;
  }
  return nullptr;
}

timespec spec(std::int64_t nanoseconds) {
  return {nanoseconds / 1'000'000'000, static_cast<long>(nanoseconds % 1'000'000'000)};
}

}  // namespace

extern "C" {

int sim_openat(int dir, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  const std::string full = kernel->absolute(dir, path);
  if (kernel->enter("open", full) != 0) return -1;
  auto inode = kernel->file(full);
  if (!inode && (flags & O_CREAT) == 0) return failed(ENOENT);
  if (inode && (flags & O_EXCL) != 0) return failed(EEXIST);
  if (!inode) inode = make(full, Inode::Kind::file, mode);
  if ((flags & O_DIRECTORY) != 0 && inode->kind != Inode::Kind::directory) return failed(ENOTDIR);
  if ((flags & O_TRUNC) != 0 && inode->kind == Inode::Kind::file) inode->bytes.clear();
  if (inode->kind == Inode::Kind::fifo && (flags & O_ACCMODE) == O_WRONLY && !kernel->fifo_has_reader(full))
    return failed(ENXIO);
  Description description;
  description.inode = std::move(inode);
  description.path = full;
  description.flags = flags;
  return kernel->add_descriptor(std::move(description));
}

int sim_open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return sim_openat(AT_FDCWD, path, flags, mode);
}

// Called by destructors: never the last call of a process, never an error.
int sim_close(int fd) {
  if (kernel->image == nullptr) return 0;
  const auto found = kernel->image->descriptors.find(fd);
  if (found == kernel->image->descriptors.end()) return failed(EBADF);
  const auto& to = found->second.to;
  if (to->inode && to->inode->locked_by == to->identity && to.use_count() == 1) to->inode->locked_by = 0;
  kernel->image->descriptors.erase(found);
  kernel->forget_unheld_fifos();
  return 0;
}

ssize_t sim_read(int fd, void* to, size_t size) {
  if (kernel->enter("read") != 0) return -1;
  Description* from = kernel->description(fd);
  if (from == nullptr) return -1;
  std::string& bytes = from->inode->bytes;
  const bool fifo = from->inode->kind == Inode::Kind::fifo;
  if (fifo && bytes.empty()) return failed(EAGAIN);
  const std::size_t begin = fifo ? 0 : std::min(from->offset, bytes.size());
  const std::size_t length = std::min(size, bytes.size() - begin);
  std::memcpy(to, bytes.data() + begin, length);
  if (fifo)
    bytes.erase(0, length);
  else
    from->offset = begin + length;
  return static_cast<ssize_t>(length);
}

ssize_t sim_write(int fd, const void* data, size_t size) {
  const std::string_view text(static_cast<const char*>(data), size);
  if (fd == STDERR_FILENO) {
    kernel->fate().said(text);
    return static_cast<ssize_t>(size);
  }
  Description* to = kernel->description(fd);
  if (kernel->enter("write", to != nullptr ? to->path : "") != 0) return -1;
  if (to == nullptr) return failed(EBADF);
  if (to->inode->kind == Inode::Kind::fifo) {
    to->inode->bytes.append(text);
  } else if (to->path != "/dev/null") {
    to->inode->bytes.replace(std::min(to->offset, to->inode->bytes.size()), size, text);
    to->offset += size;
  }
  return static_cast<ssize_t>(size);
}

int sim_renameat(int from_dir, const char* from, int to_dir, const char* to) {
  const std::string source = kernel->absolute(from_dir, from);
  if (kernel->enter("rename", source) != 0) return -1;
  const auto inode = kernel->file(source);
  if (!inode) return failed(ENOENT);
  kernel->files[kernel->absolute(to_dir, to)] = inode;
  kernel->files.erase(source);
  return 0;
}

// With RENAME_EXCHANGE, the only flag that is used.
int sim_renameat2(int one_dir, const char* one, int other_dir, const char* other, unsigned) {
  const std::string first = kernel->absolute(one_dir, one);
  const std::string second = kernel->absolute(other_dir, other);
  if (kernel->enter("rename", first) != 0) return -1;
  if (!kernel->file(first) || !kernel->file(second)) return failed(ENOENT);
  std::swap(kernel->files[first], kernel->files[second]);
  return 0;
}

int sim_ftruncate(int fd, off_t size) {
  if (kernel->enter("ftruncate") != 0) return -1;
  const Description* of = kernel->description(fd);
  if (of == nullptr) return -1;
  of->inode->bytes.resize(static_cast<std::size_t>(size));
  return 0;
}

int sim_unlinkat(int dir, const char* path, int) {
  const std::string full = kernel->absolute(dir, path);
  if (kernel->enter("unlink", full) != 0) return -1;
  return kernel->files.erase(full) != 0 ? 0 : failed(ENOENT);
}

int sim_mkdirat(int dir, const char* path, mode_t mode) {
  return make_new("mkdir", dir, path, Inode::Kind::directory, mode);
}
int sim_mkfifoat(int dir, const char* path, mode_t mode) {
  return make_new("mkfifo", dir, path, Inode::Kind::fifo, mode);
}
int sim_fchmodat(int, const char*, mode_t, int) {
  return 0;
}
int sim_fchownat(int, const char*, uid_t, gid_t, int) {
  return 0;
}

int sim_fstatat(int dir, const char* path, struct stat* into, int) {
  const std::string full = kernel->absolute(dir, path);
  if (kernel->enter("stat", full) != 0) return -1;
  const auto inode = kernel->file(full);
  if (!inode) return failed(ENOENT);
  describe(*inode, into);
  return 0;
}

int sim_stat(const char* path, struct stat* into) {
  return sim_fstatat(AT_FDCWD, path, into, 0);
}

int sim_fstat(int fd, struct stat* into) {
  const Description* of = kernel->description(fd);
  if (of == nullptr) return -1;
  describe(*of->inode, into);
  return 0;
}

ssize_t sim_readlinkat(int, const char*, char*, size_t) {
  return failed(EINVAL);
}

DIR* sim_opendir(const char*) {
  errno = ENOENT;
  return nullptr;
}

char* sim_realpath(const char* path, char* into) {
  return std::strcpy(into, path);
}
int sim_access(const char*, int) {
  return 0;
}

int sim_fchdir(int fd) {
  const Description* to = kernel->description(fd);
  if (to == nullptr) return -1;
  kernel->image->working_directory = to->path;
  return 0;
}

int sim_flock(int fd, int) {
  if (kernel->enter("flock") != 0) return -1;
  const Description* of = kernel->description(fd);
  if (of == nullptr) return -1;
  if (of->inode->locked_by != 0 && of->inode->locked_by != of->identity) return failed(EWOULDBLOCK);
  of->inode->locked_by = of->identity;
  return 0;
}

int sim_fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  const int argument = command == F_SETFD ? va_arg(rest, int) : 0;
  va_end(rest);
  const auto found = kernel->image->descriptors.find(fd);
  if (found == kernel->image->descriptors.end()) return failed(EBADF);
  if (command == F_SETFD) found->second.close_on_exec = (argument & FD_CLOEXEC) != 0;
  return 0;
}

// --- Processes

pid_t sim_getpid() {
  return kernel->image->pid;
}
pid_t sim_getppid() {
  const Process* self = kernel->find(kernel->image->pid);
  return self != nullptr ? self->parent : 0;
}
pid_t sim_getsid(pid_t pid) {
  const Process* process = kernel->find(pid);
  return process != nullptr ? process->group : failed(ESRCH);
}

int sim_kill(pid_t pid, int signal) {
  if (kernel->enter("kill") != 0) return -1;
  return kernel->kill(pid, signal);
}

int sim_waitid(idtype_t type, id_t id, siginfo_t* into, int options) {
  if (kernel->enter("waitid") != 0) return -1;
  bool any = false;
  const Process* process = ended_child(type, id, any);
  if (!any) return failed(ECHILD);
  into->si_pid = 0;
  if (process == nullptr) {
    if ((options & WNOHANG) == 0) kernel->fate().breach("it waits for a process that has not ended");
    return 0;
  }
  into->si_pid = process->pid;
  into->si_code = WIFEXITED(process->status) ? CLD_EXITED : CLD_KILLED;
  into->si_status = WIFEXITED(process->status) ? WEXITSTATUS(process->status) : WTERMSIG(process->status);
  if ((options & WNOWAIT) == 0) kernel->reap(process->pid);
  return 0;
}

pid_t sim_wait4(pid_t pid, int* status, int options, rusage* usage) {
  siginfo_t info{};
  bool any = false;
  if (kernel->enter("waitpid") != 0) return -1;
  const Process* process = ended_child(pid > 0 ? P_PID : P_ALL, static_cast<id_t>(pid), any);
  if (!any) return failed(ECHILD);
  if (process == nullptr) {
    if ((options & WNOHANG) == 0) kernel->fate().breach("it waits for a process that has not ended");
    return 0;
  }
  info.si_pid = process->pid;
  if (status != nullptr) *status = process->status;
  if (usage != nullptr) *usage = {};
  kernel->reap(info.si_pid);
  return info.si_pid;
}

pid_t sim_waitpid(pid_t pid, int* status, int options) {
  return sim_wait4(pid, status, options, nullptr);
}

int sim_execv(const char*, char* const*) {
  if (kernel->enter("exec") != 0) return -1;
  throw Executed();
}

long sim_syscall(long number, ...) {
  va_list rest;
  va_start(rest, number);
  const long first = va_arg(rest, long);
  const long second = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_pidfd_open) {
    if (kernel->enter("pidfd_open") != 0) return -1;
    const Process* process = kernel->find(static_cast<pid_t>(static_cast<int>(first)));
    if (process == nullptr) return failed(ESRCH);
    Description description;
    description.kind = Description::Kind::pidfd;
    description.pid = process->pid;
    description.offset = process->ticks;
    return kernel->add_descriptor(std::move(description));
  }
  if (number != SYS_pidfd_send_signal) return failed(ENOSYS);
  if (kernel->enter("kill") != 0) return -1;
  const Description* of = kernel->description(static_cast<int>(first));
  Process* process = of != nullptr ? kernel->find(of->pid) : nullptr;
  if (process == nullptr || process->ticks != of->offset) return failed(ESRCH);
  kernel->deliver(*process, static_cast<int>(second), true);
  return 0;
}

int sim_prctl(int, ...) {
  return 0;
}

// --- Time, environment

int sim_clock_gettime(clockid_t clock, timespec* into) {
  *into = spec(kernel->now.nanoseconds);
  if (clock == CLOCK_REALTIME) into->tv_sec += kernel->wall_offset;
  return 0;
}

int sim_nanosleep(const timespec* time, timespec*) {
  if (kernel->enter("nanosleep") != 0) return -1;
  kernel->pass(std::chrono::seconds(time->tv_sec) + svdir::Duration(time->tv_nsec));
  return 0;
}

char* sim_getenv(const char* name) {
  if (kernel->image == nullptr) return nullptr;
  const auto found = kernel->image->environment.find(name);
  return found != kernel->image->environment.end() ? found->second.data() : nullptr;
}
int sim_setenv(const char* name, const char* value, int) {
  kernel->image->environment[name] = value;
  return 0;
}
int sim_unsetenv(const char* name) {
  kernel->image->environment.erase(name);
  return 0;
}
}
