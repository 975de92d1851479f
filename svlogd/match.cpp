#include "svlogd/match.h"

namespace svdir::svlogd {

bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*') {
      if (i + 1 == pattern.size()) return true;
      at = text.find(pattern[i + 1], at);
      if (at == std::string_view::npos) return false;
    } else if (c == '+') {
      // A plus at the end has nothing to repeat and matches nothing, as in runit.
      if (i + 1 == pattern.size() || at == text.size() || text[at] != pattern[i + 1]) return false;
      at = text.find_first_not_of(pattern[++i], at);
      // As in runit: a text that ends while X repeats matches, whatever the pattern still asks for.
      if (at == std::string_view::npos) return true;
    } else {
      if (at == text.size() || text[at] != c) return false;
      ++at;
    }
  }
  return at == text.size();
}

bool PatternList::selects(std::string_view text) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule)
    if (matches(rule->pattern, text)) return rule->select;
  return initially_;
}

}  // namespace svdir::svlogd
