#include <algorithm>
#include <catch2/catch.hpp>

#include "svscan/stop_order.h"

using namespace svdir;
using namespace svdir::svscan;

namespace {
std::vector<std::uint32_t> sorted(std::vector<std::uint32_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}
using Numbers = std::vector<std::uint32_t>;
}  // namespace

TEST_CASE("services that know nothing of each other are stopped all at once", "[stop_order]") {
  const std::vector<StopRequest> services{{"a", {}}, {"b", {}}, {"c", {}}};
  StopOrder order{services};
  CHECK(sorted(order.ready()) == Numbers{0, 1, 2});
  CHECK(order.ready().empty());
  for (std::uint32_t i = 0; i < 3; ++i) order.ended(i);
  CHECK(order.is_done());
}

TEST_CASE("what others stand on is told only when the last of them has ended", "[stop_order]") {
  const std::vector<StopRequest> services{{"db", {}}, {"web", {"db", "cache"}}, {"cache", {}}, {"job", {"db"}}};
  StopOrder order{services};
  CHECK(sorted(order.ready()) == Numbers{1, 3});
  order.ended(1);
  CHECK(order.ready() == Numbers{2});
  CHECK(!order.is_done());
  order.ended(3);
  CHECK(order.ready() == Numbers{0});
  order.ended(2);
  order.ended(0);
  CHECK(order.is_done());
  CHECK(!order.met_circle());
}

TEST_CASE("a service that ends by itself frees what it stood on", "[stop_order]") {
  const std::vector<StopRequest> services{{"db", {}}, {"web", {"db"}}};
  StopOrder order{services};
  order.ended(1);
  CHECK(order.ready() == Numbers{0});
}

TEST_CASE("names that are no services, and a service's own, order nothing", "[stop_order]") {
  const std::vector<StopRequest> services{{"a", {"nowhere", "a"}}};
  StopOrder order{services};
  CHECK(order.ready() == Numbers{0});
}

TEST_CASE("a circle is stopped as one when nothing else is left to wait for", "[stop_order]") {
  const std::vector<StopRequest> services{{"a", {"b"}}, {"b", {"a"}}, {"c", {"a"}}};
  StopOrder order{services};
  CHECK(order.ready() == Numbers{2});
  CHECK(order.ready().empty());
  order.ended(2);
  CHECK(sorted(order.ready()) == Numbers{0, 1});
  CHECK(order.met_circle());
}

TEST_CASE("an end that is told twice counts once", "[stop_order]") {
  const std::vector<StopRequest> services{{"db", {}}, {"web", {"db"}}, {"job", {"db"}}};
  StopOrder order{services};
  order.ready();
  order.ended(1);
  order.ended(1);
  CHECK(order.ready().empty());
}

TEST_CASE("ten thousand services in one chain are stopped one after the other", "[stop_order]") {
  std::vector<StopRequest> services;
  for (int i = 0; i < 10000; ++i) services.push_back({"s" + std::to_string(i), {"s" + std::to_string(i + 1)}});
  StopOrder order{services};
  for (std::uint32_t i = 0; i < 10000; ++i) {
    REQUIRE(order.ready() == Numbers{i});
    order.ended(i);
  }
  CHECK(order.is_done());
}
