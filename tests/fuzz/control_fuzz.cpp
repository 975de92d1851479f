// The bytes in a control FIFO: whatever came before, a command is understood after two others.
#include <cstdint>
#include <cstdlib>

#include "lib/commands.h"

using namespace svdir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ControlParser parser;
  Order order;
  for (std::size_t i = 0; i < size; ++i) {
    if (!parser.take(static_cast<char>(data[i]), order)) continue;
    if (order.command == Command::signal && (order.signal < 1 || order.signal > 64)) std::abort();
    if (order.command == Command::token)
      for (const char letter : order.token)
        if (letter < 'A' || letter > 'Z') std::abort();
  }
  parser.take('u', order);
  parser.take('u', order);
  if (!parser.take('d', order) || order.command != Command::down) std::abort();
  return 0;
}
