#include "svlogd/syslog_output.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/system.h"
#include "lib/values.h"

namespace svdir::svlogd {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLongestLine = 8 * 1024;  // bytes of a line; more is cut, servers would cut it too
constexpr Duration kFirstDelay = 1s;
constexpr unsigned kMostDoublings = 5;
constexpr Duration kBusyPause = 50ms;  // until a full socket is tried again
constexpr Duration kPatience = 5s;     // at the end
// The same for a server that was not to be reached so many times in a row: it will hardly come back just now.
constexpr Duration kShortPatience = 500ms;
constexpr unsigned kGoneFailures = 2;
constexpr std::size_t kLengthSize = sizeof(std::uint32_t);

// A name's address in /etc/hosts. A resolver would cost more memory than the rest of us, and would block.
std::string look_up(const std::string& name) {
  const auto hosts = read_small(AT_FDCWD, "/etc/hosts", 256 * 1024);
  if (!hosts) return {};
  std::string_view rest = *hosts;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    line = line.substr(0, line.find('#'));
    const std::string_view address = take_word(line);
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line))
      if (word == name) return std::string(address);
  }
  return {};
}

OutputKey key_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return {1, hash};
}

}  // namespace

SyslogOutput::SyslogOutput(const Target& target, const Options& options, const ReplaceTable* replace,
                           const SyslogAddress& address, const std::string& service)
    : name_(target.text), address_(address) {
  parse_config(target.config, config_);
  for (const std::string& complaint : config_.complaints) warn({target.text, ": ", complaint});
  rules_.prefix = config_.prefix;
  rules_.replace = replace;
  rules_.lines = &config_.lines;
  rules_.head = std::max(options.head, kLongestLine);
  rules_.one_line = rules_.head_only = true;
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  sender_ = {config_.priority, host, service};
}

void SyslogOutput::open(Journal& journal) {
  attach(journal, key_of(name_), journal.begin());
}

bool SyslogOutput::deliver(const Delivery& delivery) {
  moment_ = delivery.journal.moment();
  Output::deliver(delivery);
  flush();
  return true;
}

bool SyslogOutput::write(std::string_view bytes, Progress&) {
  if (bytes.ends_with('\n')) bytes.remove_suffix(1);
  push(bytes);
  return true;
}

void SyslogOutput::push(std::string_view text) {
  const std::string message = make_message(sender_, address_.way, moment_, text);
  if (queue_.size() - front_ + message.size() + kLengthSize > kSyslogQueue) {
    flush();
    if (queue_.size() - front_ + message.size() + kLengthSize > kSyslogQueue) {
      ++dropped_;
      return;
    }
  }
  const auto length = static_cast<std::uint32_t>(message.size());
  if (queue_.capacity() == 0) queue_.reserve(kSyslogQueue);
  if (queue_.size() + message.size() + kLengthSize > kSyslogQueue) queue_.erase(0, std::exchange(front_, 0));
  queue_.append(reinterpret_cast<const char*>(&length), kLengthSize).append(message);
}

void SyslogOutput::on_due() {
  due_ = {};
  flush();
}

// Sends as much of the queue as the socket takes.
void SyslogOutput::flush() {
  if (due_.is_set() && monotonic_now() < due_) return;
  due_ = {};
  while (front_ < queue_.size()) {
    if (!is_connected_ && !connect()) return;
    if (!send_first()) return;
  }
  queue_.clear();
  front_ = 0;
  if (dropped_ != 0) {
    const std::uint64_t count = std::exchange(dropped_, 0);
    push("svlogd: the syslog server was away, " + std::to_string(count) + " lines dropped");
    flush();
  }
}

