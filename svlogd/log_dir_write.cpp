// Writing to a log directory: rotation, and what is done when the disk is full.
#include <algorithm>
#include <chrono>

#include "lib/say.h"
#include "lib/system.h"
#include "svlogd/json.h"
#include "svlogd/log_dir.h"
#include "svlogd/schedule.h"

namespace svdir::svlogd {
namespace {

constexpr Duration kPause = std::chrono::seconds(3);  // before a failed write is tried again, as runit
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;
constexpr Duration kDropTime = std::chrono::seconds(1);  // for which a full disk is not tried again

bool is_full(int number) {
  return number == ENOSPC || number == EDQUOT;
}

}  // namespace

// Says what went wrong, and has us called again.
bool LogDir::pause(const Error& error) {
  pausing_ = error.text();
  say("pausing", {pausing_, ": ", path()});
  due_ = monotonic_now() + kPause;
  return false;
}

void LogDir::sync(bool must) {
  if (!current_.sync(must)) warn(system_error("unable to fsync current:", path()).error());
}

Room LogDir::room() const {
  if (!rotation_wanted_ || progress_.length == 0) return {progress_.length, config_.size, options_.head};
  // A rotation that waits for the end of a line: the next one makes the file full.
  const std::uint64_t limit = config_.size != 0 ? config_.size : kNoLimit;
  return {progress_.length, limit, limit - 1};
}

bool LogDir::end_own_line() {
  if (!current_.is_open()) return false;
  Progress now = progress_;
  now.line = {};
  if (!current_.ends_with_newline()) {
    const std::string_view end = progress_.line.mid_line ? rules_.line_end() : "\n";
    now.length += end.size();
    if (!write(end, now)) return false;
  }
  note(now);
  return true;
}

bool LogDir::write(std::string_view bytes, Progress& after) {
  if (progress_.length == 0) {
    opened_ = monotonic_now();
    set_boundary(wall_now());
  }
  if (is_dropping_) return drop(bytes, {}, after);
  while (!current_.append(bytes)) {
    const Error trouble = system_error("unable to write to current").error();
    if (is_full(trouble.number) && delete_oldest_for_space()) continue;
    if (is_full(trouble.number) && config_.when_full == WhenFull::drop) return drop(bytes, trouble, after);
    return pause(trouble);
  }
  due_ = {};
  pausing_.clear();
  return true;
}

// Gives up on what has not been written of `bytes`, back to the last whole line.
bool LogDir::drop(std::string_view bytes, const Error& trouble, Progress& after) {
  after.length = progress_.length;
  if (!is_dropping_) {
    say("warning", {trouble.text(), ": ", path(), "; lines are dropped"});
    after.length = current_.keep_whole_lines(bytes);
    is_dropping_ = true;
    due_ = monotonic_now() + kDropTime;
  }
  const std::string_view lost =
      after.length > progress_.length ? bytes.substr(static_cast<std::size_t>(after.length - progress_.length)) : bytes;
  after.dropped += static_cast<std::uint64_t>(std::count(lost.begin(), lost.end(), '\n'));
  if (after.line.mid_line && after.line.selected) {
    ++after.dropped;
    after.line.selected = false;  // its rest is dropped too, and not counted again
  }
  return true;
}

// "svlogd: disk full, 312 lines dropped" as a line of its own, when there is room again. False while there is none.
bool LogDir::write_drop_marker() {
  const std::string text = "svlogd: disk full, " + std::to_string(progress_.dropped) + " lines dropped";
  std::string line = current_.ends_with_newline() ? "" : std::string(rules_.line_end());
  if (rules_.stamped) line.append(stamp_);
  line.append(rules_.json ? escape_json(text) : text).append(rules_.line_end());
  if (!current_.append(line)) {
    Progress now = progress_;
    now.length = current_.keep_whole_lines({});
    note(now);
    due_ = monotonic_now() + kDropTime;
    return false;
  }
  Progress now = progress_;
  now.length += line.size();
  now.dropped = 0;
  note(now);
  due_ = {};
  return true;
}

bool LogDir::make_room(bool must) {
  if (!current_.is_open() && !open_current()) return false;
  if (!is_dropping_ || monotonic_now() >= due_) is_dropping_ = progress_.dropped != 0 && !write_drop_marker();
  if (progress_.length == 0) {
    rotation_wanted_ = false;  // there is nothing to rotate
    return true;
  }
  const Room now = room();
  const bool at_line_end = !progress_.line.mid_line;
  const bool may_cut = at_line_end || !rules_.json;
  if (now.is_limited() && ((may_cut && now.left(0) == 0) || (at_line_end && now.is_full_after_line(0)))) must = true;
  if (is_boundary_passed() && !rotation_wanted_) ask_for_rotation();
  if (rotation_wanted_ && (at_line_end || (may_cut && monotonic_now() >= rotation_grace_))) must = true;
  return !must || rotate();
}

void LogDir::set_boundary(Stamp from) {
  boundary_ = {};
  boundary_due_ = {};
  if (config_.every.count() == 0) return;
  boundary_ = next_boundary(from, config_.every);
  const Stamp now = wall_now();
  const Duration left = std::chrono::seconds(boundary_.seconds - now.seconds) - Duration(now.nanoseconds);
  boundary_due_ = monotonic_now() + std::max(left, Duration(1));
}

bool LogDir::is_boundary_passed() const {
  return boundary_.is_set() && wall_now() >= boundary_;
}

bool LogDir::set_aside(char kind) {
  // A file that is rotated because its period is over is named after that period.
  const Stamp now = wall_now();
  const bool is_over = !config_.names.empty() && boundary_.is_set() && now >= boundary_;
  const auto name = old_.set_aside(is_over ? Stamp{boundary_.seconds - 1, 0} : now, kind);
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
  process();
  return true;
}

void LogDir::delete_old() {
  for (const std::string& name : old_.delete_beyond(config_.keep, processor_.file())) say_verbose("delete", name);
  if (config_.total == 0) return;
  // Room is kept for all that current may become, so that the sum is never exceeded.
  const std::uint64_t reserved = std::max(config_.size, progress_.length);
  const std::uint64_t left = config_.total > reserved ? config_.total - reserved : 0;
  for (const std::string& name : old_.delete_over(left, processor_.file())) say_verbose("delete", name);
}

// The disk is full: the oldest file goes, if the settings allow it.
bool LogDir::delete_oldest_for_space() {
  const auto floor = config_.floor_when_full();
  if (!floor) return false;
  const std::string name = old_.delete_oldest(*floor, processor_.file());
  if (!name.empty()) warn({"out of disk space, delete: ", path(), "/", name});
  return !name.empty();
}

}  // namespace svdir::svlogd
