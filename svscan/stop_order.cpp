#include "svscan/stop_order.h"

#include <algorithm>

namespace svdir::svscan {

StopOrder::StopOrder(std::span<const StopRequest> services)
    : phases_(services.size(), Phase::needed),
      dependants_(services.size(), 0),
      alive_(static_cast<std::uint32_t>(services.size())) {
  std::vector<std::uint32_t> by_name(services.size());
  for (std::uint32_t i = 0; i < services.size(); ++i) by_name[i] = i;
  std::sort(by_name.begin(), by_name.end(), [&](auto a, auto b) { return services[a].name < services[b].name; });
  edges_begin_.reserve(services.size() + 1);
  for (std::uint32_t i = 0; i < services.size(); ++i) {
    edges_begin_.push_back(static_cast<std::uint32_t>(edges_.size()));
    for (const std::string& name : services[i].stands_on) {
      const auto at = std::lower_bound(by_name.begin(), by_name.end(), name,
                                       [&](auto a, const std::string& n) { return services[a].name < n; });
      if (at == by_name.end() || services[*at].name != name || *at == i) continue;
      edges_.push_back(*at);
      ++dependants_[*at];
    }
  }
  edges_begin_.push_back(static_cast<std::uint32_t>(edges_.size()));
  for (std::uint32_t i = 0; i < services.size(); ++i) {
    if (dependants_[i] != 0) continue;
    phases_[i] = Phase::free;
    free_.push_back(i);
  }
}

std::vector<std::uint32_t> StopOrder::ready() {
  if (free_.empty() && told_ == 0 && alive_ != 0) {
    met_circle_ = true;
    for (std::uint32_t i = 0; i < phases_.size(); ++i) {
      if (phases_[i] != Phase::needed) continue;
      phases_[i] = Phase::free;
      free_.push_back(i);
    }
  }
  std::vector<std::uint32_t> now;
  now.swap(free_);
  std::erase_if(now, [&](std::uint32_t i) { return phases_[i] != Phase::free; });
  for (const std::uint32_t i : now) phases_[i] = Phase::told;
  told_ += static_cast<std::uint32_t>(now.size());
  return now;
}

void StopOrder::ended(std::uint32_t service) {
  if (service >= phases_.size() || phases_[service] == Phase::ended) return;
  if (phases_[service] == Phase::told) --told_;
  phases_[service] = Phase::ended;
  --alive_;
  for (std::uint32_t at = edges_begin_[service]; at < edges_begin_[service + 1]; ++at) {
    const std::uint32_t below = edges_[at];
    if (--dependants_[below] != 0 || phases_[below] != Phase::needed) continue;
    phases_[below] = Phase::free;
    free_.push_back(below);
  }
}

}  // namespace svdir::svscan
