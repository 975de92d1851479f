// Fifty services with loggers under svscan, while supervises, loggers, services and svscan itself are killed at random,
// upgraded and given orders. $CHAOS_SECONDS says how long (default 20), $CHAOS_SEED replays the order of events.
#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <sstream>

#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

constexpr int kServices = 50;
constexpr std::chrono::seconds kLongPatience{120};  // supervises that died again and again are started with a pause

// Writes "RUN 1", "RUN 2"… where RUN is its pid and the time of its start, and beside that, in the file counts/RUN, how
// many lines it has written. Says so when another one is running.
constexpr char kWriter[] = R"(#!/usr/bin/perl
use strict; use Fcntl qw(:flock); use Time::HiRes qw(time sleep);
open(my $lock, '>>', 'running') or die;
if (!flock($lock, LOCK_EX | LOCK_NB)) { open(my $two, '>>', 'double'); syswrite($two, "$$\n"); exit 0; }
my $run = sprintf('%d.%.6f', $$, time);
open(my $count, '>', "counts/$run") or die;
my $ending = 0;
$SIG{TERM} = sub { $ending = 1; };
for (my $n = 1; !$ending; $n++) {
  syswrite(STDOUT, "$run $n\n");
  sysseek($count, 0, 0); syswrite($count, "$n\n");
  sleep(0.05);
}
)";

struct Service {
  explicit Service(const ServiceDir& at) : dir(at), logger(at.path(), "log") {}
  ServiceDir dir;
  ServiceDir logger;
  unsigned allowed_starts = 1;
  // The order under way, said again when its supervise dies before it has acknowledged it.
  std::string letters;
  std::string token;
  ProcessId told;
  char wanted = 'u';
};

class Chaos {
 public:
  explicit Chaos(unsigned seed) : random_(seed) {
    for (int i = 0; i < kServices; ++i) {
      ServiceDir dir(services(), "s" + std::to_string(i));
      make_directories(dir / "counts");
      dir.script_at("run", kWriter);
      dir.conf("start-time = 0s\nrestart-delay = 10ms\n");
      dir.log_run("exec svlogd ./main");
      make_directories(dir / "log/main");
      dir.file("log/main/config", "s20000\nn0\n");
      all_.emplace_back(dir);
    }
  }

  void start() { svscan_ = std::make_unique<Scanning>(services()); }
  void rage(std::chrono::seconds length);
  void calm_down();
  void check_logs();
  void end() { CHECK(svscan_->end() == 0); }
  void print() const;

 private:
  std::string services() const { return temp_ / "services"; }
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  void something();
  void kill_one(pid_t pid, unsigned& count);
  void give(Service& service, const std::string& letters);
  void say(Service& service);
  void remind();
  bool acknowledged(const Service& service) const {
    return service.dir.state().ack.find(service.token) != std::string::npos;
  }
  // What svscan left to us when it died.
  void reap();

  TempDir temp_;
  std::mt19937 random_;
  std::vector<Service> all_;
  std::unique_ptr<Scanning> svscan_;
  unsigned tokens_ = 0;
  unsigned supervises_ = 0, loggers_ = 0, runs_ = 0, svscans_ = 0, upgrades_ = 0, orders_ = 0;
  unsigned long lines_ = 0, incarnations_ = 0;
};

void Chaos::reap() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    if (info.si_pid == svscan_->process().pid()) return;
    ::waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

void Chaos::kill_one(pid_t pid, unsigned& count) {
  if (pid <= 0 || ::kill(pid, SIGKILL) != 0) return;
  ++count;
}

void Chaos::give(Service& service, const std::string& letters) {
  if (!service.letters.empty()) return;
  ++orders_;
  service.letters = letters;
  service.token = "CHAOSAAA";
  for (unsigned rest = ++tokens_, at = 5; rest != 0 && at < 8; rest /= 26)
    service.token[at++] = static_cast<char>('A' + rest % 26);
  if (letters == "u" || letters == "d") service.wanted = letters[0];
  if (letters == "r") service.wanted = 'u';
  say(service);
}

void Chaos::say(Service& service) {
  service.told = service.dir.state().supervisor;
  service.allowed_starts += service.letters == "d" ? 0 : 1;
  service.dir.command(service.letters + "#" + service.token);
}

void Chaos::remind() {
  for (Service& service : all_) {
    if (service.letters.empty()) continue;
    if (acknowledged(service))
      service.letters.clear();
    else if (service.dir.state().supervisor != service.told && service.dir.is_supervised())
      say(service);
  }
}

