#include "svctl/survey.h"

#include <thread>

#include "lib/log_status.h"

namespace svdir::svctl {
namespace {

constexpr std::size_t kWorthAThread = 200;  // a thread costs as much as a look at some twenty services

// Looks where logs usually are; `svctl why` takes the pains to find others.
std::string trouble_of_log(const Target& target) {
  return read_log_trouble(plain_path(target) + "/log/main");
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
