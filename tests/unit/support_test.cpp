// The tests' own tools, where a mistake would make other tests lie.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <optional>

#include "tests/support/process.h"
#include "tests/support/programs.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

using namespace svdir::test;

TEST_CASE("a process that a test runs tells its output, its errors and its end", "[support]") {
  const Ran ran = run({"sh", "-c", "echo out; echo err >&2; exit 3"});
  CHECK(ran.code == 3);
  CHECK(ran.output == "out\n");
  CHECK(ran.errors == "err\n");
  CHECK(run(Launch{.argv = {"cat"}, .input = "as given"}).output == "as given");
  CHECK(run({"sh", "-c", "kill -9 $$"}).code == 128 + 9);
  CHECK_THROWS(run({"/nonexistent/program"}));
}

TEST_CASE("a process goes at the end of its scope, and its children with it", "[support]") {
  const TempDir dir;
  pid_t child = 0;
  {
    Process process(Launch{.argv = {"sh", "-c", "setsid sleep 1000 & echo $!; wait"}});
    WAIT_UNTIL(!process.output().empty());
    child = std::stoi(process.output());
    REQUIRE(is_alive(child));
  }
  CHECK_FALSE(is_alive(child));
}

TEST_CASE("what a test has orphaned is found and ended", "[support]") {
  CHECK(end_all_descendants().empty());
  CHECK(run({"sh", "-c", "setsid sleep 1000 & setsid sleep 1001 &"}).code == 0);
  const std::string left = end_all_descendants();
  CHECK(left.find("sleep 1000") != std::string::npos);
  CHECK(left.find("sleep 1001") != std::string::npos);
  CHECK(descendants_of(::getpid()).empty());
}

TEST_CASE("a temporary directory goes, whatever was done in it", "[support]") {
  std::optional<TempDir> dir(std::in_place);
  const std::string path = dir->path();
  write_file(*dir / "closed/deep/file", "text", 0);
  ::chmod((*dir / "closed").c_str(), 0);
  dir.reset();
  CHECK_FALSE(exists(path));
}
