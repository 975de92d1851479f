#include "svscan/upgrade.h"

#include <sys/mman.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "lib/signals.h"
#include "lib/spawn.h"
#include "lib/system.h"

namespace svdir::svscan {
namespace {

constexpr char kVariable[] = "SVSCAN_HANDOVER";
constexpr std::string_view kHead = "svscan 1\n";
constexpr std::string_view kService = "service ";
constexpr std::string_view kLock = "lock ";
constexpr std::string_view kSince = "since ";

void put(std::string& text, unsigned long long number) {
  char digits[24];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr).push_back(' ');
}

template <class T>
bool take(std::string_view& line, T& into) {
  unsigned long long number = 0;
  const auto [end, failure] = std::from_chars(line.data(), line.data() + line.size(), number);
  if (failure != std::errc{} || end == line.data() + line.size() || *end != ' ') return false;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
  into = static_cast<T>(number);
  return true;
}

bool unpack_service(std::string_view line, Service& into) {
  unsigned kind = 0;
  unsigned phase = 0;
  unsigned has_died = 0;
  if (!take(line, into.supervisor) || !take(line, into.quick_deaths) || !take(line, has_died) ||
      !take(line, into.identity.device) || !take(line, into.identity.inode) || !take(line, into.identity.instance) ||
      !take(line, kind) || !take(line, phase))
    return false;
  const std::size_t slash = line.find('/');
  if (slash == std::string_view::npos || kind > 1 || phase > static_cast<unsigned>(Phase::behind)) return false;
  into.has_died = has_died != 0;
  into.kind = static_cast<Kind>(kind);
  into.phase = static_cast<Phase>(phase);
  into.name = line.substr(0, slash);
  into.source = line.substr(slash + 1);
  return true;
}

}  // namespace

// `facts` without its services: those are the roster's.
std::string pack_handover(const Handover& facts, Roster& roster) {
  std::string text(kHead);
  if (facts.lock >= 0) text.append(kLock).append(std::to_string(facts.lock)).append("\n");
  text.append(kSince);
  put(text, static_cast<unsigned long long>(facts.since.seconds));
  put(text, static_cast<unsigned long long>(facts.since.nanoseconds));
  put(text, facts.restarts);
  text.push_back('\n');
  roster.each([&](Slot, const Service& service) {
    text.append(kService);
    put(text, static_cast<unsigned long long>(service.phase == Phase::running ? service.supervisor : 0));
    put(text, service.quick_deaths);
    put(text, service.has_died ? 1 : 0);
    put(text, service.identity.device);
    put(text, service.identity.inode);
    put(text, service.identity.instance);
    put(text, static_cast<unsigned>(service.kind));
    put(text, static_cast<unsigned>(service.phase));
    text.append(service.name).append("/").append(service.source).append("\n");
  });
  return text;
}

bool unpack_handover(std::string_view text, Handover& into) {
  if (!text.starts_with(kHead)) return false;
  text.remove_prefix(kHead.size());
  Handover handover;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return false;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with(kService)) {
      Service service;
      if (!unpack_service(line.substr(kService.size()), service)) return false;
      handover.services.push_back(std::move(service));
    } else if (line.starts_with(kSince)) {
      line.remove_prefix(kSince.size());
      if (!take(line, handover.since.seconds) || !take(line, handover.since.nanoseconds) ||
          !take(line, handover.restarts))
        return false;
    } else if (line.starts_with(kLock)) {
      handover.lock = std::atoi(std::string(line.substr(kLock.size())).c_str());
    }
  }
  into = std::move(handover);
  return true;
}

Handover take_handover() {
  Handover handover;
  const char* text = std::getenv(kVariable);
  if (text == nullptr) return handover;
  Fd fd(std::atoi(text));
  ::unsetenv(kVariable);
  struct stat facts;
  if (fd.get() <= 2 || ::fstat(fd.get(), &facts) != 0) {
    fd.release();  // not ours to close
    return handover;
  }
  std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
  const ssize_t length = ::pread(fd.get(), bytes.data(), bytes.size(), 0);
  if (length == static_cast<ssize_t>(bytes.size())) unpack_handover(bytes, handover);
  return handover;
}

Result<pid_t> begin_trial(const std::string& program) {
  if (program.empty()) {
    errno = ENOENT;
    return system_error("unable to tell where svscan's own program is");
  }
  const char* const argv[] = {program.c_str(), "--version", nullptr};
  const Fd nothing(sys::open("/dev/null", O_RDWR));
  const ChildPlan plan{.path = program.c_str(), .argv = argv, .input = nothing.get(), .output = nothing.get()};
  const auto child = spawn(plan);
  if (child) return *child;
  errno = child.error().number;
  return system_error("unable to execute", program);
}

Error execute_anew(const Places& places, char** argv, const std::string& handover) {
  const Fd memory(::memfd_create("svscan", MFD_CLOEXEC));
  if (!memory || ::pwrite(memory.get(), handover.data(), handover.size(), 0) != static_cast<ssize_t>(handover.size()))
    return {"unable to write the handover", errno};
  ::setenv(kVariable, std::to_string(memory.get()).c_str(), 1);
  ::fcntl(memory.get(), F_SETFD, 0);
  if (places.lock) ::fcntl(places.lock.get(), F_SETFD, 0);
  if (places.start_directory && ::fchdir(places.start_directory.get()) != 0) {
    // Then relative arguments mean what they mean here.
  }
  restore_descriptor_limit_in_child();  // our successor raises it again, and must know what our services are to get
  ::execv(places.self.c_str(), argv);
  const int failure = errno;
  raise_descriptor_limit();
  ::unsetenv(kVariable);
  if (places.lock) ::fcntl(places.lock.get(), F_SETFD, FD_CLOEXEC);
  return {"unable to execute " + places.self, failure};
}

}  // namespace svdir::svscan
