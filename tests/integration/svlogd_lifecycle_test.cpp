// A log directory over time: signals, rotation, processors, what a predecessor left behind.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "tests/support/process.h"
#include "tests/support/programs.h"

using namespace svdir::test;
namespace fs = std::filesystem;

namespace {

// A running svlogd on DIR/log with a pipe to write to.
class Fed {
 public:
  explicit Fed(std::vector<std::string> options = {}) : options_(std::move(options)) {
    REQUIRE(::pipe2(ends_, O_CLOEXEC) == 0);
    make_directories(dir / "log");
  }
  ~Fed() {
    for (const int fd : ends_)
      if (fd >= 0) ::close(fd);
  }

  Process& start() {
    std::vector<std::string> argv = {program("svlogd")};
    argv.insert(argv.end(), options_.begin(), options_.end());
    argv.push_back("log");
    process_.emplace(Launch{.argv = argv, .directory = dir.path(), .input_fd = ends_[0]});
    write("started\n");
    WAIT_UNTIL(current().ends_with("started\n"));
    return *process_;
  }
  Process& process() { return *process_; }
  void config(const std::string& text) const { write_file(dir / "log/config", text); }
  void write(const std::string& text) const {
    REQUIRE(::write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  int end() {
    ::close(ends_[1]);
    ends_[1] = -1;
    return process_->wait();
  }
  std::string current() const { return read_file(dir / "log/current"); }
  // Old files that end with `kind`, oldest first.
  std::vector<std::string> old(const std::string& kind = ".s") const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir / "log"))
      if (const std::string name = entry.path().filename(); name.ends_with(kind)) names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string read(const std::string& name) const { return read_file(dir / ("log/" + name)); }

  TempDir dir;

 private:
  std::vector<std::string> options_;
  int ends_[2] = {-1, -1};
  std::optional<Process> process_;
};

unsigned long switches_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  unsigned long sum = 0;
  for (std::string word; status >> word;)
    if (word == "voluntary_ctxt_switches:" || word == "nonvoluntary_ctxt_switches:") {
      unsigned long value = 0;
      status >> value;
      sum += value;
    }
  return sum;
}

}  // namespace

TEST_CASE("ALRM and HUP rotate a log that is not empty") {
  Fed log;
  Process& logger = log.start();
  logger.signal(SIGALRM);
  WAIT_UNTIL(log.old().size() == 1 && log.current().empty());
  log.write("two\n");
  WAIT_UNTIL(log.current() == "two\n");
  logger.signal(SIGHUP);
  WAIT_UNTIL(log.old().size() == 2 && log.current().empty());
  logger.signal(SIGALRM);
  log.write("three\n");
  WAIT_UNTIL(log.current() == "three\n");
  CHECK(log.old().size() == 2);
  CHECK(log.read(log.old()[1]) == "two\n");
  CHECK(log.end() == 0);
}

TEST_CASE("with hup reload HUP only reads the settings again") {
  Fed log;
  log.config("hup reload\n");
  Process& logger = log.start();
  log.config("hup reload\npnew: \n");
  logger.signal(SIGHUP);
  WAIT_UNTIL([&] {
    log.write("x\n");
    return log.current().ends_with("new: x\n");
  }());
  CHECK(log.old().empty());
  CHECK(log.end() == 0);
}

TEST_CASE("a rotation waits for the end of a line that comes soon, and not for ever") {
  Fed log;
  Process& logger = log.start();
  log.write("beginning");
  WAIT_UNTIL(log.current().ends_with("beginning"));
  logger.signal(SIGALRM);
  log.write(" and end\nnext\n");
  WAIT_UNTIL(log.current() == "next\n");
  CHECK(log.read(log.old()[0]) == "started\nbeginning and end\n");
  log.write("without end");
  WAIT_UNTIL(log.current().ends_with("without end"));
  logger.signal(SIGALRM);
  WAIT_UNTIL(log.current().empty());
  log.write("\n");
  CHECK(log.end() == 0);
}

TEST_CASE("TERM writes what is in the pipe, and the next svlogd completes the line") {
  Fed log({"-tt"});
  Process& first = log.start();
  log.write("one\ntw");
  first.signal(SIGTERM);
  REQUIRE(first.wait() == 0);
  CHECK(log.current().ends_with(" tw"));
  log.write("o\nthree\n");
  log.start();
  CHECK(log.end() == 0);
  const std::string text = log.current();
  CHECK(std::count(text.begin(), text.end(), '\n') == 5);
  CHECK(text.find(" two\n") != std::string::npos);
}

