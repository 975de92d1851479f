// In which order services are stopped: one that depends on another ends before the other is told to. Pure.
//
// Kahn's algorithm, driven by the ends as they are seen: `ready` hands out the services that nobody alive stands on.
// A circle has no such service; when nothing is on its way any more, all that is left is handed out at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace svdir::svscan {

struct StopRequest {
  std::string name;
  std::vector<std::string> stands_on;  // names of `depends` and `after`; unknown ones are of no account
};

class StopOrder {
 public:
  StopOrder() = default;
  // Services are spoken of by their index in `services`.
  explicit StopOrder(std::span<const StopRequest> services);

  // Those to be stopped now; each is handed out once.
  std::vector<std::uint32_t> ready();
  // It has ended, whether it was told to or not.
  void ended(std::uint32_t service);
  bool is_done() const { return alive_ == 0; }
  bool met_circle() const { return met_circle_; }

 private:
  enum class Phase : std::uint8_t { needed, free, told, ended };
  std::vector<Phase> phases_;
  std::vector<std::uint32_t> dependants_;   // how many alive ones stand on it
  std::vector<std::uint32_t> edges_;        // what each stands on, one after the other
  std::vector<std::uint32_t> edges_begin_;  // where those of service i begin; one more at the end
  std::vector<std::uint32_t> free_;         // to be handed out
  std::uint32_t alive_ = 0;
  std::uint32_t told_ = 0;
  bool met_circle_ = false;
};

}  // namespace svdir::svscan
