#include <signal.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "svscan/options.h"
#include "svscan/signal_table.h"

using namespace svdir;
using namespace svdir::svscan;

namespace {

Result<Options> parse(std::vector<std::string> words) {
  static std::vector<std::string> kept;
  static std::vector<char*> argv;
  kept = std::move(words);
  argv.clear();
  for (std::string& word : kept) argv.push_back(word.data());
  argv.push_back(nullptr);
  return parse_options(static_cast<int>(kept.size()), argv.data());
}

std::vector<std::string> program_of(const Options& options) {
  std::vector<std::string> words;
  for (char** word = options.program; word != nullptr && *word != nullptr; ++word) words.emplace_back(*word);
  return words;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("svscan takes a directory", "[svscan][options]") {
  const auto options = parse({"svscan", "services"});
  REQUIRE(options);
  CHECK(options->face == Face::svscan);
  CHECK(options->directory == "services");
  CHECK(options->grace == std::chrono::seconds(60));
  CHECK(options->program == nullptr);
  CHECK(options->new_session);
  CHECK(options->start_all);
}

TEST_CASE("without a directory svscan takes the one a person means", "[svscan][options]") {
  ::setenv("SVDIR", "/some/where", 1);
  CHECK(parse({"svscan"})->directory == "/some/where");
  CHECK(parse({"svscan", "--", "prog"})->directory == "/some/where");
  ::unsetenv("SVDIR");
}

TEST_CASE("what stands after -- is the foreground program", "[svscan][options]") {
  CHECK(program_of(*parse({"svscan", "d", "--", "nginx", "-g", "daemon off;"})) == Words{"nginx", "-g", "daemon off;"});
  CHECK(program_of(*parse({"svscan", "-g", "5s", "--", "a", "--", "b"})) == Words{"a", "--", "b"});
  const auto options = parse({"svscan", "-s", "/run/state", "d", "--", "sh", "-c", "x"});
  CHECK(options->state_directory == "/run/state");
  CHECK(options->directory == "d");
  CHECK(program_of(*options) == Words{"sh", "-c", "x"});
}

TEST_CASE("svscan says what is wrong with a command line", "[svscan][options]") {
  CHECK(parse({"svscan", "a", "b"}).error().text().find("b: one directory at a time") == 0);
  CHECK(!parse({"svscan", "a", "--"}));
  CHECK(!parse({"svscan", "--"}));
  CHECK(parse({"svscan", "-g", "soon", "d"}).error().text() ==
        "--grace soon: a duration such as 10s, 500ms or 5m is wanted");
  CHECK(!parse({"svscan", "--rewrite", "TERM", "d"}));
  CHECK(!parse({"svscan", "--rewrite", "TERM:NOPE", "d"}));
  CHECK(parse({"svscan", "a", "b"}).error().exit_code() == 100);
}

TEST_CASE("an option that svscan has not got is named, in one line", "[svscan][options]") {
  const auto error_of = [](Words words) { return parse(std::move(words)).error().text(); };
  const std::string help = "; svscan --help lists the options";
  CHECK(error_of({"svscan", "--frob"}) == "unknown option --frob" + help);
  CHECK(error_of({"svscan", "--frob=3", "d"}) == "unknown option --frob" + help);
  CHECK(error_of({"svscan", "-x", "d"}) == "unknown option -x" + help);
  CHECK(error_of({"svscan", "--prefix", "-xs", "d"}) == "unknown option -x" + help);
  CHECK(error_of({"svscan", "-g"}) == "-g needs a value" + help);
  CHECK(error_of({"svscan", "--state"}) == "--state needs a value" + help);
  CHECK(error_of({"svscan", "--prefix=yes", "d"}) == "--prefix takes no value" + help);
  CHECK(error_of({"svscan", "--st", "d"}) == "--st is short for several options" + help);
  CHECK(parse({"svscan", "--grac", "1.5s", "d"})->grace == std::chrono::milliseconds(1500));
  CHECK(parse({"svscan", "--frob"}).error().exit_code() == 100);
}

TEST_CASE("signals can be rewritten or dropped", "[svscan][options]") {
  const auto options = parse({"svscan", "--rewrite", "TERM:QUIT", "--rewrite", "HUP:0", "d"});
  REQUIRE(options);
  CHECK(rewritten(SIGTERM, options->rewrites) == SIGQUIT);
  CHECK(rewritten(SIGHUP, options->rewrites) == 0);
  CHECK(rewritten(SIGINT, options->rewrites) == SIGINT);
}

TEST_CASE("--start names what starts by itself", "[svscan][options]") {
  CHECK(parse({"svscan", "--start", "web*,db", "d"})->start == Words{"web*", "db"});
  const auto none = parse({"svscan", "--start", "none", "d"});
  CHECK(none->start.empty());
  CHECK(!none->start_all);
}

TEST_CASE("runsvdir speaks runsvdir's command line", "[svscan][options]") {
  const auto plain = parse({"/usr/bin/runsvdir", "/etc/service"});
  REQUIRE(plain);
  CHECK(plain->face == Face::runsvdir);
  CHECK(plain->directory == "/etc/service");
  CHECK(!plain->new_session);
  CHECK(parse({"runsvdir", "-P", "d", "log: ........"})->new_session);
  CHECK(std::string(parse({"runsvdir", "-P", "d", "log: ........"})->title) == "log: ........");
  CHECK(!parse({"runsvdir"}));
  CHECK(!parse({"runsvdir", "-x", "d"}));
  CHECK(!parse({"runsvdir", "d", "short"}));
}

TEST_CASE("what signals mean depends on the life svscan leads", "[svscan][signals]") {
  CHECK(reaction_to(SIGTERM, Role::daemon) == Reaction::stop);
  CHECK(reaction_to(SIGINT, Role::daemon) == Reaction::stop);
  CHECK(reaction_to(SIGHUP, Role::daemon) == Reaction::rescan);
  CHECK(reaction_to(SIGQUIT, Role::daemon) == Reaction::leave);
  CHECK(reaction_to(SIGQUIT, Role::init) == Reaction::stop);
  CHECK(reaction_to(SIGUSR1, Role::init) == Reaction::upgrade);
  CHECK(reaction_to(SIGTERM, Role::foreground) == Reaction::forward_stop);
  CHECK(reaction_to(SIGUSR1, Role::foreground) == Reaction::forward);
  CHECK(reaction_to(SIGTERM, Role::runsvdir) == Reaction::leave);
  CHECK(reaction_to(SIGHUP, Role::runsvdir) == Reaction::stop_rudely);
  CHECK(reaction_to(SIGINT, Role::runsvdir) == Reaction::none);
  for (const Role role : {Role::daemon, Role::init, Role::foreground, Role::runsvdir})
    CHECK(reaction_to(SIGCHLD, role) == Reaction::reap);
}
