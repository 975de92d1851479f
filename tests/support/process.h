// Programs that a test runs: started, watched, signalled, and surely ended.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/wait.h"

namespace svdir::test {

struct Launch {
  std::vector<std::string> argv;
  std::string directory = {};                           // "": ours
  std::map<std::string, std::string> environment = {};  // added to ours
  bool clean_environment = false;                       // `environment` is all there is
  std::string path = {};                                // what is executed; "": argv[0], looked up in $PATH
  std::string input = {};                               // what it reads on 0; "": nothing, /dev/null
  int input_fd = -1;                                    // or this descriptor
  int output_fd = -1;                                   // instead of capturing 1
  int error_fd = -1;                                    // instead of capturing 2
  uid_t uid = static_cast<uid_t>(-1);                   // with the same gid and no groups; needs root
};

class Process {
 public:
  // Throws when it cannot be executed.
  explicit Process(Launch launch);
  // Ends it, and all its descendants, with KILL if it still runs.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  bool has_ended();
  // Waits for the end; the exit code, or 128 + signal. Fails the test when it takes too long.
  int wait(std::chrono::seconds patience = kPatience);
  void kill_tree();  // the process and its descendants

  // What it has written so far.
  std::string output() const;
  std::string errors() const;

 private:
  pid_t pid_ = -1;
  int code_ = -1;
  int output_ = -1;
  int error_ = -1;
};

struct Ran {
  int code = 0;  // exit code, or 128 + signal
  std::string output;
  std::string errors;
};

// Runs a program to its end.
Ran run(Launch launch, std::chrono::seconds patience = kPatience);
inline Ran run(std::vector<std::string> argv) {
  return run(Launch{.argv = std::move(argv)});
}

// True while the process is there and no zombie.
bool is_alive(pid_t pid);
pid_t parent_of(pid_t pid);
std::vector<pid_t> children_of(pid_t pid);
std::vector<pid_t> descendants_of(pid_t pid);  // zombies left out
// Kills everything below this test program; says what there was ("12 sleep 1000; 13 cat"), or "".
std::string end_all_descendants();

}  // namespace svdir::test
