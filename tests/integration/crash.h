// A service and its supervises that are killed, starved and replaced; the test stands in for svscan.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/service.h"

namespace svdir::test {

// A service that writes down each start, so that a second copy cannot hide.
class Victim {
 public:
  Victim();

  const ServiceDir& dir() const { return dir_; }
  ServiceDir& dir() { return dir_; }

  // Starts a supervise; from the `faults` flavour when `faults` (environment variables of lib/system.cpp) are given.
  Process& supervise(std::map<std::string, std::string> faults = {});
  // KILL, if it has not ended, and waits for that.
  void kill_supervise();
  Process& current() { return *supervise_; }
  // The last one started is dead or has written itself into the record and is idle enough to take orders.
  void wait_until_it_supervises();

  std::vector<pid_t> starts() const;  // every process that has ever executed run
  int copies() const;                 // how many of them are alive
  pid_t pid() const { return dir_.state().main.pid; }

  // Gives an order as svctl does, with a token; false when nobody takes it.
  bool order(const std::string& letters);
  bool is_acknowledged() const;

  // Reaps orphans as svscan would, and tells supervise how they ended. To be called while waiting.
  void be_svscan();
  bool is_up() const;  // recorded as up, and exactly one copy is alive
  bool is_down() const;

  // Waits, being svscan meanwhile.
  template <class Condition>
  void wait(Condition condition, std::string_view what) {
    wait_until([&] { return be_svscan(), static_cast<bool>(condition()); }, what);
  }
  // Tells it to exit and waits for that; nothing may be left.
  void end();

 private:
  TempDir temp_;
  ServiceDir dir_;
  std::string mark_;
  std::string token_;
  std::unique_ptr<Process> supervise_;
};

}  // namespace svdir::test
