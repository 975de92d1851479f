// The messages a service sends to its NOTIFY_SOCKET: sd_notify(3), "The Notification Protocol". Pure.
//
// A datagram holds lines VARIABLE=VALUE. What we know is below; anything else is skipped, as the protocol asks.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "lib/clock.h"

namespace svdir {

struct Notification {
  bool ready = false;                 // READY=1
  bool stopping = false;              // STOPPING=1
  bool reloading = false;             // RELOADING=1
  bool alive = false;                 // WATCHDOG=1
  bool sick = false;                  // WATCHDOG=trigger
  std::optional<std::string> status;  // STATUS=…, control characters replaced
  std::optional<pid_t> main_pid;      // MAINPID=…
  std::optional<Duration> extend;     // EXTEND_TIMEOUT_USEC=…
  std::optional<Duration> watchdog;   // WATCHDOG_USEC=…: a new watchdog interval
};

inline constexpr std::size_t kLongestNotification = 4096;  // bytes; longer datagrams are ignored whole
inline constexpr std::size_t kLongestStatusText = 200;

Notification parse_notification(std::string_view datagram);

}  // namespace svdir
