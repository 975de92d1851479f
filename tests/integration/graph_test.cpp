// Hundreds of services with random dependencies: started in order, stopped in reverse.
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <utility>

#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

struct Graph {
  std::vector<std::string> names;
  std::map<std::string, std::set<std::string>> depends;
  std::map<std::string, std::set<std::string>> after;
  std::size_t longest_path = 0;
};

// Names in an order of their own, so that neither the alphabet nor the listing gives the answer away.
Graph random_graph(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Graph graph;
  for (std::size_t i = 0; i < size; ++i) graph.names.push_back("s" + std::to_string(100'000 + i).substr(1));
  std::ranges::shuffle(graph.names, random);
  std::vector<std::size_t> depth(size, 1);
  for (std::size_t i = 1; i < size; ++i)
    for (std::size_t edges = random() % 4; edges > 0; --edges) {
      // Mostly of the last fifty, so that there are long paths.
      const std::size_t below = random() % 4 == 0 ? random() % i : i - 1 - random() % std::min<std::size_t>(i, 50);
      auto& kind = random() % 4 == 0 ? graph.after : graph.depends;
      kind[graph.names[i]].insert(graph.names[below]);
      depth[i] = std::max(depth[i], depth[below] + 1);
    }
  graph.longest_path = *std::ranges::max_element(depth);
  return graph;
}

std::string list(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += " " + name;
  return text;
}

// The number of the line "WHAT NAME" for each name.
std::map<std::string, std::size_t> stamps(const std::string& log, const std::string& what) {
  std::map<std::string, std::size_t> found;
  std::istringstream lines(log);
  std::string word, name;
  for (std::size_t number = 1; lines >> word >> name; ++number)
    if (word == what) found.emplace(name, number);
  return found;
}

}  // namespace

TEST_CASE("a random graph of services starts in order and stops in reverse", "[depends][graph]") {
  const auto [size, seed] =
      GENERATE(std::pair<std::size_t, unsigned>{500, 1u}, std::pair<std::size_t, unsigned>{150, 2u},
               std::pair<std::size_t, unsigned>{150, 3u});
  CAPTURE(size, seed);
  const TempDir dir;
  const Graph graph = random_graph(size, seed);
  CAPTURE(graph.longest_path);
  for (const std::string& name : graph.names) {
    std::string conf;
    if (graph.depends.contains(name)) conf += "depends =" + list(graph.depends.at(name)) + "\n";
    if (graph.after.contains(name)) conf += "after =" + list(graph.after.at(name)) + "\n";
    // All append to one file, which so tells the order.
    ServiceDir(dir, name)
        .run("echo begin " + name + " >> ../order; echo ready " + name +
             " >> ../order; echo >&3; exec 3>&-; exec sleep 1000")
        .finish("echo end " + name + " >> ../order")
        .conf("ready = fd:3\n" + conf);
  }
  Scanning svscan(dir.path());
  // Each line is as long as the next: the size says how many there are.
  const std::size_t started = size * (graph.names[0].size() + 7) * 2;
  const auto size_of_order = [&] {
    std::error_code failure;
    const auto bytes = std::filesystem::file_size(dir / "order", failure);
    return failure ? 0 : bytes;
  };
  wait_until([&] { return size_of_order() >= started; }, "all services to be ready", std::chrono::seconds(120));
  svscan.process().signal(SIGTERM);
  CHECK(svscan.process().wait(std::chrono::seconds(120)) == 0);
  const std::string order = read_file(dir / "order");
  const auto begin = stamps(order, "begin");
  const auto ready = stamps(order, "ready");
  const auto end = stamps(order, "end");
  REQUIRE(end.size() == size);
  std::string wrong;
  for (const auto* edges : {&graph.depends, &graph.after})
    for (const auto& [name, names] : *edges)
      for (const std::string& below : names) {
        if (ready.at(below) > begin.at(name)) wrong += name + " began before " + below + " was ready\n";
        if (end.at(name) > end.at(below)) wrong += below + " ended before " + name + "\n";
      }
  CHECK(wrong == "");
}
