#include "tests/simulation/world.h"

#include <algorithm>
#include <cerrno>

namespace svdir::sim {
namespace {

constexpr std::size_t kTrail = 150;
constexpr unsigned kMostCalmEvents = 20'000;

struct Failure {
  std::string_view call;
  int number;
};
// What can fail from outside in a sane system.
constexpr Failure kFailures[] = {{"fork", EAGAIN},  {"fork", ENOMEM},       {"open", EMFILE}, {"write", ENOSPC},
                                 {"rename", EROFS}, {"pidfd_open", EMFILE}, {"unlink", EROFS}};

}  // namespace

World::World(std::uint64_t seed) : random_(seed), kernel_(*this) {
  kernel = &kernel_;
  events_left_ = 100 + static_cast<unsigned>(below(300));
  roughness_ = static_cast<unsigned>(below(200));
  has_logger_ = chance(400);
  svscan_reports_ = chance(700);
  is_patient_ = chance(500);
}

World::~World() {
  kernel = nullptr;
}

void World::note(std::string line) {
  if (trail_.size() == kTrail) trail_.erase(trail_.begin());
  char stamp[32];
  std::snprintf(stamp, sizeof stamp, "%10.3f  ", static_cast<double>(kernel_.now.nanoseconds) / 1e9);
  trail_.push_back(stamp + std::move(line));
}

void World::breach(std::string_view what) {
  note("BREACH: " + std::string(what));
  if (breach_.empty()) breach_ = what;
}

void World::said(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  note("  says: " + std::string(line));
}

void World::at_call(std::string_view name) {
  ++figures_.calls;
  if (killed_in_ != 0 && --killed_in_ == 0) {
    note("KILLED before " + std::string(name) + (kernel_.in_child ? ", its child goes on" : ""));
    if (!kernel_.in_child) throw Killed();
    kernel_.killed_in_child = true;
  }
  if (act_ != Act::storm || !chance(8)) return;
  switch (below(3)) {
    case 0: somebody_ends(true); break;
    case 1: svscan_duties(); break;
    default: person_looks(false); break;
  }
}

int World::failure_of(std::string_view name, std::string_view path) {
  if (fails_for_ == 0 || act_ != Act::storm) return 0;
  --fails_for_;
  for (const Failure& failure : kFailures) {
    if (failure.call != name || failing_ != name || !chance(fails_of_thousand_)) continue;
    if (name == "write" && !path.starts_with("/svc")) continue;
    ++figures_.failed_calls;
    note("fails: " + std::string(name) + " " + std::string(path));
    if (kernel_.in_child) child_unrecorded_ = true;
    return failure.number;
  }
  return 0;
}

void World::executed(Process& process, std::string_view program) {
  note("executes " + std::string(program) + " as " + std::to_string(process.pid));
  process.unrecorded = std::exchange(child_unrecorded_, false);
  process.hangs = chance(50);
  process.obeys = act_ != Act::storm || chance(800);
  process.exit_code = chance(700) ? 0 : chance(100) ? 100 : 1;
  process.may_be_ended = end_asked_ || settings_.ready_timeout.count() > 0 || settings_.check_interval.count() > 0;
  if (process.role == Role::logger) process.exit_code = 1;
  if (process.role == Role::check) process.exit_code = act_ != Act::storm || chance(600) ? 0 : 1;
  if (process.role == Role::trial) process.exit_code = chance(700) ? 0 : 1;
  const auto others = [&](Role role) {
    return std::count_if(kernel_.processes.begin(), kernel_.processes.end(), [&](const auto& each) {
      const Process& other = each.second;
      return other.role == role && !other.zombie && !other.unrecorded && other.pid != process.pid;
    });
  };
  if (process.role == Role::run) {
    ++figures_.runs;
    if (others(Role::run) > 0) breach("a second copy of run");
    if (others(Role::finish) > 0) breach("run beside finish");
    if (forbidden_) breach("run is started although it was to be down");
    if (settings_.leftovers == Leftovers::kill && others(Role::left_over) > 0)
      breach("run beside leftovers of the last");
    if (chance(200)) {
      Process& child = kernel_.create(Role::left_over, process.pid, process.pid);
      child.obeys = chance(500);
      child.unrecorded = process.unrecorded;
    }
  }
  if (process.role == Role::finish && others(Role::finish) + others(Role::run) > 0)
    breach("finish beside run or another finish");
  if (process.role == Role::logger && others(Role::logger) > 0) breach("a second copy of the logger");
}

void World::signalled(Process& process, int signal, bool by_supervise) {
  if (!by_supervise) return;
  note("signal " + std::to_string(signal) + " to " + std::to_string(process.pid) + (process.zombie ? " (dead)" : ""));
  if (process.role == Role::stranger || process.role == Role::parent || process.role == Role::supervise)
    breach("a signal to a stranger");
  const bool deadly = signal == SIGTERM || signal == SIGKILL || signal == SIGINT || signal == SIGQUIT;
  if (process.role != Role::run || process.zombie) return;
  if (deadly && !process.may_be_ended) breach("a signal that ends run, which nobody asked for");
  const bool may_be_rude = kill_ordered_ || settings_.ladder()[0].signal == SIGKILL || kernel_.file("/svc/control/t");
  if (signal == SIGKILL && process.obeys && !process.was_asked && !may_be_rude)
    breach("run is killed without having been asked to end");
  process.was_asked = process.was_asked || signal == settings_.ladder()[0].signal;
}

void World::idle(Instant next_deadline) {
  ++figures_.events;
  if (!breach_.empty()) throw Killed();
  if (act_ == Act::storm && --events_left_ == 0) {
    note("--- the storm is over");
    act_ = Act::calm;
    killed_in_ = fails_for_ = 0;
    if (kernel_.file("/svc/run.away")) kernel_.files["/svc/run"] = kernel_.file("/svc/run.away");
  }
  if (act_ == Act::storm)
    storm(next_deadline);
  else
    calm(next_deadline);
}

void World::storm(Instant next_deadline) {
  if (chance(roughness_)) return mishap();
  const auto what = below(100);
  if (what < 25 && somebody_ends(true)) return;
  if (what < 35 && somebody_ends(false)) return;
  if (what < 50 && svscan_duties()) return;
  if (what < 70 && person_looks(true)) return;
  if (what < 80 && person_has_given_up()) {
    constexpr std::string_view kOrders[] = {"u", "d", "o", "r",  "t",  "k",  "p",  "c", "h",
                                            "x", "i", "q", "du", "ud", "tu", "ox", "z", "dd"};
    const std::string_view order = kOrders[below(std::size(kOrders))];
    return person_orders(order == "k" && is_patient_ ? "h" : order);
  }
  if (what < 82) return strangers();
  if (what < 83 && run_gets_ready()) return;
  if (what < 84) {
    kernel_.wall_offset += static_cast<std::int64_t>(below(200'000'000)) - 100'000'000;
    return note("the wall clock jumps");
  }
  if (what < 92 && next_deadline.is_set() && next_deadline > kernel_.now) {
    kernel_.now = next_deadline;
    return;
  }
  kernel_.pass(std::chrono::milliseconds(1 + below(chance(100) ? 20'000 : 300)));
}

void World::mishap() {
  switch (below(12)) {
    case 0:
    case 1: note("KILLED while idle"); throw Killed();
    case 2:
    case 3:
    case 4:
    case 5: killed_in_ = 1 + static_cast<unsigned>(below(chance(500) ? 12 : 80)); return;
    case 6:
    case 7: return fail_from_now_on();
    case 8:
      note("USR1 to supervise");
      image_.pending_signals.insert(SIGUSR1);
      return;
    case 9:
      if (alive_ == nullptr) return;
      note("QUIT to supervise");
      quits_ = true;
      image_.pending_signals.insert(SIGQUIT);
      return;
    case 10:
      if (alive_ != nullptr) try_a_second_supervise();
      return;
    default:
      if (kernel_.file("/svc/run")) {
        note("run goes away");
        kernel_.files["/svc/run.away"] = kernel_.file("/svc/run");
        kernel_.files.erase("/svc/run");
      } else {
        note("run is back");
        kernel_.files["/svc/run"] = kernel_.file("/svc/run.away");
      }
      return;
  }
}

void World::fail_from_now_on() {
  failing_ = kFailures[below(std::size(kFailures))].call;
  fails_for_ = 1 + static_cast<unsigned>(below(100));
  fails_of_thousand_ = chance(500) ? 50 : 700;
  note("from now on " + failing_ + " may fail");
}

// Everybody does what he is expected to do, as soon as he can.
void World::calm(Instant next_deadline) {
  if (++calm_events_ == kMostCalmEvents) return breach("it never comes to rest");
  if (somebody_ends(true) || run_gets_ready() || svscan_duties() || person_looks(true) || logger_sees_end_of_input())
    return;
  // A service that is checked for ever is as calm as it gets.
  const bool only_checks = settings_.check_interval.count() > 0 && record().state == State::up && ++checks_ % 80 == 0;
  if (next_deadline.is_set() && !only_checks) {
    kernel_.now = std::max(next_deadline, kernel_.now + Duration(1));
    return;
  }
  curtain();
}

}  // namespace svdir::sim
