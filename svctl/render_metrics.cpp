// The metrics, and svscan's own state: pure. Names and labels are never changed; new ones may come.
#include <cstdio>

#include "svctl/render.h"

namespace svdir::svctl {
namespace {

// Backslash, quote and newline are escaped in label values.
std::string label(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text.push_back('\\');
    if (c == '\n')
      text += "\\n";
    else
      text.push_back(c);
  }
  return text;
}

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.15g", value);
  return text;
}

double seconds_of(const Stamp& stamp) {
  return static_cast<double>(stamp.seconds) + stamp.nanoseconds * 1e-9;
}

struct Metric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  bool precise;  // only supervise tells
  double (*value)(const View&);
};

constexpr Metric kMetrics[] = {
    {"svdir_service_supervised", "gauge", "1 if a supervisor runs", false,
     [](const View& view) { return view.is_supervised() ? 1.0 : 0.0; }},
    {"svdir_service_up", "gauge", "1 if the service runs", false,
     [](const View& view) { return view.is_supervised() && view.is_running() ? 1.0 : 0.0; }},
    {"svdir_service_ready", "gauge", "1 if the service runs and is ready", false,
     [](const View& view) { return view.is_supervised() && view.is_running() && view.record.ready ? 1.0 : 0.0; }},
    {"svdir_service_wanted", "gauge", "1 if the service is wanted up", false,
     [](const View& view) { return view.record.want == Want::up ? 1.0 : 0.0; }},
    {"svdir_service_change_time_seconds", "gauge", "Unix time of the last change between up and down", false,
     [](const View& view) { return seconds_of(view.record.changed); }},
    {"svdir_service_starts_total", "counter", "Starts since the supervisor first ran", true,
     [](const View& view) { return static_cast<double>(view.record.starts); }},
    {"svdir_service_failed_starts", "gauge", "Failed starts in a row", true,
     [](const View& view) { return static_cast<double>(view.record.failures); }},
    {"svdir_service_last_exit_code", "gauge", "Exit code of the last run, 128 and its signal if it was killed", true,
     [](const View& view) {
       const Ending& last = view.record.last;
       return static_cast<double>(last.kind == Ending::Kind::signalled ? 128 + last.value : last.value);
     }},
};

}  // namespace

std::string metrics_text(const std::vector<StatusRow>& rows) {
  std::string text;
  const auto head = [&](std::string_view name, std::string_view help, std::string_view type) {
    text.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ").append(name).append(" ");
    text.append(type).append("\n");
  };
  for (const Metric& metric : kMetrics) {
    head(metric.name, metric.help, metric.type);
    for (const StatusRow& row : rows) {
      if (metric.precise ? !row.view.is_precise() : !row.view.exists) continue;
      text.append(metric.name).append("{service=\"").append(label(row.target.name)).append("\"} ");
      text.append(number(metric.value(row.view))).append("\n");
    }
  }
  constexpr std::string_view kState = "svdir_service_state";
  head(kState, "1 for the state the service is in", "gauge");
  for (const StatusRow& row : rows)
    text.append(kState)
        .append("{service=\"")
        .append(label(row.target.name))
        .append("\",state=\"")
        .append(label(state_word(row.view)))
        .append("\"} 1\n");
  return text;
}

void ScanSummary::add(const std::string& state) {
  ++services;
  for (auto& [name, count] : by_state)
    if (name == state) {
      ++count;
      return;
    }
  by_state.emplace_back(state, 1);
}

std::string scan_text(const ScanSummary& summary, const Now& now) {
  std::string text = printable(summary.directory) + ": ";
  if (summary.pid != 0) {
    text += "svscan, pid " + std::to_string(summary.pid);
    if (!summary.said.version.empty()) text += ", version " + printable(summary.said.version);
    if (summary.said.since.is_set()) {
      const Duration passed = std::chrono::seconds(now.wall.seconds - summary.said.since.seconds);
      text += ", for " + short_duration(std::max(passed, Duration{}));
    }
    if (!summary.program.empty()) text += ", " + printable(summary.program);
  } else {
    text += "no svscan looks after it";
  }
  text += "\n" + counted(summary.services, "service");
  for (std::size_t i = 0; i < summary.by_state.size(); ++i)
    text += (i == 0 ? ": " : ", ") + std::to_string(summary.by_state[i].second) + " " + summary.by_state[i].first;
  text += "\n";
  const ScanState& said = summary.said;
  if (said.stopping) text += "it is stopping all services\n";
  const std::pair<unsigned, const char*> kCounts[] = {
      {said.held, "supervised by somebody else's supervise, which is watched"},
      {said.pending, "without a `run` that can be executed"},
      {said.delayed, "whose supervise died and is started again later"},
      {said.left_alone, "left alone, because the supervise was told to exit"},
  };
  for (const auto& [count, what] : kCounts)
    if (count > 0) text += std::to_string(count) + " " + what + "\n";
  if (said.restarts > 0) text += counted(said.restarts, "restart") + " of supervises that died\n";
  return text;
}

}  // namespace svdir::svctl
