// Services that say how often they ran and wait to be told, and a supervise that is killed under them.
#pragma once

#include <signal.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/support/process.h"
#include "tests/support/programs.h"
#include "tests/support/service.h"

namespace svdir::test {

inline std::size_t lines(const std::string& path) {
  const std::string text = read_file(path);
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

// Waits for the file `go`, then runs `then`, then stays.
inline std::string when_told(std::string_view then) {
  return "echo $$ >> starts\nwhile ! test -e go; do sleep 0.01; done\n" + std::string(then) +
         "\ntouch told; exec sleep 1000";
}

// Like Supervised, but killed; what it supervised goes on.
class Killable {
 public:
  explicit Killable(const ServiceDir& service) : process_(Launch{.argv = {program("supervise"), service.path()}}) {}
  Process& process() { return process_; }
  void kill() {
    process_.signal(SIGKILL);
    process_.wait();
  }

 private:
  Process process_;
};

}  // namespace svdir::test
