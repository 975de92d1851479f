// The one table of svctl's verbs: name, what is written into the control FIFO, what is waited for, arguments, help.
// It feeds the parser, the dispatch in main.cpp, `svctl --help` and the manual page's list (a test compares).
#pragma once

#include <signal.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace svdir::svctl {

// What must be seen before a command counts as carried out.
enum class Goal : std::uint8_t {
  taken,      // the supervisor has acted on it
  up,         // a run is there, and ready where the service has a `ready` setting
  restarted,  // the same, of a run that is not the one from before
  ended,      // a run started by the command has come to its end
  down,       // run and finish have ended
  gone,       // the supervisor has ended
  wanted,     // whichever of up and down is wanted
  is_up,      // a run is there
  is_ready,   // and it is ready
  is_down,    // nothing runs
};

enum class Verb : std::uint8_t {
  status,
  start,
  stop,
  restart,
  try_restart,
  once,
  pause,
  cont,
  hup,
  term,
  kill,
  interrupt,
  quit,
  usr1,
  usr2,
  alarm,
  winch,
  abort,
  signal,
  exit,
  check,
  wait,
  enable,
  disable,
  rotate,
  reload_settings,
  upgrade,
  pid,
  why,
  deaths,
  logs,
  events,
  tree,
  doctor,
  scan,
  metrics,
  make_new,
  add,
  remove,
  clean,
  shutdown,
  help,
};

// Options a verb takes beyond those that all take.
namespace option {
inline constexpr unsigned kWait = 1;    // -w SEC, --no-wait
inline constexpr unsigned kLines = 2;   // -n N
inline constexpr unsigned kFollow = 4;  // -f
inline constexpr unsigned kSince = 8;   // --since TIME
inline constexpr unsigned kToEnd = 16;  // -w without a number
}  // namespace option

struct VerbRow {
  Verb verb;
  std::string_view name;
  std::string_view bytes;        // for supervise (lib/commands.h); "" for verbs that send nothing, or not these
  std::string_view runit_bytes;  // for a genuine runsv or daemontools' supervise; "" where they know no such thing
  Goal goal;
  std::string_view arguments;  // for help: "NAME..." is needed, "[NAME...]" is not
  unsigned options;
  std::string_view said;  // how its success is told where the goal has no words of its own
  std::string_view help;

  constexpr bool needs_names() const { return !arguments.starts_with('['); }
};

