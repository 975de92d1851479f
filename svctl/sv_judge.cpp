#include "svctl/sv_judge.h"

#include <array>

namespace svdir::svctl {
namespace {

Verdict pending() {
  return {Outcome::pending, ""};
}
Verdict done() {
  return {Outcome::ok, ""};
}

// What holds for all: the supervisor is there, and ours has acknowledged.
bool is_answered(const Question& question, const View& now) {
  return now.is_supervised() && now.is_known() && (!now.is_precise() || question.acknowledged);
}

bool runs(const View& view) {
  return runit_view(view.record).phase == RunitStatus::Phase::run;
}
bool is_at_rest(const View& view) {
  const RunitStatus status = runit_view(view.record);
  return status.phase == RunitStatus::Phase::down && status.pid == 0;
}
bool is_newer(const View& before, const View& now) {
  if (now.is_precise() && before.is_precise()) return now.record.starts > before.record.starts;
  return now.record.changed != before.record.changed;
}

Verdict up(const Question& question, const View&, const View& now) {
  const bool ends = now.is_precise() && now.record.state == State::stopping;
  return is_answered(question, now) && runs(now) && now.record.ready && !ends ? done() : pending();
}

Verdict down(const Question& question, const View&, const View& now) {
  return is_answered(question, now) && is_at_rest(now) && now.record.want != Want::up ? done() : pending();
}

// `tcu` ends up in any case.
Verdict restarted(const Question& question, const View& before, const View& now) {
  if (!is_answered(question, now)) return pending();
  const bool fresh = runs(now) && now.record.ready && !now.record.got_term && now.record.state != State::stopping;
  return fresh && is_newer(before, now) ? done() : pending();
}

// TERM or KILL alone leaves down what is wanted down.
Verdict ended(const Question& question, const View& before, const View& now) {
  if (is_answered(question, now) && is_at_rest(now) && now.record.want != Want::up) return done();
  return restarted(question, before, now);
}

Verdict once(const Question& question, const View& before, const View& now) {
  if (!is_answered(question, now)) return pending();
  if (runs(now) && now.record.want != Want::up) return done();
  return is_at_rest(now) && is_newer(before, now) ? done() : pending();
}

Verdict paused(const Question& question, const View&, const View& now) {
  return is_answered(question, now) && (now.record.paused || runit_view(now.record).pid == 0) ? done() : pending();
}

Verdict continued(const Question& question, const View&, const View& now) {
  return is_answered(question, now) && !now.record.paused ? done() : pending();
}

Verdict taken(const Question& question, const View&, const View& now) {
  return is_answered(question, now) ? done() : pending();
}

Verdict gone(const Question&, const View&, const View& now) {
  return now.is_supervised() ? pending() : done();
}

Verdict as_wanted(const Question& question, const View& before, const View& now) {
  if (now.record.want == Want::up) return up(question, before, now);
  const bool runs_once = now.record.want == Want::once || (runs(now) && !now.record.got_term);
  return runs_once ? done() : down(question, before, now);
}

// In the order they are looked up: whole words first. runit only looks at the first letter of all others.
constexpr std::array kSvCommands{
    SvCommand{"start", "u", Goal::up, true, false, true, up},
    SvCommand{"stop", "d", Goal::down, true, false, false, down},
    SvCommand{"reload", "h", Goal::taken, true, false, false, taken},
    SvCommand{"restart", "tcu", Goal::restarted, true, false, true, restarted},
    SvCommand{"try-restart", "tc", Goal::restarted, true, false, true, ended},
    SvCommand{"shutdown", "x", Goal::gone, true, false, false, gone},
    SvCommand{"force-stop", "d", Goal::down, true, true, false, down},
    SvCommand{"force-reload", "tc", Goal::restarted, true, true, true, ended},
    SvCommand{"force-restart", "tcu", Goal::restarted, true, true, true, restarted},
    SvCommand{"force-shutdown", "x", Goal::gone, true, true, false, gone},
    SvCommand{"check", "", Goal::wanted, true, false, true, as_wanted},
    SvCommand{"s", "", Goal::taken, false, false, false, taken, true},
    SvCommand{"u", "u", Goal::up, false, false, true, up},
    SvCommand{"d", "d", Goal::down, false, false, false, down},
    SvCommand{"o", "o", Goal::up, false, false, false, once},
    SvCommand{"p", "p", Goal::taken, false, false, false, paused},
    SvCommand{"c", "c", Goal::taken, false, false, false, continued},
    SvCommand{"h", "h", Goal::taken, false, false, false, taken},
    SvCommand{"a", "a", Goal::taken, false, false, false, taken},
    SvCommand{"i", "i", Goal::taken, false, false, false, taken},
    SvCommand{"q", "q", Goal::taken, false, false, false, taken},
    SvCommand{"1", "1", Goal::taken, false, false, false, taken},
    SvCommand{"2", "2", Goal::taken, false, false, false, taken},
    SvCommand{"t", "t", Goal::restarted, false, false, true, ended},
    SvCommand{"k", "k", Goal::restarted, false, false, true, ended},
    SvCommand{"x", "x", Goal::gone, false, false, false, gone},
    SvCommand{"e", "x", Goal::gone, false, false, false, gone},
    SvCommand{"D", "d", Goal::down, true, true, false, down},
    SvCommand{"T", "tc", Goal::restarted, true, true, true, ended},
    SvCommand{"X", "x", Goal::gone, true, true, false, gone},
    SvCommand{"E", "x", Goal::gone, true, true, false, gone},
};

}  // namespace

const SvCommand* find_sv_command(std::string_view word) {
  for (const SvCommand& command : kSvCommands)
    if (command.word == word || (command.word.size() == 1 && word.starts_with(command.word))) return &command;
  return nullptr;
}

Verdict sv_judge_beforehand(const Question&, const View& before) {
  if (before.is_supervised() && before.is_known()) return pending();
  return {before.is_supervised() ? Outcome::failed : Outcome::no_supervisor, ""};
}

}  // namespace svdir::svctl
