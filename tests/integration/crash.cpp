#include "tests/integration/crash.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <sstream>

namespace svdir::test {
namespace {

std::vector<pid_t> numbers_in(const std::string& text) {
  std::istringstream in(text);
  std::vector<pid_t> found;
  for (pid_t pid; in >> pid;) found.push_back(pid);
  return found;
}

std::string next_token() {
  static unsigned count = 0;
  std::string token = "TOKENAAA";
  for (unsigned rest = ++count, at = 5; rest != 0; rest /= 26) token[at++] = static_cast<char>('A' + rest % 26);
  return token;
}

}  // namespace

Victim::Victim() : dir_(temp_, "victim"), mark_("10000." + std::to_string(::getpid())) {
  dir_.run("echo $$ >> starts; exec sleep " + mark_);
  dir_.finish("echo $$ >> finishes");
  dir_.conf("stop = TERM 2s KILL\nstart-time = 0s\nrestart-delay = 10ms\n");
}

Process& Victim::supervise(std::map<std::string, std::string> faults) {
  Launch launch;
  launch.argv = {"supervise", dir_.path()};
  launch.path = faults.empty() ? program("supervise") : faulty_program("supervise");
  launch.environment = std::move(faults);
  supervise_ = std::make_unique<Process>(launch);
  return *supervise_;
}

void Victim::kill_supervise() {
  supervise_->signal(SIGKILL);
  supervise_->wait();
}

void Victim::wait_until_it_supervises() {
  wait(
      [&] {
        return supervise_->has_ended() || (dir_.state().supervisor.pid == supervise_->pid() && dir_.is_supervised());
      },
      "supervise to take over");
}

std::vector<pid_t> Victim::starts() const {
  return numbers_in(read_file(dir_ / "starts"));
}

int Victim::copies() const {
  int alive = 0;
  for (const pid_t pid : starts())
    if (is_alive(pid) && read_file("/proc/" + std::to_string(pid) + "/cmdline").find(mark_) != std::string::npos)
      ++alive;
  return alive;
}

bool Victim::order(const std::string& letters) {
  token_ = next_token();
  return dir_.command(letters + "#" + token_);
}

bool Victim::is_acknowledged() const {
  return dir_.state().ack.find(token_) != std::string::npos;
}

void Victim::be_svscan() {
  for (const char* list : {"starts", "finishes"}) {
    for (const pid_t pid : numbers_in(read_file(dir_ / list))) {
      int status = 0;
      if (::waitpid(pid, &status, WNOHANG) != pid) continue;
      const StateRecord known = dir_.state();
      if (known.main.pid != pid && known.finish.pid != pid) continue;
      try {
        write_file(dir_ / file::kExit, std::to_string(pid) + " " + std::to_string(status) + "\n");
      } catch (const std::runtime_error&) {
        continue;  // on a full disk svscan has no more to say than that
      }
      dir_.command("!");
    }
  }
}

bool Victim::is_up() const {
  const StateRecord now = dir_.state();
  return now.state == State::up && is_alive(now.main.pid) && copies() == 1;
}

bool Victim::is_down() const {
  return dir_.state().state == State::down && copies() == 0;
}

void Victim::end() {
  supervise_->signal(SIGTERM);
  wait([&] { return supervise_->has_ended(); }, "supervise to exit");
  CHECK(supervise_->wait() == 0);
  CHECK(copies() == 0);
}

}  // namespace svdir::test
