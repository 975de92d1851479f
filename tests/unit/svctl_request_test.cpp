// From the command line to a request.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "svctl/request.h"

using namespace svdir;
using namespace svdir::svctl;

namespace {

Result<Request> parse(std::vector<const char*> words) {
  return parse_request(words);
}

std::string error_of(std::vector<const char*> words) {
  const auto request = parse_request(words);
  return request ? "no error" : request.error().text();
}

}  // namespace

TEST_CASE("svctl alone shows the status of everything", "[svctl]") {
  const auto request = parse({});
  REQUIRE(request);
  CHECK(request->verb->verb == Verb::status);
  CHECK(request->names.empty());
}

TEST_CASE("every verb of the table is understood, and its help is one line", "[svctl]") {
  for (const VerbRow& row : kVerbs) {
    CAPTURE(row.name);
    CHECK(find_verb(row.name) == &row);
    CHECK_FALSE(row.help.empty());
    CHECK(row.help.find('\n') == std::string_view::npos);
    CHECK(help_text().find("  " + std::string(row.name) + " ") != std::string::npos);
  }
}

TEST_CASE("options may stand before, between and after the words", "[svctl]") {
  for (const auto& words : {std::vector<const char*>{"-w", "3", "restart", "a", "b"},
                            {"restart", "-w3", "a", "b"},
                            {"restart", "a", "--wait=3", "b"},
                            {"restart", "a", "b", "--wait", "3000ms"}}) {
    const auto request = parse(words);
    REQUIRE(request);
    CHECK(request->wait == std::chrono::seconds(3));
    CHECK(request->names == std::vector<std::string>{"a", "b"});
  }
}

TEST_CASE("after -- nothing is an option", "[svctl]") {
  const auto request = parse({"status", "--", "-w", "--json"});
  REQUIRE(request);
  CHECK(request->names == std::vector<std::string>{"-w", "--json"});
}

TEST_CASE("once -w waits for the end, with or without a limit", "[svctl]") {
  const auto without = parse({"once", "-w", "backup"});
  REQUIRE(without);
  CHECK(without->to_end);
  CHECK_FALSE(without->wait);
  CHECK(without->names == std::vector<std::string>{"backup"});
  const auto with = parse({"once", "-w", "30", "backup"});
  REQUIRE(with);
  CHECK(with->to_end);
  CHECK(with->wait == std::chrono::seconds(30));
  const auto named_like_a_number = parse({"once", "-w", "30"});
  REQUIRE(named_like_a_number);
  CHECK(named_like_a_number->names == std::vector<std::string>{"30"});
}

TEST_CASE("signal and wait take a word before the names", "[svctl]") {
  const auto request = parse({"signal", "WINCH", "a"});
  REQUIRE(request);
  CHECK(request->argument == "WINCH");
  CHECK(request->names == std::vector<std::string>{"a"});
  CHECK(error_of({"signal", "WINCH"}) == "usage: svctl signal SIGNAL NAME...");
  CHECK(error_of({"wait"}) == "usage: svctl wait up|ready|down NAME...");
}

TEST_CASE("what is wrong with a command line is said, and what is near it", "[svctl]") {
  CHECK(error_of({"strat", "a"}) == "unknown command `strat`; did you mean `start`?");
  CHECK(error_of({"xyzzy"}) == "unknown command `xyzzy`");
  CHECK(error_of({"start"}) == "usage: svctl start NAME...");
  CHECK(error_of({"start", "--no-wiat", "a"}) == "unknown option --no-wiat; did you mean `no-wait`?");
  CHECK(error_of({"start", "-z", "a"}) == "unknown option -z");
  CHECK(error_of({"start", "-w", "soon", "a"}) == "bad waiting time `soon`; say seconds, or 500ms, 2m, 1h");
  CHECK(error_of({"start", "a", "-w"}) == "option --wait needs a value: SEC");
  CHECK(error_of({"start", "--json=yes", "a"}) == "option --json takes no value");
  CHECK(error_of({"start", "-f", "a"}) == "option --follow means nothing to `start`");
  CHECK(error_of({"logs", "-n", "-1", "a"}) == "bad number of lines `-1`");
  CHECK(parse({"help"})->verb->verb == Verb::help);
  CHECK(error_of({"shutdown", "a"}) == "shutdown takes no names");
  CHECK(parse({"strat"}).error().exit_code() == 100);
}

TEST_CASE("waiting times", "[svctl]") {
  using namespace std::chrono_literals;
  CHECK(parse_wait("7") == 7s);
  CHECK(parse_wait("0") == 0s);
  CHECK(parse_wait("0.5") == 500ms);
  CHECK(parse_wait("500ms") == 500ms);
  CHECK(parse_wait("2m") == 2min);
  CHECK(parse_wait("1h") == 1h);
  for (const char* bad : {"", "-1", "x", "1x", "nan", "inf", "1e300", "7 s"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_wait(bad));
  }
}

TEST_CASE("the manual has every verb of the table", "[svctl]") {
  std::filesystem::path at = std::filesystem::read_symlink("/proc/self/exe");
  while (at.has_relative_path() && !std::filesystem::exists(at / "svctl/svctl.1")) at = at.parent_path();
  std::ostringstream text;
  text << std::ifstream(at / "svctl/svctl.1").rdbuf();
  const std::string page = text.str();
  for (const VerbRow& row : kVerbs) {
    CAPTURE(row.name);
    const std::string item = "\n.It Cm " + std::string(row.name);
    const bool there = page.find(item + " ") != std::string::npos || page.find(item + "\n") != std::string::npos;
    CHECK(there);
  }
}
