// Settings of a service: the one table of keys, their types, defaults and help, and the values in force.
//
// Read from, later ones winning: the scan directory's `.defaults`, the comment lines beginning "#:" at the head of
// `run`, and `conf`; all hold `key = value` lines, parsed by inih. The parser, the error messages, `svctl doctor` and
// the table of svdir.5 come out of kSettings (settings.cpp).
//
// A Settings is a plain value: comparing two tells whether anything changed. Sizes are fixed or std::string; an idle
// supervise whose service has no settings holds no heap for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "lib/error.h"

namespace svdir {

enum class Restart : std::uint8_t { always, on_failure, on_crash, never };
enum class Leftovers : std::uint8_t { kill, leave };
enum class Ready : std::uint8_t { none, fd, notify, check };
enum class Readers : std::uint8_t { owner, group, all };
enum class StderrTo : std::uint8_t { merge, inherit, target };

// One rung of the stop ladder: send `signal`, then wait so long for the end before the next rung; a wait of zero
// after the last rung means for ever.
struct Rung {
  int signal = 0;
  Duration wait{};
  bool operator==(const Rung&) const = default;
};
inline constexpr std::size_t kMostRungs = 8;

struct Settings {
  // When it is started again.
  Restart restart = Restart::always;
  std::vector<int> success_codes;  // empty: {0}
  Duration restart_delay = std::chrono::seconds(1);
  Duration restart_delay_max = std::chrono::seconds(30);
  Duration start_time = std::chrono::seconds(1);
  unsigned start_limit = 0;  // 0: never give up

  // How it is stopped.
  std::vector<Rung> stop;  // empty: TERM 30s KILL
  bool stop_group = false;
  Leftovers leftovers = Leftovers::kill;
  Duration finish_timeout = std::chrono::seconds(5);

  // When it is ready, and whether it is well.
  Ready ready = Ready::none;
  int ready_fd = -1;
  Duration ready_timeout{};  // 0: no limit
  Duration check_interval{};  // 0: not checked once ready
  Duration check_timeout = std::chrono::seconds(5);
  unsigned check_failures = 3;

  // What it stands on.
  std::vector<std::string> depends;
  std::vector<std::string> after;
  bool depends_restart = false;
  bool essential = false;
  unsigned instances = 0;  // 0: one, under its own name

  // Who may.
  std::string control_group;
  Readers status_readers = Readers::owner;
  bool trust_any = false;  // `trust = any`, in .defaults only

  // Where its output goes.
  std::vector<std::string> log;  // empty: log/run, or what supervise inherited
  StderrTo stderr_to = StderrTo::merge;
  std::string stderr_target;

  // What svrun does before it executes run: `svrun` options in the order of kSettings, "" where there is nothing to
  // do and supervise may execute ./run itself.
  std::vector<std::string> svrun;
  std::string user;   // as written; "owner" stands for the owner of run
  std::string group;

  bool operator==(const Settings&) const = default;

  std::span<const Rung> ladder() const;      // never empty
  bool is_success(int exit_code) const;
};

// Where a value stood, for messages: "conf:3".
struct SettingsError {
  std::string file;
  int line = 0;
  std::string text;  // "unknown setting `restrat`; did you mean `restart`?"
  std::string message() const;
};

// Reads all sources of the service directory `dir` (an open descriptor); `defaults_path` is the scan directory's
// .defaults, or nullptr. Files that are not there are empty. Never blocks, reads at most 64 KiB of each file.
std::expected<Settings, SettingsError> read_settings(int dir, const char* defaults_path);

// Parses one text as `file` into `into`; what read_settings is made of. For run, `comment_marker` is "#:".
std::expected<void, SettingsError> parse_settings(std::string_view text, std::string_view file, bool from_run_head,
                                                  Settings& into);

// "500ms", "10s", "5m", "1h", "1d"; a number without a unit is seconds. Up to ten years.
bool parse_duration(std::string_view text, Duration& into);
// The shortest of the above forms that is exact.
std::string format_duration(Duration duration);
// "64k", "16m", "1g" (powers of 1024); a number without a unit is bytes.
bool parse_size(std::string_view text, std::uint64_t& into);
// "TERM", "SIGTERM", "15", "RTMIN+2"; 0 when there is no such signal.
int parse_signal(std::string_view text);

// The settings that differ from their defaults: "key=value;…", for `state`.
std::string summary(const Settings& settings);

// One row of the table, for manual pages and help.
struct SettingRow {
  std::string_view key;
  std::string_view type;     // "duration", "list of names", …
  std::string_view default_text;
  std::string_view help;
};
std::span<const SettingRow> setting_rows();

}  // namespace svdir
