// Opening, settings, signals and the end of a log directory; writing to it is in log_dir_write.cpp.
#include "svlogd/log_dir.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir::svlogd {
namespace {

constexpr Duration kGrace = std::chrono::milliseconds(200);  // for the end of a line before a wanted rotation
constexpr int kLockAttempts = 20;
constexpr useconds_t kLockPause = 10'000;  // microseconds
constexpr std::size_t kLongestConfig = 64 * 1024;
const PatternList kNoLines{false};

Instant earliest(Instant a, Instant b) {
  if (!a.is_set()) return b;
  return b.is_set() ? std::min(a, b) : a;
}

}  // namespace

void LogDir::say_verbose(std::string_view what, std::string_view name) const {
  if (options_.verbose) info({"info: ", what, ": ", path(), name.empty() ? "" : "/", name});
}

Result<void> LogDir::claim() {
  const char* const name = path().c_str();
  if (auto made = ensure_directory(path()); !made) return made;
  Fd directory(sys::open(name, O_RDONLY | O_DIRECTORY));
  if (!directory) return system_error("unable to open log directory:", path());
  Fd lock(sys::openat(directory.get(), "lock", O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0600));
  if (!lock) return system_error("unable to open lock:", path());
  // A child of a predecessor that has just been killed may hold the lock until it executes its program.
  for (int attempt = 0; sys::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno != EWOULDBLOCK || attempt == kLockAttempts) return system_error("unable to lock directory:", path());
    ::usleep(kLockPause);
  }
  struct stat facts;
  if (::fstat(directory.get(), &facts) != 0) return system_error("unable to examine:", path());
  key_ = {facts.st_dev, facts.st_ino << 2};  // the two low bits tell our senders apart
  directory_ = std::move(directory);
  lock_ = std::move(lock);
  return {};
}

void LogDir::read_config() {
  config_ = OutputConfig{};
  parse_config(target_.config, config_);
  const auto text = read_small(directory_.get(), "config", kLongestConfig);
  if (text) {
    say_verbose("read", "config");
    parse_config(*text, config_);
  } else if (text.error().number != ENOENT) {
    warn({path(), ": ", text.error().text()});
  }
  for (const std::string& complaint : config_.complaints) warn({path(), "/config: ", complaint});
  rules_ = {};
  rules_.prefix = config_.prefix;
  rules_.replace = replace_;
  rules_.lines = config_.udp_only ? &kNoLines : &config_.lines;
  rules_.head = options_.head;
  rules_.stamped = options_.stamp != StampKind::none || options_.json;
  rules_.json = options_.json;
  old_.open(directory_.get(), config_.names);
}

void LogDir::open_senders(Journal& journal) {
  has_alerts_ = !config_.alerts.selects_none();
  has_udp_ = !config_.udp.host.empty();
  if (has_alerts_) alerts_.open_alerts(journal, {key_.a, key_.b + 1}, progress_.done, rules_, config_.alerts);
  LineRules sent = rules_;
  sent.lines = &config_.lines;
  if (has_udp_) udp_.open_udp(journal, {key_.a, key_.b + 2}, progress_.done, sent, config_.udp);
}

void LogDir::open(Journal& journal) {
  known_ = attach(journal, key_, journal.begin());
  read_config();
  open_senders(journal);
  processor_.settle(old_, directory_.get(), path());
  if (!open_current()) return;
  delete_old();
  process();
}

// What an existing `current` is to us: its noted length holds if we know it, its size if it was closed in order.
// A new one is empty.
void LogDir::adopt_current(const struct stat& facts) {
  Progress now = progress_;
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  const bool is_noted = known_ && progress_.inode == facts.st_ino && progress_.length <= size;
  if (!is_noted) now.length = size;
  if (!known_) now.line = {};
  now.inode = facts.st_ino;
  current_.set_noted(now.length, size);
  note(now);
  // What stands in it already belongs to the period of its last line.
  set_boundary(size == 0 ? wall_now() : Stamp{facts.st_mtim.tv_sec, static_cast<std::int32_t>(facts.st_mtim.tv_nsec)});
}

