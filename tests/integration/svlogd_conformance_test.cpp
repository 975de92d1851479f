// The same input, config and options given to the genuine svlogd and to ours: the directories must be the same.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>

#include "tests/support/process.h"
#include "tests/support/programs.h"
#include "tests/support/skip.h"

using namespace svdir::test;

namespace {

std::string numbered(int from, int to, std::string_view text = "line number ") {
  std::string all;
  for (int i = from; i <= to; ++i) all += std::string(text) + std::to_string(i) + "\n";
  return all;
}

// Digits of times become 'N', so that two runs can be compared; everything else stays.
std::string without_times(std::string text) {
  const auto mask = [&](std::size_t at, std::string_view form) {
    if (at + form.size() > text.size()) return false;
    for (std::size_t i = 0; i < form.size(); ++i) {
      const char c = text[at + i];
      const bool fits = form[i] == 'N' ? (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') : c == form[i];
      if (!fits) return false;
    }
    text.replace(at, form.size(), form);
    return true;
  };
  for (std::size_t at = 0; at < text.size(); ++at)
    for (const std::string_view form :
         {"@NNNNNNNNNNNNNNNNNNNNNNNN", "NNNN-NN-NN_NN:NN:NN.NNNNN", "NNNN-NN-NNTNN:NN:NN.NNNNN"})
      if (mask(at, form)) break;
  return text;
}

// Name, mode, size and content of every file of a log directory, times masked, oldest first.
std::string picture(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  std::ostringstream text;
  for (const std::string& name : names) {
    if (name == ".svlogd") continue;
    struct stat facts;
    REQUIRE(::lstat((directory + "/" + name).c_str(), &facts) == 0);
    text << "== " << without_times(name) << " " << std::oct << (facts.st_mode & 07777) << std::dec << " "
         << facts.st_size << "\n"
         << without_times(read_file(directory + "/" + name)) << "\n";
  }
  return text.str();
}

struct Case {
  std::vector<std::string> options;
  std::string config;
  std::string input;
};

void compare(const Case& given) {
  TempDir dir;
  std::string options;
  for (const std::string& word : given.options) options += word + " ";
  INFO("options " << options << "\nconfig\n" << given.config);
  std::string errors[2];
  int codes[2];
  for (const bool ours : {false, true}) {
    const std::string name = ours ? "ours" : "genuine";
    write_file(dir / (name + "/log/config"), given.config);
    std::vector<std::string> argv = {ours ? program("svlogd") : genuine("svlogd")};
    argv.insert(argv.end(), given.options.begin(), given.options.end());
    argv.push_back("log");
    const Ran ran = run(Launch{.argv = argv, .directory = dir / name, .input = given.input});
    errors[ours] = without_times(ran.errors);
    codes[ours] = ran.code;
  }
  CHECK(codes[true] == codes[false]);
  CHECK(errors[true] == errors[false]);
  CHECK(picture(dir / "ours/log") == picture(dir / "genuine/log"));
}

}  // namespace

TEST_CASE("svlogd writes what runit's svlogd writes, whatever the options") {
  const std::string odd = "tab\there\nbell\a \x7f \xc3\xa9\n\nlast\n";
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{
           {}, {"-t"}, {"-tt"}, {"-ttt"}, {"-r", "."}, {"-R", "aeiou"}, {"-tt", "-r_", "-R", "l"}})
    compare({options, "", odd + numbered(1, 50)});
}

TEST_CASE("svlogd rotates where runit's svlogd rotates") {
  compare({{}, "s3000\n", numbered(1, 400)});
  compare({{"-t"}, "s3000\nn2\n", numbered(1, 400)});
  compare({{"-tt", "-l", "100"}, "s3000\nn0\n", numbered(1, 1500)});
  compare({{"-l", "30", "-b", "2000"}, "s2k\nn5\n", numbered(1, 1000)});
  compare({{}, "s0\n", numbered(1, 2000)});
}

TEST_CASE("svlogd filters as runit's svlogd does") {
  const std::string input = "one two\nerror: x\nfine\nerror: ignore\n\naaa\nab\naab\nx*y\n*\n+\n";
  for (const std::string_view config :
       {"-*\n+error*\n", "-*\n+error: *\n-*ignore\n", "-+ab\n-f+in*\n", "-*\n", "+x\n", "-x**y\n", "-\n",
        "pPRE \n-*e*\n", "-*\n+a+b\n", "# comment\n\n-one*\n", "-*o\n-*r*r*\n"})
    compare({{}, std::string(config), input});
  compare({{"-r", "_"}, "-*_*\n", "a\tb\nab\n"});
  compare({{"-l", "5"}, "-*\n+hello\n", "hello world\nhell\nhello\n"});
}

TEST_CASE("svlogd alerts on standard error as runit's svlogd does") {
  compare({{}, "eerror*\nE*not*\n", "error: one\nerror: not\nfine\n"});
  compare({{"-tt"}, "ppre: \n-*\ne*\n", "short\n" + std::string(1500, 'x') + "\n"});
}

TEST_CASE("a current that was not closed in order is set aside as runit's svlogd does") {
  TempDir dir;
  for (const bool ours : {false, true}) {
    const std::string log = dir / (ours ? "ours" : "genuine");
    write_file(log + "/current", "unclean\n");
    write_file(log + "/@400000006553f10a00000005.s", "old\n", 0744);
    write_file(log + "/@400000006553f10a00000006.t", "half\n");
    CHECK(run(Launch{.argv = {ours ? program("svlogd") : genuine("svlogd"), log}, .input = "new\n"}).code == 0);
  }
  std::filesystem::remove(dir / "genuine/@400000006553f10a00000006.t");  // ours is tidier
  CHECK(picture(dir / "ours") == picture(dir / "genuine"));
}

TEST_CASE("wrong command lines and directories end svlogd as they end runit's") {
  TempDir dir;
  write_file(dir / "file", "");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {}, {"-x", "log"}, {"-b", "10", "log"}, {"-r", "xx", "log"}, {"file"}, {"/proc/none"}, {"-l"}}) {
    std::string shown;
    for (const std::string& word : words) shown += word + " ";
    INFO(shown);
    Ran ran[2];
    for (const bool ours : {false, true}) {
      std::vector<std::string> argv = {ours ? program("svlogd") : genuine("svlogd")};
      argv.insert(argv.end(), words.begin(), words.end());
      ran[ours] = run(Launch{.argv = argv, .directory = dir.path()});
    }
    CHECK(ran[true].code == ran[false].code);
    CHECK(ran[true].code == 111);
    CHECK_FALSE(ran[true].errors.empty());
  }
}

TEST_CASE("a directory that another svlogd has is left alone") {
  TempDir dir;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Process holder({.argv = {program("svlogd"), dir / "log"}, .input_fd = ends[0]});
  WAIT_UNTIL(exists(dir / "log/current"));
  const Ran second = run(Launch{.argv = {program("svlogd"), dir / "log"}, .input = "x\n"});
  CHECK(second.code == 111);
  CHECK(second.errors == "svlogd: warning: unable to lock directory: " + dir / "log" +
                             ": Resource temporarily unavailable\n" +
                             "svlogd: fatal: no functional log directories.\n");
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(holder.wait() == 0);
  CHECK(read_file(dir / "log/current").empty());
}
