#include "supervise/unit.h"

#include <cstdlib>

#include "lib/cgroup.h"
#include "lib/memory.h"
#include "lib/say.h"
#include "lib/spawn.h"
#include "lib/system.h"

namespace svdir {
namespace {

constexpr std::size_t kReadAtOnce = 128;  // bytes from the control FIFO
// A disk that was full may have room again; a service without a true record would get a second copy after a crash.
constexpr Duration kRewriteInterval = std::chrono::seconds(2);

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[c & 15];
  }
  return text;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const char pair[3] = {text[i], text[i + 1], '\0'};
    bytes += static_cast<char>(std::strtol(pair, nullptr, 16));
  }
  return bytes;
}

}  // namespace

Result<void> Unit::open(Place place) {
  dir_ = std::move(place.dir);
  name_ = std::move(place.name);
  defaults_ = std::move(place.defaults);
  errno = 0;
  record_.boot = boot_id();
  if (record_.boot.empty() && is_shortage(errno)) return system_error("unable to tell this boot from another", name_);
  dependencies_.open(std::move(place.scan_directory), name_, record_.boot);
  if (auto opened = files_.open(dir_.get(), name_, place.inherited_lock); !opened) return opened;
  auto known = files_.load(left_behind_);
  if (!known) return std::unexpected(known.error());
  if (!*known) left_behind_ = {};
  return {};
}

void Unit::begin() {
  StateRecord left_behind = std::exchange(left_behind_, {});
  const bool went_on_purpose = left_behind.leaving && left_behind.supervisor.pid == 0;  // see sign_off
  const bool known = left_behind.supervisor.pid != 0;
  const ProcessId ourselves{::getpid(), start_ticks(::getpid())};
  if (known && left_behind.boot == record_.boot && !went_on_purpose) {
    record_ = std::move(left_behind);
    record_.supervisor = ourselves;
    input_ = from_hex(record_.pending);
    adopt();
    return;
  }
  record_.supervisor = ourselves;
  settings_are_fresh_ = refresh_settings();  // also for a service that is not started now: who may command it
  struct stat facts;
  Event event{.kind = Event::Kind::begin};
  event.held_down = sys::fstatat(dir_.get(), "down", &facts) == 0 ||
                    (role_ == Role::service && std::getenv(kDownVariable) != nullptr);
  apply(event);
}

// --- Events in, actions out ----------------------------------------------------------------------------------------

void Unit::apply(const Event& event) {
  note(event);
  if (!draining_) drain();
}

void Unit::note(const Event& event) {
  for (const Action& action : step(record_, settings_, event, {monotonic_now(), wall_now()})) {
    if (queue_count_ == kQueue) {
      warn({name_, ": too many actions wait for a control script; one is dropped"});
      break;
    }
    queue_[(queue_begin_ + queue_count_++) % kQueue] = action;
  }
}

void Unit::drain() {
  draining_ = true;
  for (;;) {
    while (queue_count_ > 0 && holdup_ == Holdup::none) {
      const Action action = queue_[queue_begin_];
      queue_begin_ = (queue_begin_ + 1) % kQueue;
      queue_count_--;
      perform(action);
    }
    if (holdup_ != Holdup::none || input_.empty() || left_) break;
    take_orders();
  }
  draining_ = false;
  settle_down();
}

void Unit::perform(const Action& action) {
  switch (action.kind) {
    case Action::Kind::start: return start();
    case Action::Kind::signal: files_.save(record_); return send(action);
    case Action::Kind::control: return run_control_script(action.letter);
    case Action::Kind::clear_group: return clear_group();
    case Action::Kind::kill_group: return kill_group();
    case Action::Kind::finish: return finish();
    case Action::Kind::kill_finish:
      warn({name_, ": finish takes longer than its finish-timeout; it is killed"});
      return signal_process(record_.finish.pid, SIGKILL, true);
    case Action::Kind::read_settings:
      refresh_settings();
      if (record_.state == State::waiting) apply({.kind = Event::Kind::released});  // perhaps for others now, or none
      return;
    case Action::Kind::collect_orphan: return adopted_ended(false);
    case Action::Kind::upgrade:
      holdup_ = Holdup::upgrade;
      record_.upgrade_refused = false;
      return host_.upgrade_wanted(*this);
    case Action::Kind::leave:
      if (left_) return;
      left_ = true;
      if (const auto cgroup = own_cgroup(); !cgroup.empty()) remove_cgroup(cgroup);
      files_.publish(record_);
      return host_.unit_left(*this);
  }
}

