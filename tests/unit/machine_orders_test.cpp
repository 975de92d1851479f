// What every order does in every situation. `owed`: a start will follow when what is under way has ended; `leaving`:
// the supervisor will go then.
#include <catch2/catch.hpp>
#include <csignal>
#include <string>

#include "tests/unit/machine_driver.h"

using namespace svdir;
using namespace svdir::test;

namespace {

struct Row {
  std::string_view situation;
  char order;
  std::string_view becomes;
  std::string_view wants;
  std::string_view does;
};

constexpr std::string_view kStop = "TERM/t CONT control/d";
constexpr std::string_view kExit = "TERM/t CONT control/x";

constexpr Row kTable[] = {
    {"down", 'u', "starting", "up", "start"},
    {"down", 'o', "starting", "once", "start"},
    {"down", 'r', "starting", "up", "start"},
    {"down", 'd', "down", "down", "-"},
    {"down", 'x', "down", "down leaving", "leave"},

    {"waiting", 'u', "starting", "up", "start"},  // what it waits for may have changed in its settings
    {"waiting", 'o', "starting", "once", "start"},
    {"waiting", 'r', "starting", "up", "start"},
    {"waiting", 'd', "down", "down", "-"},
    {"waiting", 'x', "down", "down leaving", "leave"},

    {"starting", 'u', "starting", "up", "-"},
    {"starting", 'o', "starting", "once", "-"},
    {"starting", 'r', "stopping", "up owed", "TERM/t CONT"},
    {"starting", 'd', "stopping", "down", kStop},
    {"starting", 'x', "stopping", "down leaving", kExit},

    {"up", 'u', "up", "up", "-"},
    {"up", 'o', "up", "once", "-"},
    {"up", 'r', "stopping", "up owed", "TERM/t CONT"},
    {"up", 'd', "stopping", "down", kStop},
    {"up", 'x', "stopping", "down leaving", kExit},

    {"stopping", 'u', "stopping", "up owed", "-"},
    {"stopping", 'o', "stopping", "once owed", "-"},
    {"stopping", 'r', "stopping", "up owed", "-"},
    {"stopping", 'd', "stopping", "down", kStop},
    {"stopping", 'x', "stopping", "down leaving", kExit},

    {"clearing", 'u', "stopping", "up owed", "-"},
    {"clearing", 'o', "stopping", "once owed", "-"},
    {"clearing", 'r', "stopping", "up owed", "-"},
    {"clearing", 'd', "stopping", "down", "-"},
    {"clearing", 'x', "stopping", "down leaving", "-"},

    {"finishing", 'u', "finishing", "up owed", "-"},
    {"finishing", 'o', "finishing", "once owed", "-"},
    {"finishing", 'r', "finishing", "up owed", "-"},
    {"finishing", 'd', "finishing", "down", "-"},
    {"finishing", 'x', "finishing", "down leaving", "-"},

    {"backoff", 'u', "starting", "up", "start"},
    {"backoff", 'o', "starting", "once", "start"},
    {"backoff", 'r', "starting", "up", "start"},
    {"backoff", 'd', "down", "down", "-"},
    {"backoff", 'x', "down", "down leaving", "leave"},

    {"failed", 'u', "starting", "up", "start"},
    {"failed", 'o', "starting", "once", "start"},
    {"failed", 'r', "starting", "up", "start"},
    {"failed", 'd', "down", "down", "-"},
    {"failed", 'x', "down", "down leaving", "leave"},
};

bool has_run(std::string_view situation) {
  return situation == "starting" || situation == "up" || situation == "stopping";
}

std::string wants(const StateRecord& record) {
  return std::string(name_of(record.want)) + (record.start_owed ? " owed" : "") + (record.leaving ? " leaving" : "");
}

std::string bytes_of(const CommandRow& row) {
  return std::string(1, row.letter) + (row.command == Command::signal ? "\x15" : "");
}

}  // namespace

