#include "supervise/machine.h"

#include <signal.h>

#include <algorithm>

namespace svdir {
namespace {

constexpr int kRunGivesUp = 100;     // exit code of run: do not try again (daemontools-encore)
constexpr int kFinishGivesUp = 125;  // exit code of finish: likewise (s6)
// Where restart-delay is 0: a failing start must not spin, and a wake_at of now + 0 would mean "never".
constexpr Duration kShortestPause = std::chrono::milliseconds(10);

bool ends_programs(int signal) {
  return signal == SIGTERM || signal == SIGKILL || signal == SIGINT || signal == SIGQUIT || signal == SIGABRT;
}

// The control script that may stand in for a signal; only runit's letters have one.
char script_letter(int signal) {
  for (const CommandRow& row : kCommands)
    if (row.signal == signal) return row.letter;
  return 0;
}

// One step, in progress.
class Step {
 public:
  Step(StateRecord& record, const Settings& settings, const Now& now)
      : record_(record), settings_(settings), now_(now) {}

  Actions take(const Event& event);

 private:
  // Orders.
  void obey(const Order& order, bool after_once);
  void want_start(Want want);
  void want_stop(char script);
  void restart();
  void send(int signal);

  // The way up.
  void begin_start();
  void started(const ProcessId& process);
  void could_not_start(const Event& event);
  void became_ready();
  void give_up(std::string_view reason);

  // The way down.
  void enter_stopping();
  void fire_rung();
  void ended(const Event& event);
  void begin_finish();
  void settle(const Ending& finish);
  void settle_wanted_up();
  void back_off();
  void rest(State state);
  void due();
  void resume();

  bool runs() const { return record_.main.pid != 0; }
  bool is_ending() const { return record_.state == State::stopping || record_.state == State::finishing; }
  bool asked_for_end() const { return record_.start_owed || record_.signalled; }
  void act(Action::Kind kind, char letter = 0, int signal = 0, bool group = false) {
    actions_.add({kind, letter, signal, group});
  }
  void wake_after(Duration wait) { record_.wake_at = wait.count() > 0 ? now_.monotonic + wait : Instant{}; }

