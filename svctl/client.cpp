#include "svctl/client.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/wait.h>

#include <algorithm>

#include "lib/spawn.h"
#include "lib/system.h"
#include "svctl/request.h"
#include "svctl/svscan_health.h"

namespace svdir::svctl {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTick = 100ms;      // the net beneath the watch: a supervisor that died, a FIFO that was full
constexpr Duration kGoneTick = 1s;     // nobody is told when the name of a service is removed
constexpr Duration kCheckTick = 10ms;  // while a ./check runs
constexpr Duration kCheckPause = 250ms;
constexpr Duration kCheckTimeout = 5s;
constexpr Duration kLongestPause = 1h;
constexpr Duration kAfterKill = 2s;
constexpr Duration kAlone = 3s;  // svscan starts a supervise that died within a second, mostly at once

Token random_token() {
  Token token;
  if (::getrandom(token.data(), token.size(), GRND_NONBLOCK) != static_cast<ssize_t>(token.size())) {
    auto seed =
        static_cast<std::uint64_t>(monotonic_now().nanoseconds) * 2654435761U + static_cast<unsigned>(::getpid());
    for (char& letter : token) letter = static_cast<char>(seed), seed /= 251;
  }
  for (char& letter : token) letter = static_cast<char>('A' + static_cast<unsigned char>(letter) % 26);
  return token;
}

bool is_watched(const Job& job) {
  return job.watched == ChangeWatch::Means::inotify || job.watched == ChangeWatch::Means::fifo;
}

bool acknowledges(const View& view, const Token& token) {
  return view.is_precise() && view.record.ack.find(std::string_view(token.data(), token.size())) != std::string::npos;
}

// The value of one key in a record's "key=value;..." list of settings.
std::string_view setting(std::string_view settings, std::string_view key) {
  while (!settings.empty()) {
    const std::size_t end = std::min(settings.find(';'), settings.size());
    const std::string_view one = settings.substr(0, end);
    if (one.size() > key.size() && one.starts_with(key) && one[key.size()] == '=') return one.substr(key.size() + 1);
    settings.remove_prefix(std::min(end + 1, settings.size()));
  }
  return {};
}

Duration setting(std::string_view settings, std::string_view key, Duration standard) {
  return parse_wait(setting(settings, key)).value_or(standard);
}

// The waits of "TERM 10s INT 5s KILL": every second word.
Duration ladder_length(std::string_view ladder) {
  Duration sum{};
  for (bool is_wait = false; !ladder.empty(); is_wait = !is_wait) {
    const std::size_t end = std::min(ladder.find(' '), ladder.size());
    if (is_wait) sum += parse_wait(ladder.substr(0, end)).value_or(Duration{});
    ladder.remove_prefix(std::min(end + 1, ladder.size()));
  }
  return sum;
}

bool has_check_script(const Target& target) {
  const std::string path = target.path + "/check";
  return ::faccessat(target.at, path.c_str(), X_OK, 0) == 0;
}

pid_t start_check(const Target& target) {
  const auto dir = open_service(target);
  const Fd nothing(sys::open("/dev/null", O_RDWR));
  if (!dir) return 0;
  const char* const argv[] = {"./check", nullptr};
  ChildPlan plan;
  plan.path = argv[0];
  plan.argv = argv;
  plan.directory = dir->get();
  plan.input = nothing.get();
  plan.output = nothing.get();
  const auto pid = spawn(plan);
  return pid ? *pid : 0;
}

}  // namespace

Duration patience(Goal goal, const View& view) {
  constexpr Duration kStandard = 7s;
  if (!view.is_precise()) return kStandard;
  const std::string_view settings = view.record.settings;
  Duration needed{};
  if (goal == Goal::restarted || goal == Goal::down || goal == Goal::gone) {
    const std::string_view ladder = setting(settings, "stop");
    // After the last signal: what is left of the group (5 s), then ./finish, then the scheduler.
    needed += (ladder.empty() ? 30s : ladder_length(ladder)) + 5s + setting(settings, "finish-timeout", 5s) + 2s;
  }
  if (goal == Goal::restarted || goal == Goal::up) needed += setting(settings, "ready-timeout", 0s) + 1s;
  return std::max(kStandard, needed);
}

