#include "svlogd/line_sender.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "lib/say.h"
#include "lib/system.h"

namespace svdir::svlogd {

void LineSender::open_alerts(Journal& journal, OutputKey key, std::uint64_t start, const LineRules& rules,
                             const PatternList& patterns) {
  attach(journal, key, start);
  rules_ = rules;
  rules_.lines = &patterns;
  rules_.one_line = rules_.head_only = true;
}

void LineSender::open_udp(Journal& journal, OutputKey key, std::uint64_t start, const LineRules& rules,
                          const UdpTarget& target) {
  attach(journal, key, start);
  rules_ = rules;
  rules_.one_line = rules_.head_only = true;
  address_.sin_family = AF_INET;
  address_.sin_port = htons(target.port);
  ::inet_pton(AF_INET, target.host.c_str(), &address_.sin_addr);
  socket_.reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

bool LineSender::write(std::string_view bytes, Progress&) {
  if (!socket_) {
    // A reader of our standard error that is gone must not stop the logging.
    if (sys::write(STDERR_FILENO, bytes.data(), bytes.size()) < 0) return true;
    return true;
  }
  const bool sent = ::sendto(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address_), sizeof address_) >= 0;
  if (!sent && !is_in_trouble_) warn({system_error("unable to send by UDP; lines are lost").error().text()});
  is_in_trouble_ = !sent;
  return true;
}

}  // namespace svdir::svlogd
