#include "supervise/logger.h"

#include "lib/files.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir {

Result<void> Logger::take(const Unit& service, const std::vector<std::string>& command) {
  if (is_here()) {
    if (!has_own_run_ && !command.empty()) unit_->set_command(service.directory(), command);
    return {};
  }
  if (is_foreign_) return {};
  struct stat facts;
  const std::string run = std::string(layout_.directory) + "/run";
  has_own_run_ = sys::fstatat(service.directory(), run.c_str(), &facts) == 0;
  is_missing_ = has_own_run_ || !command.empty();
  if (!is_missing_) return {};
  service_dir_ = service.directory();
  if (!has_own_run_)
    for (const char* made : {"log", layout_.directory})
      if (sys::mkdirat(service_dir_, made, 0755) != 0 && errno != EEXIST)
        return system_error("unable to make", service.name() + "/" + made);

  Unit::Place place;
  place.name = service.name() + "/" + layout_.directory;
  place.inherited_lock = std::exchange(inherited_lock_, -1);
  place.dir.reset(sys::openat(service_dir_, layout_.directory, O_RDONLY | O_DIRECTORY));
  if (!place.dir) return system_error("unable to open", place.name);
  auto unit = std::make_unique<Unit>(Unit::Role::logger, host_, loop_);
  if (auto opened = unit->open(std::move(place)); !opened) {
    if (opened.error().number != 0) return opened;
    is_foreign_ = true;
    is_missing_ = false;
    warn({opened.error().text(), "; the logger is left to whoever has it"});
    return {};
  }
  if (auto made = ensure_fifo(service_dir_, layout_.pipe, 0600); !made) return made;
  pipe_ = open_pipe(O_RDWR | O_NONBLOCK);
  if (!pipe_) return system_error("unable to open", service.name() + "/" + layout_.pipe);
  if (!has_own_run_) unit->set_command(service_dir_, command);
  is_missing_ = false;
  unit_ = std::move(unit);
  unit_->begin();
  return {};
}

// Without O_NONBLOCK, opening for reading would wait for a writer, and when the last lines are drained there is none.
// The logger itself gets a descriptor that blocks, as from runit.
Fd Logger::open_pipe(int flags) const {
  Fd pipe(sys::openat(service_dir_, layout_.pipe, flags | O_NONBLOCK | O_NOFOLLOW));
  if (pipe && (flags & O_NONBLOCK) == 0) ::fcntl(pipe.get(), F_SETFL, 0);
  return pipe;
}

void Logger::drain() {
  pipe_.reset();
  unit_->leave_at_end_of_input();
}

}  // namespace svdir
