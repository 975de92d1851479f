#include "svscan/plan.h"

#include <algorithm>

namespace svdir::svscan {
namespace {

using Order = std::vector<std::uint32_t>;

template <class Less>
Order sorted(std::size_t size, Less less) {
  Order order(size);
  for (std::uint32_t i = 0; i < size; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), less);
  return order;
}

class Planner {
 public:
  Planner(std::span<const Sighting> entries, std::span<const Sighting> known)
      : entries_(entries), known_(known), match_of_entry_(entries.size(), kNobody), is_matched_(known.size(), false) {
    // Living ones before gone ones, so that the first hit is the one to take.
    by_identity_ = sorted(known.size(), [&](std::uint32_t a, std::uint32_t b) {
      const Sighting& left = known_[a];
      const Sighting& right = known_[b];
      if (left.identity != right.identity) return left.identity < right.identity;
      return left.gone < right.gone;
    });
    by_name_ = sorted(known.size(), [&](std::uint32_t a, std::uint32_t b) {
      if (known_[a].name != known_[b].name) return known_[a].name < known_[b].name;
      return known_[a].gone < known_[b].gone;
    });
  }

  std::vector<Decision> run() {
    for (std::uint32_t e = 0; e < entries_.size(); ++e) match_same_name(e);
    for (std::uint32_t e = 0; e < entries_.size(); ++e) match_renamed(e);
    find_second_names();
    std::vector<Decision> decisions;
    for (std::uint32_t k = 0; k < known_.size(); ++k)
      if (!is_matched_[k] && !known_[k].gone) decisions.push_back({Decision::What::stop, kNobody, k});
    for (std::uint32_t e = 0; e < entries_.size(); ++e) decide(e, decisions);
    return decisions;
  }

 private:
  void take(std::uint32_t entry, std::uint32_t known) {
    match_of_entry_[entry] = known;
    is_matched_[known] = true;
  }

  // Calls `visit` with each known service of that name (identity) until it returns true.
  template <class Visit>
  void each_of_name(std::string_view name, Visit visit) const {
    auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                               [&](std::uint32_t k, std::string_view n) { return known_[k].name < n; });
    for (; at != by_name_.end() && known_[*at].name == name; ++at)
      if (visit(*at)) return;
  }
  template <class Visit>
  void each_of_identity(const Identity& identity, Visit visit) const {
    auto at = std::lower_bound(by_identity_.begin(), by_identity_.end(), identity,
                               [&](std::uint32_t k, const Identity& i) { return known_[k].identity < i; });
    for (; at != by_identity_.end() && known_[*at].identity == identity; ++at)
      if (visit(*at)) return;
  }

  void match_same_name(std::uint32_t e) {
    const Sighting& entry = entries_[e];
    each_of_name(entry.name, [&](std::uint32_t k) {
      if (is_matched_[k] || known_[k].kind != entry.kind) return false;
      const bool same = known_[k].identity == entry.identity;
      if (!same && (entry.kind == Kind::directory || known_[k].gone)) return false;
      take(e, k);
      return true;
    });
  }

  void match_renamed(std::uint32_t e) {
    if (match_of_entry_[e] != kNobody) return;
    each_of_identity(entries_[e].identity, [&](std::uint32_t k) {
      if (is_matched_[k] || known_[k].kind != entries_[e].kind) return false;
      take(e, k);
      return true;
    });
  }

  // Of several new names for one directory, the first in the listing has it.
  void find_second_names() {
    is_second_name_.assign(entries_.size(), false);
    const Order order = sorted(entries_.size(), [&](std::uint32_t a, std::uint32_t b) {
      if (entries_[a].identity != entries_[b].identity) return entries_[a].identity < entries_[b].identity;
      return a < b;
    });
    std::uint32_t first = kNobody;
    for (const std::uint32_t e : order) {
      if (match_of_entry_[e] != kNobody || entries_[e].kind != Kind::directory) continue;
      if (first != kNobody && entries_[first].identity == entries_[e].identity)
        is_second_name_[e] = true;
      else
        first = e;
    }
  }

  // The known service that `entry`, a directory, is another name of.
  std::uint32_t original_of(const Sighting& entry) const {
    std::uint32_t original = kNobody;
    each_of_identity(entry.identity, [&](std::uint32_t k) {
      if (is_matched_[k] && known_[k].kind == Kind::directory) original = k;
      return original != kNobody;
    });
    return original;
  }

  void decide(std::uint32_t e, std::vector<Decision>& decisions) {
    const Sighting& entry = entries_[e];
    if (const std::uint32_t k = match_of_entry_[e]; k != kNobody) {
      if (known_[k].name != entry.name)
        decisions.push_back({Decision::What::rename, e, k});
      else if (known_[k].gone || known_[k].identity != entry.identity)
        decisions.push_back({Decision::What::refresh, e, k});
      return;
    }
    if (entry.kind == Kind::directory) {
      if (const std::uint32_t k = original_of(entry); k != kNobody) {
        decisions.push_back({Decision::What::duplicate, e, k});
        return;
      }
      if (is_second_name_[e]) {
        decisions.push_back({Decision::What::duplicate, e, kNobody});
        return;
      }
    }
    std::uint32_t predecessor = kNobody;
    each_of_name(entry.name, [&](std::uint32_t k) {
      if (!is_matched_[k]) predecessor = k;
      return predecessor != kNobody;
    });
    decisions.push_back({Decision::What::start, e, predecessor});
  }

  std::span<const Sighting> entries_;
  std::span<const Sighting> known_;
  Order match_of_entry_;
  std::vector<bool> is_matched_;
  Order by_identity_;
  Order by_name_;
  std::vector<bool> is_second_name_;  // of entries: a new directory that another entry has as well
};

}  // namespace

std::vector<Decision> make_plan(std::span<const Sighting> entries, std::span<const Sighting> known) {
  return Planner(entries, known).run();
}

}  // namespace svdir::svscan
