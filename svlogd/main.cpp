// svlogd: reads lines from standard input and writes them to log directories that rotate themselves.
#include <unistd.h>

#include "lib/say.h"
#include "lib/signals.h"
#include "lib/version.h"
#include "svlogd/logger.h"
#include "svlogd/options.h"

using namespace svdir;
using namespace svdir::svlogd;

namespace {

// Everything that stops us exits 111, also a wrong command line: it is what runit's svlogd does.
int complain(const Error& error) {
  fatal(error);
  return kExitSystem;
}

}  // namespace

int main(int argc, char** argv) {
  sanitize_process();
  set_program_name("svlogd");
  const auto options = parse_options(argc, argv);
  if (!options) {
    const Refusal& refusal = options.error();
    if (!refusal.shows_usage) {
      say("fatal", {refusal.text});
      return kExitSystem;
    }
    if (!refusal.text.empty()) info({refusal.text});
    // Without our name in front, as runit's svlogd prints it.
    if (::write(STDERR_FILENO, kUsage.data(), kUsage.size()) < 0) return kExitSystem;
    return kExitSystem;
  }
  if (options->show_version) {
    info({kVersion});
    return 0;
  }
  Logger logger(*options);
  if (const auto opened = logger.open(); !opened) return complain(opened.error());
  if (const auto run = logger.run(); !run) return complain(run.error());
  return 0;
}
