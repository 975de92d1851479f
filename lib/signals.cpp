#include "lib/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace svdir {
namespace {
constexpr std::size_t kKernelSignalSetSize = 8;  // bytes
rlimit descriptor_limit{};
bool descriptor_limit_raised = false;
mode_t inherited_umask = 0;
bool has_own_umask = false;

sigset_t set_of(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : numbers) sigaddset(&set, number);
  return set;
}
}  // namespace

void hold_signals(std::initializer_list<int> numbers) {
  const sigset_t set = set_of(numbers);
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

Result<void> Signals::open(std::initializer_list<int> numbers) {
  const sigset_t set = set_of(numbers);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) return system_error("unable to receive signals");
  return {};
}

int Signals::next() {
  signalfd_siginfo info;
  return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

void restore_signals_in_child() {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  // Only what may differ from the default is looked at: ignored dispositions are inherited over exec, handlers are
  // not, and we install none.
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction current;
    if (number == SIGKILL || number == SIGSTOP) continue;
    if (::sigaction(number, nullptr, &current) == 0 && current.sa_handler != SIG_DFL)
      ::sigaction(number, &standard, nullptr);
  }
  // The C library keeps two signals for itself and does not let anybody change them; somebody without it may have had
  // them ignored. A zeroed kernel sigaction is SIG_DFL.
  constexpr unsigned long kStandard[4] = {};
  for (int number = 32; number < SIGRTMIN; ++number)
    ::syscall(SYS_rt_sigaction, number, kStandard, nullptr, kKernelSignalSetSize);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void sanitize_process() {
  for (int fd = 0; fd <= 2; ++fd) {
    // The lowest free number is taken, so opening fills the hole. A container without /dev/null gets the root
    // directory in its place: the number is taken all the same, and writes to it fail harmlessly.
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0 && ::open("/", O_RDONLY | O_DIRECTORY) < 0) break;
  }
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would make our children end without a word to us
  raise_descriptor_limit();
}

void raise_descriptor_limit() {
  if (::getrlimit(RLIMIT_NOFILE, &descriptor_limit) == 0 && descriptor_limit.rlim_cur < descriptor_limit.rlim_max) {
    rlimit raised = descriptor_limit;
    raised.rlim_cur = raised.rlim_max;
    descriptor_limit_raised = ::setrlimit(RLIMIT_NOFILE, &raised) == 0;
  }
}

void use_standard_umask() {
  inherited_umask = ::umask(022);
  has_own_umask = true;
}

void restore_umask_in_child() {
  if (has_own_umask) ::umask(inherited_umask);
}

void restore_descriptor_limit_in_child() {
  if (descriptor_limit_raised) ::setrlimit(RLIMIT_NOFILE, &descriptor_limit);
}

}  // namespace svdir
