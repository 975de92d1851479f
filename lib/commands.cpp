#include "lib/commands.h"

namespace svdir {

bool ControlParser::take(char byte, Order& into) {
  if (expecting_ == Expecting::signal_number) {
    expecting_ = Expecting::letter;
    const int number = static_cast<unsigned char>(byte);
    if (number < 1 || number > 64) return false;
    into = {Command::signal, number, {}};
    return true;
  }
  if (expecting_ == Expecting::token) {
    if (byte >= 'A' && byte <= 'Z') {
      token_[held_++] = byte;
      if (held_ < kTokenLength) return false;
      expecting_ = Expecting::letter;
      into = {Command::token, 0, token_};
      return true;
    }
    expecting_ = Expecting::letter;  // no token after all; the byte may be a command of its own
  }
  const CommandRow* row = find_command(byte);
  if (row == nullptr) return false;
  if (row->command == Command::signal) {
    expecting_ = Expecting::signal_number;
    return false;
  }
  if (row->command == Command::token) {
    expecting_ = Expecting::token;
    held_ = 0;
    return false;
  }
  into = {row->command, row->signal, {}};
  return true;
}

}  // namespace svdir
