#include "svctl/survey.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <system_error>
#include <thread>

#include "lib/log_status.h"
#include "svctl/log_reader.h"

namespace svdir::svctl {
namespace {

constexpr std::size_t kWorthAThread = 200;  // a thread costs as much as a look at some twenty services
constexpr std::size_t kAtOnce = 32;

// Logs are usually kept in log/main; to find others takes more time.
std::string trouble_of_log(const Target& target, Stream stream) {
  const std::string usual = plain_path(target) + (stream == Stream::errors ? "/log/stderr/main" : "/log/main");
  if (::access((usual + "/current").c_str(), F_OK) == 0) return read_log_trouble(usual);
  const auto found = find_log_directory(target, stream);
  return found ? read_log_trouble(*found) : "";
}

}  // namespace

StatusRow survey_one(const Target& target, bool with_loggers) {
  StatusRow row{target, look(target), {}};
  if (!with_loggers || !row.view.exists) return row;
  if (has_logger(target))
    row.loggers.push_back({Stream::output, look(logger_of(target)), trouble_of_log(target, Stream::output)});
  if (has_error_logger(target))
    row.loggers.push_back({Stream::errors, look(error_logger_of(target)), trouble_of_log(target, Stream::errors)});
  return row;
}

std::vector<StatusRow> survey(const std::vector<Target>& targets, bool with_loggers) {
  std::vector<StatusRow> rows(targets.size());
  // Each takes the next few, for it can be milliseconds until the second one gets a processor.
  std::atomic<std::size_t> next = 0;
  const auto look_on = [&] {
    for (std::size_t begin; (begin = next.fetch_add(kAtOnce)) < rows.size();)
      for (std::size_t i = begin; i < std::min(begin + kAtOnce, rows.size()); ++i)
        rows[i] = survey_one(targets[i], with_loggers);
  };
  std::optional<std::jthread> second;
  try {
    if (targets.size() >= kWorthAThread) second.emplace(look_on);
  } catch (const std::system_error&) {
    // No thread is to be had: alone, then.
  }
  look_on();
  return rows;
}

}  // namespace svdir::svctl
