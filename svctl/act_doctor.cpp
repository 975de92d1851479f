// doctor and tree: the services as a whole.
#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <set>

#include "lib/say.h"
#include "lib/service_dir.h"
#include "lib/system.h"
#include "svctl/actions.h"
#include "svctl/findings.h"
#include "svctl/render.h"
#include "svctl/screen.h"
#include "svctl/svscan_health.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {

Node node_of(const Target& target, const View& view, const Settings& settings) {
  return {target.name, state_word(view), settings.depends, settings.after};
}

// Who depends on a service with `instances` depends on those.
void name_instances(const std::string& scan_directory, std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (std::string& name : names) {
    const std::vector<ServiceEntry> instances = instances_of(scan_directory, name);
    for (const ServiceEntry& instance : instances) all.push_back(instance.name);
    if (instances.empty()) all.push_back(std::move(name));
  }
  names = std::move(all);
}

// Whoever is there, for the graph: also those that nobody asked about.
std::vector<Node> all_nodes(const Request& request) {
  std::vector<Node> nodes;
  const auto targets = find_targets(request.directory, {});
  if (!targets) return nodes;
  for (const Target& target : targets->list)
    nodes.push_back(node_of(target, look(target), settings_of(target).value_or(Settings{})));
  for (Node& node : nodes)
    for (auto* names : {&node.depends, &node.after}) name_instances(targets->scan_directory, *names);
  return nodes;
}

// The nodes named and all they need, themselves or through others.
std::vector<Node> needed_by(const std::vector<Node>& nodes, const std::vector<Target>& wanted) {
  std::set<std::string> names;
  for (const Target& target : wanted) names.insert(target.name);
  for (std::size_t before = 0; before != names.size();) {
    before = names.size();
    for (const Node& node : nodes)
      if (names.contains(node.name)) names.insert(node.depends.begin(), node.depends.end());
  }
  std::vector<Node> needed;
  std::copy_if(nodes.begin(), nodes.end(), std::back_inserter(needed),
               [&](const Node& node) { return names.contains(node.name); });
  return needed;
}

class Report {
 public:
  Report(Screen& screen, bool quiet) : screen_(screen), quiet_(quiet) {}
  void add(const std::string& subject, const Finding& finding) {
    if (finding.is_problem) ++problems_;
    if (!finding.is_problem && quiet_) return;
    screen_.put((finding.is_problem ? "problem: " : "note: ") + (subject.empty() ? "" : printable(subject) + ": ") +
                printable(finding.text) + "\n");
  }
  int problems() const { return problems_; }

 private:
  Screen& screen_;
  bool quiet_;
  int problems_ = 0;
};

// A service without a supervisor where svscan runs.
Finding why_alone(const Target& target, pid_t svscan) {
  const auto dir = open_service(target);
  const std::string hup = "kill -HUP " + std::to_string(svscan);
  if (const pid_t cut_off = dir ? find_supervise(svscan, dir->get()) : 0; cut_off != 0)
    return {true, "its supervise/ was removed while supervise (pid " + std::to_string(cut_off) +
                      ") ran, which nobody can reach now: end it, and the service, by kill " + std::to_string(cut_off) +
                      ", and start another by " + hup};
  return {true, "it has no supervisor, though svscan runs; if it was told to exit, " + hup + " brings one"};
}

void examine_names(const Targets& targets, Report& report) {
  DIR* listing =
      targets.scan_fd ? ::fdopendir(sys::openat(targets.scan_fd.get(), ".", O_RDONLY | O_DIRECTORY)) : nullptr;
  if (listing == nullptr) return;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string name = entry->d_name;
    if (name.starts_with('.')) continue;
    struct stat facts;
    if (const std::string_view why = why_bad_name(name); !why.empty())
      report.add(name, {true, "cannot be a service's name, so svscan passes over it: " + std::string(why)});
    else if (::fstatat(targets.scan_fd.get(), name.c_str(), &facts, 0) != 0)
      report.add(name, {true, "is a link that leads nowhere"});
    else if (S_ISREG(facts.st_mode) && (facts.st_mode & S_IXUSR) == 0)
      report.add(name, {false, "is a file that is not executable, so it is no service"});
  }
  ::closedir(listing);
}

}  // namespace

Action examine_services(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  Screen screen;
  Report report(screen, request.quiet);
  const pid_t svscan = targets->scan_fd ? find_svscan(targets->scan_fd.get()) : 0;
  const bool is_scanned = svscan != 0;
  const bool everything = request.names.empty();
  if (everything && !is_scanned) report.add("", {false, "no svscan looks after " + targets->scan_directory});
  if (everything) examine_names(*targets, report);
  for (const Target& target : targets->list) {
    const View view = look(target);
    if (!view.exists) {
      report.add(target.name, {true, why_not_found(view)});
      continue;
    }
    const std::vector<Finding> findings = examine_service(target, view);
    for (const Finding& finding : findings) report.add(target.name, finding);
    const bool is_alone = !view.is_supervised() && view.supervisor != View::Supervisor::unknown;
    if (is_scanned && is_alone && findings.empty()) report.add(target.name, why_alone(target, svscan));
  }
  const std::vector<Node> nodes = all_nodes(request);
  const std::vector<Node> concerned = everything ? nodes : needed_by(nodes, targets->list);
  for (const Finding& finding : examine_dependencies(concerned, nodes)) report.add("", finding);
  if (report.problems() == 0 && !request.quiet)
    screen.put("no problems found in " + counted(targets->list.size(), "service") + "\n");
  return report.problems() > 0 ? 1 : targets->unmatched.empty() ? 0 : 3;
}

Action show_tree(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  const std::vector<Node> nodes = all_nodes(request);
  Screen screen;
  screen.put(tree_text(request.names.empty() ? nodes : needed_by(nodes, targets->list)));
  for (const std::string& cycle : find_cycles(nodes)) warn({"a cycle: ", cycle});
  return targets->unmatched.empty() ? 0 : 3;
}

}  // namespace svdir::svctl
