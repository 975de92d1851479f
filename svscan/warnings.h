// Says a thing about a name once, as long as it stays so.
//
// A round goes over all names; what was not seen again in it is forgotten, and warned about anew should it come back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace svdir::svscan {

class Warnings {
 public:
  // True when there was nothing about `name` in this round and the last.
  bool is_new(std::string_view name) {
    const std::size_t mark = std::hash<std::string_view>{}(name);
    const auto contains = [mark](const std::vector<std::size_t>& marks) {
      return std::find(marks.begin(), marks.end(), mark) != marks.end();
    };
    if (contains(now_)) return false;
    if (now_.size() < kMost) now_.push_back(mark);
    return !contains(before_);
  }
  void next_round() {
    before_.swap(now_);
    now_.clear();
  }

 private:
  static constexpr std::size_t kMost = 256;  // a directory full of rubbish must not make us slow
  std::vector<std::size_t> before_;
  std::vector<std::size_t> now_;
};

}  // namespace svdir::svscan
