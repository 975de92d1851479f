#include "svscan/traits.h"

#include <algorithm>

#include "lib/files.h"
#include "lib/say.h"
#include "lib/settings.h"
#include "lib/system.h"

namespace svdir::svscan {
namespace {

// A bare file has its settings in its own head, and no conf beside it.
std::expected<Settings, SettingsError> read_script_settings(int directory, const char* name, const char* defaults) {
  Settings settings;
  if (const Result<std::string> text = read_small(AT_FDCWD, defaults, kLongestSettings); text)
    if (auto read = parse_settings(*text, ".defaults", SettingsSource::defaults, settings); !read)
      return std::unexpected(std::move(read.error()));
  const Fd file(sys::openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  char head[kRunHead];
  const ssize_t length = file ? sys::read(file.get(), head, sizeof head) : -1;
  if (length <= 0) return settings;
  std::string_view text(head, static_cast<std::size_t>(length));
  if (text.size() == sizeof head) text = text.substr(0, text.rfind('\n') + 1);
  if (!text.starts_with("#!")) return settings;  // a program, not a script
  if (auto read = parse_settings(text, "run", SettingsSource::run_head, settings); !read)
    return std::unexpected(std::move(read.error()));
  return settings;
}

// Nothing when the settings are no settings; supervise says what is wrong with them.
std::optional<Traits> read_traits(const Places& places, const Listed& listed) {
  Traits traits;
  const std::string defaults = (places.absolute.empty() ? places.scan_path : places.absolute) + "/.defaults";
  std::expected<Settings, SettingsError> settings;
  if (listed.kind == Kind::directory) {
    const Fd dir(sys::openat(places.scan.get(), listed.source.c_str(), O_RDONLY | O_DIRECTORY));
    if (!dir) return {};
    struct stat facts;
    traits.has_logger = sys::fstatat(dir.get(), "log/run", &facts) == 0;
    settings = read_settings(dir.get(), defaults.c_str());
  } else {
    settings = read_script_settings(places.scan.get(), listed.source.c_str(), defaults.c_str());
  }
  if (!settings) return {};
  traits.instances = settings->instances;
  traits.essential = settings->essential;
  traits.has_logger = traits.has_logger || !settings->log.empty();
  return traits;
}

// Whether settings that cannot be taken as a whole say so in a line of their own: a container must not go on for ever
// without what it is there for, because of a slip beside it.
bool claims_to_be_essential(const Places& places, const Listed& listed) {
  const bool is_script = listed.kind == Kind::script;
  bool claims = false;
  for (const bool is_head : {true, false}) {
    if (is_script && !is_head) break;
    const std::string path = is_script ? listed.source : listed.source + (is_head ? "/run" : "/conf");
    const std::string text = read_small(places.scan.get(), path.c_str(), kLongestSettings).value_or("");
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.find("essential") == std::string_view::npos) continue;
      Settings settings;
      settings.essential = claims;
      const auto source = is_head ? SettingsSource::run_head : SettingsSource::conf;
      if (parse_settings(line, path, source, settings)) claims = settings.essential;
    }
  }
  return claims;
}

}  // namespace

const Traits& TraitsBook::of(const Places& places, const Listed& listed) {
  Identity key = listed.identity;
  key.instance = 0;
  if (const auto at = now_.find(key); at != now_.end()) return at->second.traits;
  const auto known = before_.extract(key);
  // A bare file may have been written to; a directory's changes are looked for where they matter.
  const bool is_read = known && !known.mapped().is_stale && listed.kind == Kind::directory;
  Page page = known ? known.mapped() : Page{};
  if (!is_read) {
    const std::optional<Traits> read = read_traits(places, listed);
    page = reread(read, page);
    if (!read && !known) page.traits.essential = claims_to_be_essential(places, listed);
  }
  return now_.emplace(key, page).first->second.traits;
}

TraitsBook::Page TraitsBook::reread(const std::optional<Traits>& read, const Page& known) {
  const bool is_fewer = read && read->instances < known.traits.instances;
  const Instant now = monotonic_now();
  if (!read) return {known.traits, true, {}};
  if (!is_fewer) return {*read, false, {}};
  const Instant since = known.fewer_since.is_set() ? known.fewer_since : now;
  if (now - since >= kGrace) return {*read, false, {}};
  unsettled_ = true;
  return {known.traits, true, since};
}

void TraitsBook::next_round() {
  before_.swap(now_);
  now_.clear();
  unsettled_ = false;
}

void TraitsBook::distrust() {
  for (auto& [identity, page] : now_) page.is_stale = true;
}

void expand_instances(const Places& places, TraitsBook& book, std::vector<Listed>& list, Warnings& warnings) {
  std::vector<Listed> more;
  std::erase_if(list, [&](const Listed& listed) {
    const unsigned instances = book.of(places, listed).instances;
    for (unsigned number = 1; number <= instances; ++number) {
      Listed instance = listed;
      instance.name += "-" + std::to_string(number);
      instance.identity.instance = number;
      more.push_back(std::move(instance));
    }
    return instances != 0;
  });
  if (more.empty()) return;
  const auto by_name = [](const Listed& a, const Listed& b) { return a.name < b.name; };
  std::erase_if(more, [&](const Listed& instance) {
    if (!std::binary_search(list.begin(), list.end(), instance, by_name)) return false;
    if (warnings.is_new(instance.name))
      warn({"skipping instance ", instance.name, " of ", instance.source, ": another service has that name"});
    return true;
  });
  list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  std::stable_sort(list.begin(), list.end(), by_name);
  list.erase(std::unique(list.begin(), list.end(), [](const Listed& a, const Listed& b) { return a.name == b.name; }),
             list.end());
}

}  // namespace svdir::svscan
