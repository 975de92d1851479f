// Settings of a service: the table of keys, their types, defaults and help, and the values in force.
//
// Read from, later ones winning: the scan directory's `.defaults`, the comment lines beginning "#:" at the head of
// `run` (its first 4 KiB), and `conf`; all hold `key = value` lines, parsed by inih. The parser, the error messages,
// `svctl doctor` and the check of svdir.5 come out of one table: kRows in settings_table.cpp for what supervise does
// itself, attribute_rows() (attributes.h) for what svrun does to the process.
//
// A Settings is a plain value: comparing two tells whether anything changed. An idle supervise whose service has no
// settings holds no heap for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/values.h"

namespace svdir {

enum class Restart : std::uint8_t { always, on_failure, on_crash, never };
enum class Leftovers : std::uint8_t { kill, leave };
enum class Ready : std::uint8_t { none, fd, notify, check };
enum class Readers : std::uint8_t { owner, group, all };
enum class StderrTo : std::uint8_t { merge, inherit, target };
enum class LogStamp : std::uint8_t { none, tai64n, utc, iso };

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
  Duration ready_timeout{};   // 0: no limit
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
  LogStamp log_stamp = LogStamp::none;  // of the svlogd that supervise runs for `log` and `stderr`
  bool log_json = false;

  // What svrun does before it executes run: its options, "--key=value" each, in the order of attribute_rows(). Empty
  // where there is nothing to do and supervise may execute ./run itself; otherwise it executes
  // `svrun OPTIONS... ./run`. `env/` in the service directory is the option "--env-dir=env".
  std::vector<std::string> svrun;

  bool operator==(const Settings&) const = default;

  std::span<const Rung> ladder() const;  // never empty
  bool is_success(int exit_code) const;
  // The value of an svrun option, as written: attribute("user") is "www-data", "owner", ":1000:1000"; "" when not set.
  std::string_view attribute(std::string_view key) const;
};

// Why settings cannot be taken, and where the trouble stands: "conf:3: unknown setting `restrat`; did you mean
// `restart`?". Line 0 is the file as a whole.
struct SettingsError {
  std::string file;
  int line = 0;
  std::string text;
  int number = 0;  // errno, where the file could not be read
  std::string message() const;
};

inline constexpr std::size_t kLongestSettings = 64 * 1024;  // bytes of conf and of .defaults
inline constexpr std::size_t kLongestSettingLine = 2000;    // bytes
inline constexpr std::size_t kRunHead = 4096;               // bytes of run that are looked at

enum class SettingsSource : std::uint8_t { defaults, run_head, conf };

// Reads all sources of the service directory `dir` (an open descriptor); `defaults_path` is the scan directory's
// .defaults, or nullptr. Files that are not there are empty. Never blocks, whatever the files are. Without conf and
// without "#:" lines this is four system calls that find nothing and one read of run's head.
std::expected<Settings, SettingsError> read_settings(int dir, const char* defaults_path);

// Parses one text as `file` into `into`; what read_settings is made of. Stops at the first error.
std::expected<void, SettingsError> parse_settings(std::string_view text, std::string_view file, SettingsSource source,
                                                  Settings& into);

// Sets one value. An empty value is the default. The error has neither file nor line.
std::expected<void, SettingsError> set_setting(std::string_view key, std::string_view value, SettingsSource source,
                                               Settings& into);

// Where the value in force of `key` stands, of those that conf and the head of run hold: "conf:3", "run:2";
// ".defaults" when neither does. For messages: it reads the files again.
std::string place_of_setting(int dir, std::string_view key);

// The known key that `key` was probably meant to be; "" when none comes near.
std::string_view nearest_key(std::string_view key);

// The settings that differ from their defaults: "key=value;…", for `state`.
std::string summary(const Settings& settings);
// The same as the text of a conf file, a line each: parsing it gives the same Settings.
std::string format_settings(const Settings& settings);

// One row of the table, for manual pages and help.
struct SettingRow {
  std::string_view key;
  std::string_view type;          // "duration", "list of names"...
  std::string_view default_text;  // "" where without the setting nothing is changed
  std::string_view help;
};
// All of them: first supervise's own, then svrun's. Made at the first call, by those who show it.
std::span<const SettingRow> setting_rows();

}  // namespace svdir
