// Waiting for something to become true: never a fixed sleep, and a deadline so generous that a busy machine keeps it.
#pragma once

#include <chrono>
#include <string_view>

namespace svdir::test {

inline constexpr std::chrono::seconds kPatience{30};

// A nap between two looks: 2 ms.
void nap();
// Fails the test: "waited 30 s in vain for: WHAT".
[[noreturn]] void give_up(std::string_view what, std::chrono::steady_clock::duration after);

template <class Condition>
void wait_until(Condition condition, std::string_view what, std::chrono::steady_clock::duration patience = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) give_up(what, patience);
    nap();
  }
}

}  // namespace svdir::test

// WAIT_UNTIL(service.state().ready): waits until the expression is true.
#define WAIT_UNTIL(...) ::svdir::test::wait_until([&] { return static_cast<bool>(__VA_ARGS__); }, #__VA_ARGS__)