TEST_CASE("a line of another stream does not continue a half one") {
  TempDir dir;
  const auto feed = [&](const std::string& input) {
    return run(Launch{.argv = {program("svlogd"), "log"}, .directory = dir.path(), .input = input}).code;
  };
  CHECK(feed("half") == 0);
  CHECK(read_file(dir / "log/current") == "half");
  CHECK(feed("new\n") == 0);
  CHECK(read_file(dir / "log/current") == "half\nnew\n");
}

TEST_CASE("a regular file and /dev/null serve as input") {
  TempDir dir;
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "line " + std::to_string(i) + "\n";
  write_file(dir / "input", text);
  const int file = ::open((dir / "input").c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(run(Launch{.argv = {program("svlogd"), "-c", "s0", "log"}, .directory = dir.path(), .input_fd = file}).code ==
        0);
  ::close(file);
  CHECK(read_file(dir / "log/current") == text);
  CHECK(run(Launch{.argv = {program("svlogd"), "log2"}, .directory = dir.path()}).code == 0);
}

TEST_CASE("an age rotates a log that is not empty") {
  Fed log;
  log.config("t1\n");
  log.start();
  WAIT_UNTIL(log.old().size() == 1);
  CHECK(log.read(log.old()[0]) == "started\n");
  CHECK(log.end() == 0);
}

TEST_CASE("a current of a period that is over is rotated at once, and named by its period") {
  TempDir dir;
  write_file(dir / "log/config", "every day\nnames %Y%m%d\n");
  write_file(dir / "log/current", "of yesterday\n");
  fs::permissions(dir / "log/current", fs::perms(0744));
  const time_t past = ::time(nullptr) - 3 * 86400;
  const timeval times[2] = {{past, 0}, {past, 0}};
  REQUIRE(::utimes((dir / "log/current").c_str(), times) == 0);
  tm local{};
  ::localtime_r(&past, &local);
  char name[32];
  ::strftime(name, sizeof name, "%Y%m%d.s", &local);
  CHECK(run(Launch{.argv = {program("svlogd"), "log"}, .directory = dir.path(), .input = "of today\n"}).code == 0);
  CHECK(read_file(dir / ("log/" + std::string(name))) == "of yesterday\n");
  CHECK(read_file(dir / "log/current") == "of today\n");
}

TEST_CASE("several files of one readable name are numbered, and the oldest go first") {
  TempDir dir;
  std::string text;
  for (int i = 0; i < 500; ++i) text += "line " + std::to_string(10000 + i) + "\n";
  const Ran ran = run(Launch{.argv = {program("svlogd"), "-l", "50", "-c", "s550", "-c", "n3", "-c", "names %Y", "log"},
                             .directory = dir.path(),
                             .input = text});
  CHECK(ran.errors.empty());
  const std::string year = std::to_string(1900 + [] {
    const time_t now = ::time(nullptr);
    tm local{};
    return ::localtime_r(&now, &local)->tm_year;
  }());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir / "log"))
    if (const std::string name = entry.path().filename(); name.starts_with(year)) names.push_back(name);
  CHECK(names.size() == 3);
  std::string end;
  std::sort(names.begin(), names.end(),
            [](const auto& a, const auto& b) { return std::stoi(a.substr(5)) < std::stoi(b.substr(5)); });
  for (const std::string& name : names) end += read_file(dir / ("log/" + name));
  end += read_file(dir / "log/current");
  CHECK(text.ends_with(end));
}

TEST_CASE("a smaller n and a total take effect at once") {
  Fed log;
  for (int i = 0; i < 9; ++i)
    write_file(log.dir / ("log/@400000006553f10a0000000" + std::to_string(i) + ".s"), std::string(1000, 'x'));
  Process& logger = log.start();
  CHECK(log.old().size() == 9);
  log.config("n5\nhup reload\n");
  logger.signal(SIGHUP);
  WAIT_UNTIL(log.old().size() == 5);
  log.config("total 5k\ns3k\nhup reload\n");
  logger.signal(SIGHUP);
  WAIT_UNTIL(log.old().size() == 2);
  CHECK(log.old()[0] == "@400000006553f10a00000007.s");
  CHECK(log.end() == 0);
}

TEST_CASE("a processor gets each file once, with its state, while lines go on") {
  Fed log;
  log.config("!cat; echo $(($(cat <&4) + 1)) >&5\n");
  Process& logger = log.start();
  for (int i = 1; i <= 3; ++i) {
    logger.signal(SIGALRM);
    WAIT_UNTIL(log.old().size() == static_cast<std::size_t>(i) && log.old(".u").empty());
    log.write("round " + std::to_string(i) + "\n");
    WAIT_UNTIL(!log.current().empty());
  }
  CHECK(log.read("state") == "3\n");
  CHECK(log.read(log.old()[2]) == "round 2\n");
  CHECK(log.end() == 0);
}

