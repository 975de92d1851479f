// The world around one service directory, drawn from a seed: the service and its processes, the person who gives
// orders, svscan, strangers, and all that can go wrong. It lives the service through many incarnations of supervise
// and notes the first breach of what must always hold:
//
//   - never two copies of run (or of finish, or of the logger), nor run beside finish;
//   - no signal to a stranger, none to kill run that nobody asked for;
//   - once `down` or `exit` is acknowledged, nothing starts until another order;
//   - no order is lost whose token was awaited; what was wanted last holds when the storm is over;
//   - an order to exit reaches the end and leaves nothing behind;
//   - supervise waits for nothing, and polls nothing that is closed.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "lib/status.h"
#include "supervise/supervisor.h"
#include "tests/simulation/kernel.h"

namespace svdir::sim {

class World final : public Fate {
 public:
  explicit World(std::uint64_t seed);
  ~World();

  // From the first start to the last exit. "" or what was breached, with what led to it.
  std::string live();

  struct Figures {
    unsigned long long calls = 0;
    unsigned long long events = 0;
    unsigned long long incarnations = 0;
    unsigned long long kills = 0;
    unsigned long long failed_calls = 0;
    unsigned long long runs = 0;
    unsigned long long orders = 0;
    unsigned long long upgrades = 0;
  };
  const Figures& figures() const { return figures_; }

  // As Fate.
  void at_call(std::string_view name) override;
  int failure_of(std::string_view name, std::string_view path) override;
  void executed(Process& process, std::string_view program) override;
  void signalled(Process& process, int signal, bool by_supervise) override;
  void breach(std::string_view what) override;
  void said(std::string_view line) override;
  void idle(Instant next_deadline) override;

 private:
  enum class After { restarted, upgraded, left };
  enum class Act { storm, calm, leaving, over };

  bool chance(unsigned of_thousand) { return random_() % 1000 < of_thousand; }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  void note(std::string line);

  // live.cpp: supervise through its incarnations
  void furnish();
  void draw_settings();
  void reboot();
  void a_new_beginning();
  After incarnation();
  int supervise_once();
  void while_it_is_gone();
  void try_a_second_supervise();
  void curtain();  // what happens when all is calm
  void check_calm();
  void check_nothing_left();

  // society.cpp: the processes, svscan, the person
  bool somebody_ends(bool only_dying);
  bool run_gets_ready();
  void ends(Process& process, int wait_status);
  void cannot_be_cleared(const Process& orphan);
  bool logger_sees_end_of_input();
  bool svscan_duties();
  void tell_ending(std::string_view directory, pid_t pid, int status);
  void strangers();
  bool person_looks(bool supervise_is_idle);
  void person_orders(std::string_view letters);
  void person_writes();
  void order_taken();
  bool person_has_given_up() const { return !person_.waits; }
  StateRecord record(std::string_view path = "/svc/supervise/state") const;
  int count(Role role) const;

  // world.cpp: what happens next
  void storm(Instant next_deadline);
  void calm(Instant next_deadline);
  void mishap();
  void fail_from_now_on();

  struct Person {
    std::string letters;
    std::string token;
    ProcessId told;  // the supervise that was told
    bool waits = false;
    unsigned told_times = 0;
  };

  std::mt19937_64 random_;
  Kernel kernel_;
  Figures figures_;
  Image image_;
  std::unique_ptr<Supervisor> supervisor_;
  Supervisor* alive_ = nullptr;
  std::string breach_;
  std::vector<std::string> trail_;
  Act act_ = Act::storm;
  unsigned events_left_ = 0;
  unsigned calm_events_ = 0;
  unsigned checks_ = 0;
  pid_t svscan_ = 0;

  // The draw: what kind of service this is, and how rough the times are.
  Settings settings_;
  bool has_logger_ = false;
  bool svscan_reports_ = true;
  bool is_patient_ = false;  // the person never orders `kill`
  unsigned roughness_ = 0;   // of thousand events, how many are mishaps

  // What goes wrong.
  unsigned killed_in_ = 0;  // calls until supervise is killed; 0: not planned
  std::string failing_;     // this kind of call fails for a while
  unsigned fails_for_ = 0;  // calls
  unsigned fails_of_thousand_ = 0;
  bool child_unrecorded_ = false;

  // What is wanted, as the person knows it.
  Person person_;
  bool forbidden_ = false;  // to be down, acknowledged
  bool wanted_up_ = false;  // to be up, acknowledged, and nothing else ordered since
  bool told_to_exit_ = false;
  bool quits_ = false;         // QUIT was sent
  bool kill_ordered_ = false;  // at any time
  bool end_asked_ = false;     // an order that ends run may still be under way
};

}  // namespace svdir::sim
