#include "tests/support/service.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "lib/fd.h"

namespace svdir::test {
namespace {

Launch launch_of(std::string program, std::vector<std::string> arguments,
                 const std::map<std::string, std::string>& environment, uid_t uid) {
  Launch launch;
  launch.argv = std::move(arguments);
  launch.argv.insert(launch.argv.begin(), std::move(program));
  launch.environment = environment;
  launch.uid = uid;
  // Scripts find our programs by name before any other.
  const char* path = std::getenv("PATH");
  launch.environment.emplace("PATH", program_directory() + ":" + (path != nullptr ? path : "/usr/bin:/bin"));
  return launch;
}

int end_of(Process& process) {
  process.signal(SIGTERM);
  process.signal(SIGCONT);  // in case the test has stopped it
  return process.wait();
}

void end_quietly(Process& process) {
  try {
    if (!process.has_ended()) end_of(process);
  } catch (const std::exception&) {
    process.kill_tree();  // and report.cpp tells of what else is left
  }
}

}  // namespace

ServiceDir::ServiceDir(const std::string& parent, std::string_view name) : path_(parent + "/" + std::string(name)) {
  make_directories(path_);
}

ServiceDir& ServiceDir::control(char letter, std::string_view script) {
  return script_at(std::string("control/") + letter, script);
}

ServiceDir& ServiceDir::script_at(std::string_view name, std::string_view script) {
  write_script(*this / name, script);
  return *this;
}

ServiceDir& ServiceDir::file(std::string_view name, std::string_view text, mode_t mode) {
  write_file(*this / name, text, mode);
  return *this;
}

StateRecord ServiceDir::state() const {
  StateRecord record;
  unpack(read_file(*this / file::kState), record);
  return record;
}

RunitStatus ServiceDir::status() const {
  RunitStatus status;
  unpack(read_file(*this / file::kStatus), status);
  return status;
}

std::string ServiceDir::stat() const {
  std::string text = read_file(*this / file::kStat);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

pid_t ServiceDir::pid() const {
  return std::atoi(read_file(*this / file::kPid).c_str());
}

bool ServiceDir::is_supervised() const {
  return static_cast<bool>(Fd(::open((*this / file::kOk).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)));
}

bool ServiceDir::command(std::string_view bytes) const {
  const Fd fd(::open((*this / file::kControl).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  return fd && ::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

StateRecord ServiceDir::wait_for(State wanted) const {
  StateRecord record;
  const std::string what = path_ + " to be " + std::string(name_of(wanted));
  wait_until([&] { return exists(*this / file::kState) && (record = state()).state == wanted; }, what);
  return record;
}

pid_t ServiceDir::wait_for_new_pid(pid_t old) const {
  pid_t found = 0;
  const auto is_new = [&] {
    const RunitStatus now = status();
    found = now.phase == RunitStatus::Phase::run ? now.pid : 0;
    return found != 0 && found != old && is_alive(found);
  };
  wait_until(is_new, path_ + " to run with a new pid");
  return found;
}

Supervised::Supervised(const ServiceDir& service, Options options)
    : process_(launch_of(options.program.empty() ? program("supervise") : options.program, {service.path()},
                         options.environment, options.uid)) {
  if (!options.wait) return;
  const auto is_settled = [&] { return service.is_supervised() || process_.has_ended(); };
  wait_until(is_settled, "supervise to accept commands for " + service.path());
}
Supervised::~Supervised() {
  end_quietly(process_);
}
int Supervised::end() {
  return end_of(process_);
}

Scanning::Scanning(const std::string& directory, Options options)
    : process_([&] {
        options.arguments.push_back(directory);
        return launch_of(options.program.empty() ? program("svscan") : options.program, options.arguments,
                         options.environment, options.uid);
      }()) {}
Scanning::~Scanning() {
  end_quietly(process_);
}
int Scanning::end() {
  return end_of(process_);
}

Ran svctl(const std::string& directory, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("svctl"));
  return tool(directory, std::move(arguments));
}

Ran tool(const std::string& directory, std::vector<std::string> argv) {
  return run(Launch{.argv = std::move(argv), .environment = {{"SVDIR", directory}}});
}

}  // namespace svdir::test
