// The verbs that send commands and wait for the effect.
#include <string.h>

#include "lib/commands.h"
#include "lib/say.h"
#include "svctl/actions.h"
#include "svctl/client.h"
#include "svctl/screen.h"
#include "svctl/targets.h"

namespace svdir {
namespace {

// "TERM", "SIGTERM", "15", "RTMIN+2".
int signal_number(std::string_view text) {
  if (text.starts_with("SIG") || text.starts_with("sig")) text.remove_prefix(3);
  std::string name(text);
  for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos && name.size() <= 2) {
    const int number = std::stoi(name);
    return number >= 1 && number <= 64 ? number : 0;
  }
  if (name.starts_with("RTMIN")) {
    const int above = name.size() == 5 ? 0 : name[5] == '+' ? std::atoi(name.c_str() + 6) : -1;
    return above >= 0 && above <= SIGRTMAX - SIGRTMIN ? SIGRTMIN + above : 0;
  }
  for (int number = 1; number < 32; ++number)
    if (const char* known = ::sigabbrev_np(number); known != nullptr && name == known) return number;
  return 0;
}

// The letter that a genuine runsv knows for a signal, or "".
std::string letter_for(int number) {
  constexpr std::string_view kRunitLetters = "pchaitkq12";
  for (const CommandRow& row : kCommands)
    if (row.signal == number && kRunitLetters.find(row.letter) != std::string_view::npos)
      return std::string(1, row.letter);
  return "";
}

Result<Task> task_from(const Request& request, VerbRow& row) {
  row = *request.verb;
  Task task;
  task.verb = &row;
  task.goal = request.to_end ? Goal::ended : row.goal;
  task.bytes = row.bytes;
  task.runit_bytes = row.runit_bytes;
  task.wait = request.wait;
  task.no_wait = request.no_wait;
  if (request.to_end && !request.wait) task.wait = std::chrono::hours(24 * 3650);
  if (row.verb == Verb::signal) {
    const int number = signal_number(request.argument);
    if (number == 0) return user_error("unknown signal `" + request.argument + "`");
    task.bytes.push_back(static_cast<char>(number));
    task.runit_bytes = letter_for(number);
    row.runit_bytes = task.runit_bytes.empty() ? std::string_view() : "?";
  }
  return task;
}

// `once -w`: the exit code of the run that was waited for, in the shell's way of telling signals.
int code_of_run(const Ending& ending) {
  if (ending.kind == Ending::Kind::signalled) return 128 + ending.value;
  return ending.kind == Ending::Kind::exited ? ending.value : 1;
}

}  // namespace

Action command_services(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  VerbRow row;
  const auto task = task_from(request, row);
  if (!task) return std::unexpected(task.error());
  Screen screen;
  Teller teller(screen, request.json, request.quiet);
  Client client(*task, teller);
  const std::vector<Job> jobs = client.run(targets->list);
  screen.progress("");
  screen.flush();
  for (const std::string& glob : targets->unmatched)
    warn({"no service matches `", glob, "` in ", targets->scan_directory});
  int code = exit_code_of(jobs);
  if (!targets->unmatched.empty()) code = jobs.empty() ? 3 : std::max(code, 1);
  if (code == 0 && request.to_end)
    for (const Job& job : jobs) code = std::max(code, code_of_run(job.now.record.last));
  return code;
}

}  // namespace svdir
