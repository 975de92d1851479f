#include "svctl/survey.h"

#include <unistd.h>

#include <thread>

#include "lib/log_status.h"
#include "svctl/log_reader.h"

namespace svdir::svctl {
namespace {

constexpr std::size_t kWorthAThread = 200;  // a thread costs as much as a look at some twenty services

// Logs are usually kept in log/main; to find others takes more time.
std::string trouble_of_log(const Target& target) {
  const std::string usual = plain_path(target) + "/log/main";
  if (::access((usual + "/current").c_str(), F_OK) == 0) return read_log_trouble(usual);
  const auto found = find_log_directory(target);
  return found ? read_log_trouble(*found) : "";
}

}  // namespace

std::vector<StatusRow> survey(const std::vector<Target>& targets, bool with_loggers) {
  std::vector<StatusRow> rows(targets.size());
  const auto look_from = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      StatusRow& row = rows[i];
      row.target = targets[i];
      row.view = look(targets[i]);
      if (!with_loggers || !row.view.exists || !has_logger(targets[i])) continue;
      row.has_log = true;
      row.log = look(logger_of(targets[i]));
      row.log_trouble = trouble_of_log(targets[i]);
    }
  };
  if (targets.size() < kWorthAThread) {
    look_from(0, targets.size());
    return rows;
  }
  const std::size_t half = targets.size() / 2;
  std::thread second(look_from, 0, half);
  look_from(half, targets.size());
  second.join();
  return rows;
}

}  // namespace svdir::svctl
