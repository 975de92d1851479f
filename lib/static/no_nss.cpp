// Linked into the static programs only. libuv's core refers to getpwuid_r (for uv_os_homedir, which nobody here calls);
// glibc's own would pull the name service switch into a static program, where it cannot work reliably.
#include <pwd.h>

#include <cerrno>

extern "C" int getpwuid_r(uid_t, passwd*, char*, size_t, passwd** result) {
  *result = nullptr;
  return ENOSYS;
}
