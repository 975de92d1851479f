// Service directories for tests, and supervisors that run them and are surely ended.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/status.h"
#include "tests/support/process.h"
#include "tests/support/programs.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait.h"

namespace svdir::test {

// A service directory on disk. What a test writes are /bin/sh scripts without their first line:
//   ServiceDir(dir, "web").run("exec sleep 1000").log_run("exec cat")
class ServiceDir {
 public:
  // Makes PARENT/NAME; also takes one that is there.
  ServiceDir(const std::string& parent, std::string_view name);
  ServiceDir(const TempDir& parent, std::string_view name) : ServiceDir(parent.path(), name) {}

  ServiceDir& run(std::string_view script) { return script_at("run", script); }
  ServiceDir& finish(std::string_view script) { return script_at("finish", script); }
  ServiceDir& check(std::string_view script) { return script_at("check", script); }
  ServiceDir& log_run(std::string_view script) { return script_at("log/run", script); }
  ServiceDir& control(char letter, std::string_view script);
  ServiceDir& script_at(std::string_view name, std::string_view script);
  ServiceDir& file(std::string_view name, std::string_view text, mode_t mode = 0644);
  ServiceDir& conf(std::string_view text) { return file("conf", text); }
  ServiceDir& down() { return file("down", ""); }

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

  // What stands in supervise/ now. Fields of a record that cannot be read keep their defaults (pid 0, down).
  StateRecord state() const;
  RunitStatus status() const;
  std::string stat() const;    // without the newline
  pid_t pid() const;           // of run or finish, from supervise/pid; 0: none
  bool is_supervised() const;  // supervise/ok has a reader

  // Writes bytes to supervise/control at once; false when nobody reads it.
  bool command(std::string_view bytes) const;
  // Waits until state() is the one; the record.
  StateRecord wait_for(State state) const;
  // Waits for a main process other than `old` that runs; its pid.
  pid_t wait_for_new_pid(pid_t old = 0) const;

 private:
  std::string path_;
};

// A supervise over a service directory, from the moment it accepts commands until the end of the scope. At the end it
// is told to exit and waited for; then nothing that it started may be left: what is, is ended and fails the test (see
// report.cpp).
class Supervised {
 public:
  struct Options {
    std::string program = {};  // "": our supervise
    std::map<std::string, std::string> environment = {};
    uid_t uid = static_cast<uid_t>(-1);
    bool wait = true;  // until it accepts commands
  };
  explicit Supervised(const ServiceDir& service) : Supervised(service, Options{}) {}
  Supervised(const ServiceDir& service, Options options);
  ~Supervised();
  Process& process() { return process_; }
  int end();  // tells it to exit, waits; its exit code

 private:
  Process process_;
};

// A svscan over a directory of services, in the same way; TERM ends it and all its services.
class Scanning {
 public:
  struct Options {
    std::string program = {};                 // "": our svscan
    std::vector<std::string> arguments = {};  // before the directory
    std::map<std::string, std::string> environment = {};
    uid_t uid = static_cast<uid_t>(-1);
  };
  explicit Scanning(const std::string& directory) : Scanning(directory, Options{}) {}
  Scanning(const std::string& directory, Options options);
  ~Scanning();
  Process& process() { return process_; }
  int end();  // TERM, then waits; its exit code

 private:
  Process process_;
};

// `svctl ARGUMENTS…` (or a genuine tool) with $SVDIR set to `directory`.
Ran svctl(const std::string& directory, std::vector<std::string> arguments);
Ran tool(const std::string& directory, std::vector<std::string> argv);

}  // namespace svdir::test
