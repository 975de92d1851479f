// The seam for system calls: every call whose failure must be survived goes through here.
//
// In ordinary builds each function is the bare call. In the `faults` flavour (-DSVDIR_FAULTS) the n-th call of a
// process can be made to fail, or the process can be killed just before it, by environment variables that
// lib/system.cpp documents; tests walk n from 1 until the program is through. Everything opened is close-on-exec.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace svdir::sys {

#ifdef SVDIR_FAULTS
// True when this call must fail; errno is then set. May not return at all (see lib/system.cpp).
bool fails(const char* call);
#else
constexpr bool fails(const char*) {
  return false;
}
#endif

inline int open(const char* path, int flags, mode_t mode = 0) {
  return fails("open") ? -1 : ::open(path, flags | O_CLOEXEC, mode);
}
inline int openat(int dir, const char* path, int flags, mode_t mode = 0) {
  return fails("open") ? -1 : ::openat(dir, path, flags | O_CLOEXEC, mode);
}
inline ssize_t read(int fd, void* to, size_t size) {
  return fails("read") ? -1 : ::read(fd, to, size);
}
inline ssize_t write(int fd, const void* from, size_t size) {
  return fails("write") ? -1 : ::write(fd, from, size);
}
inline ssize_t writev(int fd, const iovec* parts, int count) {
  return fails("write") ? -1 : ::writev(fd, parts, count);
}
inline ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  return fails("write") ? -1 : ::pwrite(fd, from, size, at);
}
// Makes sure that the first `size` bytes of a file have their place on the disk; 0 or an errno.
inline int allocate(int fd, off_t size) {
  return fails("allocate") ? errno : ::posix_fallocate(fd, 0, size);
}
inline int fsync(int fd) {
  return fails("fsync") ? -1 : ::fsync(fd);
}
inline int ftruncate(int fd, off_t size) {
  return fails("ftruncate") ? -1 : ::ftruncate(fd, size);
}
inline int fchmod(int fd, mode_t mode) {
  return fails("fchmod") ? -1 : ::fchmod(fd, mode);
}
inline int renameat(int from_dir, const char* from, int to_dir, const char* to) {
  return fails("rename") ? -1 : ::renameat(from_dir, from, to_dir, to);
}
// Fails with EEXIST where `to` is there already.
inline int rename_new(int from_dir, const char* from, int to_dir, const char* to) {
  return fails("rename") ? -1 : ::renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);
}
// Both names must be there; each leads to the other's file afterwards. EINVAL where the file system cannot do that.
inline int exchange(int dir, const char* one, const char* other) {
  return fails("rename") ? -1 : ::renameat2(dir, one, dir, other, RENAME_EXCHANGE);
}
inline int unlinkat(int dir, const char* path, int flags = 0) {
  return fails("unlink") ? -1 : ::unlinkat(dir, path, flags);
}
inline int mkdirat(int dir, const char* path, mode_t mode) {
  return fails("mkdir") ? -1 : ::mkdirat(dir, path, mode);
}
inline int mkfifoat(int dir, const char* path, mode_t mode) {
  return fails("mkfifo") ? -1 : ::mkfifoat(dir, path, mode);
}
inline int symlinkat(const char* target, int dir, const char* path) {
  return fails("symlink") ? -1 : ::symlinkat(target, dir, path);
}
inline int fstatat(int dir, const char* path, struct stat* into, int flags = 0) {
  return fails("stat") ? -1 : ::fstatat(dir, path, into, flags);
}
inline int flock(int fd, int operation) {
  return fails("flock") ? -1 : ::flock(fd, operation);
}
inline int kill(pid_t pid, int signal) {
  return fails("kill") ? -1 : ::kill(pid, signal);
}
inline int waitid(idtype_t type, id_t id, siginfo_t* into, int options) {
  return fails("waitid") ? -1 : ::waitid(type, id, into, options);
}
inline pid_t waitpid(pid_t pid, int* status, int options) {
  return fails("waitpid") ? -1 : ::waitpid(pid, status, options);
}
inline pid_t wait4(pid_t pid, int* status, int options, rusage* usage) {
  return fails("waitpid") ? -1 : ::wait4(pid, status, options, usage);
}
inline int pidfd_send_signal(int pidfd, int signal) {
  return fails("kill") ? -1 : static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}
inline int pipe2(int ends[2], int flags) {
  return fails("pipe") ? -1 : ::pipe2(ends, flags | O_CLOEXEC);
}
inline int pidfd_open(pid_t pid) {
  return fails("pidfd_open") ? -1 : static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}
inline ssize_t tee(int from, int to, size_t size, unsigned flags) {
  return fails("tee") ? -1 : ::tee(from, to, size, flags);
}
inline ssize_t splice(int from, int to, size_t size, unsigned flags) {
  return fails("splice") ? -1 : ::splice(from, nullptr, to, nullptr, size, flags);
}

}  // namespace svdir::sys
