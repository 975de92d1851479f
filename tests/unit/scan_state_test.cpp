#include "lib/scan_state.h"

#include <catch2/catch.hpp>

using namespace svdir;

TEST_CASE("what svscan says of itself reads as it was written", "[scan_state]") {
  const ScanState state{.pid = 12,
                        .since = {1700000000, 42},
                        .version = "0.1.0",
                        .directory = "/etc/service",
                        .stopping = true,
                        .services = 9,
                        .running = 4,
                        .held = 1,
                        .pending = 1,
                        .delayed = 1,
                        .left_alone = 2,
                        .restarts = 7};
  const std::string text = pack(state);
  CHECK(text ==
        "svscan=1\npid=12\nsince=1700000000 42\nversion=0.1.0\ndirectory=/etc/service\nstopping=1\nservices=9\n"
        "running=4\nheld=1\npending=1\ndelayed=1\nleft-alone=2\nrestarts=7\nend=1\n");
  ScanState read;
  REQUIRE(unpack(text, read));
  CHECK(pack(read) == text);
  CHECK(!unpack(text.substr(0, text.size() - 1), read));
  CHECK(!unpack("", read));
  CHECK(unpack("svscan=1\nnew-thing=1\npid=5\nend=1\n", read));
  CHECK(read.pid == 5);
}