TEST_CASE("a processor that hangs or fails does not hold up the reading") {
  Fed log;
  log.config("![ -e ok ] && cat\n");
  Process& logger = log.start();
  for (int i = 1; i <= 3; ++i) {
    logger.signal(SIGALRM);
    WAIT_UNTIL(log.old(".u").size() == static_cast<std::size_t>(i));
    log.write("more\n");
    WAIT_UNTIL(log.current() == "more\n");
  }
  WAIT_UNTIL(logger.errors().find("processor failed on @") != std::string::npos);
  write_file(log.dir / "log/ok", "");
  WAIT_UNTIL(log.old().size() == 3 && log.old(".u").empty());
  CHECK(log.end() == 0);
}

TEST_CASE("gzip and zstd serve as processors") {
  for (const std::string tool : {"gzip", "zstd"}) {
    Fed log;
    log.config("!" + tool + "\n");
    log.start().signal(SIGALRM);
    WAIT_UNTIL(log.old().size() == 1);
    const Ran unpacked = run({"sh", "-c", tool + " -dc <" + log.dir.path() + "/log/" + log.old()[0]});
    CHECK(unpacked.output == "started\n");
    CHECK(log.end() == 0);
  }
}

TEST_CASE("what a killed svlogd left of its processing is settled") {
  TempDir dir;
  const std::string log = dir / "log/";
  write_file(log + "config", "!tr a-z A-Z\n");
  write_file(log + "@400000006553f10a00000001.u", "processed\n");
  write_file(log + "@400000006553f10a00000001.s", "PROCESSED\n", 0744);
  write_file(log + "newstate", "new\n");
  write_file(log + "@400000006553f10a00000002.u", "not yet\n");
  write_file(log + "@400000006553f10a00000002.t", "NO");
  CHECK(run(Launch{.argv = {program("svlogd"), "log"}, .directory = dir.path(), .input = "x\n"}).code == 0);
  CHECK(read_file(log + "@400000006553f10a00000001.s") == "PROCESSED\n");
  CHECK(read_file(log + "@400000006553f10a00000002.s") == "NOT YET\n");
  CHECK_FALSE(exists(log + "@400000006553f10a00000001.u"));
  CHECK_FALSE(exists(log + "@400000006553f10a00000002.u"));
  CHECK_FALSE(exists(log + "@400000006553f10a00000002.t"));
}

TEST_CASE("an idle logger does not wake up") {
  Fed log;
  log.config("every day\nt1h\n");
  const pid_t pid = log.start().pid();
  WAIT_UNTIL([&] {
    const unsigned long before = switches_of(pid);
    ::usleep(1'500'000);
    return switches_of(pid) == before;
  }());
  CHECK(log.end() == 0);
}

TEST_CASE("of a thousand idle loggers none wakes up", "[alone]") {
  constexpr int kLoggers = 1000;
  const TempDir dir;
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  std::vector<std::unique_ptr<Process>> loggers;
  for (int i = 0; i < kLoggers; ++i)
    loggers.push_back(std::make_unique<Process>(Launch{.argv = {program("svlogd"), "-tt", std::to_string(i)},
                                                       .directory = dir.path(),
                                                       .input_fd = pipe[0],
                                                       .output_fd = nothing,
                                                       .error_fd = nothing}));
  WAIT_UNTIL(exists(dir / (std::to_string(kLoggers - 1) + "/current")));
  const auto switches = [&] {
    unsigned long sum = 0;
    for (const auto& logger : loggers) sum += switches_of(logger->pid());
    return sum;
  };
  WAIT_UNTIL([&] {
    const unsigned long before = switches();
    ::usleep(2'000'000);
    return switches() == before;
  }());
  CHECK(std::ranges::none_of(loggers, [](const auto& logger) { return logger->has_ended(); }));
  ::close(pipe[1]);  // the end of their input, and so theirs
  for (const auto& logger : loggers) CHECK(logger->wait() == 0);
  ::close(pipe[0]);
  ::close(nothing);
}

TEST_CASE("a log that was truncated by somebody goes on from there") {
  Fed log;
  log.start();
  fs::resize_file(log.dir / "log/current", 0);
  log.write("after\n");
  WAIT_UNTIL(log.current() == "after\n");
  CHECK(log.end() == 0);
}
