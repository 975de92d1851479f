// Lines to a syslog server, local or remote.
//
// A server that is away must not stop the logging: messages wait in a queue of bounded size, and when it is full the
// lines are counted, and the count is sent when the server is there again. A connection that breaks is made again,
// after 1 second, then later each time; a message that was under way is sent again from its beginning.
#pragma once

#include <netinet/in.h>
#include <sys/un.h>

#include <string>

#include "lib/fd.h"
#include "svlogd/config.h"
#include "svlogd/options.h"
#include "svlogd/output.h"
#include "svlogd/syslog_message.h"

namespace svdir::svlogd {

inline constexpr std::size_t kSyslogQueue = 256 * 1024;  // bytes

class SyslogOutput final : public Output {
 public:
  SyslogOutput(const Target& target, const Options& options, const ReplaceTable* replace, const SyslogAddress& address,
               const std::string& service);

  void open(Journal& journal);
  bool deliver(const Delivery& delivery) override;
  void on_due() override;
  bool is_finished(bool is_told_to_end) override;
  std::string trouble() const override;
  bool is_in_trouble() const override { return !reason_.empty(); }

 protected:
  bool write(std::string_view bytes, Progress& after) override;

 private:
  void push(std::string_view text);
  void flush();
  bool connect();
  bool find_address(sockaddr_storage& into, socklen_t& size) const;
  bool send_first();
  void fail(const Error& error);
  bool is_stream() const { return address_.way == SyslogWay::tcp; }

  const std::string name_;  // the target, for messages
  const SyslogAddress address_;
  OutputConfig config_;
  SyslogSender sender_;
  Stamp moment_;
  Fd socket_;
  bool is_connected_ = false;
  // Messages, each with its length in front (4 bytes, our byte order); `sent_` bytes of the first are on their way.
  std::string queue_;
  std::size_t front_ = 0;
  std::size_t sent_ = 0;
  std::uint64_t dropped_ = 0;
  unsigned failures_ = 0;
  std::string reason_;  // of the present trouble
  Instant give_up_;     // at the end: when the rest is no longer waited for
};

}  // namespace svdir::svlogd
