#include "lib/status.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <charconv>

namespace svdir {
namespace {

using Text = std::string;

void put(Text& text, std::string_view key, std::string_view value) {
  text.append(key).append("=");
  for (const char c : value) text.push_back(c == '\n' || c == '\0' ? ' ' : c);
  text.push_back('\n');
}
void put(Text& text, std::string_view key, long long value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  put(text, key, std::string_view(digits, end));
}
void put_pair(Text& text, std::string_view key, long long first, unsigned long long second) {
  char digits[48];
  char* end = std::to_chars(digits, digits + 24, first).ptr;
  *end++ = ' ';
  end = std::to_chars(end, digits + sizeof digits, second).ptr;
  put(text, key, std::string_view(digits, end));
}
void put(Text& text, std::string_view key, const ProcessId& id) {
  put_pair(text, key, id.pid, id.ticks);
}
void put(Text& text, std::string_view key, const Stamp& stamp) {
  put_pair(text, key, stamp.seconds, static_cast<unsigned long long>(stamp.nanoseconds));
}
void put(Text& text, std::string_view key, const Ending& ending) {
  constexpr std::string_view kKinds[] = {"none", "exited", "signalled", "unknown"};
  Text value(kKinds[static_cast<std::size_t>(ending.kind)]);
  char digits[24];
  value.append(" ").append(digits, std::to_chars(digits, digits + sizeof digits, ending.value).ptr);
  if (ending.core) value.append(" core");
  put(text, key, value);
}

template <class T>
bool number(std::string_view& text, T& into) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (failure != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return true;
}
void take(std::string_view value, bool& into) {
  into = value == "1";
}
void take(std::string_view value, Text& into) {
  into = value;
}
template <class T>
  requires std::is_integral_v<T>
void take(std::string_view value, T& into) {
  T parsed{};
  if (number(value, parsed)) into = parsed;
}
void take(std::string_view value, ProcessId& into) {
  ProcessId parsed;
  if (number(value, parsed.pid) && number(value, parsed.ticks) && parsed.pid >= 0) into = parsed;
}
void take(std::string_view value, Stamp& into) {
  Stamp parsed;
  if (number(value, parsed.seconds) && number(value, parsed.nanoseconds) && parsed.nanoseconds >= 0 &&
      parsed.nanoseconds < 1'000'000'000)
    into = parsed;
}
void take(std::string_view value, Instant& into) {
  take(value, into.nanoseconds);
}
void take(std::string_view value, Ending& into) {
  constexpr std::pair<std::string_view, Ending::Kind> kKinds[] = {
      {"exited ", Ending::Kind::exited}, {"signalled ", Ending::Kind::signalled}, {"unknown ", Ending::Kind::unknown}};
  for (const auto& [name, kind] : kKinds) {
    if (!value.starts_with(name)) continue;
    value.remove_prefix(name.size());
    int parsed = 0;
    if (number(value, parsed)) into = {kind, parsed, value == "core"};
  }
}
template <class T, std::size_t N>
void take_name(std::string_view value, const std::array<std::string_view, N>& names, T& into) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == value) into = static_cast<T>(i);
}
void take(std::string_view value, State& into) {
  take_name(value, kStateNames, into);
}
void take(std::string_view value, Want& into) {
  take_name(value, kWantNames, into);
}
void put(Text& text, std::string_view key, State state) {
  put(text, key, name_of(state));
}
void put(Text& text, std::string_view key, Want want) {
  put(text, key, name_of(want));
}
void put(Text& text, std::string_view key, const Instant& instant) {
  put(text, key, instant.nanoseconds);
}

// The one list of fields, for writing and for reading.
template <class Record, class Visit>
void each_field(Record& record, Visit visit) {
  visit("boot", record.boot);
  visit("supervisor", record.supervisor);
  visit("state", record.state);
  visit("want", record.want);
  visit("leaving", record.leaving);
  visit("paused", record.paused);
  visit("got-term", record.got_term);
  visit("ready", record.ready);
  visit("start-owed", record.start_owed);
  visit("signalled", record.signalled);
  visit("upgrade-refused", record.upgrade_refused);
  visit("failed-start", record.failed_start);
  visit("main", record.main);
  visit("finish", record.finish);
  visit("unhealthy", record.unhealthy);
  visit("group", record.group);
  visit("started", record.started);
  visit("became-ready", record.became_ready);
  visit("changed", record.changed);
  visit("started-at", record.started_at);
  visit("starts", record.starts);
  visit("failures", record.failures);
  visit("wake-at", record.wake_at);
  visit("step", record.step);
  visit("step-done", record.step_done);
  visit("last", record.last);
  visit("last-ended", record.last_ended);
  visit("ack", record.ack);
  visit("pending", record.pending);
  visit("reason", record.reason);
  visit("status-text", record.status_text);
  visit("cgroup", record.cgroup);
  visit("settings", record.settings);
}

}  // namespace

Ending ending_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {Ending::Kind::signalled, WTERMSIG(wait_status), WCOREDUMP(wait_status) != 0};
  return {Ending::Kind::exited, WEXITSTATUS(wait_status), false};
}

