#include "lib/service_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>

#include "tests/support/temp_dir.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// An environment variable for the length of a scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    if (value != nullptr)
      ::setenv(name, value, 1);
    else
      ::unsetenv(name);
  }
  ~Variable() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("ordinary names are good names", "[names]") {
  for (const char* name : {"a", "http-8000", "my service", "a.b", "a*b", "\xc3\xa4", "-x", "~", "a\\b"})
    CHECK(why_bad_name(name) == "");
  CHECK(why_bad_name(std::string(200, 'n')) == "");
}

TEST_CASE("a bad name is refused with the reason", "[names]") {
  CHECK(why_bad_name("") == "it is empty");
  CHECK(why_bad_name(".") == "it begins with a dot");
  CHECK(why_bad_name(".svdir") == "it begins with a dot");
  CHECK(why_bad_name("a/b") == "it contains a slash");
  CHECK(why_bad_name(std::string(201, 'n')) == "it is longer than 200 bytes");
  CHECK(why_bad_name("two\nlines") == "it contains a control character");
  CHECK(why_bad_name("\x7f") == "it contains a control character");
  CHECK(why_bad_name(std::string_view("a\0b", 3)) == "it contains a control character");
}

TEST_CASE("globs match whole names", "[names]") {
  CHECK(is_glob("http-*"));
  CHECK(is_glob("a?"));
  CHECK(is_glob("[ab]"));
  CHECK_FALSE(is_glob("http-8000"));
  CHECK(glob_matches("http-*", "http-8000"));
  CHECK(glob_matches("*", "anything"));
  CHECK(glob_matches("http-800[01]", "http-8001"));
  CHECK(glob_matches("?", "x"));
  CHECK_FALSE(glob_matches("http-*", "my-http-8000"));
  CHECK_FALSE(glob_matches("http-800[01]", "http-8002"));
  CHECK_FALSE(glob_matches("[", "x"));
}

TEST_CASE("the scan directory is $SVDIR, else ~/services, else the system's", "[names]") {
  const TempDir home;
  const Variable home_set("HOME", home.path().c_str());
  {
    const Variable set("SVDIR", "/some/where");
    CHECK(default_scan_directory() == "/some/where");
  }
  const Variable unset("SVDIR", nullptr);
  make_directories(home / "services");
  CHECK(default_scan_directory() == home / "services");
  const Variable empty("SVDIR", "");
  CHECK(default_scan_directory() == home / "services");
}

TEST_CASE("services are listed by name: directories, links to them, and bare scripts that have been taken up",
          "[names]") {
  const TempDir dir;
  make_directories(dir / "scan/web");
  make_directories(dir / "scan/db");
  make_directories(dir / "scan/.hidden");
  make_directories(dir / "elsewhere");
  write_file(dir / "scan/README", "no service");
  write_file(dir / "scan/script", "#!/bin/sh\n", 0755);
  write_file(dir / "scan/new-script", "#!/bin/sh\n", 0755);
  make_directories(dir / "scan/.svdir/script");
  make_directories(dir / "scan/two\nlines");
  REQUIRE(::symlink("../elsewhere", (dir / "scan/linked").c_str()) == 0);
  REQUIRE(::symlink("loop", (dir / "scan/loop").c_str()) == 0);
  REQUIRE(::symlink("nowhere", (dir / "scan/dangling").c_str()) == 0);

  const auto listed = list_services(dir / "scan");
  REQUIRE(listed);
  std::string names;
  for (const auto& entry : *listed) names += entry.name + " ";
  CHECK(names == "db linked script web ");
  CHECK((*listed)[2].path == dir / "scan/.svdir/script");
  CHECK((*listed)[3].path == dir / "scan/web");
}

TEST_CASE("a scan directory that is not there is an error with its name", "[names]") {
  const auto listed = list_services("/nonexistent/services");
  REQUIRE_FALSE(listed);
  CHECK(listed.error().text() == "unable to list services in /nonexistent/services: No such file or directory");
  CHECK(listed.error().exit_code() == kExitSystem);
}

TEST_CASE("what looks like a path is a path, any other name is looked up", "[names]") {
  const TempDir dir;
  make_directories(dir / ".svdir/script");
  make_directories(dir / "web/log");
  CHECK(service_path(dir.path(), "/etc/x") == "/etc/x");
  CHECK(service_path(dir.path(), "./x") == "./x");
  CHECK(service_path(dir.path(), "x/") == "x/");
  CHECK(service_path(dir.path(), "web") == dir / "web");
  CHECK(service_path(dir.path(), "web/log") == dir / "web/log");
  CHECK(service_path(dir.path(), "script") == dir / ".svdir/script");
  CHECK(service_path(dir.path(), "nothing") == dir / "nothing");
}
