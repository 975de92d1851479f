// The --json forms. Keys are never renamed; new ones may come.
#include <nlohmann/json.hpp>

#include "svctl/render.h"

namespace svdir::svctl {
namespace {

using Json = nlohmann::ordered_json;

// Seconds since the epoch, to the microsecond: what a double holds exactly enough.
double seconds_of(const Stamp& stamp) {
  return static_cast<double>(stamp.seconds) + stamp.nanoseconds * 1e-9;
}
double seconds_of(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Json of_ending(const Ending& ending) {
  switch (ending.kind) {
    case Ending::Kind::none: return nullptr;
    case Ending::Kind::exited: return {{"exited", ending.value}};
    case Ending::Kind::signalled: return {{"signal", ending.value}, {"core", ending.core}};
    case Ending::Kind::unknown: break;
  }
  return {{"unknown", true}};
}

Json of_view(const View& view, const Now& now) {
  const StateRecord& record = view.record;
  Json json;
  json["state"] = state_word(view);
  json["supervised"] = view.is_supervised();
  if (!view.trouble.empty()) json["trouble"] = view.trouble;
  if (!view.is_known() || !view.is_supervised()) return json;
  json["want"] = name_of(record.want);
  json["normally"] = view.normally_down ? "down" : "up";
  json["pid"] = record.main.pid != 0 ? Json(record.main.pid) : Json(nullptr);
  json["ready"] = record.ready && record.main.pid != 0;
  json["paused"] = record.paused;
  if (record.changed.is_set()) json["changed"] = seconds_of(record.changed);
  if (record.main.pid != 0 && record.started.is_set())
    json["up_seconds"] = std::max(0.0, seconds_of(now.wall) - seconds_of(record.started));
  if (!view.is_precise()) return json;
  json["supervisor"] = record.supervisor.pid;
  json["starts"] = record.starts;
  json["failures"] = record.failures;
  json["last"] = of_ending(record.last);
  if (record.last_ended.is_set()) json["last_ended"] = seconds_of(record.last_ended);
  if (record.state == State::backoff && record.wake_at.is_set())
    json["next_start_in"] = std::max(0.0, seconds_of(record.wake_at - now.monotonic));
  if (!record.reason.empty()) json["reason"] = record.reason;
  if (!record.status_text.empty()) json["status_text"] = record.status_text;
  return json;
}

// Names of files may hold any bytes; what is no UTF-8 is shown by U+FFFD rather than thrown at.
std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string status_json(const StatusRow& row, const Now& now) {
  Json json;
  json["service"] = row.target.name;
  json.update(of_view(row.view, now));
  for (const LoggerRow& log : row.loggers) {
    Json& entry = json[log.stream == Stream::errors ? "log_stderr" : "log"];
    entry = of_view(log.view, now);
    if (!log.trouble.empty()) entry["trouble"] = log.trouble;
  }
  return line_of(json);
}

std::string pid_json(const Target& target, pid_t pid) {
  return line_of({{"service", target.name}, {"pid", pid != 0 ? Json(pid) : Json(nullptr)}});
}

std::string death_json(const Target& target, const Death& death) {
  Json json{{"service", target.name},
            {"time", seconds_of(death.when)},
            {"pid", death.pid},
            {"ending", death.ending},
            {"up_seconds", death.up}};
  if (death.cpu >= 0) json["cpu_seconds"] = death.cpu;
  if (death.max_rss >= 0) json["max_rss_kib"] = death.max_rss;
  if (!death.reason.empty()) json["reason"] = death.reason;
  return line_of(json);
}

std::string scan_json(const ScanSummary& summary) {
  Json json{{"directory", summary.directory}, {"svscan", summary.pid != 0 ? Json(summary.pid) : Json(nullptr)}};
  if (!summary.program.empty()) json["program"] = summary.program;
  const ScanState& said = summary.said;
  if (said.pid != 0) {
    json["version"] = said.version;
    json["since"] = seconds_of(said.since);
    json["stopping"] = said.stopping;
    json["held"] = said.held;
    json["pending"] = said.pending;
    json["delayed"] = said.delayed;
    json["left_alone"] = said.left_alone;
    json["restarts"] = said.restarts;
  }
  json["services"] = summary.services;
  for (const auto& [state, count] : summary.by_state) json["states"][state] = count;
  return line_of(json);
}

std::string outcome_json(const Job& job) {
  Json json;
  json["service"] = job.target.name;
  json["result"] = outcome_word(job.verdict.outcome);
  json["text"] = job.verdict.text;
  json["seconds"] = seconds_of(job.took);
  if (job.now.record.main.pid != 0) json["pid"] = job.now.record.main.pid;
  if (job.now.is_known()) json["state"] = state_word(job.now);
  return line_of(json);
}

}  // namespace svdir::svctl
