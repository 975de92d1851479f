// A log directory: `current`, the old files, their number, their processor. Files and modes are runit's.
//
//   lock      0600, flock(2)ed while an svlogd has the directory
//   current   0644 while it is written to, 0744 when it has been closed in order
//   @….s .u .t    old files, see rotate.h and processor.h
//   config    see config.h
//   .svlogd   see journal.h (in the first directory only)
//
// A `current` that was neither closed in order nor noted in the journal is one of a crash: it is set aside as @….u.
#pragma once

#include <sys/stat.h>

#include <string>

#include "lib/error.h"
#include "lib/fd.h"
#include "svlogd/config.h"
#include "svlogd/current_file.h"
#include "svlogd/line_sender.h"
#include "svlogd/old_files.h"
#include "svlogd/options.h"
#include "svlogd/output.h"
#include "svlogd/processor.h"

namespace svdir::svlogd {

class LogDir final : public Output {
 public:
  LogDir(const Target& target, const Options& options, const ReplaceTable* replace)
      : target_(target), options_(options), replace_(replace) {}

  // First step: makes the directory if need be, and locks it. On an error there is no directory to write to.
  Result<void> claim();
  int directory() const { return directory_.get(); }
  const std::string& path() const { return target_.text; }
  bool is_open() const { return static_cast<bool>(directory_); }

  // Second step: reads the settings, opens `current`. When the file system is in the way, it is tried again later.
  void open(Journal& journal);
  // All that is in the journal for us is written, standard input is at its end: closes `current` in order.
  void close();
  // Gives the directory up altogether.
  void release();

  bool deliver(const Delivery& delivery) override;  // to `current`, standard error and UDP
  std::uint64_t done() const override;
  bool end_line() override;
  Instant due() const override;
  void on_due() override;
  bool is_finished(bool is_told_to_end) override;
  std::string trouble() const override;
  bool is_in_trouble() const override;

  void ask_for_rotation();         // ALRM
  void hang_up(Journal& journal);  // HUP: settings are read again; rotates, unless they say otherwise
  bool has_moved() const;          // another directory, or none, has our name now

  pid_t processor_pid() const { return processor_.running(); }  // 0: none runs
  void on_processor_end(int status, bool go_on);                // `go_on`: with the next file

 protected:
  bool write(std::string_view bytes, Progress& after) override;
  bool make_room(bool must) override;
  Room room() const override;

 private:
  void read_config();
  void open_senders(Journal& journal);
  bool open_current();
  void adopt_current(const struct stat& facts);
  void set_boundary(Stamp from);
  bool is_boundary_passed() const;
  bool rotate();
  bool set_aside(char kind);
  void delete_old();
  bool delete_oldest_for_space();
  bool drop(std::string_view bytes, const Error& trouble, Progress& after);
  bool write_drop_marker();
  bool end_own_line();
  void process();
  void sync(bool must = false);
  bool pause(const Error& error);
  void say_verbose(std::string_view what, std::string_view name) const;

  const Target& target_;
  const Options& options_;
  const ReplaceTable* const replace_;
  OutputConfig config_;
  Fd directory_;
  Fd lock_;
  CurrentFile current_;
  OutputKey key_;
  bool known_ = false;  // progress_ is about the `current` that we expect to find
  LineSender alerts_;
  LineSender udp_;
  bool has_alerts_ = false;
  bool has_udp_ = false;
  OldFiles old_;
  Processor processor_;
  Stamp boundary_;          // of the clock, at which current is rotated; unset: none
  Instant boundary_due_;    // about when that is
  Instant opened_;          // current, or its first line since then
  Instant rotation_grace_;  // a rotation was asked for: by then also in the middle of a line
  bool rotation_wanted_ = false;
  bool is_dropping_ = false;
  std::string pausing_;  // why writing waits; "": it does not
};

}  // namespace svdir::svlogd
