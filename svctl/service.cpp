#include "svctl/service.h"

#include "lib/files.h"
#include "lib/system.h"

namespace svdir::svctl {
namespace {

// A path below a service directory, put together without the heap.
class Path {
 public:
  Path(const Target& target, std::string_view below) {
    text_[0] = '\0';
    if (target.path.size() + below.size() + 2 > sizeof text_) return;  // stays empty, and is not found
    char* end = std::copy(target.path.begin(), target.path.end(), text_);
    *end++ = '/';
    end = std::copy(below.begin(), below.end(), end);
    *end = '\0';
  }
  const char* get() const { return text_; }

 private:
  char text_[4096];  // not filled with zeros: there are thousands of these
};

Fd open_below(const Target& target, std::string_view below, int flags) {
  return Fd(sys::openat(target.at, Path(target, below).get(), flags | O_NONBLOCK | O_NOCTTY));
}

// What fits into `buffer` of a file; "" when there is none. Whether it is a whole record its reader will see.
std::string_view read_below(const Target& target, std::string_view below, char* buffer, std::size_t size) {
  const Fd fd = open_to_read(target.at, Path(target, below).get());
  if (!fd) return {};
  const ssize_t length = sys::read(fd.get(), buffer, size);
  if (length < 0) return {};
  errno = 0;
  return {buffer, static_cast<std::size_t>(length)};
}

// By stat rather than access, which makes the kernel copy credentials.
bool is_there(const Target& target, std::string_view below) {
  struct stat facts;
  return sys::fstatat(target.at, Path(target, below).get(), &facts) == 0;
}

bool is_alive(pid_t pid) {
  return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

View::Supervisor find_supervisor(const Target& target, Fd& ok, View& view) {
  ok = open_below(target, file::kOk, O_WRONLY);
  if (ok) return View::Supervisor::running;
  switch (errno) {
    case ENXIO: return View::Supervisor::gone;
    case ENOENT:
    case ENOTDIR: return View::Supervisor::never;
    default: view.trouble = system_error("unable to open supervise/ok").error().text();
  }
  return View::Supervisor::unknown;
}

// A file in the place of the FIFO opens, too. Asked only where no living supervisor is on record.
void distrust(const Fd& ok, View& view) {
  struct stat facts;
  if (::fstat(ok.get(), &facts) == 0 && S_ISFIFO(facts.st_mode)) return;
  view.trouble = "supervise/ok is not a FIFO; remove it";
  view.supervisor = View::Supervisor::gone;
}

void read_record(const Target& target, View& view) {
  char buffer[kLongestState + 1];
  const std::string_view state = read_below(target, file::kState, buffer, sizeof buffer);
  const int state_failure = errno;
  const bool is_record = unpack(state, view.record);
  if (is_record) {
    view.source = View::Source::state;
    // Left behind by a supervise of ours where another's runs now, it is worth nothing.
    if (view.supervisor != View::Supervisor::running || is_alive(view.record.supervisor.pid)) return;
  }
  const std::string_view status = read_below(target, file::kStatus, buffer, sizeof buffer);
  const int status_failure = errno;
  RunitStatus runit;
  if (unpack(status, runit)) {
    view.record = record_from(runit);
    view.source = View::Source::status;
    if (!state.empty() && !is_record) view.trouble = "supervise/state cannot be read as a record";
    if (state_failure == EACCES) view.trouble = "unable to open supervise/state: Permission denied";
    return;
  }
  if (view.source == View::Source::state) return;
  view.is_new = state_failure == ENOENT && status_failure == ENOENT;
  if (!view.trouble.empty()) return;
  if (status_failure != 0 && status_failure != ENOENT) {
    errno = status_failure;
    view.trouble = system_error("unable to read supervise/status").error().text();
  } else {
    view.trouble = status.empty() ? "supervise/status is missing or empty" : "supervise/status is damaged";
  }
}

}  // namespace

StateRecord record_from(const RunitStatus& status) {
  StateRecord record;
  switch (status.phase) {
    case RunitStatus::Phase::down:
      // Wanted up and yet down: runsv and supervise are in the second they sleep after a run that was too short.
      record.state = status.want_up ? State::backoff : State::down;
      break;
    case RunitStatus::Phase::run:
      record.state = status.got_term ? State::stopping : State::up;
      record.main.pid = status.pid;
      break;
    case RunitStatus::Phase::finish:
      record.state = State::finishing;
      record.finish.pid = status.pid;
      break;
  }
  record.want = status.want_up ? Want::up : Want::down;
  record.paused = status.paused;
  record.got_term = status.got_term;
  record.ready = record.main.pid != 0;
  record.changed = status.changed;
  if (record.main.pid != 0) record.started = status.changed;
  return record;
}

View look(const Target& target) {
  View view;
  Fd ok;
  view.supervisor = find_supervisor(target, ok, view);
  if (view.supervisor == View::Supervisor::never || view.supervisor == View::Supervisor::unknown) {
    struct stat facts;
    view.exists = sys::fstatat(target.at, target.path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
  } else {
    view.exists = true;
  }
  if (!view.exists) {
    if (view.trouble.empty()) view.trouble = target.hint;
    return view;
  }
  view.normally_down = is_there(target, "down");
  if (view.supervisor != View::Supervisor::never) read_record(target, view);
  if (ok && !view.is_precise()) distrust(ok, view);
  return view;
}

bool may_yet_be_supervised(const Target& target, const View& view) {
  if (!target.in_scan_directory || view.is_supervised() || view.supervisor == View::Supervisor::unknown) return false;
  const bool had_none = view.supervisor == View::Supervisor::never || view.is_new;
  return had_none && (target.is_made_by_svscan || is_there(target, "run"));
}

bool is_published(const Target& target, const View& view) {
  if (!view.is_precise()) return true;
  char buffer[kRunitStatusSize + 1];
  RunitStatus status;
  const std::string_view bytes = read_below(target, file::kStatus, buffer, sizeof buffer);
  return !unpack(bytes, status) || status.pid == runit_view(view.record).pid;
}

namespace {
Target below(const Target& target, const std::string& directory) {
  const auto joined = [&](const std::string& path) { return path + (path.ends_with('/') ? "" : "/") + directory; };
  Target logger = target;
  logger.name = joined(target.name);
  logger.path = joined(target.path);
  logger.is_made_by_svscan = false;  // not every service has one
  return logger;
}
}  // namespace

Target logger_of(const Target& target) {
  return below(target, "log");
}

Target error_logger_of(const Target& target) {
  return below(target, "log/stderr");
}

bool has_logger(const Target& target) {
  return is_there(target, "log/supervise");
}

bool has_error_logger(const Target& target) {
  return is_there(target, "log/stderr/supervise");
}

namespace {
constexpr std::string_view kLogger = "/log";
constexpr std::string_view kErrorLogger = "/log/stderr";
}  // namespace

Stream stream_of(const Target& target) {
  if (service_of_logger(target).name == target.name) return Stream::none;
  return target.name.ends_with(kErrorLogger) ? Stream::errors : Stream::output;
}

Target service_of_logger(const Target& target) {
  for (const std::string_view ending : {kErrorLogger, kLogger}) {
    if (!target.name.ends_with(ending) || !target.path.ends_with(ending)) continue;
    Target service = target;
    for (std::string* text : {&service.name, &service.path}) text->resize(text->size() - ending.size());
    if (is_there(service, "run")) return service;  // else it is a service named "log"
  }
  return target;
}

Result<void> write_control(const Target& target, std::string_view bytes) {
  const Fd fd = open_below(target, file::kControl, O_WRONLY);
  if (!fd) return system_error("unable to open", file::kControl);
  struct stat facts;
  if (::fstat(fd.get(), &facts) != 0 || !S_ISFIFO(facts.st_mode)) {
    errno = EINVAL;
    return system_error("not a FIFO:", file::kControl);
  }
  // At most PIPE_BUF bytes: all or nothing (pipe(7)).
  if (sys::write(fd.get(), bytes.data(), bytes.size()) < 0) return system_error("unable to write to", file::kControl);
  return {};
}

std::string plain_path(const Target& target) {
  if (target.at == AT_FDCWD || target.path.starts_with('/')) return target.path;
  return "/proc/self/fd/" + std::to_string(target.at) + "/" + target.path;
}

Result<Fd> open_service(const Target& target) {
  Fd fd(sys::openat(target.at, target.path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!fd) return system_error("unable to open", target.path);
  return fd;
}

}  // namespace svdir::svctl