std::string describe(const Ending& ending) {
  switch (ending.kind) {
    case Ending::Kind::none: return "";
    case Ending::Kind::unknown: return "ended, status unknown";
    case Ending::Kind::exited: return "exited " + std::to_string(ending.value);
    case Ending::Kind::signalled: break;
  }
  const char* name = ::sigabbrev_np(ending.value);
  std::string text = "killed by ";
  text += name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(ending.value);
  return ending.core ? text + " (core dumped)" : text;
}

std::array<unsigned char, kRunitStatusSize> pack(const RunitStatus& status) {
  std::array<unsigned char, kRunitStatusSize> bytes{};
  const auto stamp = pack_tai64n(status.changed);
  std::copy(stamp.begin(), stamp.end(), bytes.begin());
  auto pid = static_cast<std::uint32_t>(status.pid);
  for (std::size_t i = 12; i < 16; ++i, pid >>= 8) bytes[i] = static_cast<unsigned char>(pid);
  bytes[16] = status.paused ? 1 : 0;
  bytes[17] = status.want_up ? 'u' : 'd';
  bytes[18] = status.got_term ? 1 : 0;
  bytes[19] = static_cast<unsigned char>(status.phase);
  return bytes;
}

bool unpack(std::string_view bytes, RunitStatus& into) {
  if (bytes.size() != kRunitStatusSize && bytes.size() != kDaemontoolsStatusSize) return false;
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  RunitStatus status;
  status.changed = unpack_tai64n(at);
  std::uint32_t pid = 0;
  for (std::size_t i = 16; i-- > 12;) pid = pid << 8 | at[i];
  status.pid = static_cast<pid_t>(pid);
  status.paused = at[16] != 0;
  status.want_up = at[17] == 'u';
  if (bytes.size() == kRunitStatusSize) {
    if (at[19] > 2) return false;
    status.got_term = at[18] != 0;
    status.phase = static_cast<RunitStatus::Phase>(at[19]);
  } else {
    status.phase = pid != 0 ? RunitStatus::Phase::run : RunitStatus::Phase::down;
  }
  into = status;
  return true;
}

std::string pack(const StateRecord& record) {
  Text text;
  text.reserve(1024);
  put(text, "svdir", 1);
  each_field(record, [&](std::string_view key, const auto& value) { put(text, key, value); });
  put(text, "end", 1);
  return text;
}

namespace {

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// What this version wrote itself: every field, in order. One pass, for those who read thousands of records.
bool unpack_in_order(std::string_view lines, StateRecord& record) {
  bool in_order = true;
  std::string_view line = next_line(lines);
  each_field(record, [&](std::string_view key, auto& value) {
    in_order = in_order && line.starts_with(key) && line.size() > key.size() && line[key.size()] == '=';
    if (!in_order) return;
    take(line.substr(key.size() + 1), value);
    line = next_line(lines);
  });
  return in_order && lines.empty();
}

bool unpack_in_any_order(std::string_view lines, StateRecord& record) {
  while (!lines.empty()) {
    const std::string_view line = next_line(lines);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return false;
    each_field(record, [&](std::string_view key, auto& value) {
      if (line.substr(0, equals) == key) take(line.substr(equals + 1), value);
    });
  }
  return true;
}

}  // namespace

bool unpack(std::string_view text, StateRecord& into) {
  constexpr std::string_view kFirst = "svdir=1\n";
  while (text.ends_with("\n\n")) text.remove_suffix(1);  // see write_atomically
  if (!text.starts_with(kFirst) || !text.ends_with("\nend=1\n")) return false;
  text.remove_prefix(kFirst.size());
  StateRecord record;
  if (!unpack_in_order(text, record)) {
    record = {};
    if (!unpack_in_any_order(text, record)) return false;
  }
  if (record.group <= 1) record.group = 0;  // kill(2) takes -1 for everybody
  into = std::move(record);
  return true;
}

RunitStatus runit_view(const StateRecord& record) {
  RunitStatus status;
  status.changed = record.changed;
  status.paused = record.paused;
  status.want_up = record.want == Want::up;
  status.got_term = record.got_term;
  if (record.main.pid != 0) {
    status.phase = RunitStatus::Phase::run;
    status.pid = record.main.pid;
  } else if (record.state == State::finishing || record.state == State::stopping) {
    // Between the end of run and the end of finish; while leftovers of its group are ended, the group stands in.
    status.phase = RunitStatus::Phase::finish;
    status.pid = record.finish.pid != 0 ? record.finish.pid : record.group;
  }
  return status;
}

std::string stat_text(const RunitStatus& status, bool leaving) {
  constexpr std::string_view kPhases[] = {"down", "run", "finish"};
  std::string text(kPhases[static_cast<std::size_t>(status.phase)]);
  if (status.paused) text += ", paused";
  if (status.got_term) text += ", got TERM";
  if (status.phase != RunitStatus::Phase::down) {
    if (leaving)
      text += ", want exit";
    else if (!status.want_up)
      text += ", want down";
  }
  return text + "\n";
}

}  // namespace svdir
