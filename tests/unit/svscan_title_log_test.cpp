#include <catch2/catch.hpp>
#include <string>

#include "svscan/title_log.h"

using svdir::svscan::TitleLog;

TEST_CASE("the last characters said move through the title", "[svscan][runsvdir]") {
  std::string title = "log: .........";
  TitleLog::push(title.data(), title.size(), "abc");
  CHECK(title == "log: ......abc");
  TitleLog::push(title.data(), title.size(), "de\n");
  CHECK(title == "log: ...abcde.");
  TitleLog::push(title.data(), title.size(), "much longer than the window is");
  CHECK(title == "log: window is");
}
