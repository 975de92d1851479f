// What a unit keeps on disk: everything in its `supervise/` directory (formats: lib/status.h).
#pragma once

#include <array>
#include <string>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/status.h"

namespace svdir {

class Record {
 public:
  // Makes supervise/ and its FIFOs in the service directory `dir` (kept by the caller), and takes the lock. `name` is
  // for messages. Fails with fault `user` when somebody else supervises the directory. `inherited_lock` is the lock's
  // descriptor handed over by ourselves before an upgrade, or -1.
  Result<void> open(int dir, std::string name, int inherited_lock);

  // What the predecessor left; false when there is nothing that can be used. An error when there is something, but it
  // cannot be read now: whoever goes on then as if there were nothing would start a second copy.
  Result<bool> load(StateRecord& into) const;

  // Writes `state` if it changed since it was last written. May be called between vfork and exec.
  void save(const StateRecord& record);
  // save(), then brings runit's files up to date and wakes those who wait in supervise/event/.
  void publish(const StateRecord& record);
  // The last publish() could not write everything: it should be called again before long.
  bool is_unwritten() const { return unwritten_; }
  // The last save() or publish() has written `state`: a successor may rely on it.
  bool is_saved() const { return saved_; }

  // Adds a line to `deaths`, keeping the last kMostDeaths.
  void note_death(const std::string& line);

  // How svscan says process `pid` ended, if it has.
  bool read_exit(pid_t pid, Ending& into) const;

  int control() const { return control_.get(); }
  int lock() const { return lock_.get(); }
  int ok() const { return ok_.get(); }

  static constexpr int kMostDeaths = 20;

 private:
  Result<void> make_directory();
  Result<void> take_lock();
  Result<Fd> open_fifo(const char* path, mode_t mode);
  void write_state(const StateRecord& record);
  void write_first_status();
  bool write(const char* path, std::string_view bytes, mode_t mode);

  int dir_ = -1;
  std::string name_;
  Fd lock_;
  Fd ok_;
  Fd control_;
  StateRecord written_;
  RunitStatus written_status_;
  std::string written_stat_;
  pid_t written_pid_ = -1;
  bool unwritten_ = true;  // the files are not what they should be: never written yet, or the disk did not take them
  bool saved_ = false;
  bool warned_ = false;  // of the latter
  bool untold_ = false;  // `state` has been written and those who wait have not been told
};

// The running boot's id, or "" without /proc.
std::string boot_id();

}  // namespace svdir
