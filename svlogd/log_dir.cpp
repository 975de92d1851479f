#include "svlogd/log_dir.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/system.h"

namespace svdir::svlogd {
namespace {

constexpr Duration kPause = std::chrono::seconds(3);            // before a failed write is tried again, as runit
constexpr Duration kGrace = std::chrono::milliseconds(200);     // for the end of a line before a wanted rotation
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

// Says what went wrong, once a pause, and has us called again.
bool LogDir::pause(const Error& error) {
  say("pausing", {error.text(), ": ", path()});
  due_ = monotonic_now() + kPause;
  return false;
}

void LogDir::sync(bool must) {
  if (!current_.sync(must)) warn(system_error("unable to fsync current:", path()).error());
}

Result<void> LogDir::claim() {
  const char* const name = path().c_str();
  if (sys::mkdirat(AT_FDCWD, name, 0755) != 0 && errno != EEXIST) return system_error("unable to make log directory:", path());
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
  rules_.stamped = options_.stamp != StampKind::none;
}

void LogDir::open_senders(Journal& journal) {
  has_alerts_ = !config_.alerts.selects_none();
  has_udp_ = !config_.udp.host.empty();
  if (has_alerts_) alerts_.open_alerts(journal, {key_.a, key_.b + 1}, done(), rules_, config_.alerts);
  LineRules sent = rules_;
  sent.lines = &config_.lines;
  if (has_udp_) udp_.open_udp(journal, {key_.a, key_.b + 2}, done(), sent, config_.udp);
}

void LogDir::open(Journal& journal) {
  read_config();
  known_ = attach(journal, key_, journal.begin());
  open_senders(journal);
  old_.look(directory_.get());
  processor_.settle(directory_.get(), path());
  if (!open_current()) return;
  delete_old();
  processor_.look(directory_.get(), path(), config_.processor, options_.verbose);
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
  return std::exchange(known_, true) || end_line();
}

bool LogDir::end_line() {
  if (!current_.is_open()) return false;
  Progress now = progress_;
  now.line = {};
  if (!current_.ends_with_newline()) {
    if (!write("\n")) return false;
    ++now.length;
  }
  note(now);
  return true;
}

Room LogDir::room() const { return {progress_.length, config_.size, options_.head}; }

bool LogDir::write(std::string_view bytes) {
  if (progress_.length == 0) opened_ = monotonic_now();
  while (!current_.append(bytes)) {
    const Error trouble = system_error("unable to write to current").error();
    if ((trouble.number != ENOSPC && trouble.number != EDQUOT) || !delete_oldest_for_space()) return pause(trouble);
  }
  due_ = {};
  return true;
}

bool LogDir::make_room(bool must) {
  if (!current_.is_open() && !open_current()) return false;
  if (progress_.length == 0) {
    rotation_wanted_ = false;  // there is nothing to rotate
    return true;
  }
  const Room now = room();
  const bool at_line_end = !progress_.line.mid_line;
  must = must || (now.is_limited() && (now.left(0) == 0 || (at_line_end && now.is_full_after_line(0))));
  if (rotation_wanted_ && (at_line_end || monotonic_now() >= rotation_grace_)) must = true;
  return !must || rotate();
}

bool LogDir::deliver_all(const Delivery& delivery) {
  if (has_alerts_) alerts_.deliver(delivery);
  if (has_udp_) udp_.deliver(delivery);
  return deliver(delivery);
}

bool LogDir::end_all_lines() {
  if (has_alerts_) alerts_.end_line();
  if (has_udp_) udp_.end_line();
  return end_line();
}

std::uint64_t LogDir::all_done() const {
  std::uint64_t least = done();
  if (has_alerts_) least = std::min(least, alerts_.done());
  if (has_udp_) least = std::min(least, udp_.done());
  return least;
}

bool LogDir::set_aside(char kind) {
  const auto name = old_.set_aside(directory_.get(), kind);
  if (!name) return pause(name.error());
  say_verbose("rename", *name);
  return true;
}

bool LogDir::rotate() {
  sync();
  if (!current_.seal()) return pause(system_error("unable to set the mode of current").error());
  if (!set_aside(config_.processor.empty() ? 's' : 'u')) return false;
  current_.close();
  rotation_wanted_ = false;
  if (!open_current()) return false;
  delete_old();
  processor_.look(directory_.get(), path(), config_.processor, options_.verbose);
  return true;
}

void LogDir::delete_old() {
  if (config_.keep == 0) return;
  for (const std::string& name : files_to_delete(OldFiles::list(directory_.get()), config_.keep, processor_.file())) {
    say_verbose("delete", name);
    if (sys::unlinkat(directory_.get(), name.c_str()) != 0) warn(system_error("unable to delete", path() + "/" + name).error());
  }
}

// The disk is full: the oldest file goes, if the settings allow it.
bool LogDir::delete_oldest_for_space() {
  if (config_.keep_when_full >= config_.keep) return false;
  const auto names = files_to_delete(OldFiles::list(directory_.get()), config_.keep_when_full, processor_.file());
  if (names.empty()) return false;
  warn({"out of disk space, delete: ", path(), "/", names.front()});
  return sys::unlinkat(directory_.get(), names.front().c_str()) == 0;
}

void LogDir::ask_for_rotation() {
  rotation_wanted_ = true;
  rotation_grace_ = monotonic_now() + kGrace;
}

void LogDir::hang_up(Journal& journal) {
  read_config();
  open_senders(journal);
  if (config_.hup_rotates) ask_for_rotation();
  else if (current_.is_open()) sync();
  delete_old();
}

bool LogDir::has_moved() const {
  struct stat facts;
  return sys::fstatat(AT_FDCWD, path().c_str(), &facts) != 0 || OutputKey{facts.st_dev, facts.st_ino << 2} != key_;
}

bool LogDir::is_done_processing(bool all) const {
  if (processor_.running() != 0) return false;
  if (!all || config_.processor.empty() || processor_.has_failed()) return true;
  const auto files = OldFiles::list(directory_.get());
  return std::none_of(files.begin(), files.end(), [](const OldFile& file) { return file.kind == 'u'; });
}

void LogDir::on_due() {
  processor_.look(directory_.get(), path(), config_.processor, options_.verbose);
  if (config_.age.count() > 0 && progress_.length > 0 && monotonic_now() >= opened_ + config_.age) ask_for_rotation();
}

Instant LogDir::due() const {
  Instant when = earliest(due_, processor_.due());
  if (rotation_wanted_ && !due_.is_set()) when = earliest(when, rotation_grace_);
  else if (config_.age.count() > 0 && progress_.length > 0) when = earliest(when, opened_ + config_.age);
  return when;
}

void LogDir::on_processor_end(int status, bool go_on) {
  processor_.on_end(directory_.get(), path(), status);
  if (go_on) processor_.look(directory_.get(), path(), config_.processor, options_.verbose);
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