std::vector<Job> Client::run(const std::vector<Target>& targets) {
  start_ = monotonic_now();
  watch_.emplace(targets.size());
  std::vector<Job> jobs(targets.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].target = targets[i];
    jobs[i].before = look(targets[i]);
    begin(jobs[i], i);
  }
  for (std::size_t key = 0; key < jobs.size(); ++key) {
    if (jobs[key].verdict.outcome == Outcome::pending) examine(jobs[key]);
    if (jobs[key].verdict.outcome != Outcome::pending) watch_->remove(key);
  }
  Instant next_tick = monotonic_now() + pause(jobs);
  while (pending_ > 0) {
    const Duration rest = next_tick - monotonic_now();
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(std::max(rest, Duration{})).count();
    for (const std::size_t key : watch_->wait(static_cast<int>(milliseconds))) {
      if (jobs[key].verdict.outcome == Outcome::pending) examine(jobs[key]);
      if (jobs[key].verdict.outcome != Outcome::pending) watch_->remove(key);
    }
    if (monotonic_now() < next_tick) continue;
    tick(jobs);
    next_tick = monotonic_now() + pause(jobs);
  }
  watch_.reset();
  return jobs;
}

// How long nothing need be done unless something changes. Those who wait patiently and are told of every change are
// not woken for anything but their deadline.
Duration Client::pause(const std::vector<Job>& jobs) const {
  if (checks_running_ > 0) return kCheckTick;
  Duration longest = !task_.patient ? kTick : task_.goal == Goal::is_down ? kGoneTick : kLongestPause;
  for (const Job& job : jobs) {
    if (job.verdict.outcome != Outcome::pending) continue;
    if (!is_watched(job)) longest = std::min(longest, kTick);
    longest = std::min(longest, job.deadline - monotonic_now());
  }
  return std::max(longest, Duration{});
}

void Client::begin(Job& job, std::size_t key) {
  ++pending_;
  job.now = job.before;
  job.deadline = start_ + task_.wait.value_or(patience(task_.goal, job.before));
  if (!may_begin(job)) return;
  job.token = random_token();
  // First watch, then send, then look: no change can come before we see changes.
  if (!task_.no_wait) watch(job, key);
  send(job);
  if (job.verdict.outcome != Outcome::pending) return;
  if (task_.no_wait && job.sent) return finish(job, {Outcome::ok, "told, not waited for"});
}

// False when there is nothing to be sent; the job is finished then.
bool Client::may_begin(Job& job) {
  Verdict verdict = task_.beforehand(question(), job.before);
  job.is_orphaned = verdict.outcome != Outcome::pending && awaits_supervisor(job);
  if (verdict.outcome == Outcome::pending || job.is_orphaned) return true;
  finish(job, std::move(verdict));
  return false;
}

// One that was killed is followed by another, and svscan may not have come to a service that was made just now. A
// supervise that left on purpose has signed off (its pid is no more in the record), and none follows it.
bool Client::awaits_supervisor(const Job& job) const {
  const View& view = job.before;
  if (task_.scan_directory < 0 || task_.no_wait || task_.goal == Goal::gone || view.is_supervised()) return false;
  const bool was_killed =
      view.supervisor == View::Supervisor::gone && view.is_precise() && view.record.supervisor.pid != 0;
  return (was_killed || may_yet_be_supervised(job.target, view)) && find_svscan(task_.scan_directory) != 0;
}

void Client::await_supervisor(Job& job) {
  job.verdict.text = "no supervisor";
  if (task_.patient) return;
  const Instant now = monotonic_now();
  if (!job.alone_since.is_set()) job.alone_since = now;
  if (now - job.alone_since > kAlone) finish(job, task_.beforehand(question(), job.now));
}

void Client::watch(Job& job, std::size_t key) {
  const auto dir = open_service(job.target);
  if (!dir) return;
  job.watched = watch_->add(dir->get(), key);
  if (task_.goal == Goal::gone) watch_->watch_end(dir->get(), key, job.before.record.supervisor.pid);
}

void Client::send(Job& job) {
  if (job.is_orphaned) return;
  if (!job.now.is_known() && task_.goal != Goal::gone) return;  // by its first record we shall know how to talk to it
  const bool precise = job.now.is_precise();
  std::string bytes = precise ? task_.bytes : task_.runit_bytes;
  if (bytes.empty()) {
    job.sent = true;
    return;
  }
  if (precise) bytes.append("#").append(job.token.data(), job.token.size());
  const auto written = write_control(job.target, bytes);
  job.sent = written.has_value();
  job.sent_to = job.now.record.supervisor;
  if (written) return;
  const int number = job.write_error = written.error().number;
  const bool may_pass = number == EAGAIN || number == ENXIO;  // it is stopped and its FIFO full, or being replaced
  if (!may_pass || task_.no_wait)
    finish(job, {number == EACCES ? Outcome::denied : Outcome::failed, written.error().text()});
}