// Everything has been carried out for now: let the world see it.
void Unit::settle_down() {
  if (holdup_ == Holdup::none && input_.empty()) record_.pending.clear();
  if (record_.main.pid != 0 && record_.main.ticks == 0 && !adopted_ && !unheld_ && !gone_)
    record_.main.ticks = start_ticks(record_.main.pid);  // the child had no descriptor left to find out
  files_.publish(record_);
  // Descriptors for neighbours are held only on the way up and, for depends-restart, while run runs.
  if (record_.main.pid == 0 && record_.state != State::waiting && record_.state != State::starting)
    dependencies_.stop();
  if (!death_.empty()) {
    files_.note_death(death_);
    death_.clear();
  }
  schedule();
  listen(holdup_ == Holdup::none && !left_);
  if (files_.is_unwritten() && !left_)
    rewrite_timer_.start(loop_, monotonic_now() + kRewriteInterval, callback<&Unit::settle_down>(this));
  release_unused_stack();
}

void Unit::schedule() {
  if (record_.wake_at == scheduled_) return;
  scheduled_ = record_.wake_at;
  if (scheduled_.is_set())
    due_timer_.start(loop_, scheduled_, callback<&Unit::on_due>(this));
  else
    due_timer_.stop();
}

void Unit::on_due() {
  scheduled_ = {};
  if (record_.wake_at.is_set() && record_.wake_at <= monotonic_now())
    apply({.kind = Event::Kind::due});
  else
    schedule();
}

// --- Orders --------------------------------------------------------------------------------------------------------

void Unit::listen(bool on) {
  if (on == control_poll_.is_running()) return;
  if (on)
    control_poll_.start(loop_, files_.control(), Poll::For::reading, callback<&Unit::on_control>(this));
  else
    control_poll_.stop();
}

void Unit::on_control() {
  char bytes[kReadAtOnce];
  const ssize_t length = sys::read(files_.control(), bytes, sizeof bytes);
  if (length > 0) inject({bytes, static_cast<std::size_t>(length)});
}

void Unit::inject(std::string_view orders) {
  input_.append(orders);
  record_.pending.append(to_hex(orders));
  once_in_this_write_ = false;
  if (!draining_) drain();
}

// Takes orders until one asks for something to be done; `input_` keeps the rest.
void Unit::take_orders() {
  while (!input_.empty() && queue_count_ == 0 && holdup_ == Holdup::none) {
    // What stood before has been carried out; a successor must not do it again, least of all when it is acknowledged.
    if (parser_.is_between_orders()) record_.pending = to_hex(input_);
    const char byte = input_.front();
    input_.erase(0, 1);
    Event event{.kind = Event::Kind::order};
    if (!parser_.take(byte, event.order)) continue;
    if (event.order.command == Command::token) {
      note_token(event.order.token);
      continue;
    }
    if (event.order.command == Command::exit && role_ == Role::logger && !may_leave_) continue;
    if (event.order.command == Command::once) once_in_this_write_ = true;
    event.after_once = once_in_this_write_;
    note(event);
  }
}

// Several clients may send at the same time, and each looks for its own token in whatever record it gets to see.
void Unit::note_token(const Token& token) {
  record_.ack.insert(0, token.data(), token.size());
  record_.ack.resize(std::min(record_.ack.size(), kMostTokens * token.size()));
}

void Unit::leave_at_end_of_input() {
  may_leave_ = true;
  inject(record_.want == Want::down ? "x" : "ox");
}

void Unit::stay() {
  left_ = may_leave_ = false;
  inject("u");
}

void Unit::sign_off() {
  record_.supervisor = {};
  files_.save(record_);
}

void Unit::upgrade_refused() {
  holdup_ = Holdup::none;
  record_.upgrade_refused = true;
  if (!draining_) drain();
}

bool Unit::prepare_upgrade() {
  readiness_.abandon_check();
  record_.pending = to_hex(input_);
  files_.save(record_);
  return files_.is_saved();
}

}  // namespace svdir
