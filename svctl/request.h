// From the command line to a request: pure.
//
//   svctl [OPTION...] [COMMAND [ARGUMENT...] [NAME|GLOB...]]
//
// Options may stand anywhere; "--" ends them. Our own parser rather than CLI11: with it a static svctl takes 0.18 ms
// longer to start (0.57 against 0.39 ms) and is 1.1 MB larger, because it builds its objects for every verb on every
// start; a script that asks for the state of a service thousands of times pays that each time.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "lib/error.h"
#include "svctl/verbs.h"

namespace svdir::svctl {

struct Request {
  const VerbRow* verb = &row_of(Verb::status);
  std::vector<std::string> names;  // names, globs and paths, as given
  std::string argument;            // the first word of verbs that have one (signal, wait)
  std::optional<Duration> wait;    // -w: how long to wait for the effect; not given: as long as the service needs
  bool no_wait = false;
  bool to_end = false;  // once -w
  bool json = false;
  bool quiet = false;
  bool help = false;
  bool version = false;
  bool follow = false;
  std::optional<unsigned long> lines;
  std::string since;
  std::string directory;  // -d; "" for the default
};

// A user error says what is wrong and what is near it.
Result<Request> parse_request(std::span<const char* const> arguments);

// "7", "0.5", "500ms", "10s", "5m", "1h", "1d".
std::optional<Duration> parse_wait(std::string_view text);

std::string help_text();

}  // namespace svdir::svctl
