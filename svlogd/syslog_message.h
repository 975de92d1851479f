// Messages for syslog servers, and how such a server is named on the command line. Pure.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "lib/clock.h"

namespace svdir::svlogd {

enum class SyslogWay { local, udp, tcp };

// "syslog" (/dev/log), "syslog:PATH" (another local socket), "syslog:udp:HOST[:PORT]", "syslog:tcp:HOST[:PORT]". HOST
// is a numeric address, an IPv6 one in brackets, or a name of /etc/hosts; PORT is 514 if there is none.
struct SyslogAddress {
  SyslogWay way = SyslogWay::local;
  std::string host = "/dev/log";  // or the path
  std::uint16_t port = 514;
};
bool is_syslog(std::string_view target);
std::expected<SyslogAddress, std::string> parse_syslog(std::string_view target);

// Who speaks.
struct SyslogSender {
  unsigned priority = 30;  // facility * 8 + severity
  std::string host;        // "-" if unknown
  std::string name;        // of the service
};

// One line as a message. Local servers want the old form of RFC 3164 ("<30>Nov 20 10:15:30 name: text"), the others
// get RFC 5424; over TCP with octet counting (RFC 6587, 3.4.1). Characters that a header may not hold become '_'.
std::string make_message(const SyslogSender& sender, SyslogWay way, Stamp stamp, std::string_view text);

}  // namespace svdir::svlogd
