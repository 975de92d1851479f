// `svctl logs`: the logs of several services as one, by time.
#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>

#include "lib/log_tail.h"
#include "lib/say.h"
#include "svctl/actions.h"
#include "svctl/judge.h"
#include "svctl/log_reader.h"
#include "svctl/screen.h"
#include "svctl/targets.h"

namespace svdir::svctl {
namespace {

constexpr unsigned long kDefaultLines = 10;
constexpr int kRescueMilliseconds = 1000;  // where inotify cannot be had

struct Source {
  std::string name;
  std::string directory;
  std::vector<LogLine> lines = {};
  std::size_t next = 0;
  std::optional<LogTail> tail = {};
};

class Printer {
 public:
  Printer(Screen& screen, std::size_t name_width) : screen_(screen), name_width_(name_width) {}
  void print(const Source& source, const LogLine& line) {
    std::string text;
    if (name_width_ > 0) {
      text = printable(source.name) + ": ";
      text.append(text.size() < name_width_ + 2 ? name_width_ + 2 - text.size() : 0, ' ');
    }
    screen_.put(text + readable_line(line.text) + "\n");
  }

 private:
  Screen& screen_;
  std::size_t name_width_;  // 0: only one service, no names
};

// Always the earliest line of those that come next: a file's own order is never changed.
void print_merged(std::vector<Source>& sources, Printer& printer) {
  for (;;) {
    Source* earliest = nullptr;
    for (Source& source : sources)
      if (source.next < source.lines.size() &&
          (earliest == nullptr || source.lines[source.next].stamp < earliest->lines[earliest->next].stamp))
        earliest = &source;
    if (earliest == nullptr) break;
    printer.print(*earliest, earliest->lines[earliest->next++]);
  }
  for (Source& source : sources) source.lines.clear(), source.next = 0;
}

// The last `limit` lines of all of them together.
void keep_last(std::vector<Source>& sources, unsigned long limit) {
  std::size_t total = 0;
  for (const Source& source : sources) total += source.lines.size();
  for (; total > limit; --total) {
    Source* earliest = nullptr;
    for (Source& source : sources)
      if (source.next < source.lines.size() &&
          (earliest == nullptr || source.lines[source.next].stamp < earliest->lines[earliest->next].stamp))
        earliest = &source;
    earliest->next++;
  }
}

int follow(std::vector<Source>& sources, Printer& printer, Screen& screen) {
  const Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  bool all_watched = static_cast<bool>(watch);
  for (const Source& source : sources)
    if (watch && ::inotify_add_watch(watch.get(), source.directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
      all_watched = false;
  pollfd polled[2] = {{watch.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};  // a reader that goes away ends us
  for (;;) {
    for (Source& source : sources)
      if (const auto text = source.tail->more(); text) source.lines = split_lines(*text, wall_now());
    print_merged(sources, printer);
    screen.flush();
    if (!screen.is_well()) return 0;
    ::poll(polled, 2, all_watched ? -1 : kRescueMilliseconds);
    if ((polled[1].revents & (POLLERR | POLLHUP)) != 0) return 0;
    char events[4096];
    while (watch && ::read(watch.get(), events, sizeof events) > 0) {
    }
  }
}

struct Range {
  std::optional<unsigned long> lines;
  std::optional<Stamp> since;
  bool follow = false;
};

// A last line that is not complete yet is shown; when following, only once it is.
Result<Source> open_source(const std::string& name, std::string directory, const Range& range) {
  Source source{.name = name, .directory = std::move(directory)};
  auto tail = LogTail::open(source.directory);
  if (!tail) return std::unexpected(tail.error());
  source.tail = std::move(*tail);
  auto text = range.since ? source.tail->since(*range.since) : source.tail->last(range.lines.value_or(kDefaultLines));
  if (!text) return std::unexpected(text.error());
  if (!range.follow) *text += source.tail->unfinished();
  source.lines = split_lines(*text, range.since.value_or(Stamp{}));
  return source;
}

// The logs of a service: of its output, and of its standard error where that has one of its own. An error when it has
// none at all, or one cannot be read.
Result<void> open_sources(const Target& target, const Range& range, std::vector<Source>& sources) {
  if (const View view = look(target); !view.exists) return user_error(target.name + ": " + why_not_found(view));
  const Stream asked = stream_of(target);
  const Target service = service_of_logger(target);
  Result<std::string> output = user_error("");
  if (asked != Stream::errors) output = find_log_directory(service, Stream::output);
  Result<std::string> errors = user_error("");
  if (asked != Stream::output) errors = find_log_directory(service, Stream::errors);
  if (!output && !errors) return std::unexpected((asked == Stream::errors ? errors : output).error());
  const std::string name_of_errors = asked == Stream::none && output ? error_logger_of(target).name : target.name;
  for (const auto& [directory, name] : {std::pair{&output, target.name}, {&errors, name_of_errors}}) {
    if (!*directory || (directory == &errors && output && *output == *errors)) continue;
    auto source = open_source(name, **directory, range);
    if (!source) return std::unexpected(source.error());
    sources.push_back(std::move(*source));
  }
  return {};
}

}  // namespace

Action show_logs(const Request& request) {
  const auto targets = find_targets(request.directory, request.names);
  if (!targets) return std::unexpected(targets.error());
  Range range{request.lines, {}, request.follow};
  if (!request.since.empty()) {
    range.since = parse_since(request.since, wall_now());
    if (!range.since) return user_error("bad time `" + request.since + "`; say 10m (ago), 2026-01-31, 14:30, or both");
  }
  std::vector<Source> sources;
  int code = targets->unmatched.empty() ? 0 : 3;
  std::size_t width = 0;
  for (const Target& target : targets->list) {
    const auto opened = open_sources(target, range, sources);
    if (opened) continue;
    const bool by_glob =
        target.instance_of.empty() && std::ranges::find(request.names, target.name) == request.names.end();
    if (by_glob && opened.error().fault == Fault::user) continue;  // a glob means those that have a log
    warn(opened.error());
    code = 1;
  }
  for (const Source& source : sources) width = std::max(width, source.name.size());
  for (const std::string& glob : targets->unmatched) warn({"no service matches `", glob, "`"});
  Screen screen;
  Printer printer(screen, std::max(targets->list.size(), sources.size()) > 1 ? width : 0);
  if (range.lines || !range.since) keep_last(sources, range.lines.value_or(kDefaultLines));
  print_merged(sources, printer);
  if (request.follow && !sources.empty()) return follow(sources, printer, screen);
  return code;
}

}  // namespace svdir::svctl
