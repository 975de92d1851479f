// Datagrams that a service, or anybody, sends to its NOTIFY_SOCKET; and the lines of `deaths`.
#include <cstdint>
#include <cstdlib>

#include "supervise/notify.h"
#include "svctl/deaths.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const svdir::Notification message = svdir::parse_notification(bytes);
  if (message.status) {
    if (message.status->size() > svdir::kLongestStatusText) std::abort();
    for (const char c : *message.status)
      if (static_cast<unsigned char>(c) < 32) std::abort();  // it is shown in one line of status
  }
  if (message.main_pid && *message.main_pid <= 0) std::abort();
  if (message.extend && message.extend->count() < 0) std::abort();
  for (const auto& death : svdir::svctl::parse_deaths(bytes)) svdir::svctl::death_line(death);
  return 0;
}
