#include "lib/settings_table.h"

#include <signal.h>

#include <algorithm>
#include <array>

#include "lib/service_dir.h"

namespace svdir {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kStandardLadder = std::to_array({Rung{SIGTERM, seconds(30)}, Rung{SIGKILL, Duration{}}});

// --- What a kind of value reads and writes -------------------------------------------------------------------------
// A kind is a type with parse and format; `entry` makes a row of a kind and the members of Settings it fills.

template <auto Member>
void reset_member(Settings& into) {
  into.*Member = Settings{}.*Member;
}

template <auto Member, std::int64_t LeastMilliseconds>
struct Time {
  static bool parse(std::string_view value, Settings& into) {
    Duration duration{};
    if (!parse_duration(value, duration) || duration < milliseconds(LeastMilliseconds)) return false;
    return into.*Member = duration, true;
  }
  static std::string format(const Settings& settings) { return format_duration(settings.*Member); }
  static void reset(Settings& into) { reset_member<Member>(into); }
};

template <auto Member, long long Least, long long Most>
struct Count {
  static bool parse(std::string_view value, Settings& into) {
    long long number = 0;
    if (!parse_number(value, Least, Most, number)) return false;
    return into.*Member = static_cast<unsigned>(number), true;
  }
  static std::string format(const Settings& settings) { return std::to_string(settings.*Member); }
  static void reset(Settings& into) { reset_member<Member>(into); }
};

template <auto Member>
struct Flag {
  static bool parse(std::string_view value, Settings& into) { return parse_yes_no(value, into.*Member); }
  static std::string format(const Settings& settings) { return settings.*Member ? "yes" : "no"; }
  static void reset(Settings& into) { reset_member<Member>(into); }
};

// `Names` stand in the order of the enum.
template <auto Member, const auto& Names>
struct Choice {
  static bool parse(std::string_view value, Settings& into) {
    const auto found = std::ranges::find(Names, value);
    if (found == Names.end()) return false;
    using Enum = std::remove_reference_t<decltype(into.*Member)>;
    return into.*Member = static_cast<Enum>(found - Names.begin()), true;
  }
  static std::string format(const Settings& settings) {
    return std::string(Names[static_cast<std::size_t>(settings.*Member)]);
  }
  static void reset(Settings& into) { reset_member<Member>(into); }
};

// Names of services; "NAME/log" is not one, a glob neither.
template <auto Member>
struct ServiceNames {
  static bool parse(std::string_view value, Settings& into) {
    std::vector<std::string> names = split_words(value);
    if (std::ranges::any_of(names, [](const std::string& name) { return !why_bad_name(name).empty(); })) return false;
    return into.*Member = std::move(names), true;
  }
  static std::string format(const Settings& settings) { return join(settings.*Member, " "); }
  static void reset(Settings& into) { (into.*Member).clear(); }
};

struct SuccessCodes {
  static bool parse(std::string_view value, Settings& into) {
    std::vector<int> codes;
    for (std::string_view word = take_word(value); !word.empty(); word = take_word(value)) {
      long long code = 0;
      if (!parse_number(word, 0, 255, code)) return false;
      codes.push_back(static_cast<int>(code));
    }
    if (codes == std::vector{0}) codes.clear();  // one form for equal settings
    return into.success_codes = std::move(codes), true;
  }
  static std::string format(const Settings& settings) {
    std::string text;
    for (const int code : settings.success_codes) text.append(text.empty() ? "" : " ").append(std::to_string(code));
    return text.empty() ? "0" : text;
  }
  static void reset(Settings& into) { into.success_codes.clear(); }
};

// SIGNAL [WAIT] SIGNAL [WAIT]...: a wait leads to the signal after it, so it cannot be the last word.
struct Ladder {
  enum class Fault : std::uint8_t { none, no_signal, no_duration, too_many, first_wait, second_wait, last_wait };
  struct Reading {
    std::vector<Rung> rungs;
    Fault fault = Fault::none;
    std::string_view word;  // the faulty one
  };

