// svdir.5 says of every setting what its row in the table says.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lib/attributes.h"
#include "lib/settings.h"

using namespace svdir;

namespace {

struct Item {
  std::string key;
  std::string text;  // the lines without a macro and that of .Pq, joined with blanks
};

std::string manual(const char* path) {
  // The test program stands below the source tree, in build/ or build/FLAVOUR/.
  for (auto at = std::filesystem::read_symlink("/proc/self/exe"); at.has_relative_path(); at = at.parent_path())
    if (std::filesystem::exists(at / path)) {
      std::ostringstream text;
      text << std::ifstream(at / path).rdbuf();
      return text.str();
    }
  return {};
}

std::vector<Item> items_of(const std::string& page) {
  std::vector<Item> items;
  std::istringstream lines(page.substr(page.find(".Bl -tag -width Ds\n")));
  for (std::string line; std::getline(lines, line) && line != ".El";) {
    if (line.starts_with(".It Cm "))
      items.push_back({line.substr(7), ""});
    else if (!items.empty() && line.starts_with(".Pq "))
      items.back().text += line.substr(4);
    else if (!items.empty() && !line.starts_with("."))
      items.back().text += " " + line.substr(line.starts_with("\\&") ? 2 : 0);
  }
  return items;
}

}  // namespace

TEST_CASE("the manual lists the settings of the table, in its order and words") {
  const std::string page = manual("lib/svdir.5");
  REQUIRE_FALSE(page.empty());
  const std::vector<Item> items = items_of(page);
  const auto rows = setting_rows();
  REQUIRE(items.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SettingRow& row = rows[i];
    CHECK(items[i].key == row.key);
    std::string expected(row.type);
    if (!row.default_text.empty()) expected.append("; default ").append(row.default_text);
    std::string help(row.help);
    help[0] = static_cast<char>(std::toupper(help[0]));
    expected.append(" ").append(help).append(".");
    INFO(items[i].text);
    CHECK(items[i].text.starts_with(expected));
  }
}

TEST_CASE("svrun's manual lists its options, in the order of the table") {
  const std::string page = manual("svrun/svrun.8");
  std::size_t at = 0;
  for (const AttributeRow& row : attribute_rows()) {
    INFO(row.key);
    const std::string item = ".It Fl Fl " + std::string(row.key);
    at = page.find(item + (row.takes_no_value ? "\n" : " Ns = Ns Ar value\n.Pq " + std::string(row.type) + "\n"), at);
    REQUIRE(at != std::string::npos);
  }
}
