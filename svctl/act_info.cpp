// pid, deaths and why: what is known of single services.
#include <fcntl.h>

#include <algorithm>

#include "lib/files.h"
#include "lib/log_status.h"
#include "lib/say.h"
#include "lib/system.h"
#include "svctl/actions.h"
#include "svctl/deaths.h"
#include "svctl/findings.h"
#include "svctl/log_reader.h"
#include "svctl/render.h"
#include "svctl/screen.h"
#include "svctl/survey.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {

constexpr std::size_t kDeathsFile = 64 * 1024;
constexpr unsigned long kWhyDeaths = 3;
constexpr unsigned long kWhyLines = 10;

Result<std::vector<Death>> deaths_of(const Target& target) {
  const std::string path = target.path + "/" + file::kDeaths;
  const auto text = read_small(target.at, path.c_str(), kDeathsFile);
  if (text) return parse_deaths(*text);
  if (text.error().number == ENOENT) return std::vector<Death>{};
  return std::unexpected(text.error());
}

void show_last_lines(const Target& target, Stream stream, unsigned long lines, Screen& screen) {
  const auto directory = find_log_directory(target, stream);
  if (!directory) return;
  if (const std::string trouble = read_log_trouble(*directory); !trouble.empty())
    screen.put("  log: " + printable(trouble) + "\n");
  const auto log = last_lines(*directory, lines);
  if (!log || log->empty()) return;
  screen.put("  last lines of " + printable(*directory) + "/current:\n");
  for (const LogLine& line : *log) screen.put("    " + printable(readable_line(line.text)) + "\n");
}

void explain_one(const Target& target, unsigned long lines, Screen& screen) {
  StatusRow row = survey_one(target, true);
  for (LoggerRow& log : row.loggers) log.trouble.clear();  // told below
  screen.put(status_line(row, {wall_now(), monotonic_now()}, 0, screen.paint()));
  if (!row.view.exists) return;
  for (const Finding& finding : examine_service(target, row.view)) screen.put("  " + printable(finding.text) + "\n");
  if (row.view.is_precise() && !row.view.record.settings.empty())
    screen.put("  settings: " + printable(row.view.record.settings) + "\n");
  if (auto deaths = deaths_of(target); deaths && !deaths->empty()) {
    screen.put("  last ends:\n");
    const std::size_t first = deaths->size() - std::min<std::size_t>(deaths->size(), kWhyDeaths);
    for (std::size_t i = first; i < deaths->size(); ++i) screen.put("    " + death_line((*deaths)[i]));
  }
  for (const Stream stream : {Stream::output, Stream::errors}) show_last_lines(target, stream, lines, screen);
}

}  // namespace

Action explain(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  Screen screen;
  int code = targets->unmatched.empty() ? 0 : 3;
  for (const Target& target : targets->list) {
    explain_one(target, request.lines.value_or(kWhyLines), screen);
    if (!look(target).exists) code = 3;
  }
  for (const std::string& glob : targets->unmatched) warn({"no service matches `", glob, "`"});
  return code;
}

Action print_pids(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  Screen screen;
  int code = targets->unmatched.empty() ? 0 : 3;
  for (const Target& target : targets->list) {
    const View view = look(target);
    const bool runs = view.is_supervised() && view.is_known() && view.is_running();
    if (request.json)
      screen.put(pid_json(target, runs ? view.record.main.pid : 0));
    else if (runs)
      screen.put(std::to_string(view.record.main.pid) + "\n");
    if (runs) continue;
    code = std::max(code, view.is_supervised() ? 3 : 4);
    if (!request.json && !request.quiet) warn({target.name, ": ", state_in_words(view)});
  }
  return code;
}

Action list_deaths(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  struct Row {
    const Target* target;
    Death death;
  };
  std::vector<Row> rows;
  std::size_t width = 0;
  int code = targets->unmatched.empty() ? 0 : 3;
  for (const Target& target : targets->list) {
    if (const View view = look(target); !view.exists) {
      warn({target.name, ": ", why_not_found(view)});
      code = 3;
      continue;
    }
    auto deaths = deaths_of(target);
    if (!deaths) {
      warn({target.name, ": ", deaths.error().text()});
      code = 1;
      continue;
    }
    if (!deaths->empty()) width = std::max(width, target.name.size());
    for (Death& death : *deaths) rows.push_back({&target, std::move(death)});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.death.when < b.death.when; });
  Screen screen;
  std::size_t first = rows.size() - std::min<std::size_t>(rows.size(), request.lines.value_or(rows.size()));
  for (; first < rows.size(); ++first) {
    const Row& row = rows[first];
    if (request.json) {
      screen.put(death_json(*row.target, row.death));
      continue;
    }
    std::string name = printable(row.target->name);
    name.append(width - std::min(width, name.size()), ' ');
    screen.put((targets->list.size() > 1 ? name + "  " : "") + death_line(row.death));
  }
  return code;
}

}  // namespace svdir::svctl
