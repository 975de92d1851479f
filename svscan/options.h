// The command line, as a value. Pure.
//
//   svscan [options] [DIR] [-- PROGRAM ARGUMENTS…]
//   runsvdir [-P] DIR [log]          (runsvdir(8); reference: runit 2.3)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "lib/error.h"

namespace svdir::svscan {

enum class Face : std::uint8_t { svscan, runsvdir };

struct Rewrite {
  int from = 0;
  int to = 0;  // 0: the signal is dropped
};

struct Options {
  Face face = Face::svscan;
  std::string directory;        // the scan directory
  std::string state_directory;  // "": state lies in the services themselves
  std::string supervise;        // "": found beside svscan, else in $PATH
  Duration grace = std::chrono::seconds(60);
  std::vector<std::string> start;  // globs of what starts by itself at first; empty with `start_all`: everything
  bool start_all = true;
  bool prefix = false;      // services without a logger: "NAME: " before each line of output
  bool new_session = true;  // each supervise in a session of its own
  std::vector<Rewrite> rewrites;
  char** program = nullptr;  // the foreground program, ends with nullptr; nullptr: none
  char* title = nullptr;     // runsvdir's `log` argument: the bytes in argv that show the last messages
  enum class Show : std::uint8_t { nothing, help, version } show = Show::nothing;
};

inline constexpr std::size_t kShortestTitle = 7;  // runsvdir(8)

// argv[0]'s basename decides the face; a leading '-' of login shells is not part of it.
Face face_of(std::string_view program);
Result<Options> parse_options(int argc, char** argv);

extern const char kHelp[];

}  // namespace svdir::svscan
