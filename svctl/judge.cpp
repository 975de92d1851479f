#include "svctl/judge.h"

namespace svdir::svctl {
namespace {

std::string with_pid(std::string text, const StateRecord& record) {
  if (record.main.pid != 0) text += ", pid " + std::to_string(record.main.pid);
  return text;
}

bool runs_and_is_ready(const StateRecord& record) {
  return record.main.pid != 0 && record.ready && !record.got_term &&
         (record.state == State::up || record.state == State::starting);
}

bool is_at_rest(const StateRecord& record) {
  return record.main.pid == 0 && record.finish.pid == 0 &&
         (record.state == State::down || record.state == State::failed);
}

// A start that has failed since the look before.
bool has_failed_to_start(const View& before, const View& now) {
  const StateRecord& was = before.record;
  const StateRecord& is = now.record;
  if (!now.is_precise()) return false;
  if (is.state == State::failed) return true;
  return is.state == State::backoff && is.main.pid == 0 &&
         (is.failures > was.failures || is.starts > was.starts || is.last_ended > was.last_ended ||
          is.reason != was.reason);
}

std::string why_failed(const StateRecord& record) {
  std::string text = describe(record.last);
  if (!record.reason.empty()) text += (text.empty() ? "" : "; ") + record.reason;
  if (text.empty()) text = "could not be started";
  return record.state == State::failed ? "failed: " + text : text + "; will be tried again";
}

bool is_new_run(const View& before, const View& now) {
  if (now.is_precise()) return now.record.starts > before.record.starts || !before.is_precise();
  return now.record.changed != before.record.changed;
}

Verdict judge_up(const Question& question, const View& before, const View& now) {
  if (runs_and_is_ready(now.record) && now.record.want != Want::down) {
    if (before.is_running() && !is_new_run(before, now)) return {Outcome::ok, with_pid("already running", now.record)};
    return {Outcome::ok, with_pid(now.record.became_ready > now.record.started ? "ready" : "started", now.record)};
  }
  // runit's `once` shows as wanted down.
  if (question.verb->verb == Verb::once && runs_and_is_ready(now.record))
    return {Outcome::ok, with_pid(is_new_run(before, now) ? "started" : "already running", now.record)};
  if (question.verb->verb == Verb::once && is_new_run(before, now) && now.record.state == State::down)
    return {Outcome::ok, "has run, " + (now.is_precise() ? describe(now.record.last) : std::string("and ended"))};
  if (has_failed_to_start(before, now)) return {Outcome::failed, why_failed(now.record)};
  return {};
}

Verdict judge_restarted(const View& before, const View& now) {
  if (runs_and_is_ready(now.record) && is_new_run(before, now))
    return {Outcome::ok, with_pid(before.is_running() ? "restarted" : "started", now.record)};
  if (has_failed_to_start(before, now)) return {Outcome::failed, why_failed(now.record)};
  return {};
}

Verdict judge_ended(const View& before, const View& now) {
  if (!is_at_rest(now.record) || !(is_new_run(before, now) || before.is_running())) {
    if (now.record.state == State::failed) return {Outcome::failed, why_failed(now.record)};
    return {};
  }
  return {Outcome::ok, now.is_precise() ? describe(now.record.last) : std::string("ended")};
}

Verdict judge_down(const View& before, const View& now) {
  const StateRecord& is = now.record;
  if (!is_at_rest(is) || is.want != Want::down) return {};
  if (before.record.state == State::down && before.record.want == Want::down) return {Outcome::ok, "already down"};
  return {Outcome::ok, "stopped"};
}

Verdict judge_wanted(const View& now) {
  if (now.record.want == Want::down) {
    if (now.record.main.pid == 0 && now.record.state == State::down) return {Outcome::ok, "down, as wanted"};
    return {};
  }
  if (now.record.state == State::failed) return {Outcome::failed, why_failed(now.record)};
  if (runs_and_is_ready(now.record)) return {Outcome::ok, with_pid("up", now.record)};
  if (now.record.want == Want::once && now.record.state == State::down) return {Outcome::ok, "down, has run once"};
  return {};
}

Verdict judge_condition(Goal goal, const View& now) {
  const StateRecord& record = now.record;
  if (goal == Goal::is_down) return is_at_rest(record) ? Verdict{Outcome::ok, "down"} : Verdict{};
  if (record.state == State::failed && record.main.pid == 0) return {Outcome::failed, why_failed(record)};
  const bool met =
      goal == Goal::is_ready ? runs_and_is_ready(record) : record.main.pid != 0 && record.state != State::stopping;
  return met ? Verdict{Outcome::ok, with_pid(goal == Goal::is_ready ? "ready" : "up", record)} : Verdict{};
}

// A supervise that left on purpose, and left nothing running.
bool has_signed_off(const View& view) {
  return view.is_precise() && view.record.supervisor.pid == 0 && is_at_rest(view.record);
}

// What runs does so by the last good settings, and whoever started it anew may have meant the others.
void add_misconfiguration(Goal goal, const View& now, Verdict& verdict) {
  if (!now.is_precise() || !now.record.reason.starts_with(kMisconfigured)) return;
  if (goal != Goal::up && goal != Goal::restarted && goal != Goal::wanted) return;
  verdict.text += "; its new settings are not taken: ";
  verdict.text += std::string_view(now.record.reason).substr(kMisconfigured.size());
  verdict.is_flawed = true;
}

// Commands about the settings and the supervisor itself: taken means tried.
Verdict judge_taken(const Question& question, const View& before, const View& now) {
  if (question.verb->verb == Verb::reload_settings && now.record.reason.starts_with(kMisconfigured))
    return {Outcome::failed, now.record.reason};
  if (question.verb->verb == Verb::upgrade && now.record.upgrade_refused)
    return {Outcome::failed, "not upgraded: the new supervise does not run"};
  return {Outcome::ok, question.needs_process ? with_pid(std::string(question.verb->said), before.record)
                                              : std::string(question.verb->said)};
}

}  // namespace

std::string state_in_words(const View& view) {
  if (!view.exists) return why_not_found(view);
  if (!view.is_supervised()) return "no supervisor";
  if (!view.is_known()) return "state unknown: " + view.trouble;
  std::string text(name_of(view.record.state));
  if (view.record.state == State::starting && !view.record.ready) text = "running, not ready yet";
  text = with_pid(text, view.record);
  if (view.record.paused) text += ", paused";
  if (!view.record.reason.empty()) text += ": " + view.record.reason;
  return text;
}

std::string why_not_found(const View& view) {
  return "no such service" + (view.trouble.empty() ? "" : "; " + view.trouble);
}

Verdict judge_beforehand(const Question& question, const View& before) {
  if (!before.exists) return {Outcome::not_found, why_not_found(before)};
  if (before.supervisor == View::Supervisor::unknown) return {Outcome::denied, before.trouble};
  if (!before.is_supervised()) {
    if (question.goal == Goal::gone) return {Outcome::ok, "no supervisor runs"};
    return {Outcome::no_supervisor, "no supervisor"};
  }
  if (!before.is_known()) {
    if (question.goal == Goal::gone || before.is_new) return {};
    return {Outcome::failed, before.trouble};
  }
  if (question.verb->verb == Verb::try_restart && !before.is_running()) {
    const bool will_run = before.record.want == Want::up;
    return {Outcome::ok, will_run ? "not running at the moment, left alone" : "not running, left alone"};
  }
  if (question.needs_process && !before.is_running()) return {Outcome::not_running, "not running, nothing sent"};
  if (!before.is_precise() && question.verb->runit_bytes.empty() && !question.verb->bytes.empty())
    return {Outcome::failed, "its supervisor is not svdir's and knows no such command"};
  return {};
}

Verdict judge_patiently(const Question&, const View& before) {
  if (!before.exists) return {Outcome::not_found, why_not_found(before)};
  if (before.supervisor == View::Supervisor::unknown) return {Outcome::denied, before.trouble};
  return {};
}

Verdict judge_indifferently(const Question& question, const View& before) {
  Verdict verdict = judge_beforehand(question, before);
  if (verdict.outcome == Outcome::no_supervisor) verdict.outcome = Outcome::ok;
  return verdict;
}

Verdict judge(const Question& question, const View& before, const View& now) {
  if (!now.exists && question.goal == Goal::is_down) return {Outcome::ok, "down, its directory is gone"};
  if (!now.exists && question.goal != Goal::gone) return {Outcome::failed, "its directory is gone"};
  if (question.goal == Goal::gone) {
    if (now.is_supervised()) return {};
    // One that was killed has not stopped anything; one that has left has signed off.
    if (now.is_precise() && now.record.supervisor.pid != 0 && now.record.main.pid != 0)
      return {Outcome::pending, "its supervisor has died, " + with_pid("still running", now.record)};
    return {Outcome::ok, "stopped, its supervisor has ended"};
  }
  if (!now.is_supervised()) {
    if (question.goal == Goal::is_down && has_signed_off(now)) return {Outcome::ok, "down, no supervisor"};
    return {Outcome::pending, "no supervisor"};
  }
  if (!now.is_known()) return {Outcome::pending, state_in_words(now)};
  if (now.is_precise() && !question.acknowledged) return {Outcome::pending, "the supervisor does not answer"};
  Verdict verdict;
  switch (question.goal) {
    case Goal::taken: verdict = judge_taken(question, before, now); break;
    case Goal::up: verdict = judge_up(question, before, now); break;
    case Goal::restarted: verdict = judge_restarted(before, now); break;
    case Goal::ended: verdict = judge_ended(before, now); break;
    case Goal::down: verdict = judge_down(before, now); break;
    case Goal::wanted: verdict = judge_wanted(now); break;
    case Goal::is_up:
    case Goal::is_ready:
    case Goal::is_down: verdict = judge_condition(question.goal, now); break;
    case Goal::gone: break;
  }
  if (verdict.outcome == Outcome::pending) verdict.text = state_in_words(now);
  if (verdict.outcome == Outcome::ok) add_misconfiguration(question.goal, now, verdict);
  return verdict;
}

}  // namespace svdir::svctl