bool SyslogOutput::find_address(sockaddr_storage& into, socklen_t& size) const {
  into = {};
  if (address_.way == SyslogWay::local) {
    auto* local = reinterpret_cast<sockaddr_un*>(&into);
    if (address_.host.size() >= sizeof local->sun_path) return false;
    local->sun_family = AF_UNIX;
    std::memcpy(local->sun_path, address_.host.c_str(), address_.host.size() + 1);
    size = sizeof *local;
    return true;
  }
  auto* four = reinterpret_cast<sockaddr_in*>(&into);
  auto* six = reinterpret_cast<sockaddr_in6*>(&into);
  for (const std::string& host : {address_.host, look_up(address_.host)}) {
    if (::inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
      four->sin_family = AF_INET;
      four->sin_port = htons(address_.port);
      size = sizeof *four;
      return true;
    }
    if (::inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
      six->sin6_family = AF_INET6;
      six->sin6_port = htons(address_.port);
      size = sizeof *six;
      return true;
    }
  }
  return false;
}

bool SyslogOutput::connect() {
  sockaddr_storage address;
  socklen_t size = 0;
  if (!find_address(address, size)) {
    fail({"not a numeric address nor a name of /etc/hosts", 0, Fault::user});
    return false;
  }
  if (!socket_) {
    socket_.reset(
        ::socket(address.ss_family, (is_stream() ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_) {
      fail(system_error("unable to make a socket").error());
      return false;
    }
  }
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 || errno == EISCONN) {
    is_connected_ = true;
    return true;
  }
  if (errno == EINPROGRESS || errno == EALREADY)
    due_ = monotonic_now() + kBusyPause;  // asked again by connecting again
  else
    fail(system_error("unable to connect").error());
  return false;
}

// The first message of the queue, or what is left of it. False when the socket takes no more for now, or has failed.
bool SyslogOutput::send_first() {
  std::uint32_t length = 0;
  std::memcpy(&length, queue_.data() + front_, kLengthSize);
  const char* const message = queue_.data() + front_ + kLengthSize;
  if (is_stream() && sent_ == 0) {
    // A server that has closed the connection is noticed now, not one lost message later.
    char none;
    const ssize_t seen = ::recv(socket_.get(), &none, 1, MSG_PEEK | MSG_DONTWAIT);
    if (seen == 0) errno = ECONNRESET;
    if (seen == 0 || (seen < 0 && errno != EAGAIN)) {
      fail(system_error("the connection broke").error());
      return false;
    }
  }
  const ssize_t count = ::send(socket_.get(), message + sent_, length - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)) {
    due_ = monotonic_now() + kBusyPause;
    return false;
  }
  if (count < 0 && errno == EMSGSIZE) {
    // No datagram can be that long: this message is lost, the others are not.
    ++dropped_;
  } else if (count < 0) {
    fail(system_error("unable to send").error());
    return false;
  } else {
    sent_ += static_cast<std::size_t>(count);
    if (is_stream() && sent_ < length) return true;
  }
  if (!reason_.empty()) info({name_, ": is there again"});
  reason_.clear();
  failures_ = 0;
  sent_ = 0;
  front_ += kLengthSize + length;
  return true;
}

void SyslogOutput::fail(const Error& error) {
  if (reason_.empty()) warn({name_, ": ", error.text(), "; lines wait"});
  reason_ = error.text();
  socket_.reset();
  is_connected_ = false;
  sent_ = 0;
  due_ = monotonic_now() + kFirstDelay * (1u << std::min(failures_++, kMostDoublings));
}

bool SyslogOutput::is_finished(bool) {
  if (front_ >= queue_.size() && dropped_ == 0) return true;
  const Instant now = monotonic_now();
  if (!give_up_.is_set()) give_up_ = now + (failures_ < kGoneFailures ? kPatience : kShortPatience);
  if (now < give_up_) {
    if (!due_.is_set() || due_ > give_up_) due_ = give_up_;
    return false;
  }
  warn({name_, ": lines that could not be sent are lost"});
  return true;
}

std::string SyslogOutput::trouble() const {
  return name_ + ": " + reason_ + (dropped_ == 0 ? "" : ", " + std::to_string(dropped_) + " lines dropped");
}

}  // namespace svdir::svlogd
