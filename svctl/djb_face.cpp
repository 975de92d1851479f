// svc, svok and svstat.
#include <fcntl.h>

#include <algorithm>

#include "lib/files.h"
#include "lib/system.h"
#include "svctl/faces.h"
#include "svctl/service.h"

namespace svdir::svctl {
namespace {

void print(int fd, const std::string& text) {
  if (::write(fd, text.data(), text.size()) < 0) return;
}
void complain(const std::string& text) {
  print(STDERR_FILENO, text + "\n");
}

// daemontools has no paths of its own: every argument is a directory as it stands.
Fd open_argument(const char* name) {
  return Fd(sys::open(name, O_RDONLY | O_DIRECTORY));
}

std::string describe_directory(const char* name) {
  const Fd dir = open_argument(name);
  if (!dir) return "unable to chdir: " + djb_text(errno);
  const bool normally_up = ::faccessat(dir.get(), "down", F_OK, 0) != 0;
  const Fd ok(sys::openat(dir.get(), file::kOk, O_WRONLY | O_NONBLOCK));
  if (!ok) return errno == ENXIO ? "supervise not running" : "unable to open supervise/ok: " + djb_text(errno);
  const Fd file(sys::openat(dir.get(), file::kStatus, O_RDONLY | O_NONBLOCK));
  if (!file) return "unable to open supervise/status: " + djb_text(errno);
  char bytes[kRunitStatusSize + 1];
  const ssize_t length = sys::read(file.get(), bytes, sizeof bytes);
  if (length < 0) return "unable to read supervise/status: " + djb_text(errno);
  RunitStatus status;
  if (!unpack({bytes, static_cast<std::size_t>(length)}, status)) return "unable to read supervise/status: bad format";
  const auto seconds = std::max<std::int64_t>(0, wall_now().seconds - status.changed.seconds);
  std::string text = status.pid != 0 ? "up (pid " + std::to_string(status.pid) + ") " : "down ";
  text += std::to_string(seconds) + " seconds";
  if (status.pid != 0 && !normally_up) text += ", normally down";
  if (status.pid == 0 && normally_up) text += ", normally up";
  if (status.pid != 0 && status.paused) text += ", paused";
  if (status.pid == 0 && status.want_up) text += ", want up";
  if (status.pid != 0 && bytes[17] == 'd') text += ", want down";
  return text;
}

}  // namespace

int run_svc(Arguments arguments) {
  DjbOptions options(arguments, "udopchaitkx", "");
  std::string bytes;
  while (const char letter = options.next()) {
    if (letter == '?') {
      complain(std::string("svc: illegal option -- ") + options.letter);
      complain(
          "svc options: u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, "
          "k kill");
      return 100;
    }
    if (bytes.find(letter) == std::string::npos) bytes.push_back(letter);
  }
  for (const char* name : options.rest()) {
    const Fd dir = open_argument(name);
    if (!dir) {
      complain("svc: warning: unable to chdir to " + std::string(name) + ": " + djb_text(errno));
      continue;
    }
    const auto written = write_control({name, ".", dir.get()}, bytes);
    if (written) continue;
    const int number = written.error().number;
    complain("svc: warning: unable to control " + std::string(name) + ": " +
             (number == ENXIO ? "supervise not running" : djb_text(number)));
  }
  return 0;
}

int run_svok(Arguments arguments) {
  if (arguments.empty()) {
    complain("svok: usage: svok dir");
    return 100;
  }
  const std::string name = arguments[0];
  const Fd dir = open_argument(name.c_str());
  if (!dir) {
    complain("svok: fatal: unable to chdir to " + name + ": " + djb_text(errno));
    return 111;
  }
  const Fd ok(sys::openat(dir.get(), file::kOk, O_WRONLY | O_NONBLOCK));
  if (ok) return 0;
  if (errno == ENOENT || errno == ENXIO) return 100;
  complain("svok: fatal: unable to open " + name + "/supervise/ok: " + djb_text(errno));
  return 111;
}

int run_svstat(Arguments arguments) {
  std::string text;
  for (const char* name : arguments) text += std::string(name) + ": " + describe_directory(name) + "\n";
  print(STDOUT_FILENO, text);
  return 0;
}

}  // namespace svdir::svctl
