#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <set>
#include <string>

#include "svscan/plan.h"

using namespace svdir;
using namespace svdir::svscan;
using What = Decision::What;

namespace {

Sighting directory(std::string_view name, ino_t inode, bool gone = false) {
  return {name, {1, inode, 0}, Kind::directory, gone};
}
Sighting script(std::string_view name, ino_t inode) {
  return {name, {1, inode, 0}, Kind::script, false};
}

// "start b; stop a; rename a to b": the plan as a text.
std::string plan(const std::vector<Sighting>& entries, const std::vector<Sighting>& known) {
  std::string text;
  for (const Decision& decision : make_plan(entries, known)) {
    if (!text.empty()) text += "; ";
    const std::string entry = decision.entry == kNobody ? "" : std::string(entries[decision.entry].name);
    const std::string other = decision.known == kNobody ? "" : std::string(known[decision.known].name);
    switch (decision.what) {
      case What::start:
        text += "start " + entry;
        if (!other.empty()) text += " after " + other;
        break;
      case What::stop: text += "stop " + other; break;
      case What::rename: text += "rename " + other + " to " + entry; break;
      case What::refresh: text += "refresh " + other; break;
      case What::duplicate: text += entry + " is " + (other.empty() ? "a new one" : other); break;
    }
  }
  return text;
}

}  // namespace

TEST_CASE("what is new is started, in the listing's order", "[plan]") {
  CHECK(plan({directory("a", 1), script("b", 2), directory("c", 3)}, {}) == "start a; start b; start c");
}

TEST_CASE("what is there and known needs nothing", "[plan]") {
  CHECK(plan({directory("a", 1), script("b", 2)}, {script("b", 2), directory("a", 1)}) == "");
}

TEST_CASE("what has vanished is stopped", "[plan]") {
  CHECK(plan({directory("b", 2)}, {directory("a", 1), directory("b", 2)}) == "stop a");
}

TEST_CASE("a renamed directory keeps its service", "[plan]") {
  CHECK(plan({directory("b", 1)}, {directory("a", 1)}) == "rename a to b");
}

TEST_CASE("two directories that swap their names keep their services", "[plan]") {
  CHECK(plan({directory("a", 2), directory("b", 1)}, {directory("a", 1), directory("b", 2)}) ==
        "rename b to a; rename a to b");
}

TEST_CASE("another directory under an old name is another service, and waits for the first to end", "[plan]") {
  CHECK(plan({directory("a", 2)}, {directory("a", 1)}) == "stop a; start a after a");
}

TEST_CASE("a directory that comes back while its service is being stopped is taken up again", "[plan]") {
  CHECK(plan({directory("a", 1)}, {directory("a", 1, true)}) == "refresh a");
}

TEST_CASE("a service that is gone already is not stopped twice", "[plan]") {
  CHECK(plan({}, {directory("a", 1, true)}) == "");
}

TEST_CASE("a script that an editor has replaced is the same service", "[plan]") {
  CHECK(plan({script("a", 9)}, {script("a", 1)}) == "refresh a");
}

TEST_CASE("a renamed script keeps its service", "[plan]") {
  CHECK(plan({script("b", 1)}, {script("a", 1)}) == "rename a to b");
}

TEST_CASE("two hard links to a script are two services", "[plan]") {
  CHECK(plan({script("a", 1), script("b", 1)}, {}) == "start a; start b");
  CHECK(plan({script("a", 1), script("b", 1)}, {script("a", 1)}) == "start b");
}

TEST_CASE("a second name for a directory is left alone", "[plan]") {
  CHECK(plan({directory("a", 1), directory("b", 1)}, {}) == "start a; b is a new one");
  CHECK(plan({directory("a", 1), directory("b", 1)}, {directory("b", 1)}) == "a is b");
}

TEST_CASE("when the name in use vanishes, the second name takes over", "[plan]") {
  CHECK(plan({directory("b", 1)}, {directory("a", 1)}) == "rename a to b");
}

TEST_CASE("a script in place of a directory of that name is another service", "[plan]") {
  CHECK(plan({script("a", 1)}, {directory("a", 1)}) == "stop a; start a after a");
}

TEST_CASE("instances of one directory are told apart by their number", "[plan]") {
  const Sighting first{"a-1", {1, 7, 1}, Kind::directory, false};
  const Sighting second{"a-2", {1, 7, 2}, Kind::directory, false};
  CHECK(plan({first, second}, {}) == "start a-1; start a-2");
  CHECK(plan({first}, {first, second}) == "stop a-2");
}

TEST_CASE("after a plan is carried out, nothing is left to plan", "[plan]") {
  std::mt19937 random(20261120);
  const auto pick = [&](unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(random); };
  std::vector<std::string> names;
  for (char c = 'a'; c <= 'l'; ++c) names.emplace_back(1, c);
  struct Held {
    std::string name;
    Identity identity;
    Kind kind;
  };
  std::vector<Held> held;
  for (int round = 0; round < 2000; ++round) {
    std::vector<Sighting> entries;
    for (const std::string& name : names)
      if (pick(2) == 0)
        entries.push_back({name, {1, pick(8) + 1, 0}, pick(3) == 0 ? Kind::script : Kind::directory, false});
    std::vector<Sighting> known;
    for (const Held& one : held) known.push_back({one.name, one.identity, one.kind, false});
    std::vector<Held> next;
    std::set<std::uint32_t> stopped;
    std::set<std::string> skipped;
    std::vector<std::uint32_t> renamed_to(known.size(), kNobody);
    for (const Decision& decision : make_plan(entries, known)) {
      const Sighting* entry = decision.entry == kNobody ? nullptr : &entries[decision.entry];
      switch (decision.what) {
        case What::stop: stopped.insert(decision.known); break;
        case What::start: next.push_back({std::string(entry->name), entry->identity, entry->kind}); break;
        case What::duplicate: skipped.insert(std::string(entry->name)); break;
        case What::rename:
        case What::refresh: renamed_to[decision.known] = decision.entry; break;
      }
    }
    for (std::uint32_t k = 0; k < known.size(); ++k) {
      if (stopped.count(k) != 0) continue;
      const Sighting& now = renamed_to[k] == kNobody ? known[k] : entries[renamed_to[k]];
      next.push_back({std::string(now.name), now.identity, now.kind});
    }
    held = next;
    // Every entry is held exactly once, or skipped.
    std::multiset<std::string> have;
    for (const Held& one : held) have.insert(one.name);
    for (const Sighting& entry : entries) {
      const std::string name(entry.name);
      REQUIRE(have.count(name) + skipped.count(name) == 1);
    }
    REQUIRE(have.size() + skipped.size() == entries.size());
    std::vector<Sighting> again;
    for (const Held& one : held) again.push_back({one.name, one.identity, one.kind, false});
    for (const Decision& decision : make_plan(entries, again)) REQUIRE(decision.what == What::duplicate);
  }
}
