// make bench-log: how fast lines get onto the disk, beside the other loggers and `cat > file`.
//
//   log-bench SVLOGD [ROUNDS]
//
// For each kind of input every logger gets the same bytes through a pipe, in turns (a round is one turn of each), and
// the median of the rounds is printed: megabytes per second from the first write to the logger's end, the CPU time of
// the logger per line, and the rate relative to `cat > file` in the same run. Then the time from a line written to
// the line readable in `current`, and the memory of idle loggers.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Logger {
  std::string name;
  std::string command;  // for sh, in an empty directory
  double share = 1;     // of the input: the slow ones get less, so that a run stays short
  std::string group;    // of loggers that do the same work
};

struct Input {
  std::string name;
  std::size_t line;   // bytes, with the newline
  std::size_t total;  // bytes
  bool one_by_one;    // a write(2) per line
};

struct Sample {
  double megabytes_per_second = 0;
  double nanoseconds_per_line = 0;
};

void write_input(int fd, const Input& input, std::size_t total) {
  std::string block;
  const std::string line = "2 info: request served in 12 ms " + std::string(input.line, 'x');
  const std::string one = line.substr(0, input.line - 1) + "\n";
  do block += one;
  while (!input.one_by_one && block.size() + one.size() <= 128 * 1024);
  for (std::size_t written = 0; written < total; written += block.size())
    if (::write(fd, block.data(), block.size()) < 0) ::_exit(1);
}

pid_t start(const std::string& command, const std::string& directory, int input) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  if (::chdir(directory.c_str()) != 0) ::_exit(1);
  ::dup2(input, 0);
  ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  ::_exit(127);
}

double to_seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

Sample run(const Logger& logger, const Input& input, const std::string& directory) {
  fs::remove_all(directory);
  fs::create_directory(directory);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const auto total = static_cast<std::size_t>(static_cast<double>(input.total) * logger.share);
  const auto begin = Clock::now();
  const pid_t reader = start(logger.command, directory, ends[0]);
  const pid_t writer = ::fork();
  if (writer == 0) {
    ::close(ends[0]);
    write_input(ends[1], input, total);
    ::_exit(0);
  }
  ::close(ends[0]);
  ::close(ends[1]);
  int status = 0;
  rusage usage{};
  ::waitpid(writer, nullptr, 0);
  ::wait4(reader, &status, 0, &usage);
  const double wall = seconds_since(begin);
  if (status != 0) std::fprintf(stderr, "log-bench: %s failed (%d)\n", logger.name.c_str(), status);
  const double cpu = to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime);
  const double lines = static_cast<double>(total) / static_cast<double>(input.line);
  return {static_cast<double>(total) / wall / 1e6, cpu * 1e9 / lines};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const std::vector<Logger>& loggers, const Input& input, const std::string& directory, int rounds) {
  std::vector<std::vector<double>> rates(loggers.size());
  std::vector<std::vector<double>> costs(loggers.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < loggers.size(); ++i) {
      const Sample sample = run(loggers[i], input, directory);
      rates[i].push_back(sample.megabytes_per_second);
      costs[i].push_back(sample.nanoseconds_per_line);
    }
  const double cat = median(rates[0]);
  std::printf("\n%s\n  %-24s %8s %8s %9s %12s\n", input.name.c_str(), "", "MB/s", "x cat", "x s6-log", "CPU/line");
  for (std::size_t i = 0; i < loggers.size(); ++i) {
    double s6 = 0;
    for (std::size_t k = 0; k < loggers.size(); ++k)
      if (loggers[k].name.starts_with("s6-log") && loggers[k].group == loggers[i].group) s6 = median(rates[k]);
    const double rate = median(rates[i]);
    std::printf("  %-24s %8.0f %8.2f %9.2f %9.0f ns\n", loggers[i].name.c_str(), rate, rate / cat,
                s6 > 0 ? rate / s6 : 0, median(costs[i]));
  }
}

// From write(2) of a line to its being in the file, the logger idle before.
void latency(const std::string& name, const std::string& command, const std::string& file,
             const std::string& directory) {
  fs::remove_all(directory);
  fs::create_directory(directory);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const pid_t reader = start(command, directory, ends[0]);
  ::close(ends[0]);
  const std::string path = directory + "/" + file;
  const auto size = [&] {
    struct stat facts{};
    return ::stat(path.c_str(), &facts) == 0 ? facts.st_size : -1;
  };
  while (size() < 0) ::usleep(1000);
  std::vector<double> times;
  for (int i = 0; i < 300; ++i) {
    ::usleep(2000);
    const auto before = size();
    const auto begin = Clock::now();
    if (::write(ends[1], "a line\n", 7) != 7) break;
    while (size() == before && seconds_since(begin) < 1) {
    }
    times.push_back(seconds_since(begin) * 1e6);
  }
  ::close(ends[1]);
  ::waitpid(reader, nullptr, 0);
  std::sort(times.begin(), times.end());
  std::printf("  %-24s %8.0f us, 99%%: %.0f us\n", name.c_str(), median(times), times[times.size() * 99 / 100]);
}

