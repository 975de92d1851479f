#include <catch2/catch.hpp>

#include "svscan/upgrade.h"

using namespace svdir;
using namespace svdir::svscan;

namespace {
Service running(std::string name, pid_t pid) {
  Service service;
  service.source = name;
  service.name = std::move(name);
  service.identity = {64769, 4242, 0};
  service.phase = Phase::running;
  service.supervisor = pid;
  return service;
}
}  // namespace

TEST_CASE("what a handover says is what the next program reads", "[svscan][upgrade]") {
  Roster roster;
  Service first = running("name with blanks", 77);
  first.has_died = true;
  first.quick_deaths = 3;
  roster.add(std::move(first));
  Service second = running("b-2", 0);
  second.source = "b";
  second.identity.instance = 2;
  second.kind = Kind::script;
  second.phase = Phase::left_alone;
  roster.add(std::move(second));

  Handover handover;
  REQUIRE(unpack_handover(pack_handover({.lock = 9, .since = {1700000000, 5}, .restarts = 4, .services = {}}, roster),
                          handover));
  CHECK(handover.since == Stamp{1700000000, 5});
  CHECK(handover.restarts == 4);
  CHECK(handover.lock == 9);
  REQUIRE(handover.services.size() == 2);
  CHECK(handover.services[0].name == "name with blanks");
  CHECK(handover.services[0].supervisor == 77);
  CHECK(handover.services[0].has_died);
  CHECK(handover.services[0].quick_deaths == 3);
  CHECK(handover.services[0].identity == Identity{64769, 4242, 0});
  CHECK(handover.services[1].source == "b");
  CHECK(handover.services[1].identity.instance == 2);
  CHECK(handover.services[1].kind == Kind::script);
  CHECK(handover.services[1].phase == Phase::left_alone);
}

TEST_CASE("a torn or foreign handover is none", "[svscan][upgrade]") {
  Roster roster;
  roster.add(running("a", 5));
  const std::string whole = pack_handover({}, roster);
  Handover handover;
  CHECK(!unpack_handover("", handover));
  CHECK(!unpack_handover("svscan 2\n", handover));
  CHECK(!unpack_handover(whole.substr(0, whole.size() - 1), handover));
  CHECK(!unpack_handover("svscan 1\nservice 1 2 x\n", handover));
  CHECK(!unpack_handover("svscan 1\nservice 1 0 0 1 1 0 9 1 a/a\n", handover));
  CHECK(handover.services.empty());
}
