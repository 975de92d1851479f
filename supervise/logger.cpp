#include "supervise/logger.h"

#include "lib/files.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir {

void Logger::take(const Unit& service, const std::vector<std::string>& command) {
  if (is_here_) {
    if (!has_own_run_ && !command.empty()) unit_.set_command(service.directory(), command);
    return;
  }
  if (is_foreign_) return;
  struct stat facts;
  const std::string run = std::string(layout_.directory) + "/run";
  has_own_run_ = sys::fstatat(service.directory(), run.c_str(), &facts) == 0;
  if (!has_own_run_ && command.empty()) return;
  service_dir_ = service.directory();
  if (!has_own_run_)
    for (const char* made : {"log", layout_.directory})
      if (sys::mkdirat(service_dir_, made, 0755) != 0 && errno != EEXIST)
        return warn({"unable to make ", service.name(), "/", made, ": ", ::strerror(errno)});

  Unit::Place place;
  place.name = service.name() + "/" + layout_.directory;
  place.inherited_lock = std::exchange(inherited_lock_, -1);
  place.dir.reset(sys::openat(service_dir_, layout_.directory, O_RDONLY | O_DIRECTORY));
  if (!place.dir) return warn({"unable to open ", place.name, ": ", ::strerror(errno)});
  if (auto opened = unit_.open(std::move(place)); !opened) {
    is_foreign_ = true;
    return warn({opened.error().text(), "; the logger is left to whoever has it"});
  }
  if (auto made = ensure_fifo(service_dir_, layout_.pipe, 0600); !made) return warn(made.error());
  pipe_ = open_pipe(O_RDWR | O_NONBLOCK);
  if (!pipe_) return warn({"unable to open ", service.name(), "/", layout_.pipe, ": ", ::strerror(errno)});
  if (!has_own_run_) unit_.set_command(service_dir_, command);
  is_here_ = true;
  unit_.begin();
}

Fd Logger::open_pipe(int flags) const { return Fd(sys::openat(service_dir_, layout_.pipe, flags | O_NOFOLLOW)); }

void Logger::drain() {
  pipe_.reset();
  unit_.leave_at_end_of_input();
}

}  // namespace svdir