void Client::examine(Job& job) {
  job.now = look(job.target);
  if (job.is_orphaned && !job.now.is_supervised()) return await_supervisor(job);
  const Instant now = monotonic_now();
  if (job.now.is_supervised()) {
    job.alone_since = {};
    if (job.is_orphaned) {
      job.before = job.now;
      if (!may_begin(job)) return;
    }
    if (!job.before.is_known() && job.now.is_known() && !job.sent) job.before = job.now;
    const bool replaced = job.now.is_precise() && job.sent_to != job.now.record.supervisor;
    if (!job.sent || (replaced && !acknowledges(job.now, job.token))) send(job);
    if (job.verdict.outcome != Outcome::pending) return;
  } else if (task_.patient) {
    job.alone_since = {};
  } else if (!job.alone_since.is_set()) {
    job.alone_since = now;
  } else if (now - job.alone_since > kAlone) {
    return finish(job, {Outcome::no_supervisor, "its supervisor has gone"});
  }
  const bool acknowledged = task_.bytes.empty() || acknowledges(job.now, job.token);
  Verdict verdict = task_.judge(question(acknowledged), job.before, job.now);
  if (verdict.outcome == Outcome::ok && job.now.is_running() && !is_published(job.target, job.now))
    verdict = {Outcome::pending, "being started"};
  if (verdict.outcome == Outcome::ok && wants_check_script(job) && !job.check_passed) {
    check_by_script(job);
    if (!job.check_passed) verdict = {Outcome::pending, state_in_words(job.now) + ", but ./check does not succeed"};
  }
  if (verdict.outcome != Outcome::pending) return finish(job, std::move(verdict));
  job.verdict = std::move(verdict);
}

// supervise runs ./check itself where the settings say so; a genuine runsv leaves it to the client.
bool Client::wants_check_script(const Job& job) const {
  if (!job.now.is_running()) return false;
  const bool for_goal = task_.goal == Goal::wanted || task_.goal == Goal::up || task_.goal == Goal::restarted;
  const bool by_us = for_goal && (task_.check == Task::Check::always || task_.goal == Goal::wanted ||
                                  (task_.check == Task::Check::foreign && !job.now.is_precise()));
  return by_us && has_check_script(job.target);
}

void Client::check_by_script(Job& job) {
  const Instant now = monotonic_now();
  if (job.check == 0) {
    if (now < job.next_check) return;
    job.check = start_check(job.target);
    job.check_until = now + kCheckTimeout;
    job.next_check = now + kCheckPause;
    if (job.check != 0) ++checks_running_;
    return;
  }
  int status = 0;
  const pid_t ended = ::waitpid(job.check, &status, WNOHANG);
  if (ended == 0) {
    if (now < job.check_until) return;
    ::kill(-job.check, SIGKILL);  // it leads a session of its own
    ::waitpid(job.check, nullptr, 0);
  }
  --checks_running_;
  job.check_passed = ended == job.check && status == 0;
  job.check = 0;
}

void Client::tick(std::vector<Job>& jobs) {
  for (std::size_t key = 0; key < jobs.size(); ++key) {
    Job& job = jobs[key];
    if (job.verdict.outcome != Outcome::pending) continue;
    if (!is_watched(job)) watch(job, key);  // supervise/ may be there by now
    examine(job);
    if (job.verdict.outcome == Outcome::pending && monotonic_now() >= job.deadline) give_up(job);
    if (job.verdict.outcome != Outcome::pending) watch_->remove(key);
  }
  if (pending_ > 0) listener_.on_tick(jobs);
}

void Client::give_up(Job& job) {
  if (task_.kill_at_last && !job.killed && write_control(job.target, "k")) {
    job.killed = true;
    job.deadline = monotonic_now() + kAfterKill;
    return;
  }
  if (job.is_orphaned && !task_.patient) return finish(job, task_.beforehand(question(), job.now));
  finish(job, {Outcome::timeout, job.verdict.text});
}

void Client::finish(Job& job, Verdict verdict) {
  if (job.check != 0) {
    ::kill(-job.check, SIGKILL);
    ::waitpid(job.check, nullptr, 0);
    job.check = 0;
    --checks_running_;
  }
  job.verdict = std::move(verdict);
  job.verdict.text.insert(0, task_.prefix);
  const bool has_begun = job.sent || job.watched != ChangeWatch::Means::none;
  if (has_begun) job.took = monotonic_now() - start_;
  --pending_;
  listener_.on_done(job);
}

}  // namespace svdir::svctl
