// The lives of thousands of supervises, each drawn from a seed. $SEED replays one; $SIMULATION_SECONDS says how long
// (default 15).
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/simulation/world.h"

using svdir::sim::World;

namespace {

std::string number(unsigned long long value) {
  std::string text = std::to_string(value);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

void print(unsigned long long worlds, const World::Figures& all) {
  std::printf(
      "simulation: %s worlds, %s system calls, %s events, %s incarnations of supervise, %s killed, %s upgrades, "
      "%s calls failed, %s orders, %s runs\n",
      number(worlds).c_str(), number(all.calls).c_str(), number(all.events).c_str(), number(all.incarnations).c_str(),
      number(all.kills).c_str(), number(all.upgrades).c_str(), number(all.failed_calls).c_str(),
      number(all.orders).c_str(), number(all.runs).c_str());
}

void add(World::Figures& to, const World::Figures& more) {
  to.calls += more.calls;
  to.events += more.events;
  to.incarnations += more.incarnations;
  to.kills += more.kills;
  to.failed_calls += more.failed_calls;
  to.runs += more.runs;
  to.orders += more.orders;
  to.upgrades += more.upgrades;
}

std::string live(std::uint64_t seed, World::Figures& figures) {
  World world(seed);
  std::string story = world.live();
  add(figures, world.figures());
  return story;
}

}  // namespace

TEST_CASE("killed anywhere, starved of anything, supervise never loses a service, an order or a stranger's trust") {
  const char* seed = std::getenv("SEED");
  const char* seconds = std::getenv("SIMULATION_SECONDS");
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 15);
  World::Figures figures;
  if (seed != nullptr) {
    const std::string story = live(std::strtoull(seed, nullptr, 10), figures);
    INFO(story);
    REQUIRE(story.empty());
    return;
  }
  unsigned long long worlds = 0;
  do {
    const std::string story = live(worlds, figures);
    INFO("replay with SEED=" << worlds << "\n" << story);
    REQUIRE(story.empty());
    ++worlds;
  } while (std::chrono::steady_clock::now() < end);
  print(worlds, figures);
}
