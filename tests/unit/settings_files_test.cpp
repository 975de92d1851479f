// Settings as they are read from a service directory, whatever stands there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lib/fd.h"
#include "lib/settings.h"
#include "tests/support/temp_dir.h"

using namespace svdir;
using namespace std::chrono_literals;
using svdir::test::TempDir;
using svdir::test::write_file;

namespace {

struct Service {
  TempDir dir;
  std::string defaults = dir / ".defaults";

  std::expected<Settings, SettingsError> read() const {
    const Fd fd(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return read_settings(fd.get(), defaults.c_str());
  }
  Settings settings() const {
    const auto result = read();
    INFO((result ? std::string() : result.error().message()));
    REQUIRE(result);
    return *result;
  }
  std::string error() const {
    const auto result = read();
    REQUIRE_FALSE(result);
    return result.error().message();
  }
};

}  // namespace

TEST_CASE("a directory without any settings has the defaults") {
  const Service service;
  CHECK(service.settings() == Settings{});
  write_file(service.dir / "run", "#!/bin/sh\nexec true\n", 0755);
  CHECK(service.settings() == Settings{});
}

TEST_CASE("conf wins over the head of run, which wins over .defaults") {
  const Service service;
  write_file(service.defaults, "start-limit = 1\nrestart-delay = 1s\ncheck-failures = 1\n");
  write_file(service.dir / "run", "#!/bin/sh\n#: start-limit = 2\n#: restart-delay = 2s\n", 0755);
  write_file(service.dir / "conf", "start-limit = 3\n");
  const Settings settings = service.settings();
  CHECK(settings.start_limit == 3);
  CHECK(settings.restart_delay == 2s);
  CHECK(settings.check_failures == 1);
}

TEST_CASE("a delay longer than the longest is the longest") {
  const Service service;
  write_file(service.dir / "conf", "restart-delay = 5m\n");
  CHECK(service.settings().restart_delay_max == 5min);
}

TEST_CASE("env/ is handed to svrun") {
  const Service service;
  write_file(service.dir / "env", "not a directory");
  CHECK(service.settings().svrun.empty());
  const Service other;
  test::make_directories(other.dir / "env");
  write_file(other.dir / "conf", "user = nobody\nclean-env = yes\n");
  CHECK(other.settings().svrun ==
        std::vector<std::string>{"--explain=yes", "--clean-env=yes", "--env-dir=env", "--user=nobody"});
}

TEST_CASE("a conf that is no text file is a clear error") {
  const Service service;
  SECTION("a directory") {
    test::make_directories(service.dir / "conf");
    CHECK(service.error() == "conf: cannot be read: it is a directory");
  }
  SECTION("a FIFO, which is not waited for") {
    REQUIRE(::mkfifo((service.dir / "conf").c_str(), 0600) == 0);
    CHECK(service.error() == "conf: cannot be read: it is not a regular file");
  }
  SECTION("ten megabytes, which are not read") {
    write_file(service.dir / "conf", "");
    REQUIRE(::truncate((service.dir / "conf").c_str(), 10 << 20) == 0);
    CHECK(service.error() == "conf: cannot be read: it is longer than 64 KiB");
  }
  SECTION("a link that leads nowhere") {
    REQUIRE(::symlink("elsewhere", (service.dir / "conf").c_str()) == 0);
    CHECK(service.error() == "conf: cannot be read: it is a symbolic link that leads nowhere");
  }
  SECTION("garbage") {
    write_file(service.dir / "conf", std::string("\xff\xfe\0\1\2\3", 6));
    CHECK(service.error() == "conf:1: control character in the line; settings are plain text");
  }
}

TEST_CASE("only the head of run is looked at") {
  const Service service;
  SECTION("a binary has none") {
    write_file(service.dir / "run",
               std::string("\x7f"
                           "ELF\n#: nonsense\n"),
               0755);
    CHECK(service.settings() == Settings{});
  }
  SECTION("a comment longer than what is looked at ends it") {
    write_file(service.dir / "run", "#!/bin/sh\n#: start-limit = 2\n# " + std::string(5000, 'x') + "\n#: oops\n", 0755);
    CHECK(service.settings().start_limit == 2);
  }
  SECTION("a setting that is cut is an error, not half a setting") {
    write_file(service.dir / "run", "#!/bin/sh\n#" + std::string(4070, 'x') + "\n#: start-limit = 1234567\n", 0755);
    CHECK(service.error() == "run: its settings do not end within the first 4096 bytes");
  }
  SECTION("a FIFO or a directory is for the start to stumble over") {
    REQUIRE(::mkfifo((service.dir / "run").c_str(), 0700) == 0);
    CHECK(service.settings() == Settings{});
  }
  SECTION("errors name run and its line") {
    write_file(service.dir / "run", "#!/bin/sh\n\n#: ready = perhaps\n", 0755);
    CHECK(service.error() == "run:3: ready = `perhaps`: none, fd:NUMBER, notify or check is wanted");
  }
}
