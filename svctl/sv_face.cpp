// sv: runit's control program.
//
// What differs from the genuine one, on purpose: a command is always written, also when the wish it stands for is
// already shown (`sv down x; sv up x` within the second that runsv sleeps must end up); a restart is known by the
// stamp to the nanosecond, or by our supervise's count of starts, not by whole seconds; `check` waits for a service
// that is wanted up and is down for the moment, as its manual says; force-stop that had to kill, and did, is no
// failure.
#include <fcntl.h>

#include <cstdlib>

#include "lib/files.h"
#include "lib/service_dir.h"
#include "lib/system.h"
#include "lib/version.h"
#include "svctl/client.h"
#include "svctl/faces.h"
#include "svctl/sv_judge.h"

namespace svdir::svctl {
namespace {

constexpr int kMostTrouble = 99;
constexpr unsigned long kDefaultWait = 7;

void print(std::string_view text, int fd = STDOUT_FILENO) {
  if (::write(fd, text.data(), text.size()) < 0) return;
}

// Why sv cannot know a service's state: "fail: ", "runsv not running".
struct Trouble {
  std::string_view prefix;
  std::string text;
};

Trouble find_trouble(const Target& target, bool is_log) {
  const Fd dir(sys::openat(target.at, target.path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!dir) {
    if (is_log) return {"warning: ", "unable to change directory: " + djb_text(errno)};
    return {"fail: ", "unable to change to service directory: " + djb_text(errno)};
  }
  const Fd ok(sys::openat(dir.get(), file::kOk, O_WRONLY | O_NONBLOCK));
  if (!ok && errno == ENXIO) return {"fail: ", "runsv not running"};
  if (!ok) return {"warning: ", "unable to open supervise/ok: " + djb_text(errno)};
  const Fd status(sys::openat(dir.get(), file::kStatus, O_RDONLY | O_NONBLOCK));
  if (!status) return {"warning: ", "unable to open supervise/status: " + djb_text(errno)};
  return {"warning: ", "unable to read supervise/status: bad format"};
}

std::string sv_words(const View& view, const std::string& name) {
  constexpr std::string_view kPhases[] = {"down: ", "run: ", "finish: "};
  const RunitStatus status = runit_view(view.record);
  std::string text(kPhases[static_cast<std::size_t>(status.phase)]);
  text += name + ": ";
  if (status.pid != 0) text += "(pid " + std::to_string(status.pid) + ") ";
  text += std::to_string(std::max<std::int64_t>(0, wall_now().seconds - status.changed.seconds)) + "s";
  if (status.pid != 0 && view.normally_down) text += ", normally down";
  if (status.pid == 0 && !view.normally_down) text += ", normally up";
  if (status.pid != 0 && status.paused) text += ", paused";
  if (status.pid == 0 && status.want_up) text += ", want up";
  if (status.pid != 0 && !status.want_up) text += ", want down";
  if (status.pid != 0 && status.got_term) text += ", got TERM";
  return text;
}

class Sv : public Listener {
 public:
  explicit Sv(bool lsb) : lsb_(lsb) {}

  // Tells of the services' states.
  void status(const std::vector<Target>& targets);
  void on_done(const Job& job) override;
  void on_tick(const std::vector<Job>&) override {}

  const SvCommand* command = nullptr;
  bool reports = false;  // tells of success as well
  int trouble() const { return std::min(trouble_, kMostTrouble); }
  int lsb_code() const { return lsb_code_; }

 private:
  void fail(const Trouble& trouble, const std::string& name);

  bool lsb_;
  int trouble_ = 0;
  int lsb_code_ = 0;
};

void Sv::fail(const Trouble& trouble, const std::string& name) {
  print(std::string(trouble.prefix) + name + ": " + trouble.text + "\n");
  ++trouble_;
  lsb_code_ = command == nullptr && trouble.prefix == "warning: " ? 4 : 1;
}

void Sv::status(const std::vector<Target>& targets) {
  for (const Target& target : targets) {
    const View view = look(target);
    if (!view.is_supervised() || !view.is_known()) {
      fail(find_trouble(target, false), target.name);
      continue;
    }
    std::string line = sv_words(view, target.name);
    lsb_code_ = runit_view(view.record).pid != 0 ? 0 : 3;
    const Target log = logger_of(target);
    struct stat facts;
    if (sys::fstatat(log.at, log.path.c_str(), &facts) == 0) {
      const View seen = look(log);
      if (seen.is_supervised() && seen.is_known()) {
        line += "; " + sv_words(seen, "log");
      } else {
        const Trouble trouble = find_trouble(log, true);
        line += "; " + std::string(trouble.prefix) + target.name + "/log: " + trouble.text;
        ++trouble_;
      }
    }
    print(line + "\n");
  }
}

void Sv::on_done(const Job& job) {
  const Outcome outcome = job.verdict.outcome;
  if (command->goal == Goal::gone && job.before.exists && job.before.supervisor == View::Supervisor::gone) {
    print("ok: " + job.target.name + ": runsv not running\n");
    return;
  }
  if (outcome == Outcome::ok) {
    if (!reports) return;
    const bool known = job.now.is_supervised() && job.now.is_known();
    print((job.killed ? "kill: " : "ok: ") +
          (known ? sv_words(job.now, job.target.name) : job.target.name + ": runsv not running") + "\n");
    return;
  }
  if (outcome == Outcome::timeout && job.now.is_supervised() && job.now.is_known()) {
    print((job.killed ? "kill: " : "timeout: ") + sv_words(job.now, job.target.name) + "\n");
    ++trouble_;
    lsb_code_ = 1;
    return;
  }
  if (job.before.is_supervised() && job.before.is_known() && job.write_error != 0)
    return fail({"warning: ", "unable to open supervise/control: " + djb_text(job.write_error)}, job.target.name);
  fail(find_trouble(job.target, false), job.target.name);
}

int usage(std::string_view program, bool lsb) {
  std::string text = "usage: " + std::string(program);
  text += lsb ? " [-w sec] command\n\n" : " [-v] [-w sec] command service ...\n\n";
  print(text, STDERR_FILENO);
  return lsb ? 2 : 100;
}

std::vector<Target> find_services(std::span<const std::string> names) {
  const char* set = std::getenv("SVDIR");
  const std::string scan = set != nullptr ? set : default_scan_directory();
  std::vector<Target> targets;
  for (const std::string& name : names)
    targets.push_back({name, name.empty() ? std::string() : service_path(scan, name), AT_FDCWD});
  return targets;
}

Task task_for(const SvCommand& command, unsigned long seconds, bool waits) {
  Task task;
  task.verb = &row_of(Verb::status);  // has no say: the judges below are sv's
  task.goal = command.goal;
  task.bytes = command.bytes;
  task.runit_bytes = command.bytes;
  task.wait = std::chrono::seconds(seconds);
  task.no_wait = !waits;
  task.kill_at_last = command.forced;
  task.check = command.runs_check ? Task::Check::always : Task::Check::never;
  task.beforehand = sv_judge_beforehand;
  task.judge = command.judge;
  return task;
}

}  // namespace

int run_sv(std::string_view program, Arguments arguments) {
  const bool lsb = program != "sv";
  const char* set_wait = std::getenv("SVWAIT");
  unsigned long seconds = set_wait != nullptr ? std::strtoul(set_wait, nullptr, 10) : kDefaultWait;
  bool verbose = false;
  DjbOptions options(arguments, "vV", "w");
  while (const char letter = options.next()) {
    if (letter == 'v') verbose = true;
    if (letter == 'w') verbose = true, seconds = std::strtoul(std::string(options.value).c_str(), nullptr, 10);
    if (letter == 'V') print("svdir " + std::string(kVersion) + "\n", STDERR_FILENO);
    if (letter == '?') {
      const bool lacks_value = options.letter == 'w';
      print(std::string(program) + (lacks_value ? ": option requires an argument -- " : ": illegal option -- ") +
                options.letter + "\n",
            STDERR_FILENO);
    }
    if (letter == 'V' || letter == '?') return usage(program, lsb);
  }
  constexpr unsigned long kTenYears = 315'360'000;
  seconds = std::min(seconds, kTenYears);
  const Arguments words = options.rest();
  if (words.empty() || (!lsb && words.size() < 2)) return usage(program, lsb);
  std::vector<std::string> names{std::string(program)};
  if (!lsb) names.assign(words.begin() + 1, words.end());
  const SvCommand* command = find_sv_command(words[0]);
  if (command == nullptr) return usage(program, lsb);
  Sv sv(lsb);
  const std::vector<Target> targets = find_services(names);
  if (command->is_status) {
    sv.status(targets);
    return lsb ? sv.lsb_code() : sv.trouble();
  }
  sv.command = command;
  sv.reports = verbose || command->waits;
  const Task task = task_for(*command, seconds, sv.reports);
  Client(task, sv).run(targets);
  return lsb ? sv.lsb_code() : sv.trouble();
}

}  // namespace svdir::svctl