inline constexpr std::array kVerbs{
    VerbRow{Verb::status, "status", "", "", Goal::taken, "[NAME...]", 0, "",
            "show the state of the services; without a name, of all"},
    VerbRow{Verb::start, "start", "u", "u", Goal::up, "NAME...", option::kWait, "",
            "start what is not running, and restart it whenever it ends; wait until it runs, or is ready"},
    VerbRow{Verb::stop, "stop", "d", "d", Goal::down, "NAME...", option::kWait, "",
            "stop, and do not start again; wait until run and finish have ended"},
    VerbRow{Verb::restart, "restart", "r", "tcu", Goal::restarted, "NAME...", option::kWait, "",
            "stop and start again; start what is not running; wait as start does"},
    VerbRow{Verb::try_restart, "try-restart", "r", "tc", Goal::restarted, "NAME...", option::kWait, "",
            "the same, but leave alone what is not running"},
    VerbRow{Verb::once, "once", "o", "o", Goal::up, "NAME...", option::kWait | option::kToEnd, "",
            "start what is not running, and do not restart it when it ends; with -w wait for its end and return its "
            "exit code"},
    VerbRow{Verb::pause, "pause", "p", "p", Goal::taken, "NAME...", option::kWait, "paused", "send STOP"},
    VerbRow{Verb::cont, "cont", "c", "c", Goal::taken, "NAME...", option::kWait, "continued", "send CONT"},
    VerbRow{Verb::hup, "hup", "h", "h", Goal::taken, "NAME...", option::kWait, "HUP sent", "send HUP"},
    VerbRow{Verb::term, "term", "t", "t", Goal::taken, "NAME...", option::kWait, "TERM sent",
            "send TERM; what is wanted up starts again"},
    VerbRow{Verb::kill, "kill", "k", "k", Goal::taken, "NAME...", option::kWait, "KILL sent", "send KILL"},
    VerbRow{Verb::interrupt, "int", "i", "i", Goal::taken, "NAME...", option::kWait, "INT sent", "send INT"},
    VerbRow{Verb::quit, "quit", "q", "q", Goal::taken, "NAME...", option::kWait, "QUIT sent", "send QUIT"},
    VerbRow{Verb::usr1, "usr1", "1", "1", Goal::taken, "NAME...", option::kWait, "USR1 sent", "send USR1"},
    VerbRow{Verb::usr2, "usr2", "2", "2", Goal::taken, "NAME...", option::kWait, "USR2 sent", "send USR2"},
    VerbRow{Verb::alarm, "alarm", "a", "a", Goal::taken, "NAME...", option::kWait, "ALRM sent", "send ALRM"},
    VerbRow{Verb::winch, "winch", "w", "", Goal::taken, "NAME...", option::kWait, "WINCH sent", "send WINCH"},
    VerbRow{Verb::abort, "abort", "b", "", Goal::taken, "NAME...", option::kWait, "ABRT sent", "send ABRT"},
    VerbRow{Verb::signal, "signal", "s", "", Goal::taken, "SIGNAL NAME...", option::kWait, "signal sent",
            "send any signal, by name or number"},
    VerbRow{Verb::exit, "exit", "x", "x", Goal::gone, "NAME...", option::kWait, "",
            "stop, let the logger drain, and end the supervisor; svscan leaves the service alone until it rescans"},
    VerbRow{Verb::check, "check", "", "", Goal::wanted, "NAME...", option::kWait, "",
            "wait until the services are as they are wanted: down, or up, ready and well by their ./check"},
    VerbRow{Verb::wait, "wait", "", "", Goal::is_up, "up|ready|down NAME...", option::kWait, "",
            "wait until the services are so; for ever, without -w"},
    VerbRow{Verb::enable, "enable", "u", "u", Goal::up, "NAME...", option::kWait, "",
            "remove the `down` file and start"},
    VerbRow{Verb::disable, "disable", "d", "d", Goal::down, "NAME...", option::kWait, "",
            "make a `down` file, so that it does not start at boot, and stop"},
    VerbRow{Verb::rotate, "rotate", "a", "a", Goal::taken, "NAME...", option::kWait, "its logger told to rotate",
            "make the loggers of the services rotate their logs"},
    VerbRow{Verb::reload_settings, "reload-settings", "z", "", Goal::taken, "NAME...", option::kWait, "settings read",
            "read the settings again now, and say what is wrong with them"},
    VerbRow{Verb::upgrade, "upgrade", "e", "", Goal::taken, "[NAME...]", option::kWait, "supervisor upgraded",
            "execute the supervisors' program anew, in place; without a name svscan's, too"},
    VerbRow{Verb::pid, "pid", "", "", Goal::taken, "NAME...", 0, "", "print the process number of each run"},
    VerbRow{Verb::why, "why", "", "", Goal::taken, "NAME...", option::kLines, "",
            "explain the state: what is wrong, the last deaths, the last lines of the log"},
    VerbRow{Verb::deaths, "deaths", "", "", Goal::taken, "[NAME...]", option::kLines, "",
            "list the last ends of the services, the latest last"},
    VerbRow{Verb::logs, "logs", "", "", Goal::taken, "NAME...", option::kLines | option::kFollow | option::kSince, "",
            "show the last lines of the logs, of several services merged by time"},
    VerbRow{Verb::events, "events", "", "", Goal::taken, "[NAME...]", 0, "",
            "show each change of state as it happens, until interrupted"},
    VerbRow{Verb::tree, "tree", "", "", Goal::taken, "[NAME...]", 0, "", "show what depends on what, with states"},
    VerbRow{Verb::doctor, "doctor", "", "", Goal::taken, "[NAME...]", 0, "",
            "look for what is wrong: files, rights, settings, dependencies"},
    VerbRow{Verb::scan, "scan", "", "", Goal::taken, "[]", 0, "", "show svscan's own state, and services by state"},
    VerbRow{Verb::metrics, "metrics", "", "", Goal::taken, "[NAME...]", 0, "",
            "print the state of the services in Prometheus' text format"},
    VerbRow{Verb::make_new, "new", "", "", Goal::taken, "[NAME...]", 0, "",
            "make a service directory to be filled in; without a name, print a run script"},
    VerbRow{Verb::add, "add", "", "", Goal::taken, "PATH...", 0, "",
            "link a service directory, or a script, into the scan directory"},
    VerbRow{Verb::remove, "remove", "x", "x", Goal::gone, "NAME...", option::kWait, "",
            "stop, end the supervisor, and remove the link that add has made"},
    VerbRow{Verb::clean, "clean", "", "", Goal::taken, "[NAME...]", 0, "",
            "remove what dead supervisors and waiters have left behind"},
    VerbRow{Verb::shutdown, "shutdown", "", "", Goal::taken, "[]", option::kWait, "",
            "stop all services in order, and svscan"},
    VerbRow{Verb::help, "help", "", "", Goal::taken, "[]", 0, "", "show the commands and options"},
};

consteval bool verbs_are_in_order() {
  for (std::size_t i = 0; i < kVerbs.size(); ++i)
    if (kVerbs[i].verb != static_cast<Verb>(i)) return false;
  return true;
}
static_assert(verbs_are_in_order(), "rows stand in the enum's order");

constexpr const VerbRow& row_of(Verb verb) {
  return kVerbs[static_cast<std::size_t>(verb)];
}

constexpr const VerbRow* find_verb(std::string_view name) {
  for (const VerbRow& row : kVerbs)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace svdir::svctl
