// What svctl says, word for word.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "svctl/findings.h"
#include "svctl/render.h"

using namespace svdir;
using namespace svdir::svctl;
using namespace std::chrono_literals;

namespace {

const Now kNow{{1'700'000'200, 0}, {1'000'000'000'000}};

StatusRow row(State state, pid_t pid = 0) {
  StatusRow row;
  row.target.name = "web";
  row.view.exists = true;
  row.view.supervisor = View::Supervisor::running;
  row.view.source = View::Source::state;
  row.view.record.state = state;
  row.view.record.want = Want::up;
  row.view.record.main.pid = pid;
  row.view.record.ready = pid != 0;
  row.view.record.started = row.view.record.became_ready = row.view.record.changed = {1'700'000'008, 0};
  return row;
}

std::string line(const StatusRow& shown) {
  return status_line(shown, kNow, 5, Paint::plain);
}

}  // namespace

TEST_CASE("durations are short", "[svctl]") {
  CHECK(short_duration(12ms) == "0.012s");
  CHECK(short_duration(1504ms) == "1.504s");
  CHECK(short_duration(12437ms) == "12.4s");
  CHECK(short_duration(59s) == "59s");
  CHECK(short_duration(192s) == "3m12s");
  CHECK(short_duration(5h + 2min) == "5h02m");
  CHECK(short_duration(24h * 12 + 3h) == "12d03h");
}

TEST_CASE("words for a shell are quoted where they need it", "[svctl]") {
  CHECK(shell_word("/a/b-1.2_c") == "/a/b-1.2_c");
  CHECK(shell_word("a b") == "'a b'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("") == "''");
}

TEST_CASE("one is singular", "[svctl]") {
  CHECK(counted(1, "service") == "1 service");
  CHECK(counted(0, "service") == "0 services");
}

TEST_CASE("the status line of what runs", "[svctl]") {
  CHECK(line(row(State::up, 1234)) == "web    up         pid 1234  3m12s\n");
  StatusRow ready = row(State::up, 1234);
  ready.view.record.became_ready = {1'700'000'009, 0};
  ready.view.record.status_text = "serving 3 clients";
  CHECK(line(ready) == "web    up         pid 1234  3m12s  ready  \"serving 3 clients\"\n");
  StatusRow starting = row(State::starting, 1234);
  starting.view.record.ready = false;
  CHECK(line(starting) == "web    starting   pid 1234  3m12s  not ready yet\n");
  StatusRow once = row(State::up, 1234);
  once.view.record.want = Want::once;
  once.view.record.paused = true;
  CHECK(line(once) == "web    up         pid 1234  3m12s  paused  once\n");
}

TEST_CASE("the status line of what does not run says why", "[svctl]") {
  StatusRow backoff = row(State::backoff);
  backoff.view.record.wake_at = kNow.monotonic + 12345ms;
  backoff.view.record.failures = 4;
  backoff.view.record.last = {Ending::Kind::exited, 1, false};
  CHECK(line(backoff) == "web    backoff, next start in 12.4s (4 failures), last exited 1\n");
  StatusRow waiting = row(State::waiting);
  waiting.view.record.reason = "db, cache";
  CHECK(line(waiting) == "web    waiting on db, cache\n");
  StatusRow failed = row(State::failed);
  failed.view.record.reason = "run exited 100: it gives up";
  CHECK(line(failed) == "web    failed (run exited 100: it gives up)  3m12s\n");
  StatusRow bad = row(State::failed);
  bad.view.record.reason = "misconfigured: conf:3: bad value";
  CHECK(line(bad) == "web    misconfigured: conf:3: bad value\n");
  StatusRow down = row(State::down);
  down.view.record.want = Want::down;
  down.view.record.last = {Ending::Kind::signalled, 15, false};
  CHECK(line(down) == "web    down       3m12s  last killed by SIGTERM  normally up\n");
  StatusRow alone = row(State::up, 12);
  alone.view.supervisor = View::Supervisor::gone;
  CHECK(line(alone) == "web    no supervisor\n");
  alone.view.supervisor = View::Supervisor::unknown;
  alone.view.trouble = "unable to open supervise/ok: Permission denied";
  CHECK(line(alone) == "web    unknown: unable to open supervise/ok: Permission denied\n");
  alone.view.exists = false;
  alone.view.trouble = "";
  CHECK(line(alone) == "web    no such service\n");
}

TEST_CASE("the logger stands behind the service", "[svctl]") {
  StatusRow both = row(State::up, 1234);
  both.loggers.push_back({Stream::output, row(State::up, 1233).view, ""});
  CHECK(line(both) == "web    up         pid 1234  3m12s; log: up  pid 1233  3m12s\n");
  both.loggers.push_back({Stream::errors, row(State::up, 1235).view, "disk full"});
  CHECK(line(both) ==
        "web    up         pid 1234  3m12s; log: up  pid 1233  3m12s; log/stderr: up  pid 1235  3m12s  disk full\n");
  CHECK(nlohmann::json::parse(status_json(both, kNow))["log_stderr"]["trouble"] == "disk full");
  both.loggers.erase(both.loggers.begin());
  CHECK(line(both) == "web    up         pid 1234  3m12s; log/stderr: up  pid 1235  3m12s  disk full\n");
}

TEST_CASE("control characters never reach the terminal", "[svctl]") {
  StatusRow evil = row(State::failed);
  evil.target.name = "a\033[31mb";
  evil.view.record.reason = "x\ny";
  CHECK(line(evil) == "a?[31mb  failed (x?y)  3m12s\n");
}

TEST_CASE("exit codes of status follow LSB", "[svctl]") {
  CHECK(lsb_code(row(State::up, 1).view) == 0);
  CHECK(lsb_code(row(State::down).view) == 3);
  CHECK(lsb_code(row(State::backoff).view) == 3);
  StatusRow alone = row(State::up, 1);
  alone.view.supervisor = View::Supervisor::gone;
  CHECK(lsb_code(alone.view) == 4);
}

TEST_CASE("exit codes of commands", "[svctl]") {
  const auto code = [](std::vector<Outcome> outcomes) {
    std::vector<Job> jobs(outcomes.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].verdict.outcome = outcomes[i];
    return exit_code_of(jobs);
  };
  CHECK(code({}) == 0);
  CHECK(code({Outcome::ok, Outcome::ok}) == 0);
  CHECK(code({Outcome::ok, Outcome::timeout}) == 1);
  CHECK(code({Outcome::failed}) == 1);
  CHECK(code({Outcome::ok, Outcome::not_running}) == 3);
  CHECK(code({Outcome::no_supervisor, Outcome::no_supervisor}) == 4);
  CHECK(code({Outcome::no_supervisor, Outcome::not_running}) == 1);
  CHECK(code({Outcome::not_found}) == 3);
}

TEST_CASE("lines of what happened", "[svctl]") {
  Job job;
  job.target.name = "web";
  job.verdict = {Outcome::ok, "started, pid 123"};
  job.took = 12ms;
  CHECK(outcome_line(job, Paint::plain) == "ok: web: started, pid 123 (0.012s)\n");
  job.verdict = {Outcome::timeout, "stopping, pid 123"};
  job.took = 7s;
  CHECK(outcome_line(job, Paint::plain) == "timeout: web: still stopping, pid 123 (7s)\n");
  job.verdict = {Outcome::no_supervisor, "no supervisor"};
  job.took = 0s;
  CHECK(outcome_line(job, Paint::plain) == "fail: web: no supervisor\n");
  CHECK(outcome_line(job, Paint::coloured) == "\033[31mfail\033[0m: web: no supervisor\n");
}

TEST_CASE("JSON is one object on one line, whatever is in a name", "[svctl]") {
  StatusRow evil = row(State::up, 12);
  evil.target.name = "a\"\n\xff";
  const std::string text = status_json(evil, kNow);
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["state"] == "up");
  CHECK(json["pid"] == 12);
  CHECK(json["up_seconds"] == 192.0);
}

TEST_CASE("deaths are read as supervise writes them", "[svctl]") {
  const auto death = parse_death(
      "@400000006b0019491337fbda pid=25386 killed by SIGSEGV (core dumped) up=3.067 cpu=0.005 maxrss=1780 reason it "
      "was unhealthy=yes");
  REQUIRE(death);
  CHECK(death->pid == 25386);
  CHECK(death->ending == "killed by SIGSEGV (core dumped)");
  CHECK(death->up == 3.067);
  CHECK(death->max_rss == 1780);
  CHECK(death->reason == "it was unhealthy=yes");
  CHECK(
      death_line(*death).ends_with("killed by SIGSEGV (core dumped) after 3.067s (pid 25386, 0.005s of processor "
                                   "time, at most 1.7 MiB): it was unhealthy=yes\n"));
  CHECK(parse_deaths("garbage\n@4000\n\n").empty());
}

TEST_CASE("metrics keep each metric's samples together and escape names", "[svctl]") {
  StatusRow odd = row(State::up, 12);
  odd.target.name = "a\"b\\c";
  const std::string text = metrics_text({row(State::down), odd});
  const std::string up = "svdir_service_up{service=\"web\"} 0\nsvdir_service_up{service=\"a\\\"b\\\\c\"} 1\n";
  CHECK(text.find("# TYPE svdir_service_up gauge\n" + up) != std::string::npos);
}

TEST_CASE("the tree of dependencies", "[svctl]") {
  const std::vector<Node> nodes{{"web", "up", {"app", "cache"}, {}}, {"app", "up", {"cache"}, {}},
                                {"cache", "down", {}, {}},           {"lone", "up", {}, {}},
                                {"a", "waiting", {"b"}, {}},         {"b", "waiting", {"a"}, {}}};
  CHECK(tree_text(nodes) ==
        "web  up\n"
        "|-- app  up\n"
        "|   `-- cache  down\n"
        "`-- cache  down\n"
        "lone  up\n"
        "a  waiting\n"
        "`-- b  waiting\n"
        "    `-- a  waiting  (a cycle)\n");
  CHECK(find_cycles(nodes) == std::vector<std::string>{"a -> b -> a"});
}
