#include "tests/support/wait.h"

#include <stdexcept>
#include <string>
#include <thread>

namespace svdir::test {

void nap() {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

void give_up(std::string_view what, std::chrono::steady_clock::duration after) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(after).count();
  throw std::runtime_error("waited " + std::to_string(seconds) + " s in vain for: " + std::string(what));
}

}  // namespace svdir::test
