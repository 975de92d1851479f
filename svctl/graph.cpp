// What depends on what: pure.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "svctl/findings.h"

namespace svdir::svctl {
namespace {

using Index = std::map<std::string, const Node*, std::less<>>;

Index index_of(const std::vector<Node>& nodes) {
  Index index;
  for (const Node& node : nodes) index.emplace(node.name, &node);
  return index;
}

// Depth-first; a name met again on the way down closes a cycle.
class CycleFinder {
 public:
  explicit CycleFinder(const Index& index) : index_(index) {}

  void visit(const Node& node) {
    if (done_.contains(node.name)) return;
    way_.push_back(node.name);
    for (const auto* names : {&node.depends, &node.after})
      for (const std::string& name : *names) {
        const auto again = std::find(way_.begin(), way_.end(), name);
        if (again != way_.end())
          note({again, way_.end()});
        else if (const auto found = index_.find(name); found != index_.end())
          visit(*found->second);
      }
    way_.pop_back();
    done_.insert(node.name);
  }

  std::vector<std::string> cycles;

 private:
  void note(std::vector<std::string> cycle) {
    std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
    std::string text;
    for (const std::string& name : cycle) text += name + " -> ";
    text += cycle.front();
    if (std::find(cycles.begin(), cycles.end(), text) == cycles.end()) cycles.push_back(std::move(text));
  }

  const Index& index_;
  std::vector<std::string> way_;
  std::set<std::string> done_;
};

class TreePrinter {
 public:
  explicit TreePrinter(const Index& index) : index_(index) {}

  void print(const std::string& name, const std::string& indent, std::string_view branch, std::string_view below) {
    const auto found = index_.find(name);
    text_ += indent + std::string(branch) + name;
    if (found == index_.end()) {
      text_ += "  (no such service)\n";
      return;
    }
    const Node& node = *found->second;
    text_ += "  " + node.state;
    const bool in_cycle = way_.contains(name);
    const bool shown = !shown_.insert(name).second;
    text_ += in_cycle ? "  (a cycle)\n" : shown && !node.depends.empty() ? "  (see above)\n" : "\n";
    if (in_cycle || shown) return;
    way_.insert(name);
    for (std::size_t i = 0; i < node.depends.size(); ++i) {
      const bool last = i + 1 == node.depends.size();
      print(node.depends[i], indent + std::string(below), last ? "`-- " : "|-- ", last ? "    " : "|   ");
    }
    way_.erase(name);
  }
  bool has_shown(const std::string& name) const { return shown_.contains(name); }
  std::string take() { return std::move(text_); }

 private:
  const Index& index_;
  std::set<std::string> way_;
  std::set<std::string> shown_;
  std::string text_;
};

}  // namespace

std::vector<std::string> find_cycles(const std::vector<Node>& nodes) {
  const Index index = index_of(nodes);
  CycleFinder finder(index);
  for (const Node& node : nodes) finder.visit(node);
  return finder.cycles;
}

std::vector<Finding> examine_dependencies(const std::vector<Node>& nodes, const std::vector<Node>& all) {
  const Index index = index_of(all);
  std::vector<Finding> findings;
  for (const std::string& cycle : find_cycles(nodes))
    findings.push_back({true, "these depend on each other, so they are refused: " + cycle});
  for (const Node& node : nodes) {
    for (const std::string& name : node.depends)
      if (!index.contains(name))
        findings.push_back({true, node.name + " depends on `" + name + "`, and there is no such service"});
    for (const std::string& name : node.after)
      if (!index.contains(name))
        findings.push_back({false, node.name + " starts after `" + name + "`, and there is no such service"});
  }
  return findings;
}

std::string tree_text(const std::vector<Node>& nodes) {
  const Index index = index_of(nodes);
  std::set<std::string> needed;
  for (const Node& node : nodes) needed.insert(node.depends.begin(), node.depends.end());
  TreePrinter printer(index);
  for (const Node& node : nodes)
    if (!needed.contains(node.name)) printer.print(node.name, "", "", "");
  for (const Node& node : nodes)  // cycles have nobody at the top
    if (!printer.has_shown(node.name)) printer.print(node.name, "", "", "");
  return printer.take();
}

}  // namespace svdir::svctl
