// The lives of supervise, one after the other, and what must hold at the end.
#include <algorithm>
#include <cstdlib>

#include "tests/simulation/world.h"

namespace svdir::sim {

void World::furnish() {
  for (const auto path : {"/svc", "/svc/supervise.old", "/usr/bin"})
    kernel_.files[path] = std::make_shared<Inode>(Inode{Inode::Kind::directory, "", 0755, 0});
  kernel_.put("/dev/null", "");
  kernel_.put("/proc/sys/kernel/random/boot_id", "01234567-89ab-cdef-0123-456789abcdef\n");
  kernel_.put("/usr/bin/supervise", "", 0755);
  kernel_.put("/svc/run", "#!/bin/sh\n", 0755);
  if (chance(500)) kernel_.put("/svc/finish", "#!/bin/sh\n", 0755);
  if (chance(200)) kernel_.put("/svc/down", "");
  for (const char letter : std::string_view("udtx"))
    if (chance(100)) kernel_.put(std::string("/svc/control/") + letter, "#!/bin/sh\n", 0755);
  draw_settings();
  if (has_logger_) {
    kernel_.files["/svc/log"] = std::make_shared<Inode>(Inode{Inode::Kind::directory, "", 0755, 0});
    kernel_.put("/svc/log/run", "#!/bin/sh\n", 0755);
  }
  Process init;
  init.pid = 1;
  init.role = Role::parent;
  kernel_.processes[1] = init;
  svscan_ = kernel_.create(Role::parent, 1, 0).pid;
  a_new_beginning();
}

void World::draw_settings() {
  std::string conf;
  const auto one_of = [&](std::string_view key, std::initializer_list<std::string_view> values) {
    if (chance(700)) return;
    const std::string_view value = values.begin()[below(values.size())];
    conf.append(key).append(" = ").append(value).append("\n");
  };
  one_of("restart", {"always", "on-failure", "on-crash", "never"});
  one_of("restart-delay", {"10ms", "100ms", "10s"});
  one_of("start-limit", {"2", "5"});
  one_of("stop", {"INT 3s TERM 10s KILL", "HUP 1s KILL", "KILL"});
  one_of("stop-group", {"yes"});
  one_of("leftovers", {"leave"});
  one_of("finish-timeout", {"1s"});
  one_of("ready", {"fd:3", "check"});
  one_of("ready-timeout", {"5s"});
  one_of("check-interval", {"2s"});
  if (chance(300) || conf.find("ready = check") != std::string::npos) kernel_.put("/svc/check", "#!/bin/sh\n", 0755);
  kernel_.put("/svc/conf", conf);
  if (const auto good = parse_settings(conf, "conf", SettingsSource::conf, settings_); !good)
    breach("settings: " + good.error().message());
}

// Everything ends, and the clock that decides begins anew. Only the disk remains.
void World::reboot() {
  note("--- reboot");
  for (auto& [pid, process] : kernel_.processes)
    if (pid != svscan_ && pid != 1) kernel_.end(process, SIGKILL);
  while (svscan_duties()) {
  }
  kernel_.put("/proc/sys/kernel/random/boot_id", "01234567-89ab-cdef-0123-" + std::to_string(below(1000)) + "\n");
  kernel_.now = Instant{1'000'000'000};
  a_new_beginning();
}

void World::a_new_beginning() {
  person_.waits = told_to_exit_ = end_asked_ = false;
  forbidden_ = kernel_.file("/svc/down") != nullptr;
  wanted_up_ = !forbidden_;
}

std::string World::live() {
  furnish();
  After after = After::restarted;
  do {
    if (after != After::upgraded) {
      while_it_is_gone();
      image_ = Image{};
      image_.pid = kernel_.create(Role::supervise, svscan_, 0).pid;
    }
    kernel_.starts(image_, after == After::upgraded);
    if (act_ == Act::storm && chance(roughness_)) fail_from_now_on();
    note("supervise starts as " + std::to_string(image_.pid));
    if (std::getenv("SEED") != nullptr) note(pack(record()) + pack(record("/svc/log/supervise/state")));
    ++figures_.incarnations;
    after = incarnation();
  } while (after != After::left && breach_.empty());
  if (breach_.empty()) check_nothing_left();
  if (breach_.empty()) return "";
  std::string story = breach_ + "\n";
  for (const std::string& line : trail_) story += line + "\n";
  return story;
}

World::After World::incarnation() {
  int code = 111;
  quits_ = false;
  enum { exited, killed, executed } how = exited;
  try {
    code = supervise_once();
  } catch (const Killed&) {
    how = killed;
    ++figures_.kills;
  } catch (const Executed&) {
    how = executed;
    ++figures_.upgrades;
    note("supervise executes itself anew");
  }
  kernel_.dead = how != exited;
  alive_ = nullptr;
  if (how == executed) {
    // Its memory goes, its descriptors stay.
    const Image kept = image_;
    kernel_.image = nullptr;
    supervisor_.reset();
    image_.descriptors = kept.descriptors;
    return After::upgraded;
  }
  if (how == killed) kernel_.image = nullptr;
  supervisor_.reset();
  kernel_.is_killed(image_);
  if (how == killed || quits_)
    for (auto& [pid, process] : kernel_.processes)
      if (process.zombie) cannot_be_cleared(process);
  if (how == killed) return After::restarted;
  note("supervise exits " + std::to_string(code));
  if (std::getenv("SEED") != nullptr) note(pack(record()) + pack(record("/svc/log/supervise/state")));
  if (code != 0 || quits_) return After::restarted;
  if (!told_to_exit_) breach("it left although nobody told it to");
  if (count(Role::run) + count(Role::finish) + count(Role::logger) > 0) breach("it left and something still runs");
  if (act_ != Act::storm) return After::left;
  person_.waits = false;  // gone is what he waited for
  // Somebody starts it again on purpose: a new beginning, if the disk has taken it that the old one was over.
  if (record().supervisor.pid != 0) return After::restarted;
  a_new_beginning();
  return After::restarted;
}

int World::supervise_once() {
  supervisor_ = std::make_unique<Supervisor>();
  alive_ = supervisor_.get();
  const auto opened = supervisor_->open("/svc", "supervise");
  if (!opened) {
    note("  cannot open: " + opened.error().text());
    return 111;
  }
  supervisor_->run();
  return 0;
}

// svscan needs a while, and the world goes on.
void World::while_it_is_gone() {
  killed_in_ = 0;
  kernel_.dead = false;
  for (auto events = act_ == Act::storm ? below(12) : 0; events > 0; --events) {
    switch (below(6)) {
      case 0: somebody_ends(true); break;
      case 1: somebody_ends(false); break;
      case 2:
      case 3: svscan_duties(); break;
      case 4: strangers(); break;
      default: kernel_.pass(std::chrono::milliseconds(1 + below(chance(200) ? 60'000 : 50))); break;
    }
  }
  if (act_ == Act::storm && chance(20)) reboot();
  // A process that could not be recorded when it was started, because the disk did not take it, cannot be found by a
  // successor. Nothing can be done about that but to warn; here somebody sees it and ends it.
  for (auto& [pid, process] : kernel_.processes)
    if (process.unrecorded && !process.zombie) kernel_.end(process, SIGKILL);
  kernel_.pass(std::chrono::milliseconds(1));
}

void World::try_a_second_supervise() {
  note("a second supervise tries");
  const unsigned killed_in = std::exchange(killed_in_, 0);
  const unsigned fails_for = std::exchange(fails_for_, 0);
  Image second;
  second.pid = kernel_.create(Role::supervise, svscan_, 0).pid;
  kernel_.starts(second, false);
  {
    Supervisor other;
    if (other.open("/svc", "supervise")) breach("two supervises have the lock");
  }
  kernel_.is_killed(second);
  kernel_.reap(second.pid);
  kernel_.image = &image_;
  killed_in_ = killed_in;
  fails_for_ = fails_for;
}

// All is calm. The first time: look, then give a last order; the second time: it must have been obeyed; then exit.
void World::curtain() {
  switch (act_) {
    case Act::calm:
      check_calm();
      if (chance(600) || !breach_.empty()) {
        act_ = Act::leaving;
        return person_orders("x");
      }
      return person_orders(std::string_view("udr").substr(below(3), 1));
    case Act::leaving: return breach("told to exit, it stays");
    case Act::storm:
    case Act::over: return;
  }
}

void World::check_calm() {
  const StateRecord now = record();
  if (std::getenv("SEED") != nullptr) note(pack(now) + pack(record("/svc/log/supervise/state")));
  note("calm: " + std::string(name_of(now.state)) + ", wanted " + std::string(name_of(now.want)));
  const int runs = count(Role::run);
  if (person_.waits) return breach("an order is never acknowledged");
  if (runs > 1) return breach("two copies of run at the end");
  for (const auto& [pid, process] : kernel_.processes) {
    const bool lasting = process.role != Role::finish && process.role != Role::script && process.role != Role::trial;
    if (process.parent == image_.pid && !process.zombie && !lasting) return breach("something goes on for ever");
  }
  if (forbidden_ && (runs != 0 || now.state != State::down)) return breach("down is not down");
  // It may have given up, or its restart setting may say to leave it; a moment's want of something is no reason.
  const bool may_rest = settings_.restart != Restart::always && now.want == Want::down;
  const bool may_fail = now.state == State::failed && now.reason.find("unable") == std::string::npos &&
                        now.reason.find("misconfigured") == std::string::npos;
  if (wanted_up_ && runs != 1 && !may_rest && !may_fail) return breach("up is not up");
  if ((now.main.pid != 0) != (runs == 1)) return breach("the record knows of another run than there is");
  if (const Process* main = kernel_.find(now.main.pid); runs == 1 && (main == nullptr || main->role != Role::run))
    return breach("the record names another process than run");
  if (now.supervisor.pid != image_.pid) return breach("the record names another supervise");
  if (!now.pending.empty()) return breach("the record still has pending orders");
  if (has_logger_ && count(Role::logger) != 1) return breach("there is not exactly one logger");
  for (const auto& [pid, process] : kernel_.processes)
    if (process.zombie && process.parent == image_.pid) return breach("a child is not reaped");
}

void World::check_nothing_left() {
  for (const auto& [pid, process] : kernel_.processes) {
    const bool ours = process.role == Role::run || process.role == Role::finish || process.role == Role::logger;
    if (ours && !process.zombie) breach("something is left behind: " + std::to_string(pid));
  }
}

}  // namespace svdir::sim
