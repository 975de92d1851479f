#include "tests/support/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/fd.h"

namespace svdir::test {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Fd connected(int port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const sockaddr_in address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

bool can_bind(int port) {
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

std::string fetch(int port, const std::string& path) {
  const Fd fd = connected(port);
  if (!fd) return "";
  const std::string request = "GET /" + path + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return "";
  std::string answer;
  char block[4096];
  for (ssize_t count; (count = ::recv(fd.get(), block, sizeof block, 0)) > 0;)
    answer.append(block, static_cast<std::size_t>(count));
  const auto head = answer.find("\r\n\r\n");
  if (head == std::string::npos || answer.substr(0, answer.find("\r\n")).find(" 200 ") == std::string::npos) return "";
  return answer.substr(head + 4);
}

bool is_listening(int port) {
  return static_cast<bool>(connected(port));
}

std::vector<int> free_ports(std::size_t count) {
  // Tests run side by side: each looks from a place of its own.
  static int next = 10'000 + static_cast<int>(::getpid() % 2'000) * 10;
  std::vector<int> ports;
  for (; ports.size() < count; next = next < 32'000 ? next + 1 : 10'000)
    if (can_bind(next)) ports.push_back(next);
  return ports;
}

}  // namespace svdir::test