  static Reading read(std::string_view value) {
    Reading reading;
    const auto stop_at = [&](Fault fault) { return reading.fault = fault, reading; };
    bool waits = false;
    for (std::string_view word = take_word(value); !word.empty(); word = take_word(value)) {
      reading.word = word;
      if (word[0] < '0' || word[0] > '9') {
        const int signal = parse_signal(word);
        if (signal == 0) return stop_at(Fault::no_signal);
        if (reading.rungs.size() == kMostRungs) return stop_at(Fault::too_many);
        reading.rungs.push_back({signal, Duration{}});
        waits = false;
      } else {
        Duration wait{};
        if (!parse_duration(word, wait)) return stop_at(Fault::no_duration);
        if (reading.rungs.empty()) return stop_at(Fault::first_wait);
        if (waits) return stop_at(Fault::second_wait);
        reading.rungs.back().wait = wait;
        waits = true;
      }
    }
    if (reading.rungs.empty()) return stop_at(Fault::no_signal);
    return waits ? stop_at(Fault::last_wait) : reading;
  }
  static std::string fault(std::string_view value) {
    const Reading reading = read(value);
    const std::string word = quoted(reading.word);
    switch (reading.fault) {
      case Fault::no_signal: return word + " is no signal";
      case Fault::no_duration: return word + " is no duration";
      case Fault::too_many: return "there are more than " + std::to_string(kMostRungs) + " signals";
      case Fault::first_wait: return "the wait " + word + " comes first, with no signal before it";
      case Fault::second_wait: return "the wait " + word + " follows another one";
      case Fault::last_wait: return "the wait " + word + " comes last, with no signal after it";
      case Fault::none: break;
    }
    return {};
  }
  static bool parse(std::string_view value, Settings& into) {
    Reading reading = read(value);
    std::vector<Rung>& rungs = reading.rungs;
    if (reading.fault != Fault::none) return false;
    // No wait means for ever only at the end; in between it means at once.
    for (std::size_t i = 0; i + 1 < rungs.size(); ++i)
      rungs[i].wait = std::max<Duration>(rungs[i].wait, milliseconds(1));
    if (std::ranges::equal(rungs, kStandardLadder)) rungs.clear();  // one form for equal settings
    return into.stop = std::move(rungs), true;
  }
  static std::string format(const Settings& settings) {
    std::string text;
    for (const Rung& rung : settings.ladder()) {
      text.append(text.empty() ? "" : " ").append(signal_name(rung.signal));
      if (rung.wait != Duration{}) text.append(" ").append(format_duration(rung.wait));
    }
    return text;
  }
  static void reset(Settings& into) { into.stop.clear(); }
};

struct Readiness {
  static constexpr long long kMostFd = 1023;
  static bool parse(std::string_view value, Settings& into) {
    long long fd = -1;
    if (value == "none")
      into.ready = Ready::none;
    else if (value == "notify")
      into.ready = Ready::notify;
    else if (value == "check")
      into.ready = Ready::check;
    else if (value.starts_with("fd:") && parse_number(value.substr(3), 3, kMostFd, fd))
      into.ready = Ready::fd;
    else
      return false;
    return into.ready_fd = static_cast<int>(fd), true;
  }
  static std::string format(const Settings& settings) {
    switch (settings.ready) {
      case Ready::fd: return "fd:" + std::to_string(settings.ready_fd);
      case Ready::notify: return "notify";
      case Ready::check: return "check";
      case Ready::none: break;
    }
    return "none";
  }
  static void reset(Settings& into) { into.ready = Ready::none, into.ready_fd = -1; }
};

// A path has a slash in it, so that a mistyped word does not become a directory.
bool is_log_target(std::string_view text) {
  return text == "stdout" || text == "null" || text == "syslog" || text.starts_with("syslog:") ||
         text.find('/') != std::string_view::npos;
}

struct LogTargets {
  static bool parse(std::string_view value, Settings& into) {
    std::vector<std::string> targets = split_words(value);
    if (!std::ranges::all_of(targets, is_log_target)) return false;
    return into.log = std::move(targets), true;
  }
  static std::string format(const Settings& settings) { return join(settings.log, ", "); }
  static void reset(Settings& into) { into.log.clear(); }
};

struct StderrTarget {
  static bool parse(std::string_view value, Settings& into) {
    const bool is_target = value != "merge" && value != "inherit";
    if (is_target && (!is_log_target(value) || value.find_first_of(" ,\t") != std::string_view::npos)) return false;
    into.stderr_to = is_target ? StderrTo::target : value == "merge" ? StderrTo::merge : StderrTo::inherit;
    into.stderr_target = is_target ? value : "";
    return true;
  }
  static std::string format(const Settings& settings) {
    if (settings.stderr_to == StderrTo::target) return settings.stderr_target;
    return settings.stderr_to == StderrTo::merge ? "merge" : "inherit";
  }
  static void reset(Settings& into) { into.stderr_to = StderrTo::merge, into.stderr_target.clear(); }
};

struct ControlGroup {
  static bool parse(std::string_view value, Settings& into) {
    if (value.find_first_of(" \t,:/") != std::string_view::npos) return false;
    return into.control_group = value, true;
  }
  static std::string format(const Settings& settings) { return settings.control_group; }
  static void reset(Settings& into) { into.control_group.clear(); }
};

constexpr std::array<std::string_view, 4> kRestarts{"always", "on-failure", "on-crash", "never"};
constexpr std::array<std::string_view, 2> kLeftovers{"kill", "leave"};
constexpr std::array<std::string_view, 3> kReaders{"owner", "group", "all"};
constexpr std::array<std::string_view, 2> kTrust{"owners", "any"};
constexpr std::array<std::string_view, 4> kLogStamps{"none", "tai64n", "utc", "iso"};
constexpr std::array<std::string_view, 2> kLogFormats{"plain", "json"};

template <class Kind>
constexpr SettingEntry entry(SettingRow shown, bool only_in_defaults = false) {
  std::string (*fault)(std::string_view) = nullptr;
  if constexpr (requires { &Kind::fault; }) fault = &Kind::fault;
  return {shown, only_in_defaults, &Kind::parse, &Kind::format, &Kind::reset, fault};
}

// --- The table -----------------------------------------------------------------------------------------------------
constexpr auto kEntries = std::to_array({
    entry<Choice<&Settings::restart, kRestarts>>(
        {"restart", "always, on-failure, on-crash or never", "always",
         "after which endings of run it is started again; a crash is a death by a signal that nobody asked for"}),
    entry<SuccessCodes>({"success-codes", "list of exit codes, 0 to 255", "0", "exit codes that are no failure"}),
    entry<Time<&Settings::restart_delay, 10>>({"restart-delay", "duration, at least 10ms", "1s",
                                               "wait after a failed start; doubled with each failure in a row"}),
    entry<Time<&Settings::restart_delay_max, 10>>(
        {"restart-delay-max", "duration, at least 10ms", "30s", "what doubling leads to at most"}),
    entry<Time<&Settings::start_time, 0>>(
        {"start-time", "duration", "1s", "a run that ends sooner, and was not ready, is a failed start"}),
    entry<Count<&Settings::start_limit, 0, 1'000'000>>(
        {"start-limit", "number", "0", "so many failed starts in a row, and it is left failed; 0 never gives up"}),
    entry<Ladder>({"stop", "signals, each with the wait before the next", "TERM 30s KILL",
                   "how run is stopped; without a final KILL its end is waited for without limit"}),
    entry<Flag<&Settings::stop_group>>(
        {"stop-group", "yes or no", "no", "whether these signals go to its whole process group; KILL always does"}),
    entry<Choice<&Settings::leftovers, kLeftovers>>(
        {"leftovers", "kill or leave", "kill",
         "what becomes of processes that are still in its process group or control group when run is dead"}),
    entry<Time<&Settings::finish_timeout, 10>>(
        {"finish-timeout", "duration, at least 10ms", "5s", "how long finish may take before it is killed"}),
    entry<Readiness>({"ready", "none, fd:NUMBER, notify or check", "none",
                      "how run tells that it is ready: a newline on that descriptor, sd_notify(3), or ./check"}),
    entry<Time<&Settings::ready_timeout, 0>>(
        {"ready-timeout", "duration", "0", "not ready in time is a failed start; 0 is no limit"}),
    entry<Time<&Settings::check_interval, 0>>(
        {"check-interval", "duration", "0",
         "how often ./check is run, or WATCHDOG=1 expected, once it is ready; 0 is never"}),
    entry<Time<&Settings::check_timeout, 10>>({"check-timeout", "duration, at least 10ms", "5s",
                                               "how long ./check may take before it is killed and has failed"}),
    entry<Count<&Settings::check_failures, 1, 1'000'000>>(
        {"check-failures", "number, at least 1", "3", "so many failed checks in a row, and it is restarted"}),
    entry<ServiceNames<&Settings::depends>>(
        {"depends", "list of services", "", "services to be wanted up, and to be up and ready, before it is started"}),
    entry<Flag<&Settings::depends_restart>>(
        {"depends-restart", "yes or no", "no", "whether it is restarted when a service it depends on was"}),
    entry<ServiceNames<&Settings::after>>(
        {"after", "list of services", "", "services that are waited for at start only if they are wanted up anyway"}),
    entry<Flag<&Settings::essential>>({"essential", "yes or no", "no",
                                       "when it has ended for good, svscan stops everything and exits with its code"}),
    entry<Count<&Settings::instances, 0, 1000>>(
        {"instances", "number up to 1000", "0",
         "so many copies, NAME-1, NAME-2..., each with $INSTANCE; 0 is one NAME"}),
    entry<ControlGroup>({"control-group", "group", "", "group that may command the service"}),
    entry<Choice<&Settings::status_readers, kReaders>>(
        {"status-readers", "owner, group or all", "owner", "who may read its state; group is the control-group"}),
    entry<Choice<&Settings::trust_any, kTrust>>(
        {"trust", "owners or any", "owners",
         "whether root refuses what somebody else could change; may stand in .defaults only"},
        true),
    entry<LogTargets>({"log", "list of paths, stdout, syslog or null", "",
                       "where its output goes when there is no log/run; a path has a slash, as ./log/main"}),
    entry<StderrTarget>({"stderr", "merge, inherit or a log target", "merge",
                         "where its standard error goes: where its output goes, where supervise's goes, or elsewhere"}),
    entry<Choice<&Settings::log_stamp, kLogStamps>>(
        {"log-stamp", "none, tai64n, utc or iso", "none", "what lines begin with in the logs of log and stderr"}),
    entry<Choice<&Settings::log_json, kLogFormats>>(
        {"log-format", "plain or json", "plain", "whether they are JSON objects, for collectors"}),
});

}  // namespace

std::span<const SettingEntry> setting_entries() {
  return kEntries;
}

std::span<const Rung> Settings::ladder() const {
  return stop.empty() ? std::span<const Rung>(kStandardLadder) : std::span<const Rung>(stop);
}

bool Settings::is_success(int exit_code) const {
  return success_codes.empty() ? exit_code == 0 : std::ranges::find(success_codes, exit_code) != success_codes.end();
}

}  // namespace svdir
