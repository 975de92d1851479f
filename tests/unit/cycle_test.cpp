#include "supervise/cycle.h"

#include <catch2/catch.hpp>
#include <map>

using namespace svdir;

namespace {

class Given final : public WaitGraph {
 public:
  using Names = std::vector<std::string>;
  explicit Given(std::map<std::string, Names> waits) : waits_(std::move(waits)) {}
  Names waits_for(const std::string& name) override {
    ++asked;
    const auto found = waits_.find(name);
    return found == waits_.end() ? Names{} : found->second;
  }
  int asked = 0;

 private:
  std::map<std::string, Names> waits_;
};

std::string cycle_of(const std::string& start, std::map<std::string, Given::Names> waits) {
  Given graph(std::move(waits));
  return find_cycle(start, graph);
}

}  // namespace

TEST_CASE("cycle: who waits for nobody, or for others only, is in none", "[cycle]") {
  CHECK(cycle_of("a", {}) == "");
  CHECK(cycle_of("a", {{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d"}}}) == "");
}

TEST_CASE("cycle: who names itself is one", "[cycle]") {
  CHECK(cycle_of("a", {{"a", {"b", "a"}}}) == "a -> a");
}

TEST_CASE("cycle: the way round is told as seen from each that stands in it", "[cycle]") {
  const std::map<std::string, Given::Names> ring{{"a", {"b"}}, {"b", {"c"}}, {"c", {"a"}}};
  CHECK(cycle_of("a", ring) == "a -> b -> c -> a");
  CHECK(cycle_of("b", ring) == "b -> c -> a -> b");
  CHECK(cycle_of("c", ring) == "c -> a -> b -> c");
}

TEST_CASE("cycle: of two ways round it is the shorter", "[cycle]") {
  CHECK(cycle_of("a", {{"a", {"b", "c"}}, {"b", {"d"}}, {"d", {"a"}}, {"c", {"a"}}}) == "a -> c -> a");
}

TEST_CASE("cycle: who waits for a circle without standing in it is in none", "[cycle]") {
  CHECK(cycle_of("a", {{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}}) == "");
}

TEST_CASE("cycle: nobody is asked twice, and no chain is too long", "[cycle]") {
  std::map<std::string, Given::Names> waits;
  for (int i = 0; i < 10000; ++i) {
    const auto name = [](int number) { return "s" + std::to_string(number); };
    waits[name(i)] = {name(i + 1), name(i + 2), name(i + 1)};
  }
  Given chain(waits);
  CHECK(find_cycle("s0", chain) == "");
  CHECK(chain.asked <= 10002);
  waits["s10001"] = {"s0"};
  CHECK(cycle_of("s0", waits).ends_with("s10001 -> s0"));
}