TEST_CASE("up, once, restart, down and exit do what the table says in every situation", "[machine]") {
  for (const Row& row : kTable) {
    Driver it = in_situation(row.situation);
    const std::string does = it.order(std::string(1, row.order));
    INFO("when " << row.situation << ", " << row.order);
    CHECK(it.state() == row.becomes);
    CHECK(wants(it.record) == row.wants);
    CHECK(does == row.does);
  }
}

TEST_CASE("a signal goes to run whenever it runs, and otherwise does nothing at all", "[machine]") {
  for (const auto situation : kSituations) {
    for (const CommandRow& row : kCommands) {
      const bool is_other = row.command == Command::signal;
      if (row.signal == 0 && !is_other) continue;
      Driver it = in_situation(situation);
      const StateRecord before = it.record;
      const std::string does = it.order(bytes_of(row));
      INFO("when " << situation << ", " << row.letter);
      CHECK(it.record.state == before.state);
      CHECK(it.record.want == before.want);
      if (!has_run(situation)) {
        CHECK(does == "-");
        CHECK(it.record == before);
        continue;
      }
      std::string expected = is_other ? "TTIN" : signal_name(row.signal) + "/" + row.letter;
      if (row.command == Command::kill) expected += "+";  // nothing of it shall stay
      CHECK(does == expected);
    }
  }
}

TEST_CASE("a signal given by number has the same control script as one given by letter", "[machine]") {
  Driver it = in_situation("up");
  CHECK(it.order("s\x01") == "HUP/h");
  CHECK(it.order("s\x0f") == "TERM/t");
  CHECK(it.order("s\x09") == "KILL/k+");
}

TEST_CASE("the supervisor's own orders change nothing about the service", "[machine]") {
  constexpr std::pair<char, std::string_view> kOwn[] = {{'z', "read-settings"}, {'e', "upgrade"}, {'!', "collect"}};
  for (const auto situation : kSituations) {
    for (const auto& [letter, does] : kOwn) {
      Driver it = in_situation(situation);
      const StateRecord before = it.record;
      INFO("when " << situation << ", " << letter);
      CHECK(it.order(std::string(1, letter)) == does);
      CHECK(it.record == before);
    }
  }
}

TEST_CASE("no order is lost: of several, the last about being up or down decides", "[machine]") {
  for (const auto situation : kSituations) {
    for (const std::string first : {"u", "d", "o", "r", "t", "k", "p"}) {
      INFO("when " << situation << ", after " << first);
      Driver it = in_situation(situation);
      it.order(first + "d");
      CHECK(it.record.want == Want::down);
      CHECK_FALSE(it.record.start_owed);
      it.order("u");
      CHECK(it.record.want == Want::up);
      it.order("o");
      CHECK(it.record.want == Want::once);
    }
  }
}

TEST_CASE("an order to start takes back an order to exit", "[machine]") {
  for (const std::string order : {"u", "o", "r", "d"}) {
    Driver it = in_situation("up");
    it.order("x");
    it.order(order);
    CHECK_FALSE(it.record.leaving);
  }
}

TEST_CASE("exit together with once lets a run go on to its end, then leaves", "[machine]") {
  Driver it = in_situation("up");
  CHECK(it.order("o") == "-");
  CHECK(it.order("x", true) == "-");
  CHECK(it.state() == "up");
  CHECK(it.exits(0) == "clear");
  CHECK(it.cleared() == "finish");
  CHECK(it.no_finish() == "leave");
  CHECK(it.state() == "down");
}

TEST_CASE("exit together with once leaves at once when nothing runs", "[machine]") {
  for (const auto situation : {"down", "waiting", "backoff", "failed"}) {
    Driver it = in_situation(situation);
    INFO(situation);
    CHECK(it.order("x", true) == "leave");
  }
}

TEST_CASE("pause is a flag beside the state, and ends with cont, with stop and with the run", "[machine]") {
  Driver it = in_situation("up");
  it.order("p");
  CHECK(it.record.paused);
  CHECK(it.state() == "up");
  it.order("c");
  CHECK_FALSE(it.record.paused);
  it.order("p");
  CHECK(it.order("d") == kStop);  // with CONT, or it could not end
  CHECK_FALSE(it.record.paused);
  it.order("p");
  it.exits(0);
  CHECK_FALSE(it.record.paused);
}
