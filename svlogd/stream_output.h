// Lines to standard output or standard error, and to nowhere.
#pragma once

#include "svlogd/config.h"
#include "svlogd/options.h"
#include "svlogd/output.h"

namespace svdir::svlogd {

// Never waits for a reader: while there is no room the output is blocked and tries again a little later.
class StreamOutput final : public Output {
 public:
  StreamOutput(const Target& target, const Options& options, const ReplaceTable* replace, int fd);

  void open(Journal& journal);
  void on_due() override { due_ = {}; }

 protected:
  bool write(std::string_view bytes, Progress& after) override;

 private:
  OutputConfig config_;
  const int fd_;
  std::size_t ahead_ = 0;   // bytes of the coming write that a blocked one has written
  bool is_broken_ = false;  // nobody reads: lines are lost from now on, which is said once
};

// `null`: lines go nowhere; a place to send them to while others get theirs.
class NullOutput final : public Output {
 public:
  void open(Journal& journal);

 protected:
  bool write(std::string_view, Progress&) override { return true; }
};

}  // namespace svdir::svlogd
