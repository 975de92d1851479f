#include "supervise/program.h"

#include <algorithm>

#include "lib/system.h"

extern char** environ;

namespace svdir {

Program::Program(int directory, std::string path) : input_(sys::open("/dev/null", O_RDONLY)) {
  plan_.directory = directory;
  arguments_.push_back(std::move(path));
}

void Program::variable(std::string_view name, std::string_view value) {
  variables_.push_back(std::string(name).append("=").append(value));
}

void Program::output_to(Fd output, bool error_too) {
  output_ = std::move(output);
  plan_.output = output_.get();
  plan_.error = error_too ? plan_.output : -1;
}

void Program::error_to(Fd error) {
  error_ = std::move(error);
  plan_.error = error_.get();
}

void Program::pass(Fd descriptor, int as) {
  extra_ = std::move(descriptor);
  plan_.extra = extra_.get();
  plan_.extra_as = as;
}

void Program::before_exec(int (*hook)(void*, pid_t), void* context) {
  plan_.before_exec = hook;
  plan_.context = context;
}

std::expected<pid_t, SpawnError> Program::spawn() {
  std::vector<const char*> argv;
  for (const std::string& argument : arguments_) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  const auto is_replaced = [&](std::string_view inherited) {
    const std::string_view name = inherited.substr(0, inherited.find('='));
    if (name == kDefaultsVariable || name == kNeighboursVariable || name == kDownVariable) return true;
    if (std::find(removed_.begin(), removed_.end(), name) != removed_.end()) return true;
    return std::any_of(variables_.begin(), variables_.end(),
                       [&](std::string_view own) { return inherited.starts_with(own.substr(0, own.find('=') + 1)); });
  };
  std::vector<char*> environment;
  for (char** inherited = environ; *inherited != nullptr; ++inherited)
    if (!is_replaced(*inherited)) environment.push_back(*inherited);
  for (std::string& own : variables_) environment.push_back(own.data());
  environment.push_back(nullptr);
  plan_.path = argv[0];
  plan_.argv = argv.data();
  plan_.environment = environment.data();
  plan_.input = input_.get();
  return svdir::spawn(plan_);
}

}  // namespace svdir
