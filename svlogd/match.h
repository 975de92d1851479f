// svlogd's patterns: which lines an output takes. Pure.
//
// A pattern is compared with the first -l bytes of a line, from its first byte on, and must match all of them:
// a byte matches itself; `+X` matches X one or more times; `*` before the end matches anything up to the first of the
// byte that follows it; a `*` at the end matches the rest. It is no regular expression, and nothing is tried twice,
// so the time is linear in the line. Source: svlogd(8) of runit, section PATTERN MATCHING.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace svdir::svlogd {

bool matches(std::string_view pattern, std::string_view text);

// The select and deselect rules of one output, in the order they were given; the last one that matches decides.
class PatternList {
 public:
  explicit PatternList(bool initially) : initially_(initially) {}

  void add(bool select, std::string_view pattern) { rules_.push_back({select, std::string(pattern)}); }
  bool selects(std::string_view text) const;
  bool selects_all() const { return rules_.empty() && initially_; }
  bool selects_none() const { return rules_.empty() && !initially_; }

 private:
  struct Rule {
    bool select;
    std::string pattern;
  };
  std::vector<Rule> rules_;
  bool initially_;
};

}  // namespace svdir::svlogd
