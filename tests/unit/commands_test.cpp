#include "lib/commands.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using namespace svdir;

namespace {

std::vector<Order> parse(ControlParser& parser, std::string_view bytes) {
  std::vector<Order> orders;
  Order order;
  for (const char byte : bytes)
    if (parser.take(byte, order)) orders.push_back(order);
  return orders;
}

std::vector<Order> parse(std::string_view bytes) {
  ControlParser parser;
  return parse(parser, bytes);
}

// One word per order: its letter, "s15", "#ABCDEFGH".
std::string words(const std::vector<Order>& orders) {
  std::string text;
  for (const Order& order : orders) {
    if (!text.empty()) text += ' ';
    text += row_of(order.command).letter;
    if (order.command == Command::signal) text += std::to_string(order.signal);
    if (order.command == Command::token) text.append(order.token.begin(), order.token.end());
  }
  return text;
}

}  // namespace

TEST_CASE("every letter of runit means what it means there", "[commands]") {
  // runsv(8), CONTROL; and q 1 2 as listed there.
  const std::vector<std::tuple<char, Command, int>> expected{
      {'u', Command::up, 0},         {'d', Command::down, 0},        {'o', Command::once, 0},
      {'x', Command::exit, 0},       {'p', Command::pause, SIGSTOP}, {'c', Command::cont, SIGCONT},
      {'h', Command::hup, SIGHUP},   {'a', Command::alarm, SIGALRM}, {'i', Command::interrupt, SIGINT},
      {'q', Command::quit, SIGQUIT}, {'1', Command::usr1, SIGUSR1},  {'2', Command::usr2, SIGUSR2},
      {'t', Command::term, SIGTERM}, {'k', Command::kill, SIGKILL},
  };
  for (const auto& [letter, command, signal] : expected) {
    CAPTURE(letter);
    const auto orders = parse(std::string(1, letter));
    REQUIRE(orders.size() == 1);
    CHECK(orders[0].command == command);
    CHECK(orders[0].signal == signal);
  }
}

TEST_CASE("every letter of the list is one order, but for those that take an argument", "[commands]") {
  for (const CommandRow& row : kCommands) {
    CAPTURE(row.letter, row.name);
    CHECK(find_command(row.letter) == &row);
    CHECK_FALSE(row.help.empty());
    const auto orders = parse(std::string(1, row.letter));
    if (row.command == Command::signal || row.command == Command::token) {
      CHECK(orders.empty());
      continue;
    }
    REQUIRE(orders.size() == 1);
    CHECK(orders[0].command == row.command);
    CHECK(orders[0].signal == row.signal);
  }
}

TEST_CASE("every byte that is no letter of the list is ignored, alone and between letters", "[commands]") {
  for (int byte = 0; byte < 256; ++byte) {
    const char letter = static_cast<char>(byte);
    if (find_command(letter) != nullptr) continue;
    CAPTURE(byte);
    CHECK(words(parse(std::string("d") + letter + "u")) == "d u");
  }
}

TEST_CASE("orders come out in the order they were written in", "[commands]") {
  CHECK(words(parse("tcu")) == "t c u");
  CHECK(words(parse("dududu")) == "d u d u d u");
}

TEST_CASE("a signal is a byte with its number, from 1 to 64", "[commands]") {
  CHECK(words(parse(std::string("s\x0f") + "s\x40")) == "s15 s64");
  CHECK(words(parse(std::string("s\0u", 3))) == "u");
  CHECK(words(parse("s\x41u")) == "u");  // 'A' is 65: no signal, and no other command either
  CHECK(words(parse("s\xffu")) == "u");
  CHECK(words(parse("s1d")) == "s49 d");  // the byte is a number, not a digit
}

TEST_CASE("a token is eight capital letters", "[commands]") {
  CHECK(words(parse("d#ABCDEFGHu")) == "d #ABCDEFGH u");
  CHECK(words(parse("#ABCDEFGH#HGFEDCBA")) == "#ABCDEFGH #HGFEDCBA");
}

TEST_CASE("a token may arrive in pieces", "[commands]") {
  const std::string text = "d#ABCDEFGHu";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    ControlParser parser;
    auto orders = parse(parser, std::string_view(text).substr(0, cut));
    const auto rest = parse(parser, std::string_view(text).substr(cut));
    orders.insert(orders.end(), rest.begin(), rest.end());
    CHECK(words(orders) == "d #ABCDEFGH u");
  }
}

TEST_CASE("a token that is broken off hides no command after it", "[commands]") {
  CHECK(words(parse("#ABCdu")) == "d u");
  CHECK(words(parse("#d")) == "d");
  CHECK(words(parse("#ABC#ABCDEFGHd")) == "#ABCDEFGH d");
  CHECK(words(parse("#ABC" + std::string(1, '\0') + "d")) == "d");
}

TEST_CASE("whatever garbage comes first, a command after three plain letters is understood", "[commands]") {
  std::minstd_rand random(7);
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes(random() % 20, ' ');
    for (char& byte : bytes) byte = static_cast<char>(random());
    ControlParser parser;
    parse(parser, bytes);
    // The first may be a signal's number, or end a token.
    CHECK(words(parse(parser, "uud")).ends_with("u d"));
  }
}
