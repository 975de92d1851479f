// Outputs that send the beginnings of chosen lines one by one: standard error (`e` patterns), and UDP (`u`).
#pragma once

#include <netinet/in.h>

#include "lib/fd.h"
#include "svlogd/config.h"
#include "svlogd/output.h"

namespace svdir::svlogd {

class LineSender final : public Output {
 public:
  // Lines that `patterns` select go to standard error.
  void open_alerts(Journal& journal, OutputKey key, std::uint64_t start, const LineRules& rules,
                   const PatternList& patterns);
  // All lines that `rules` select go to `target`, each as one datagram. Trouble is warned of once until it is over.
  void open_udp(Journal& journal, OutputKey key, std::uint64_t start, const LineRules& rules, const UdpTarget& target);

 protected:
  bool write(std::string_view bytes, Progress& after) override;

 private:
  Fd socket_;
  sockaddr_in address_{};
  bool is_in_trouble_ = false;
};

}  // namespace svdir::svlogd