  StateRecord& record_;
  const Settings& settings_;
  const Now& now_;
  Actions actions_;
};

Actions Step::take(const Event& event) {
  using Kind = Event::Kind;
  switch (event.kind) {
    case Kind::order: obey(event.order, event.after_once); break;
    case Kind::begin:
      record_.changed = now_.wall;
      record_.want = event.held_down ? Want::down : Want::up;
      if (!event.held_down) begin_start();
      break;
    case Kind::resume: resume(); break;
    case Kind::spawned: started(event.process); break;
    case Kind::spawn_failed:
    case Kind::exec_failed: could_not_start(event); break;
    case Kind::held:
      record_.state = State::waiting;
      record_.wake_at = {};
      record_.reason = event.reason;
      break;
    case Kind::released:
      if (record_.state == State::waiting) begin_start();
      break;
    case Kind::misconfigured: give_up(event.reason); break;
    case Kind::ready: became_ready(); break;
    case Kind::unhealthy:
      if (!runs() || record_.state == State::stopping) break;
      record_.reason = event.reason;
      record_.unhealthy = true;
      enter_stopping();
      break;
    case Kind::main_changed:
      if (!runs()) break;
      record_.main = event.process;
      record_.group = event.group > 1 ? event.group : 0;
      break;
    case Kind::main_ended: ended(event); break;
    case Kind::group_cleared:
      if (record_.state == State::stopping && !runs()) begin_finish();
      break;
    case Kind::finish_spawned:
      record_.finish = event.process;
      wake_after(settings_.finish_timeout);
      break;
    case Kind::finish_ended:
      if (record_.state == State::finishing) settle(event.ending);
      break;
    case Kind::extended:
      if (runs() && record_.wake_at.is_set())
        record_.wake_at = std::max(record_.wake_at, now_.monotonic + event.duration);
      break;
    case Kind::due: due(); break;
  }
  return actions_;
}

void Step::obey(const Order& order, bool after_once) {
  switch (order.command) {
    case Command::up: return want_start(Want::up);
    case Command::once: return want_start(Want::once);
    case Command::restart: return restart();
    case Command::down: record_.leaving = false; return want_stop('d');
    case Command::exit:
      record_.leaving = true;
      if (after_once && (runs() || is_ending())) return;  // `svc -ox`: let it run to its end, then leave
      return want_stop('x');
    case Command::pause: record_.paused = runs(); return send(SIGSTOP);
    case Command::cont: record_.paused = false; return send(SIGCONT);
    case Command::reload_settings: return act(Action::Kind::read_settings);
    case Command::upgrade: return act(Action::Kind::upgrade);
    case Command::orphan_ended: return act(Action::Kind::collect_orphan);
    case Command::token: return;  // the edge's business: it knows when all before has been carried out
    case Command::hup:
    case Command::alarm:
    case Command::interrupt:
    case Command::term:
    case Command::kill:
    case Command::quit:
    case Command::usr1:
    case Command::usr2:
    case Command::winch:
    case Command::abort:
    case Command::signal: return send(order.signal);
  }
}

void Step::want_start(Want want) {
  record_.leaving = false;
  record_.want = want;
  record_.failures = 0;
  if (is_ending() || (runs() && record_.signalled)) {
    record_.start_owed = true;
  } else if (!runs() && record_.state != State::starting) {
    begin_start();  // also when it waits: its settings may name others by now
  }
}

void Step::want_stop(char script) {
  record_.want = Want::down;
  record_.start_owed = false;
  if (runs()) {
    // A second `down` sends the signal of the present rung again, as runit does.
    if (record_.state == State::stopping)
      fire_rung();
    else
      enter_stopping();
    act(Action::Kind::control, script);
  } else if (!is_ending()) {
    rest(State::down);
  }
}

void Step::restart() {
  want_start(Want::up);
  if (!runs() || record_.state == State::stopping) return;
  record_.start_owed = true;
  enter_stopping();
}

void Step::send(int signal) {
  if (!runs()) return;
  if (signal == SIGTERM) record_.got_term = true;
  if (ends_programs(signal)) record_.signalled = true;
  act(Action::Kind::signal, script_letter(signal), signal, signal == SIGKILL);
}

void Step::begin_start() {
  record_.state = State::starting;
  record_.wake_at = {};
  record_.ready = false;
  record_.start_owed = false;
  record_.signalled = false;
  record_.failed_start = false;
  record_.unhealthy = false;
  record_.reason.clear();
  record_.status_text.clear();
  act(Action::Kind::start);
}

void Step::started(const ProcessId& process) {
  record_.main = process;
  record_.group = 0;
  record_.starts++;
  record_.started = record_.changed = now_.wall;
  record_.started_at = now_.monotonic;
  record_.paused = false;
  record_.got_term = false;
  record_.step = 0;
  record_.step_done = false;
  record_.became_ready = {};
  if (settings_.ready == Ready::none) {
    record_.state = State::up;
    record_.ready = true;
    record_.became_ready = now_.wall;
  } else {
    wake_after(settings_.ready_timeout);
  }
}

void Step::could_not_start(const Event& event) {
  record_.reason = event.reason;
  if (event.kind == Event::Kind::exec_failed) {
    // As if run had exited 111, which is what runit makes of it; finish hears of it too.
    record_.started_at = now_.monotonic;
    record_.started = now_.wall;
    record_.ready = false;
    record_.failed_start = true;
    record_.last = {Ending::Kind::exited, 111, false};
    record_.last_ended = now_.wall;
    record_.main = {};
    record_.group = 0;
    begin_finish();
    return;
  }
  // The system had no process to spare. That is no failure of the service and does not bring it nearer its limit.
  record_.main = {};
  if (record_.leaving || record_.want == Want::down) return rest(State::down);
  record_.state = State::backoff;
  wake_after(std::max(settings_.restart_delay, kShortestPause));
}

void Step::became_ready() {
  if (!runs() || record_.ready) return;
  record_.ready = true;
  record_.became_ready = now_.wall;
  if (record_.state != State::starting) return;
  record_.state = State::up;
  record_.wake_at = {};
}

void Step::give_up(std::string_view reason) {
  if (runs() || is_ending()) {
    record_.reason = reason;
    return;
  }
  record_.reason = reason;
  if (record_.leaving) return rest(State::down);
  rest(State::failed);
}

void Step::enter_stopping() {
  record_.state = State::stopping;
  record_.step = 0;
  fire_rung();
}

void Step::fire_rung() {
  const auto ladder = settings_.ladder();
  record_.step = std::min<unsigned>(record_.step, static_cast<unsigned>(ladder.size()) - 1);
  const Rung& rung = ladder[record_.step];
  record_.step_done = false;
  if (rung.signal == SIGTERM) record_.got_term = true;
  const bool final = rung.signal == SIGKILL;
  // A KILL at the end of the ladder is not up for discussion with a script.
  act(Action::Kind::signal, final ? '\0' : script_letter(rung.signal), rung.signal, final || settings_.stop_group);
  if (!final) act(Action::Kind::signal, 0, SIGCONT, settings_.stop_group);  // a stopped process cannot end
  record_.paused = false;
  wake_after(rung.wait);
}

void Step::ended(const Event& event) {
  if (!runs()) return;
  if (!event.reason.empty()) record_.reason = event.reason;
  if (record_.group == 0) record_.group = record_.main.pid;
  record_.main = {};
  record_.last = event.ending;
  record_.last_ended = now_.wall;
  record_.paused = false;
  record_.state = State::stopping;
  record_.step = 0;
  record_.step_done = false;
  wake_after(kLeftoversTermWait);
  act(Action::Kind::clear_group);
}

void Step::begin_finish() {
  record_.state = State::finishing;
  record_.wake_at = {};
  act(Action::Kind::finish);
}

void Step::settle(const Ending& finish) {
  record_.finish = {};
  record_.group = 0;
  record_.got_term = false;
  record_.changed = now_.wall;
  const bool no_more = (record_.last.kind == Ending::Kind::exited && record_.last.value == kRunGivesUp) ||
                       (finish.kind == Ending::Kind::exited && finish.value == kFinishGivesUp);
  if (record_.leaving || record_.want == Want::down) return rest(State::down);
  if (record_.start_owed) return begin_start();
  if (no_more) {
    if (finish.value == kFinishGivesUp)
      record_.reason = "finish exited 125: it gives up";
    else if (!record_.reason.starts_with(kBySvrun))
      record_.reason = "run exited 100: it gives up";
    return rest(State::failed);
  }
  if (record_.want == Want::once) return rest(State::down);
  settle_wanted_up();
}

void Step::settle_wanted_up() {
  const bool crashed = record_.last.kind != Ending::Kind::exited || record_.unhealthy;  // however politely it went
  const bool success = !crashed && settings_.is_success(record_.last.value) && !record_.failed_start;
  const bool again = settings_.restart == Restart::always || (settings_.restart == Restart::on_failure && !success) ||
                     (settings_.restart == Restart::on_crash && crashed);
  if (!again) {
    record_.reason = "it ended (" + describe(record_.last) + ") and its restart setting says to leave it";
    record_.want = Want::down;
    return rest(State::down);
  }
  if (asked_for_end()) return begin_start();
  if (is_failed_start(record_, settings_, now_.monotonic)) return back_off();
  record_.failures = 0;
  const Instant earliest = record_.started_at + settings_.restart_delay;
  if (earliest <= now_.monotonic) return begin_start();
  record_.state = State::backoff;
  record_.wake_at = earliest;
}

void Step::back_off() {
  record_.failures++;
  if (settings_.start_limit != 0 && record_.failures >= settings_.start_limit) {
    record_.reason = std::to_string(record_.failures) +
                     (record_.failures == 1 ? " failed start, " : " failed starts in a row, the last ") +
                     describe(record_.last);
    return rest(State::failed);
  }
  record_.state = State::backoff;
  wake_after(std::max(restart_pause(settings_, record_.failures), kShortestPause));
}

void Step::rest(State state) {
  record_.state = state;
  record_.wake_at = {};
  record_.start_owed = false;
  record_.group = 0;
  if (state == State::down && record_.want == Want::once) record_.want = Want::down;
  if (record_.leaving) act(Action::Kind::leave);
}

void Step::due() {
  record_.wake_at = {};
  switch (record_.state) {
    case State::backoff: return begin_start();
    case State::starting:
      if (!runs()) return;
      record_.failed_start = true;
      record_.reason = "not ready within " + format_duration(settings_.ready_timeout);
      return enter_stopping();
    case State::stopping:
      if (!runs()) {
        wake_after(kLeftoversTermWait);
        return act(Action::Kind::kill_group);
      }
      if (record_.step + 1 < settings_.ladder().size()) {
        record_.step++;
        fire_rung();
      }
      return;
    case State::finishing:
      if (record_.finish.pid == 0) return;
      wake_after(settings_.finish_timeout);  // again, should a crash swallow the signal
      return act(Action::Kind::kill_finish);
    case State::down:
    case State::waiting:
    case State::up:
    case State::failed: return;
  }
}

// What the record says was under way goes on. Processes that died meanwhile are told by main_ended and finish_ended.
void Step::resume() {
  switch (record_.state) {
    case State::waiting: return begin_start();
    case State::starting:
      if (!runs()) begin_start();
      return;
    case State::stopping:
      if (!runs()) return act(Action::Kind::clear_group);
      if (!record_.step_done) fire_rung();
      return;
    case State::finishing:
      if (record_.finish.pid == 0) begin_finish();
      return;
    case State::down:
    case State::failed:
      if (record_.leaving) act(Action::Kind::leave);
      return;
    case State::up:
    case State::backoff: return;
  }
}

}  // namespace

Actions step(StateRecord& record, const Settings& settings, const Event& event, const Now& now) {
  return Step(record, settings, now).take(event);
}

bool is_failed_start(const StateRecord& record, const Settings& settings, Instant now) {
  if (record.start_owed || record.signalled) return false;  // somebody asked for its end
  const bool told_ready = settings.ready != Ready::none && record.ready;
  const bool too_short = now - record.started_at < settings.start_time;
  return record.failed_start || (too_short && !told_ready);
}

Duration restart_pause(const Settings& settings, unsigned failures) {
  Duration pause = settings.restart_delay;
  for (unsigned i = 1; i < failures && pause.count() > 0 && pause < settings.restart_delay_max; ++i) pause *= 2;
  return std::min(pause, std::max(settings.restart_delay_max, settings.restart_delay));
}

}  // namespace svdir
