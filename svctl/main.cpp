// svctl: the person's tool. It writes bytes into control FIFOs and reads state files; it holds no state of its own.
//
// Called sv, svc, svok, svstat or tai64nlocal it is that tool; by any other name it does not know, it is an init.d
// script for the service of that name, as sv is.
#include <span>

#include "lib/say.h"
#include "lib/signals.h"
#include "lib/version.h"
#include "svctl/actions.h"
#include "svctl/faces.h"
#include "svctl/request.h"

namespace {

using namespace svdir;
using namespace svdir::svctl;

void print(std::string_view text) {
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) return;
}

Action show_help(const Request&) {
  print(help_text());
  return 0;
}

Action act(const Request& request) {
  switch (request.verb->verb) {
    case Verb::status: return show_status(request);
    case Verb::pid: return print_pids(request);
    case Verb::why: return explain(request);
    case Verb::deaths: return list_deaths(request);
    case Verb::logs: return show_logs(request);
    case Verb::events: return show_events(request);
    case Verb::tree: return show_tree(request);
    case Verb::doctor: return examine_services(request);
    case Verb::scan: return show_svscan(request);
    case Verb::metrics: return print_metrics(request);
    case Verb::make_new: return make_new(request);
    case Verb::add: return add_services(request);
    case Verb::remove: return remove_services(request);
    case Verb::clean: return clean_up(request);
    case Verb::shutdown: return shut_down(request);
    case Verb::help: return show_help(request);
    case Verb::upgrade: return upgrade_programs(request);
    default: return command_services(request);
  }
}

int run_svctl(std::span<const char* const> arguments) {
  const auto request = parse_request(arguments);
  if (!request) return fatal(request.error());
  if (request->help || request->version) {
    print(request->help ? help_text() : "svctl (svdir) " + std::string(kVersion) + "\n");
    return 0;
  }
  const Action code = act(*request);
  return code ? *code : fatal(code.error());
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

int main(int argc, char** argv) {
  sanitize_process();
  const std::string_view name = argc > 0 ? base_name(argv[0]) : "svctl";
  set_program_name(name);
  const std::span<const char* const> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (name == "svctl") return run_svctl(arguments);
  if (name == "svc") return run_svc(arguments);
  if (name == "svok") return run_svok(arguments);
  if (name == "svstat") return run_svstat(arguments);
  if (name == "tai64nlocal") return run_tai64nlocal();
  return run_sv(name, arguments);
}
