// Who lives around the service: its own processes, svscan, the person, strangers.
#include <algorithm>
#include <charconv>

#include "tests/simulation/world.h"

namespace svdir::sim {
namespace {

constexpr std::string_view kControl = "/svc/supervise/control";

bool ends_run(char letter) {
  return std::string_view("dxrtkiqb").find(letter) != std::string_view::npos;
}
bool starts_run(char letter) {
  return std::string_view("uor").find(letter) != std::string_view::npos;
}

}  // namespace

int World::count(Role role) const {
  return static_cast<int>(std::count_if(kernel_.processes.begin(), kernel_.processes.end(), [&](const auto& each) {
    return each.second.role == role && !each.second.zombie;
  }));
}

StateRecord World::record(std::string_view path) const {
  StateRecord record;
  if (const auto file = kernel_.file(path)) unpack(file->bytes, record);
  return record;
}

void World::ends(Process& process, int wait_status) {
  note(std::to_string(process.pid) + " ends, status " + std::to_string(wait_status));
  kernel_.end(process, wait_status);
  if (process.parent != image_.pid) cannot_be_cleared(process);
}

// As long as nobody has reaped an orphan its number is taken, and supervise cannot tell it from a stranger's: what it
// leaves behind may stay.
void World::cannot_be_cleared(const Process& orphan) {
  if (orphan.role != Role::run) return;
  for (auto& [pid, other] : kernel_.processes)
    if (other.role == Role::left_over && other.group == orphan.pid) other.unrecorded = true;
}

// One who has to end, or (in the storm) one who ends by himself. Programs that end by themselves always are in the
// first group.
bool World::somebody_ends(bool only_dying) {
  std::vector<Process*> able;
  for (auto& [pid, process] : kernel_.processes) {
    if (process.zombie || process.stopped) continue;
    const bool short_lived = !process.hangs && (process.role == Role::finish || process.role == Role::script ||
                                                process.role == Role::trial || process.role == Role::check);
    const bool may = process.role == Role::run || process.role == Role::logger || process.role == Role::left_over;
    if (process.dying_of != 0 || short_lived || (!only_dying && may)) able.push_back(&process);
  }
  if (able.empty()) return false;
  Process& chosen = *able[below(able.size())];
  if (act_ == Act::storm && chosen.dying_of == 0 && chosen.role != Role::run && chance(200)) return false;
  ends(chosen, chosen.dying_of != 0 ? chosen.dying_of : act_ == Act::storm ? chosen.exit_code << 8 : 0);
  return true;
}

// It writes its newline; what it has written before, too, is news for nobody.
bool World::run_gets_ready() {
  const auto pipe = kernel_.file("/svc/supervise/ready.pipe");
  if (!pipe || count(Role::run) == 0 || record().ready || !kernel_.fifo_has_reader("/svc/supervise/ready.pipe"))
    return false;
  pipe->bytes += "\n";
  return true;
}

bool World::logger_sees_end_of_input() {
  if (kernel_.log_pipe_has_writer()) return false;
  for (auto& [pid, process] : kernel_.processes) {
    if (process.role != Role::logger || process.zombie) continue;
    note("the logger sees the end of its input");
    ends(process, 0);
    return true;
  }
  return false;
}

// --- svscan --------------------------------------------------------------------------------------------------------

bool World::svscan_duties() {
  for (auto& [pid, process] : kernel_.processes) {
    if (!process.zombie || (process.parent != svscan_ && process.parent != 1)) continue;
    const int status = process.status;
    const pid_t ended = pid;
    const bool ours = process.parent == svscan_;
    if (ours && svscan_reports_) {
      tell_ending("/svc", ended, status);
      tell_ending("/svc/log", ended, status);
    }
    kernel_.reap(ended);
    return true;
  }
  return false;
}

void World::tell_ending(std::string_view directory, pid_t pid, int status) {
  const std::string base = std::string(directory) + "/supervise/";
  const StateRecord known = record(base + "state");
  if (known.main.pid != pid && known.finish.pid != pid) return;
  note("svscan tells how " + std::to_string(pid) + " ended");
  kernel_.put(base + "exit", std::to_string(pid) + " " + std::to_string(status) + "\n");
  if (kernel_.fifo_has_reader(base + "control")) kernel_.file(base + "control")->bytes += "!";
}

// --- strangers -----------------------------------------------------------------------------------------------------

void World::strangers() {
  std::vector<pid_t> all;
  for (const auto& [pid, process] : kernel_.processes)
    if (process.role == Role::stranger) all.push_back(pid);
  if (all.size() > 12 || (!all.empty() && chance(400))) {
    const pid_t gone = all[below(all.size())];
    kernel_.end(*kernel_.find(gone), 0);
    kernel_.reap(gone);
    return;
  }
  for (auto many = below(5); many > 0; --many) {
    kernel_.create(Role::stranger, 1, 0);
    kernel_.pass(std::chrono::milliseconds(20));
  }
}

// --- the person ----------------------------------------------------------------------------------------------------

// Writes letters and a token in one go, and waits until the token is acknowledged; when another supervise has taken
// over meanwhile, says it all again. That is what svctl does.
void World::person_orders(std::string_view letters) {
  if (alive_ == nullptr) return;
  ++figures_.orders;
  person_.letters = letters;
  person_.token.clear();
  while (person_.token.size() < kTokenLength) person_.token += static_cast<char>('A' + below(26));
  person_.waits = true;
  person_.told_times = 0;
  note("the person orders " + person_.letters + "#" + person_.token);
  person_writes();
}

void World::person_writes() {
  for (const char letter : person_.letters) {
    if (letter == 'k') kill_ordered_ = true;
    if (starts_run(letter)) forbidden_ = false;
    if (letter != 'p' && letter != 'c' && letter != 'h' && letter != 'z') wanted_up_ = false;
    if (ends_run(letter)) {
      end_asked_ = true;
      for (auto& [pid, process] : kernel_.processes) process.may_be_ended = true;
    }
  }
  if (person_.letters.find('x') != std::string::npos) told_to_exit_ = true;
  person_.told = record().supervisor;
  if (kernel_.fifo_has_reader(kControl)) kernel_.file(kControl)->bytes += person_.letters + "#" + person_.token;
  ++person_.told_times;
}

bool World::person_looks(bool supervise_is_idle) {
  if (!person_.waits) return false;
  const StateRecord now = record();
  if (now.ack.find(person_.token) != std::string::npos) {
    // Said twice it may be heard twice; the second time must be over before anything can be said about the effect.
    const bool echoes = !supervise_is_idle || !now.pending.empty() || !kernel_.file(kControl)->bytes.empty();
    if (person_.told_times > 1 && echoes) return false;
    order_taken();
    return true;
  }
  if (now.supervisor == person_.told || alive_ == nullptr) return false;
  note("the person says it again: " + person_.letters);
  person_writes();
  return true;
}

void World::order_taken() {
  note("acknowledged: " + person_.letters);
  person_.waits = false;
  end_asked_ = false;
  for (const char letter : person_.letters) {
    if (letter == 'd' || (letter == 'x' && person_.letters != "ox")) forbidden_ = true;
    if (starts_run(letter)) forbidden_ = false;
    wanted_up_ = letter == 'u' || letter == 'r' || (wanted_up_ && letter != 'd' && letter != 'x' && letter != 'o');
  }
  if (forbidden_) wanted_up_ = false;
}

}  // namespace svdir::sim