bool LogDir::open_current() {
  struct stat facts;
  if (sys::fstatat(directory_.get(), CurrentFile::kName, &facts, AT_SYMLINK_NOFOLLOW) == 0) {
    const bool is_noted = known_ && progress_.inode == facts.st_ino;
    const bool is_ours = is_noted || facts.st_size == 0 || (facts.st_mode & S_IXUSR) != 0;
    if (!is_ours && !set_aside('u')) return false;
  }
  if (const auto opened = current_.open(directory_.get(), facts); !opened) return pause(opened.error());
  say_verbose(facts.st_size == 0 ? "new" : "append", CurrentFile::kName);
  adopt_current(facts);
  opened_ = monotonic_now();
  due_ = {};
  pausing_.clear();
  return std::exchange(known_, true) || end_own_line();
}

bool LogDir::deliver(const Delivery& delivery) {
  if (has_alerts_) alerts_.deliver(delivery);
  if (has_udp_) udp_.deliver(delivery);
  return Output::deliver(delivery);
}

bool LogDir::end_line() {
  if (has_alerts_) alerts_.end_line();
  if (has_udp_) udp_.end_line();
  return end_own_line();
}

std::uint64_t LogDir::done() const {
  std::uint64_t least = Output::done();
  if (has_alerts_) least = std::min(least, alerts_.done());
  if (has_udp_) least = std::min(least, udp_.done());
  return least;
}

void LogDir::ask_for_rotation() {
  rotation_wanted_ = true;
  rotation_grace_ = monotonic_now() + kGrace;
}

void LogDir::hang_up(Journal& journal) {
  read_config();
  open_senders(journal);
  set_boundary(wall_now());
  if (config_.hup_rotates)
    ask_for_rotation();
  else if (current_.is_open())
    sync();
  delete_old();
  process();
}

bool LogDir::has_moved() const {
  struct stat facts;
  return sys::fstatat(AT_FDCWD, path().c_str(), &facts) != 0 || OutputKey{facts.st_dev, facts.st_ino << 2} != key_;
}

void LogDir::process() {
  processor_.look(old_, directory_.get(), path(), config_.processor, options_.verbose);
}

bool LogDir::is_finished(bool is_told_to_end) {
  if (!is_open()) return true;
  if (processor_.running() != 0) return false;
  return is_told_to_end || config_.processor.empty() || processor_.has_failed() || old_.oldest_unprocessed().empty();
}

void LogDir::on_due() {
  if (!is_open()) return;
  process();
  if (progress_.length == 0 || rotation_wanted_) return;
  const Instant now = monotonic_now();
  if (config_.age.count() > 0 && now >= opened_ + config_.age) ask_for_rotation();
  if (boundary_due_.is_set() && now >= boundary_due_) {
    // The wall clock may have been set meanwhile; it is the one that counts.
    if (is_boundary_passed())
      ask_for_rotation();
    else
      set_boundary(wall_now());
  }
}

Instant LogDir::due() const {
  if (!is_open()) return {};
  Instant when = earliest(due_, processor_.due());
  if (progress_.length == 0) return when;
  if (rotation_wanted_) return due_.is_set() ? when : earliest(when, rotation_grace_);
  if (config_.age.count() > 0) when = earliest(when, opened_ + config_.age);
  return earliest(when, boundary_due_);
}

void LogDir::on_processor_end(int status, bool go_on) {
  processor_.on_end(directory_.get(), path(), status);
  if (go_on) process();
}

bool LogDir::is_in_trouble() const {
  return !pausing_.empty() || progress_.dropped != 0 || processor_.has_failed();
}

std::string LogDir::trouble() const {
  if (!pausing_.empty()) return path() + ": " + pausing_;
  if (progress_.dropped != 0) return path() + ": disk full, " + std::to_string(progress_.dropped) + " lines dropped";
  return processor_.has_failed() ? path() + ": the processor fails" : std::string();
}

void LogDir::close() {
  if (current_.is_open()) {
    sync(true);
    if (!current_.seal()) warn(system_error("unable to set the mode of current:", path()).error());
    say_verbose("close", "");
    current_.close();
  }
  known_ = false;
}

void LogDir::release() {
  close();
  lock_.reset();
  directory_.reset();
}

}  // namespace svdir::svlogd
