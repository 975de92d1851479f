#include "supervise/record.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <utility>

#include "lib/events.h"
#include "lib/files.h"
#include "lib/say.h"
#include "lib/spawn.h"
#include "lib/system.h"

namespace svdir {
namespace {

// A child of our predecessor holds the lock from fork to exec; that is over in a moment, even on a busy machine.
constexpr Duration kLockPatience = std::chrono::seconds(2);

bool is_alive(const ProcessId& process) {
  if (process.pid <= 0 || ::kill(process.pid, 0) != 0) return false;
  return process.ticks == 0 || start_ticks(process.pid) == process.ticks;
}

}  // namespace

std::string boot_id() {
  // Files in /proc have no size to go by, so this is read plainly.
  const Fd fd(sys::open("/proc/sys/kernel/random/boot_id", O_RDONLY));
  char text[64];
  const ssize_t length = fd ? sys::read(fd.get(), text, sizeof text) : 0;
  return length > 1 ? std::string(text, static_cast<std::size_t>(length) - 1) : std::string();
}

Result<void> Record::open(int dir, std::string name, int inherited_lock) {
  dir_ = dir;
  name_ = std::move(name);
  if (auto made = make_directory(); !made) return made;
  lock_.reset(inherited_lock);
  if (!lock_)
    if (auto locked = take_lock(); !locked) return locked;
  auto control = open_fifo(file::kControl, 0600);
  if (!control) return std::unexpected(control.error());
  control_ = std::move(*control);
  write_first_status();
  auto ok = open_fifo(file::kOk, 0600);
  if (!ok) return std::unexpected(ok.error());
  ok_ = std::move(*ok);
  return {};
}

// runit's rule: where `supervise` is a symbolic link, the directory it points to is made.
Result<void> Record::make_directory() {
  if (sys::mkdirat(dir_, "supervise", 0700) == 0) return {};
  const std::string path = name_ + "/supervise";
  if (errno != EEXIST) return system_error("unable to make the directory", path);
  struct stat facts;
  if (sys::fstatat(dir_, "supervise", &facts) == 0) {
    if (S_ISDIR(facts.st_mode)) return {};
    errno = ENOTDIR;
    return system_error("unable to use", path);
  }
  char target[PATH_MAX];
  const ssize_t length = ::readlinkat(dir_, "supervise", target, sizeof target - 1);
  if (length <= 0) return system_error("unable to follow", path);
  target[length] = '\0';
  if (sys::mkdirat(dir_, target, 0700) != 0) return system_error("unable to make the directory", target);
  return {};
}

Result<void> Record::take_lock() {
  lock_.reset(sys::openat(dir_, file::kLock, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0600));
  if (!lock_) return system_error("unable to open", name_ + "/" + file::kLock);
  for (Duration waited{}; sys::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0; waited += std::chrono::milliseconds(2)) {
    if (errno != EWOULDBLOCK && errno != EINTR) return system_error("unable to lock", name_ + "/" + file::kLock);
    StateRecord holder;
    const bool ours = load(holder).value_or(false);  // else no child of a predecessor can be the one who holds it
    const bool known = ours && is_alive(holder.supervisor);
    if (known || !ours || waited > kLockPatience) {
      std::string text = "unable to lock " + name_ + "/" + file::kLock + ": it is supervised already";
      if (known) text += " by process " + std::to_string(holder.supervisor.pid);
      return std::unexpected(Error{text, 0, Fault::system});
    }
    constexpr timespec kNap{0, 2'000'000};
    ::nanosleep(&kNap, nullptr);
  }
  return {};
}

// Open for reading and writing, so that it never sees an end of file and opening never waits.
Result<Fd> Record::open_fifo(const char* path, mode_t mode) {
  auto made = ensure_fifo(dir_, path, mode);
  if (!made && made.error().fault == Fault::user) {
    warn({name_, "/", path, " was no FIFO; it is made anew"});
    if (sys::unlinkat(dir_, path) != 0) return system_error("unable to remove", name_ + "/" + path);
    made = ensure_fifo(dir_, path, mode);
  }
  if (!made)
    return std::unexpected(Error{"unable to supervise " + name_ + ": " + made.error().what, made.error().number});
  Fd fd(sys::openat(dir_, path, O_RDWR | O_NONBLOCK | O_NOFOLLOW));
  if (!fd) return system_error("unable to open", name_ + "/" + path);
  return fd;
}

// Whoever finds a supervisor by its `ok` finds a status too, as in runit. One that is there is not touched: it may be
// that of a service we are about to adopt.
void Record::write_first_status() {
  const auto there = read_small(dir_, file::kStatus, kRunitStatusSize);
  RunitStatus status;
  if (there && unpack(*there, status)) return;
  status.changed = wall_now();
  const auto bytes = pack(status);
  write(file::kStatus, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 0644);
}

Result<bool> Record::load(StateRecord& into) const {
  const auto text = read_small(dir_, file::kState, kLongestState);
  if (text) return unpack(*text, into);
  const int number = text.error().number;
  if (is_shortage(number) || number == EIO) return std::unexpected(text.error());
  return false;
}

bool Record::write(const char* path, std::string_view bytes, mode_t mode) {
  const auto written = write_atomically(dir_, path, bytes, mode);
  if (written) return true;
  struct stat facts;
  const bool is_removed = ::fstat(dir_, &facts) == 0 && facts.st_nlink == 0;  // nobody minds then
  if (!warned_ && !is_removed) warn({name_, ": ", written.error().text(), "; going on from memory"});
  unwritten_ = warned_ = true;
  return false;
}

void Record::save(const StateRecord& record) {
  if (!saved_ || !(record == written_)) write_state(record);
}

void Record::write_state(const StateRecord& record) {
  saved_ = write(file::kState, pack(record), 0644);
  written_ = record;
  untold_ = true;
}

void Record::publish(const StateRecord& record) {
  const bool all = std::exchange(unwritten_, false);
  const RunitStatus status = runit_view(record);
  // As long as there is no `state`, a client takes us for a runsv and believes what `status` says by itself.
  if (written_.supervisor.pid == 0) save(record);
  if (all || written_pid_ != status.pid) {
    write(file::kPid, status.pid != 0 ? std::to_string(status.pid) + "\n" : std::string(), 0644);
    written_pid_ = status.pid;
  }
  if (std::string stat = stat_text(status, record.leaving); all || stat != written_stat_) {
    write(file::kStat, stat, 0644);
    written_stat_ = std::move(stat);
  }
  if (all || !(status == written_status_)) {
    const auto bytes = pack(status);
    write(file::kStatus, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 0644);
    written_status_ = status;
  }
  // Last, so that who sees the new state finds the other files agreeing with it. What the child has saved before exec
  // is told here too: only now is it certain that it runs.
  save(record);
  if (!unwritten_) warned_ = false;
  if (std::exchange(untold_, false)) tell_waiters(dir_);
}

void Record::note_death(const std::string& line) {
  std::string text = read_small(dir_, file::kDeaths, 64 * 1024).value_or("");
  while (text.ends_with("\n\n")) text.pop_back();  // see write_atomically
  text += line + "\n";
  auto lines = std::count(text.begin(), text.end(), '\n');
  std::size_t begin = 0;
  for (; lines > kMostDeaths; --lines) begin = text.find('\n', begin) + 1;
  write(file::kDeaths, std::string_view(text).substr(begin), 0644);
}

bool Record::read_exit(pid_t pid, Ending& into) const {
  const auto text = read_small(dir_, file::kExit, 64);
  if (!text) return false;
  pid_t told = 0;
  int status = 0;
  const char* end = text->data() + text->size();
  const auto first = std::from_chars(text->data(), end, told);
  if (first.ec != std::errc{} || first.ptr == end || told != pid) return false;
  if (std::from_chars(first.ptr + 1, end, status).ec != std::errc{}) return false;
  into = ending_of(status);
  return true;
}

}  // namespace svdir
