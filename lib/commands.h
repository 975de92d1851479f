// The one list of commands: letter, long name, signal, help. Everything that knows commands is made from it: the
// control stream's parser, the state machine's dispatch, `svctl`'s verbs and help, the manual page and the tests.
//
// A command is one byte in supervise/control; `s` is followed by a byte that is a signal number, `#` by eight letters
// A-Z, a token. Unknown bytes are ignored, as in runit. The letters u d o x p c h a i t k q 1 2 are runit's.
#pragma once

#include <signal.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace svdir {

enum class Command : std::uint8_t {
  up,
  down,
  once,
  exit,
  pause,
  cont,
  hup,
  alarm,
  interrupt,
  term,
  kill,
  quit,
  usr1,
  usr2,
  winch,
  abort,
  signal,
  restart,
  reload_settings,
  upgrade,
  orphan_ended,
  token,
};

struct CommandRow {
  Command command;
  char letter;
  std::string_view name;
  int signal;  // what is sent to the service; 0: nothing by itself
  std::string_view help;
};

inline constexpr auto kCommands = std::to_array({
    CommandRow{Command::up, 'u', "up", 0, "start it if it is not running; restart it whenever it ends"},
    CommandRow{Command::down, 'd', "down", 0, "stop it by its stop ladder; do not start it again"},
    CommandRow{Command::once, 'o', "once", 0, "start it if it is not running; do not restart it when it ends"},
    CommandRow{Command::exit, 'x', "exit", 0, "stop it, let the logger drain, and end the supervisor"},
    CommandRow{Command::pause, 'p', "pause", SIGSTOP, "send STOP"},
    CommandRow{Command::cont, 'c', "cont", SIGCONT, "send CONT"},
    CommandRow{Command::hup, 'h', "hup", SIGHUP, "send HUP"},
    CommandRow{Command::alarm, 'a', "alarm", SIGALRM, "send ALRM"},
    CommandRow{Command::interrupt, 'i', "int", SIGINT, "send INT"},
    CommandRow{Command::term, 't', "term", SIGTERM, "send TERM; a service that is wanted up is then started again"},
    CommandRow{Command::kill, 'k', "kill", SIGKILL, "send KILL"},
    CommandRow{Command::quit, 'q', "quit", SIGQUIT, "send QUIT"},
    CommandRow{Command::usr1, '1', "usr1", SIGUSR1, "send USR1"},
    CommandRow{Command::usr2, '2', "usr2", SIGUSR2, "send USR2"},
    CommandRow{Command::winch, 'w', "winch", SIGWINCH, "send WINCH"},
    CommandRow{Command::abort, 'b', "abort", SIGABRT, "send ABRT"},
    CommandRow{Command::signal, 's', "signal", 0, "send the signal whose number is the next byte"},
    CommandRow{Command::restart, 'r', "restart", 0, "stop it, then start it, as one command"},
    CommandRow{Command::reload_settings, 'z', "reload-settings", 0, "read the settings again now"},
    CommandRow{Command::upgrade, 'e', "upgrade", 0, "execute the supervisor's program anew, in place"},
    CommandRow{Command::orphan_ended, '!', "orphan-ended", 0, "from svscan: supervise/exit tells how a process ended"},
    CommandRow{Command::token, '#', "token", 0, "eight letters follow; `state` shows them when all before is taken"},
});

inline constexpr std::size_t kTokenLength = 8;

consteval bool commands_are_in_order() {
  for (std::size_t i = 0; i < kCommands.size(); ++i) {
    if (kCommands[i].command != static_cast<Command>(i)) return false;
    for (std::size_t j = 0; j < i; ++j)
      if (kCommands[i].letter == kCommands[j].letter || kCommands[i].name == kCommands[j].name) return false;
  }
  return true;
}
static_assert(commands_are_in_order(), "rows stand in the enum's order, letters and names are unique");

constexpr const CommandRow& row_of(Command command) {
  return kCommands[static_cast<std::size_t>(command)];
}

constexpr const CommandRow* find_command(char letter) {
  for (const CommandRow& row : kCommands)
    if (row.letter == letter) return &row;
  return nullptr;
}

using Token = std::array<char, kTokenLength>;

// One command as it came out of the stream.
struct Order {
  Command command = Command::up;
  int signal = 0;  // for Command::signal: 1..64
  Token token{};   // for Command::token
};

// Cuts a stream of bytes into orders. Keeps at most a token's worth of bytes between calls; garbage is dropped byte
// by byte, so it can hide at most the token or signal it pretends to begin.
class ControlParser {
 public:
  // Takes one byte; true when it completed an order, which is then in `into`.
  bool take(char byte, Order& into);
  // False in the middle of a token or a signal.
  bool is_between_orders() const { return expecting_ == Expecting::letter; }

 private:
  enum class Expecting : std::uint8_t { letter, signal_number, token };
  Expecting expecting_ = Expecting::letter;
  std::uint8_t held_ = 0;
  Token token_{};
};

}  // namespace svdir
