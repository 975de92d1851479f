// What stands in front of a line: the time, or with JSON the beginning of the object. Pure but for the time zone.
#pragma once

#include <string>

#include "lib/clock.h"
#include "svlogd/options.h"

namespace svdir::svlogd {

class StampMaker {
 public:
  // `service` is the name that JSON lines carry.
  StampMaker(const Options& options, const std::string& service);

  bool is_silent() const { return kind_ == StampKind::none && !json_; }
  // The text for all lines that arrived at one moment; with a space after it, or up to the opening quote of the JSON
  // text. Written over `into`, which keeps its memory.
  void make(Stamp stamp, std::string& into) const;

 private:
  const StampKind kind_;
  const std::string format_;
  const bool utc_;
  const bool json_;
  std::string after_time_;  // JSON: what stands between the time and the text
};

}  // namespace svdir::svlogd
