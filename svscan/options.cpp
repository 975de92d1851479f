#include "svscan/options.h"

#include <getopt.h>

#include <algorithm>

#include "lib/service_dir.h"
#include "lib/values.h"
#include "svscan/signal_table.h"

namespace svdir::svscan {

const char kHelp[] =
    "usage: svscan [options] [DIR] [-- PROGRAM ARGUMENT...]\n"
    "Keeps one supervise running for each service in DIR (default: $SVDIR, ~/services, /etc/service, /service).\n"
    "With PROGRAM, runs it in the foreground, and ends with its exit code when it ends.\n"
    "\n"
    "  -s, --state DIR        keep all state below DIR; the service tree is only read\n"
    "  -g, --grace TIME       how long TERM waits for everything to end before KILL (60s)\n"
    "      --start LIST       what starts by itself: none, or globs separated by commas (*)\n"
    "      --prefix           put \"NAME: \" before each line of services that have no logger\n"
    "      --rewrite FROM:TO  take signal FROM as TO; TO 0 drops it (may be given several times)\n"
    "      --supervise FILE   the program to run for each service (supervise)\n"
    "      --version, --help\n"
    "\n"
    "Signals: TERM, INT stop all and exit; HUP rescan, rotate logs; QUIT exit, leave all; USR1 upgrade in place.\n";

namespace {

enum : int { kStart = 256, kPrefix, kRewrite, kSupervise, kVersion, kShowHelp };

constexpr option kLong[] = {{"state", required_argument, nullptr, 's'},
                            {"grace", required_argument, nullptr, 'g'},
                            {"start", required_argument, nullptr, kStart},
                            {"prefix", no_argument, nullptr, kPrefix},
                            {"rewrite", required_argument, nullptr, kRewrite},
                            {"supervise", required_argument, nullptr, kSupervise},
                            {"version", no_argument, nullptr, kVersion},
                            {"help", no_argument, nullptr, kShowHelp},
                            {nullptr, 0, nullptr, 0}};

Result<Rewrite> parse_rewrite(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const int from = parse_signal(text.substr(0, colon));
    const std::string_view target = text.substr(colon + 1);
    const int to = parse_signal(target);
    const auto known = signals_of_interest();
    if (from != 0 && std::find(known.begin(), known.end(), from) == known.end())
      return user_error("--rewrite " + std::string(text) + ": svscan takes no notice of that signal, see its manual");
    if (from != 0 && (to != 0 || target == "0")) return Rewrite{from, to};
  }
  return user_error("--rewrite " + std::string(text) +
                    " is not understood; write it as TERM:QUIT, or TERM:0 to drop it");
}

Result<void> take(Options& options, int letter, const char* value) {
  switch (letter) {
    case 's': options.state_directory = value; break;
    case 'g':
      if (!parse_duration(value, options.grace))
        return user_error("--grace " + std::string(value) + ": " + wanted("duration"));
      break;
    case kStart:
      options.start = split_words(value);
      options.start_all = false;
      if (options.start.size() == 1 && options.start[0] == "none") options.start.clear();
      break;
    case kPrefix: options.prefix = true; break;
    case kSupervise: options.supervise = value; break;
    case kVersion: options.show = Options::Show::version; break;
    case kShowHelp: options.show = Options::Show::help; break;
    case kRewrite: {
      const Result<Rewrite> rewrite = parse_rewrite(value);
      if (!rewrite) return std::unexpected(rewrite.error());
      options.rewrites.push_back(*rewrite);
      break;
    }
    default: break;
  }
  return {};
}

// What getopt_long has found wrong, in our words. `optopt` is a letter, the value of a long option, or 0 for a long
// option that it does not know; then, and at the end of the words, the option is the word before `optind`.
Result<void> refuse(int letter, char** argv) {
  const auto complain = [](std::string text) { return user_error(text.append("; svscan --help lists the options")); };
  const char short_option[] = {'-', static_cast<char>(optopt), '\0'};
  if (letter == '?' && optopt > 0 && optopt < kStart) return complain(std::string("unknown option ") + short_option);
  const std::string word = argv[optind - 1];
  const std::string option = word.substr(0, word.find('='));
  if (letter == ':') return complain((option.starts_with("--") ? option : short_option) + " needs a value");
  if (optopt >= kStart) return complain(option + " takes no value");
  const auto begins_so = [&](const auto& known) {
    return known.name != nullptr && std::string_view(known.name).starts_with(std::string_view(option).substr(2));
  };
  if (std::ranges::count_if(kLong, begins_so) > 1) return complain(option + " is short for several options");
  return complain("unknown option " + option);
}

Result<Options> parse_runsvdir(int argc, char** argv) {
  Options options;
  options.face = Face::runsvdir;
  options.new_session = false;
  int at = 1;
  for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; ++at) {
    if (std::string_view(argv[at]) == "--") {
      ++at;
      break;
    }
    for (const char* letter = argv[at] + 1; *letter != '\0'; ++letter) {
      if (*letter != 'P') return user_error("usage: runsvdir [-P] dir");
      options.new_session = true;
    }
  }
  if (at >= argc) return user_error("usage: runsvdir [-P] dir");
  options.directory = argv[at++];
  if (at < argc) {
    if (std::string_view(argv[at]).size() < kShortestTitle)
      return user_error("log must have at least seven characters.");
    options.title = argv[at];
  }
  return options;
}

}  // namespace

Face face_of(std::string_view program) {
  if (const std::size_t slash = program.rfind('/'); slash != std::string_view::npos) program.remove_prefix(slash + 1);
  if (program.starts_with('-')) program.remove_prefix(1);
  return program == "runsvdir" ? Face::runsvdir : Face::svscan;
}

Result<Options> parse_options(int argc, char** argv) {
  if (argc > 0 && face_of(argv[0]) == Face::runsvdir) return parse_runsvdir(argc, argv);
  Options options;
  optind = 0;  // getopt's own state; tests parse more than once
  for (int letter; (letter = ::getopt_long(argc, argv, "+:s:g:", kLong, nullptr)) != -1;) {
    const bool is_wrong = letter == ':' || letter == '?';
    const Result<void> taken = is_wrong ? refuse(letter, argv) : take(options, letter, optarg);
    if (!taken) return std::unexpected(taken.error());
  }
  // getopt has swallowed a "--" that stands right after the options: then there is no DIR.
  const bool no_directory = optind > 1 && std::string_view(argv[optind - 1]) == "--";
  int at = optind;
  if (!no_directory && at < argc && std::string_view(argv[at]) != "--") options.directory = argv[at++];
  if (options.directory.empty()) options.directory = default_scan_directory();
  if (at < argc) {
    if (!no_directory && std::string_view(argv[at]) != "--")
      return user_error(std::string(argv[at]) + ": one directory at a time; a program to run stands after --");
    if (!no_directory) ++at;
    if (at >= argc) return user_error("-- must be followed by the program to run");
    options.program = argv + at;
  } else if (no_directory) {
    return user_error("-- must be followed by the program to run");
  }
  return options;
}

}  // namespace svdir::svscan
