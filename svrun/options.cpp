#include "svrun/options.h"

#include <algorithm>

#include "lib/values.h"
#include "svrun/faces.h"

namespace svdir::svrun {
namespace {

constexpr std::size_t kHelpColumn = 26;

constexpr std::string_view kUsage = "usage: svrun [--KEY=VALUE]... PROGRAM [ARGUMENT]...";
constexpr std::string_view kSeeHelp = "; svrun --help lists the options";

std::string help() {
  std::string text = std::string(kUsage) +
                     "\n\nSets the process up and executes PROGRAM in its place. chpst's options work as well.\n\n";
  for (const AttributeRow& row : attribute_rows()) {
    std::string option = "  --" + std::string(row.key);
    if (!row.takes_no_value) option += "=";
    option.resize(std::max(option.size() + 1, kHelpColumn), ' ');
    text.append(option).append(row.help);
    if (!row.takes_no_value) text.append(" (").append(row.type).append(")");
    text.append("\n");
  }
  return text;
}

// One line, whatever the words of the command line hold.
std::unexpected<Refusal> refuse(std::string why) {
  for (char& c : why)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return std::unexpected(Refusal{"svrun: fatal: " + std::move(why) + "\n", 100});
}

}  // namespace

std::expected<RunPlan, Refusal> parse_options(std::span<const char* const> arguments) {
  RunPlan plan;
  std::size_t next = 0;
  for (; next < arguments.size(); ++next) {
    std::string_view option = arguments[next];
    if (!option.starts_with("-") || option == "-") break;
    if (option == "--") {
      ++next;
      break;
    }
    if (option == "--help" || option == "-h") return std::unexpected(Refusal{help(), 0});
    if (!option.starts_with("--")) return parse_chpst(arguments);  // chpst's letters; the two are not mixed
    option.remove_prefix(2);
    const std::size_t equals = option.find('=');
    const std::string_view key = option.substr(0, equals);
    const AttributeRow* row = find_attribute(key);
    if (row == nullptr) return refuse("unknown option --" + std::string(key) + std::string(kSeeHelp));
    std::string_view value = "yes";
    if (equals != std::string_view::npos) {
      value = option.substr(equals + 1);
    } else if (!row->takes_no_value) {
      if (++next == arguments.size()) return refuse("--" + std::string(key) + ": " + wanted(row->type));
      value = arguments[next];
    }
    // An empty value is most often a variable that is not set; going on without the user or limit would be wrong.
    if (value.empty() || !row->parse(key, value, plan.attributes))
      return refuse("--" + std::string(key) + "=" + std::string(value) + ": " + wanted(row->type));
  }
  for (; next < arguments.size(); ++next) plan.command.emplace_back(arguments[next]);
  if (plan.command.empty()) return refuse("no program given; " + std::string(kUsage));
  return plan;
}

}  // namespace svdir::svrun