void Chaos::something() {
  Service& service = all_[below(kServices)];
  switch (below(12)) {
    case 0:
    case 1:
    case 2: return kill_one(service.dir.state().supervisor.pid, supervises_);
    case 3:
    case 4: return kill_one(service.logger.state().main.pid, loggers_);
    case 5:
    case 6: ++service.allowed_starts; return kill_one(service.dir.state().main.pid, runs_);
    case 7: upgrades_ += service.dir.command("e") ? 1 : 0; return;
    case 8:
      if (below(2) == 0) return svscan_->process().signal(SIGUSR1);
      if (below(2) == 0) return;
      kill_one(svscan_->process().pid(), svscans_);
      svscan_->process().wait();
      return start();
    default: {
      const char* const orders[] = {"u", "d", "r", "u"};
      return give(service, orders[below(4)]);
    }
  }
}

void Chaos::rage(std::chrono::seconds length) {
  const auto until = std::chrono::steady_clock::now() + length;
  while (std::chrono::steady_clock::now() < until) {
    something();
    reap();
    remind();
    for (unsigned naps = below(30); naps > 0; --naps) nap();
  }
}

// Nothing is killed any more; every order is acknowledged, and what was wanted last is so.
void Chaos::calm_down() {
  wait_until(
      [&] {
        reap();
        remind();
        return std::all_of(all_.begin(), all_.end(), [](const Service& each) { return each.letters.empty(); });
      },
      "every order to be acknowledged", kLongPatience);
  wait_until(
      [&] {
        reap();
        return std::all_of(all_.begin(), all_.end(), [](const Service& each) {
          const StateRecord now = each.dir.state();
          const bool logged = is_alive(each.logger.state().main.pid);
          return logged &&
                 (each.wanted == 'd' ? now.state == State::down : now.state == State::up && is_alive(now.main.pid));
        });
      },
      "every service to be as wanted", kLongPatience);
}

// Each run's lines must be 1, 2, 3… in the log, as many as it has written; the one it was about to count when it was
// killed may be there too.
void Chaos::check_logs() {
  for (Service& service : all_) {
    INFO(service.dir.path());
    CHECK_FALSE(exists(service.dir / "double"));
    std::map<std::string, unsigned long> last;
    std::istringstream names(listing(service.logger / "main"));
    std::string text;
    for (std::string name; names >> name;)
      if (name[0] == '@') text += read_file(service.logger / ("main/" + name));
    text += read_file(service.logger / "main/current");
    std::istringstream in(text);
    std::string run;
    for (unsigned long number; in >> run >> number; ++lines_) {
      if (number != last[run] + 1) FAIL("after line " << last[run] << " of run " << run << " comes " << number);
      last[run] = number;
    }
    CHECK(in.eof());
    unsigned starts = 0;
    std::istringstream counts(listing(service.dir / "counts"));
    for (std::string name; counts >> name; ++starts) {
      const std::string counted_text = read_file(service.dir / ("counts/" + name));
      const unsigned long counted = std::strtoul(counted_text.c_str(), nullptr, 10);
      if (last[name] != counted && last[name] != counted + 1)
        FAIL("of " << counted << " lines of run " << name << " " << last[name] << " are in the log");
    }
    CHECK(starts <= service.allowed_starts);
    incarnations_ += starts;
  }
}

void Chaos::print() const {
  std::printf(
      "chaos: %d services with loggers; killed %u supervises, %u loggers, %u services, %u svscans; %u upgrades, %u "
      "orders; %lu runs wrote %lu lines, each in its log once and in order\n",
      kServices, supervises_, loggers_, runs_, svscans_, upgrades_, orders_, incarnations_, lines_);
}

}  // namespace

TEST_CASE("fifty services under chaos: no line lost or doubled, none runs twice, every order holds", "[chaos][alone]") {
  const char* seconds = std::getenv("CHAOS_SECONDS");
  const char* seed = std::getenv("CHAOS_SEED");
  const unsigned used = seed != nullptr ? static_cast<unsigned>(std::atoi(seed)) : std::random_device{}();
  INFO("CHAOS_SEED=" << used);
  Chaos chaos(used);
  chaos.start();
  chaos.rage(std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 20));
  chaos.calm_down();
  chaos.end();
  chaos.check_logs();
  chaos.print();
}