// Proportional set size and private memory of one of several idle loggers.
void memory(const std::string& name, const std::string& command, const std::string& directory) {
  constexpr int kCount = 50;
  fs::remove_all(directory);
  fs::create_directory(directory);
  std::vector<pid_t> readers;
  std::vector<int> writers;
  for (int i = 0; i < kCount; ++i) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    const std::string own = directory + "/" + std::to_string(i);
    fs::create_directories(own + "/d");
    readers.push_back(start("exec " + command, own, ends[0]));
    ::close(ends[0]);
    if (::write(ends[1], "a line\n", 7) != 7) std::abort();
    writers.push_back(ends[1]);
  }
  ::usleep(1'500'000);
  double pss = 0;
  double own = 0;
  for (const pid_t reader : readers) {
    std::ifstream rollup("/proc/" + std::to_string(reader) + "/smaps_rollup");
    std::string word;
    double value = 0;
    while (rollup >> word) {
      if (word == "Pss:" && rollup >> value) pss += value;
      if ((word == "Private_Clean:" || word == "Private_Dirty:") && rollup >> value) own += value;
    }
  }
  for (const int fd : writers) ::close(fd);
  for (const pid_t reader : readers) ::waitpid(reader, nullptr, 0);
  std::printf("  %-24s PSS %4.0f KiB, private %4.0f KiB\n", name.c_str(), pss / kCount, own / kCount);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 100;
  ::signal(SIGPIPE, SIG_IGN);
  const std::string ours = fs::absolute(argv[1]);
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  char scratch[] = "/tmp/svdir-bench-XXXXXX";
  if (::mkdtemp(scratch) == nullptr) return 111;
  const std::string directory = std::string(scratch) + "/log";
  const std::string genuine = "mkdir -p d; echo s0 > d/config; exec svlogd -b 65536";
  const std::vector<Logger> all = {
      {"cat > file", "exec cat > file", 1, ""},
      {"svdir svlogd", "exec " + ours + " -c s0 d", 1, "plain"},
      {"runit svlogd", genuine + " d", 0.05, "plain"},
      {"multilog", "exec multilog s16777215 n99 ./d", 0.1, "plain"},
      {"s6-log", "exec s6-log s268435455 n9 ./d", 0.2, "plain"},
      {"svdir svlogd -t", "exec " + ours + " -t -c s0 d", 1, "tai64n"},
      {"runit svlogd -t", genuine + " -t d", 0.05, "tai64n"},
      {"multilog t", "exec multilog t s16777215 n99 ./d", 0.1, "tai64n"},
      {"s6-log t", "exec s6-log t s268435455 n9 ./d", 0.2, "tai64n"},
      {"svdir svlogd -tt", "exec " + ours + " -tt -c s0 d", 1, "text"},
      {"runit svlogd -tt", genuine + " -tt d", 0.05, "text"},
      {"s6-log T", "exec s6-log T s268435455 n9 ./d", 0.2, "text"},
      {"svdir svlogd, filter", "exec " + ours + " -c s0 -c '-*debug*' d", 1, "filter"},
      {"multilog, filter", "exec multilog s16777215 n99 '-*debug*' ./d", 0.1, "filter"},
      {"s6-log, filter", "exec s6-log s268435455 n9 -debug ./d", 0.2, "filter"},
  };
  const std::vector<Logger> plain(all.begin(), all.begin() + 5);
  compare(all, {"100-byte lines in bulk", 100, 600'000'000, false}, directory, rounds);
  compare(plain, {"20-byte lines in bulk", 20, 400'000'000, false}, directory, rounds);
  compare(plain, {"4,000-byte lines in bulk", 4000, 600'000'000, false}, directory, rounds);
  compare(plain, {"100-byte lines, one write each", 100, 150'000'000, true}, directory, rounds);
  std::printf("\nfrom a line written to the line readable, the logger idle before\n");
  latency("svdir svlogd", "exec " + ours + " d", "d/current", directory);
  latency("runit svlogd", genuine + " d", "d/current", directory);
  latency("s6-log", "exec s6-log ./d", "d/current", directory);
  std::printf("\nmemory of one of 50 idle loggers\n");
  memory("svdir svlogd", ours + " d", directory);
  memory("svdir svlogd -tt", ours + " -tt d", directory);
  memory("runit svlogd", "svlogd d", directory);
  memory("multilog", "multilog ./d", directory);
  memory("s6-log", "s6-log ./d", directory);
  fs::remove_all(scratch);
  return 0;
}
