// lib/spawn.h, lib/signals.h over the kernel in the box.
#include "lib/spawn.h"

#include <cerrno>
#include <cstring>

#include "lib/signals.h"
#include "tests/simulation/kernel.h"

namespace svdir {
namespace {

sim::Role role_of(std::string_view directory, std::string_view program) {
  using sim::Role;
  if (program == "./finish") return Role::finish;
  if (program == "./check") return Role::check;
  if (program.starts_with("control/")) return Role::script;
  if (program == "./run") return directory.ends_with("/log") ? Role::logger : Role::run;
  return Role::trial;
}

}  // namespace

// The child shares our memory, as after vfork: what it writes into the record is in ours. It holds our descriptors
// until it executes its program, and goes on when we are killed meanwhile.
std::expected<pid_t, SpawnError> spawn(const ChildPlan& plan) {
  using sim::kernel;
  if (kernel->enter("fork") != 0) return std::unexpected(SpawnError{errno, false});
  const auto* directory = plan.directory >= 0 ? kernel->description(plan.directory) : nullptr;
  const std::string where = directory != nullptr ? directory->path : "";
  sim::Process& child = kernel->create(role_of(where, plan.path), kernel->image->pid, 0);
  if (const auto* output = plan.output >= 0 ? kernel->description(plan.output) : nullptr; output != nullptr)
    child.has_log_pipe = output->path.ends_with("log.pipe");
  const pid_t pid = child.pid;
  kernel->in_child = true;
  int failure = plan.before_exec != nullptr ? plan.before_exec(plan.context, pid) : 0;
  kernel->in_child = false;
  if (failure == 0 && plan.path[0] == '.' && !kernel->file(where + std::string(plan.path + 1))) failure = ENOENT;
  if (failure == 0) kernel->fate().executed(*kernel->find(pid), plan.path);
  if (kernel->killed_in_child) {
    if (failure != 0) kernel->end(*kernel->find(pid), 111 << 8);
    throw sim::Killed();
  }
  if (failure == 0) return pid;
  kernel->reap(pid);
  return std::unexpected(SpawnError{failure, true});
}

ProcessFacts process_facts(pid_t pid) {
  if (sim::kernel->enter("open", "/proc") != 0) return {};
  const sim::Process* process = sim::kernel->find(pid);
  return process != nullptr ? ProcessFacts{process->parent, process->ticks} : ProcessFacts{};
}

Result<void> Signals::open(std::initializer_list<int>) {
  if (sim::kernel->enter("signalfd") != 0) return system_error("unable to receive signals");
  sim::Description description;
  description.kind = sim::Description::Kind::signals;
  fd_.reset(sim::kernel->add_descriptor(std::move(description)));
  return {};
}

int Signals::next() {
  auto& pending = sim::kernel->image->pending_signals;
  if (sim::kernel->enter("signalfd") != 0 || pending.empty()) return 0;
  const int first = *pending.begin();
  pending.erase(pending.begin());
  return first;
}

void restore_signals_in_child() {}
void sanitize_process() {}
void restore_descriptor_limit_in_child() {}
void raise_descriptor_limit() {}
void use_standard_umask() {}
void restore_umask_in_child() {}

}  // namespace svdir
