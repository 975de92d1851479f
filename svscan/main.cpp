// svscan: keeps one supervise running for each service directory; a correct PID 1 and subreaper; stops all in order.
//
// options (the command line) -> places (directories, lock) -> scanner (the loop):
//   listing -> plan -> starter -> spawn             a directory appears, its supervise runs
//   signalfd -> signal_table -> scanner             what a signal means
//   waitpid -> endings -> starter, orphans          a supervise has died; an orphan's status goes to its service
//   TERM -> stopping, stop_order                    dependants before what they depend on
#include <unistd.h>

#include <cstring>

#include "lib/say.h"
#include "lib/signals.h"
#include "lib/version.h"
#include "svscan/scanner.h"
#include "svscan/signal_table.h"
#include "svscan/upgrade.h"

namespace svdir::svscan {
namespace {

void print(std::string_view text) {
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) {
    // Nobody to print for.
  }
}

int fail(const Error& error, Face face) {
  const int code = fatal(error);
  if (face == Face::runsvdir) return error.what.starts_with("usage") ? 1 : kExitUser;  // runsvdir(8)
  return code;
}

int serve(const Options& options, char** argv) {
  Handover handover = take_handover();
  Places places;
  if (const Result<void> opened = open_places(options, argv[0], handover.lock, places); !opened)
    return fail(opened.error(), options.face);
  Role role = Role::daemon;
  if (options.face == Face::runsvdir)
    role = Role::runsvdir;
  else if (options.program != nullptr)
    role = Role::foreground;
  else if (::getpid() == 1)
    role = Role::init;
  Scanner scanner(options, places, role, argv);
  if (const Result<void> opened = scanner.open(); !opened) return fail(opened.error(), options.face);
  scanner.take_over(std::move(handover));
  return scanner.run();
}

}  // namespace
}  // namespace svdir::svscan

int main(int argc, char** argv) {
  using namespace svdir;
  using namespace svdir::svscan;
  hold_signals(signals_of_interest());
  sanitize_process();
  const Face face = argc > 0 ? face_of(argv[0]) : Face::svscan;
  set_program_name(face == Face::runsvdir ? "runsvdir" : "svscan");
  const Result<Options> options = parse_options(argc, argv);
  if (!options) return fail(options.error(), face);
  switch (options->show) {
    case Options::Show::help: print(kHelp); return 0;
    case Options::Show::version: print(std::string("svscan ") + kVersion + "\n"); return 0;
    case Options::Show::nothing: break;
  }
  return serve(*options, argv);
}
