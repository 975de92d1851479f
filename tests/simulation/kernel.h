// A kernel in a box, for one service directory and all who deal with it: processes, descriptors, a file system, FIFOs,
// locks and two clocks, none of them real.
//
// The supervise that runs on it is the real one: its objects are linked a second time, with their calls of the C
// library renamed (tests/simulation/calls) so that they come here, and with tests/simulation/loop.cpp and spawn.cpp in
// place of libuv and vfork. Every call may fail, may be the last one of its process, and may see the world changed
// when it returns; who decides that is the World (world.h), from a seed.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"

namespace svdir::sim {

// Thrown out of a system call that the supervise does not return from.
struct Killed {};
struct Executed {};

// What a process is to the service.
enum class Role { supervise, run, finish, script, trial, check, logger, left_over, stranger, parent };

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;  // and session
  unsigned long long ticks = 0;
  Role role = Role::stranger;
  bool zombie = false;
  int status = 0;  // wait status of a zombie
  bool stopped = false;
  bool hangs = false;  // never ends by itself
  bool obeys = true;   // TERM and its like end it
  int dying_of = 0;    // the signal it will end by
  bool has_log_pipe = false;
  bool was_asked = false;     // a signal that ends programs has been sent to it
  bool may_be_ended = false;  // somebody has asked for that, or a setting does
  bool unrecorded = false;    // its record could not be written before it was executed
  int exit_code = 0;          // when it ends by itself
};

struct Inode {
  enum class Kind { file, fifo, directory } kind = Kind::file;
  std::string bytes;
  mode_t mode = 0644;
  long locked_by = 0;  // identity of an open file description
};

struct Description {  // an open file description
  enum class Kind { inode, signals, pidfd } kind = Kind::inode;
  std::shared_ptr<Inode> inode;
  std::string path;
  std::size_t offset = 0;
  int flags = 0;
  pid_t pid = 0;
  long identity = 0;
};

struct Descriptor {
  std::shared_ptr<Description> to;
  bool close_on_exec = true;
};

// What one incarnation of supervise has beside its memory.
struct Image {
  pid_t pid = 0;
  std::map<int, Descriptor> descriptors;
  std::set<int> pending_signals;
  std::map<std::string, std::string> environment;
  std::string working_directory = "/";
};

// Who decides what happens; see world.h.
class Fate {
 public:
  virtual void at_call(std::string_view name) = 0;                           // the world may change; may throw Killed
  virtual int failure_of(std::string_view name, std::string_view path) = 0;  // an errno, or 0
  virtual void executed(Process& process, std::string_view program) = 0;     // a child of supervise's
  virtual void signalled(Process& process, int signal, bool by_supervise) = 0;
  virtual void breach(std::string_view what) = 0;
  virtual void said(std::string_view line) = 0;  // on standard error
  // Nothing is ready for the supervise: let something happen.
  virtual void idle(Instant next_deadline) = 0;

 protected:
  ~Fate() = default;
};

class Kernel {
 public:
  explicit Kernel(Fate& fate) : fate_(fate) {}

  Fate& fate() { return fate_; }

  // --- Time
  Instant now{1'000'000'000};
  std::int64_t wall_offset = 1'700'000'000;  // seconds between the clocks
  void pass(Duration time) { now = now + time; }

  // --- Processes
  std::map<pid_t, Process> processes;
  Image* image = nullptr;                                 // of the supervise that calls
  bool in_child = false;                                  // between its vfork and the child's exec
  bool dead = false;                                      // killed; its destructors run, and must not be felt
  Process& create(Role role, pid_t parent, pid_t group);  // group 0: its own
  Process* find(pid_t pid);
  bool group_exists(pid_t group) const;
  // Ends a process; its parent is told. Its children go to the nearest subreaper.
  void end(Process& process, int wait_status);
  void reap(pid_t pid);
  void deliver(Process& process, int signal, bool by_supervise);
  // What kill(2) does.
  int kill(pid_t pid, int signal);
  pid_t subreaper_of(const Process& process) const;
  pid_t grandparent = 1;  // who gets the orphans of supervise

  // --- Files
  std::map<std::string, std::shared_ptr<Inode>, std::less<>> files;
  std::shared_ptr<Inode> file(std::string_view path) const;
  void put(std::string_view path, std::string_view bytes, mode_t mode = 0644);
  std::string absolute(int dir, std::string_view path) const;
  Description* description(int fd);
  int add_descriptor(Description description);
  bool log_pipe_has_writer() const;
  bool fifo_has_reader(std::string_view path) const;
  // Bytes in a FIFO that nobody has open are gone.
  void forget_unheld_fifos();

  // --- The supervise itself
  void starts(Image& image, bool in_place);
  void is_killed(Image& image);  // SIGKILL, or exit
  // Before every system call: -1 with errno, or goes on. Throws Killed.
  int enter(std::string_view name, std::string_view path = {});
  bool killed_in_child = false;
  unsigned long long calls = 0;
  unsigned turns = 0;  // of the loop

 private:
  pid_t free_pid();

  Fate& fate_;
  std::vector<Image*> images_;
  pid_t last_pid_ = 99;
  std::map<pid_t, Instant> freed_;
  long next_identity_ = 1;
};

// The kernel in force.
extern Kernel* kernel;

}  // namespace svdir::sim
