// All outputs of this svlogd, made from the command line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "svlogd/log_dir.h"
#include "svlogd/options.h"
#include "svlogd/output.h"

namespace svdir::svlogd {

class Outputs {
 public:
  explicit Outputs(const Options& options);

  // Opens them all; those that cannot be are left out with a warning. An error when none is left. `journal` is opened
  // in the first directory.
  Result<void> open(Journal& journal, std::uint64_t input_device, std::uint64_t input_inode);
  const std::string& service() const { return service_; }

  // Brings all up to the journal's end and forgets what none needs any more. False when one is blocked.
  bool deliver(const Delivery& delivery);
  void end_lines();
  void ask_for_rotation();
  // HUP; false when no output is left.
  bool hang_up(Journal& journal);
  void reap(bool go_on);
  void on_due();
  Instant due() const;
  void close();
  bool are_finished(bool is_told_to_end);

 private:
  void say_trouble(Journal& journal);
  bool any_open() const;

  const Options& options_;
  const ReplaceTable replace_;
  const std::string service_;
  std::vector<std::unique_ptr<LogDir>> directories_;
  std::vector<std::unique_ptr<Output>> others_;
  bool was_in_trouble_ = false;
};

}  // namespace svdir::svlogd
