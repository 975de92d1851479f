#include "svlogd/outputs.h"

#include <limits.h>

#include <algorithm>

#include "lib/say.h"
#include "lib/system.h"
#include "svlogd/stream_output.h"
#include "svlogd/syslog_output.h"

namespace svdir::svlogd {
namespace {

// The name that JSON lines and syslog messages carry: -n, else that of the directory we run in, which is the service's
// or its log/.
std::string service_name(const Options& options) {
  if (!options.service.empty()) return options.service;
  char path[PATH_MAX];
  if (::getcwd(path, sizeof path) == nullptr) return "svlogd";
  std::string_view name = path;
  if (name.ends_with("/log")) name.remove_suffix(4);
  name.remove_prefix(name.rfind('/') + 1);
  return name.empty() ? "svlogd" : std::string(name);
}

}  // namespace

Outputs::Outputs(const Options& options)
    : options_(options),
      replace_(replace_table(options.replacement, options.replaced)),
      service_(service_name(options)) {}

Result<void> Outputs::open(Journal& journal, std::uint64_t device, std::uint64_t inode) {
  const ReplaceTable* const replace = options_.replaces ? &replace_ : nullptr;
  for (const Target& target : options_.targets) {
    if (target.kind() != TargetKind::directory) continue;
    directories_.push_back(std::make_unique<LogDir>(target, options_, replace));
    if (const auto claimed = directories_.back()->claim(); !claimed) warn(claimed.error());
  }
  const auto first =
      std::find_if(directories_.begin(), directories_.end(), [](const auto& each) { return each->is_open(); });
  if (first == directories_.end()) {
    journal.open_in_memory(options_.head);
  } else if (const auto opened = journal.open((*first)->directory(), options_.head, device, inode); !opened) {
    warn({(*first)->path(), ": ", opened.error().text(), "; if svlogd is killed, lines may be lost"});
    journal.open_in_memory(options_.head);
  }
  for (const Target& target : options_.targets) {
    const TargetKind kind = target.kind();
    if (kind == TargetKind::standard_output || kind == TargetKind::standard_error) {
      const int fd = kind == TargetKind::standard_output ? STDOUT_FILENO : STDERR_FILENO;
      auto stream = std::make_unique<StreamOutput>(target, options_, replace, fd);
      stream->open(journal);
      others_.push_back(std::move(stream));
    } else if (kind == TargetKind::null) {
      auto null = std::make_unique<NullOutput>();
      null->open(journal);
      others_.push_back(std::move(null));
    } else if (kind == TargetKind::syslog) {
      auto syslog = std::make_unique<SyslogOutput>(target, options_, replace, *parse_syslog(target.text), service_);
      syslog->open(journal);
      others_.push_back(std::move(syslog));
    }
  }
  for (const auto& directory : directories_)
    if (directory->is_open()) directory->open(journal);
  if (!any_open()) return user_error("no functional log directories.");
  return {};
}

bool Outputs::any_open() const {
  return !others_.empty() ||
         std::any_of(directories_.begin(), directories_.end(), [](const auto& each) { return each->is_open(); });
}

bool Outputs::deliver(const Delivery& delivery) {
  bool blocked = false;
  bool in_trouble = false;
  std::uint64_t least = delivery.journal.end();
  const auto serve = [&](Output& output) {
    blocked = !output.deliver(delivery) || blocked;
    in_trouble = output.is_in_trouble() || in_trouble;
    least = std::min(least, output.done());
  };
  for (const auto& directory : directories_)
    if (directory->is_open()) serve(*directory);
  for (const auto& other : others_) serve(*other);
  delivery.journal.discard_before(least);
  if (in_trouble || was_in_trouble_) say_trouble(delivery.journal);
  was_in_trouble_ = in_trouble;
  return !blocked;
}

void Outputs::say_trouble(Journal& journal) {
  std::string text;
  const auto add = [&](const Output& output) {
    if (output.is_in_trouble()) text.append(text.empty() ? "" : "; ").append(output.trouble());
  };
  for (const auto& directory : directories_)
    if (directory->is_open()) add(*directory);
  for (const auto& other : others_) add(*other);
  journal.set_trouble(text);
}

void Outputs::end_lines() {
  for (const auto& directory : directories_)
    if (directory->is_open()) directory->end_line();
  for (const auto& other : others_) other->end_line();
}

void Outputs::ask_for_rotation() {
  for (const auto& directory : directories_)
    if (directory->is_open()) directory->ask_for_rotation();
}

bool Outputs::hang_up(Journal& journal) {
  for (const auto& directory : directories_) {
    if (directory->is_open() && !directory->has_moved()) {
      directory->hang_up(journal);
      continue;
    }
    if (directory->is_open()) directory->release();
    if (const auto claimed = directory->claim(); !claimed) warn(claimed.error());
    if (directory->is_open()) directory->open(journal);
  }
  return any_open();
}

void Outputs::reap(bool go_on) {
  for (const auto& directory : directories_) {
    const pid_t pid = directory->processor_pid();
    int status = 0;
    if (pid != 0 && sys::waitpid(pid, &status, WNOHANG) == pid) directory->on_processor_end(status, go_on);
  }
}

void Outputs::on_due() {
  for (const auto& directory : directories_) directory->on_due();
  for (const auto& other : others_) other->on_due();
}

Instant Outputs::due() const {
  Instant first;
  const auto consider = [&](Instant when) {
    if (when.is_set() && (!first.is_set() || when < first)) first = when;
  };
  for (const auto& directory : directories_) consider(directory->due());
  for (const auto& other : others_) consider(other->due());
  return first;
}

void Outputs::close() {
  for (const auto& directory : directories_) directory->close();
}

bool Outputs::are_finished(bool is_told_to_end) {
  bool all = true;
  for (const auto& directory : directories_) all = directory->is_finished(is_told_to_end) && all;
  for (const auto& other : others_) all = other->is_finished(is_told_to_end) && all;
  return all;
}

}  // namespace svdir::svlogd
