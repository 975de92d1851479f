// Where svctl's lines go: standard output, in large pieces; at a terminal in colour, with a line of progress below.
#pragma once

#include <string>
#include <string_view>

#include "svctl/client.h"
#include "svctl/render.h"

namespace svdir::svctl {

class Screen {
 public:
  Screen();
  ~Screen() { flush(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  Paint paint() const { return paint_; }
  bool is_terminal() const { return terminal_; }
  void put(std::string_view text);
  void flush();
  // Replaces the line of progress; "" takes it away. Nothing but at a terminal.
  void progress(const std::string& text);
  // False once standard output has refused something: a full disk, a closed pipe.
  bool is_well() const { return well_; }

 private:
  bool terminal_;
  Paint paint_;
  bool well_ = true;
  bool progress_shown_ = false;
  std::string held_;
};

// Tells of each job as it is done.
class Teller : public Listener {
 public:
  Teller(Screen& screen, bool json, bool quiet) : screen_(screen), json_(json), quiet_(quiet) {}
  void on_done(const Job& job) override;
  void on_tick(const std::vector<Job>& jobs) override;

 private:
  Screen& screen_;
  bool json_;
  bool quiet_;
};

}  // namespace svdir::svctl
