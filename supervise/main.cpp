// supervise DIR: keeps one service, and its logger, in the wanted state. Also runsv.
#include <cstdio>
#include <cstring>
#include <string_view>

#include "lib/say.h"
#include "lib/signals.h"
#include "lib/version.h"
#include "supervise/supervisor.h"

namespace {

constexpr int kRunsvUsage = 1;  // runsv exits 1 where others exit 100

int usage(std::string_view program) {
  svdir::info({"usage: ", program, " DIRECTORY"});
  return program == "runsv" ? kRunsvUsage : svdir::kExitUser;
}

}  // namespace

int main(int argc, char** argv) {
  svdir::sanitize_process();
  svdir::use_standard_umask();
  const char* slash = std::strrchr(argv[0], '/');
  const char* program = slash != nullptr ? slash + 1 : argv[0];
  svdir::set_program_name(program);
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::printf("supervise %s\n", svdir::kVersion);
    return 0;
  }
  if (argc != 2 || argv[1][0] == '\0' || argv[1][0] == '-') return usage(program);
  svdir::Supervisor supervisor;
  if (const auto opened = supervisor.open(argv[1], argv[0]); !opened) {
    const int code = svdir::fatal(opened.error());
    return std::string_view(program) == "runsv" ? svdir::kExitSystem : code;
  }
  supervisor.run();
  return 0;
}
