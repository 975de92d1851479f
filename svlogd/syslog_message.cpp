#include "svlogd/syslog_message.h"

#include "lib/values.h"
#include "svlogd/schedule.h"

namespace svdir::svlogd {
namespace {

// PRINTUSASCII, of limited length (RFC 5424, section 6); "-" for nothing.
std::string header_field(std::string_view text, std::size_t longest) {
  std::string field(text.substr(0, longest));
  for (char& c : field)
    if (c < 33 || c > 126) c = '_';
  return field.empty() ? "-" : field;
}

}  // namespace

bool is_syslog(std::string_view target) {
  return target == "syslog" || target.starts_with("syslog:");
}

std::expected<SyslogAddress, std::string> parse_syslog(std::string_view target) {
  SyslogAddress address;
  if (target == "syslog") return address;
  std::string_view rest = target.substr(std::string_view("syslog:").size());
  if (rest.starts_with('/')) {
    address.host = rest;
    return address;
  }
  if (rest.starts_with("udp:"))
    address.way = SyslogWay::udp;
  else if (rest.starts_with("tcp:"))
    address.way = SyslogWay::tcp;
  else
    return std::unexpected("must be syslog, syslog:PATH, syslog:udp:HOST:PORT or syslog:tcp:HOST:PORT");
  rest.remove_prefix(4);
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return std::unexpected("`[` without `]`");
    address.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest[0] != ':') return std::unexpected("only a port may follow the address");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    const std::size_t colon = rest.rfind(':');
    address.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon + 1);
  }
  long long number = 514;
  if (!port.empty() && !parse_number(port, 1, 65535, number)) return std::unexpected("bad port");
  if (address.host.empty()) return std::unexpected("no host");
  address.port = static_cast<std::uint16_t>(number);
  return address;
}

std::string make_message(const SyslogSender& sender, SyslogWay way, Stamp stamp, std::string_view text) {
  const std::string priority = "<" + std::to_string(sender.priority) + ">";
  if (way == SyslogWay::local)
    return priority + format_time("%b %e %H:%M:%S", stamp, false) + " " + header_field(sender.name, 48) + ": " +
           std::string(text);
  std::string message = priority + "1 " + format_time("%Y-%m-%dT%H:%M:%S.%6NZ", stamp, true) + " " +
                        header_field(sender.host, 255) + " " + header_field(sender.name, 48) + " - - - ";
  message.append(text);
  return way == SyslogWay::tcp ? std::to_string(message.size()) + " " + message : message;
}

}  // namespace svdir::svlogd
