// The verbs that send commands and wait for the effect.
#include <fcntl.h>

#include <algorithm>

#include "lib/commands.h"
#include "lib/say.h"
#include "lib/system.h"
#include "lib/values.h"
#include "svctl/actions.h"
#include "svctl/client.h"
#include "svctl/screen.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {

constexpr Duration kForEver = std::chrono::hours(24 * 3650);

// The letter that a genuine runsv knows for a signal, or "".
std::string letter_for(int number) {
  constexpr std::string_view kRunitLetters = "pchaitkq12";
  for (const CommandRow& row : kCommands)
    if (row.signal == number && kRunitLetters.find(row.letter) != std::string_view::npos)
      return std::string(1, row.letter);
  return "";
}

// A verb's row as this request needs it, and the task made of it. Stays where it is: the task points to the row.
struct Plan {
  VerbRow row;
  std::string said;
  Task task;
};

Result<void> plan_signal(const Request& request, Plan& plan) {
  const int number = parse_signal(request.argument);
  if (number == 0) return user_error("unknown signal `" + request.argument + "`");
  plan.said = signal_name(number) + " sent";
  plan.row.said = plan.said;
  plan.task.bytes.push_back(static_cast<char>(number));
  plan.task.runit_bytes = letter_for(number);
  plan.row.runit_bytes = plan.task.runit_bytes;
  return {};
}

Result<void> plan_wait(const Request& request, Task& task) {
  if (request.argument == "ready")
    task.goal = Goal::is_ready;
  else if (request.argument == "down")
    task.goal = Goal::is_down;
  else if (request.argument != "up")
    return user_error("wait for what? `up`, `ready` or `down`");
  task.patient = true;
  task.beforehand = judge_patiently;
  if (!request.wait) task.wait = kForEver;
  return {};
}

Result<void> make_plan(const Request& request, Plan& plan) {
  const Verb verb = request.verb->verb;
  plan.row = *request.verb;
  Task& task = plan.task;
  task.verb = &plan.row;
  task.goal = request.to_end ? Goal::ended : plan.row.goal;
  task.bytes = plan.row.bytes;
  task.runit_bytes = plan.row.runit_bytes;
  task.wait = request.wait;
  task.no_wait = request.no_wait;
  if (request.to_end && !request.wait) task.wait = kForEver;
  task.needs_process = plan.row.goal == Goal::taken && verb != Verb::reload_settings && verb != Verb::upgrade;
  if (verb == Verb::signal) return plan_signal(request, plan);
  if (verb == Verb::wait) return plan_wait(request, task);
  if (verb == Verb::upgrade && request.names.empty()) task.beforehand = judge_indifferently;  // all that are there
  if (verb == Verb::enable || verb == Verb::disable) {
    task.prefix = plan.row.name;
    task.prefix += "d, ";
    task.beforehand = judge_indifferently;
  }
  return {};
}

bool remove_down_file(const Target& target) {
  const std::string down = target.path + "/down";
  // Without a directory there is no such service: the client says so.
  if (sys::unlinkat(target.at, down.c_str()) == 0 || errno == ENOENT || errno == ENOTDIR) return true;
  warn(system_error("unable to remove", down).error());
  return false;
}

bool make_down_file(const Target& target) {
  const std::string down = target.path + "/down";
  // So that the supervise that is about to come finds it.
  if (target.is_made_by_svscan && target.name.find('/') == std::string::npos)
    sys::mkdirat(target.at, target.path.c_str(), 0755);
  const Fd fd(sys::openat(target.at, down.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0644));
  if (fd || errno == ENOENT || errno == ENOTDIR) return true;
  if (errno == ELOOP) return true;  // an instance's link to that of the service
  warn(system_error("unable to make", down).error());
  return false;
}

// The services named whose instances stand in the list.
std::vector<Target> wholes_of(const Targets& targets) {
  std::vector<Target> wholes;
  for (const Target& target : targets.list)
    if (!target.instance_of.empty() && (wholes.empty() || wholes.back().name != target.instance_of))
      wholes.push_back({target.instance_of, targets.scan_directory + "/" + target.instance_of, AT_FDCWD});
  return wholes;
}

// Takes those out of the list for which the verb's work on files fails; returns how many that were.
std::size_t prepare_files(Verb verb, Targets& targets) {
  const auto prepare = verb == Verb::enable ? remove_down_file : make_down_file;
  std::size_t failed = 0;
  for (const Target& whole : wholes_of(targets)) {
    if (prepare(whole)) continue;
    ++failed;
    std::erase_if(targets.list, [&](const Target& target) { return target.instance_of == whole.name; });
  }
  return failed + std::erase_if(targets.list, [&](const Target& target) { return !prepare(target); });
}

void turn_to_loggers(std::vector<Target>& list) {
  std::vector<Target> loggers;
  for (const Target& target : list) {
    if (stream_of(target) != Stream::none) {
      loggers.push_back(target);
      continue;
    }
    const bool has_errors = has_error_logger(target);
    if (has_logger(target) || !has_errors) loggers.push_back(logger_of(target));
    if (has_errors) loggers.push_back(error_logger_of(target));
  }
  list = std::move(loggers);
}

// `once -w`: the exit code of the run that was waited for, in the shell's way of telling signals.
int code_of_run(const Ending& ending) {
  if (ending.kind == Ending::Kind::signalled) return 128 + ending.value;
  return ending.kind == Ending::Kind::exited ? ending.value : 1;
}

}  // namespace

Action command_services(const Request& request) {
  auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  const Verb verb = request.verb->verb;
  Plan plan;
  if (const auto planned = make_plan(request, plan); !planned) return std::unexpected(planned.error());
  const bool all_that_are_there = verb == Verb::upgrade && request.names.empty();
  if (!all_that_are_there) plan.task.scan_directory = targets->scan_fd.get();
  std::size_t unprepared = 0;
  if (verb == Verb::enable || verb == Verb::disable) unprepared = prepare_files(verb, *targets);
  if (verb == Verb::rotate) turn_to_loggers(targets->list);
  Screen screen;
  Teller teller(screen, request.json, request.quiet);
  Client client(plan.task, teller);
  const std::vector<Job> jobs = client.run(targets->list);
  screen.progress("");
  screen.flush();
  for (const std::string& glob : targets->unmatched)
    warn({"no service matches `", glob, "` in ", targets->scan_directory});
  int code = exit_code_of(jobs);
  if (!targets->unmatched.empty()) code = jobs.empty() ? 3 : std::max(code, 1);
  if (unprepared > 0) code = std::max(code, 1);
  if (code == 0 && request.to_end)
    for (const Job& job : jobs) code = std::max(code, code_of_run(job.now.record.last));
  return code;
}

}  // namespace svdir::svctl
