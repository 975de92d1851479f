#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "lib/attributes.h"
#include "lib/settings.h"

using namespace svdir;

namespace {

// Values that the row of a key takes, by its type; every row must have some.
std::vector<std::string> samples(const SettingRow& row) {
  const std::string_view type = row.type;
  if (type.starts_with("always, ")) return {"always", "on-failure", "on-crash", "never"};
  if (type.starts_with("list of exit codes")) return {"0", "0 3", "1 2 255"};
  if (type.starts_with("duration, SOFT")) return {"10", "1m:1h", "1.0h", "hard", "unlimited", "5:unlimited"};
  if (type.starts_with("duration")) return {"10ms", "250ms", "1.5s", "0.25s", "0.5", "1.75h", "90s", "1h", "3d"};
  if (type.starts_with("number, SOFT")) return {"64", "64:128", ":128", "hard", "unlimited"};
  if (type.starts_with("size, SOFT")) return {"64", "64k:1m", ":1g", "hard", "0"};
  if (type == "number from -20 to 19") return {"-20", "0", "19"};
  if (type == "number from -1000 to 1000") return {"-1000", "500"};
  if (type.starts_with("number")) return {"1", "7", "1000"};
  if (type.starts_with("signals")) return {"INT", "TERM 10s KILL", "RTMIN+3 1.5s INT 500ms TERM 0.5m KILL"};
  if (type == "signal") return {"TERM", "KILL", "RTMAX"};
  if (type == "yes or no") return {"yes", "no"};
  if (type == "kill or leave") return {"kill", "leave"};
  if (type.starts_with("none, fd")) return {"none", "fd:3", "fd:1023", "notify", "check"};
  if (type == "list of services") return {"a", "a b-2 c.d"};
  if (type == "group") return {"operators"};
  if (type.starts_with("owner, group")) return {"owner", "group", "all"};
  if (type == "owners or any") return {"owners", "any"};
  if (type.starts_with("list of paths")) return {"./log/main", "stdout", "./a, syslog, null"};
  if (type.starts_with("merge, inherit")) return {"merge", "inherit", "./errors", "null"};
  if (type.starts_with("none, tai64n")) return {"none", "tai64n", "utc", "iso"};
  if (type == "plain or json") return {"plain", "json"};
  if (type == "path") return {"/srv", "a/b"};
  if (type.starts_with("octal")) return {"022", "777", "0"};
  if (type.starts_with("realtime")) return {"idle", "best-effort:7", "realtime"};
  if (type.starts_with("list of CPU")) return {"0", "0,2-3"};
  if (type.starts_with("list of names or numbers")) return {"adm", "adm 33"};
  if (type.starts_with("name, number, owner")) return {"www-data", "owner", ":1000:1000", "1000", "www-data:adm:33"};
  return {};
}

Settings must_parse(std::string_view text) {
  Settings settings;
  const auto result = parse_settings(text, "t", SettingsSource::defaults, settings);
  INFO(text);
  INFO((result ? std::string() : result.error().message()));
  REQUIRE(result);
  return settings;
}

}  // namespace

TEST_CASE("keys are unique, sorted into no other alphabet than a-z and dashes, and each has its help") {
  std::set<std::string_view> seen;
  for (const SettingRow& row : setting_rows()) {
    INFO(row.key);
    CHECK(seen.insert(row.key).second);
    CHECK(row.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos);
    CHECK_FALSE(row.help.empty());
    CHECK_FALSE(row.type.empty());
    CHECK(nearest_key(row.key) == row.key);
  }
}

TEST_CASE("the default that the table shows is the default in force") {
  for (const SettingRow& row : setting_rows()) {
    if (row.default_text.empty() || find_attribute(row.key) != nullptr) continue;
    INFO(row.key);
    CHECK(must_parse(std::string(row.key) + " = " + std::string(row.default_text)).ladder().size() > 0);
    CHECK(summary(must_parse(std::string(row.key) + " = " + std::string(row.default_text))).empty());
  }
}

TEST_CASE("what is wanted of a value reads as a sentence, or offers a choice of values") {
  const auto is_sentence = [](std::string_view text) { return text.starts_with("a ") || text.starts_with("an "); };
  for (const SettingRow& row : setting_rows()) {
    std::string text = wanted(row.type);
    INFO(text);
    CHECK(text.ends_with(" is wanted"));
    if (is_sentence(text) || text.starts_with("the name ")) continue;
    text.resize(text.find_first_of(" ,["));
    Settings settings;
    CHECK(set_setting(row.key, text, SettingsSource::defaults, settings));
  }
}

TEST_CASE("every key can be set, written and read back, and taken back") {
  for (const SettingRow& row : setting_rows()) {
    INFO(row.key);
    const std::vector<std::string> values = samples(row);
    REQUIRE_FALSE(values.empty());
    for (const std::string& value : values) {
      INFO(value);
      const std::string line = std::string(row.key) + " = " + value + "\n";
      const Settings settings = must_parse(line);
      CHECK(must_parse(format_settings(settings)) == settings);
      CHECK(must_parse(line + std::string(row.key) + " =\n") == Settings{});
    }
  }
}

TEST_CASE("any mixture of settings is written and read back") {
  std::mt19937 random(7);
  const auto rows = setting_rows();
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (auto count = random() % 20; count > 0; --count) {
      const SettingRow& row = rows[random() % rows.size()];
      const std::vector<std::string> values = samples(row);
      text.append(row.key).append(" = ").append(values[random() % values.size()]).append("\n");
    }
    const Settings settings = must_parse(text);
    REQUIRE(must_parse(format_settings(settings)) == settings);
  }
}

TEST_CASE("every limit of the system has its row") {
  for (const char* name : {"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
                           "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"}) {
    INFO(name);
    CHECK(limit_of(name) >= 0);
    CHECK(limit_name(limit_of(name)) == name);
    CHECK(find_attribute(std::string("limit-") + name) != nullptr);
  }
}
