// svlogd killed at every system call and at random instants: no byte is lost and none comes twice.
//
// As under supervise, the pipe has a name and is held open by somebody, so a new svlogd gets the same pipe.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <random>

#include "tests/support/process.h"
#include "tests/support/programs.h"

using namespace svdir::test;

namespace {

struct Mode {
  std::string name;
  std::vector<std::string> options;
  std::vector<std::string> configs;  // one for each directory
};

const std::vector<Mode>& modes() {
  static const std::vector<Mode> all = {
      {"plain", {}, {""}},
      {"plain, rotating", {}, {"s3000\nn0\n"}},
      {"stamped", {"-t"}, {"n0\n"}},
      {"stamped, rotating", {"-tt"}, {"s3000\nn0\n"}},
      {"filtered, rotating", {}, {"-*drop*\ns3000\nn0\n"}},
      {"several directories", {"-tt"}, {"s3000\nn0\n", "", "-*drop*\ns4000\nn0\n"}},
      {"processed", {}, {"s9000\nn0\n!cat\n"}},
  };
  return all;
}

// Lines of all lengths, some of which the filters drop, with NULs and without an end now and then.
std::string make_input(std::mt19937& random, int count) {
  std::string input;
  for (int i = 0; i < count; ++i) {
    input += std::to_string(i) + (random() % 3 == 0 ? " drop " : " ");
    input.append(std::vector<std::size_t>{0, 3, 80, 300, 1500}[random() % 5], static_cast<char>('a' + i % 26));
    input += random() % 10 == 0 ? std::string("\0\xff\n", 3) : "\n";
  }
  return input;
}

bool is_dropped(std::string_view config, std::string_view line) {
  return config.find("-*drop*") != std::string_view::npos && line.find("drop") < 10;
}

// What a directory must hold: the lines that its config chooses.
std::string wanted(std::string_view input, std::string_view config) {
  std::string text;
  while (!input.empty()) {
    const std::size_t end = input.find('\n') + 1;
    if (!is_dropped(config, input.substr(0, end))) text += input.substr(0, end);
    input.remove_prefix(end);
  }
  return text;
}

// All that a directory holds, oldest first, without stamps.
std::string held(const std::string& directory, const std::vector<std::string>& options) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (const std::string name = entry.path().filename(); name.starts_with('@')) names.push_back(name);
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += read_file(directory + "/" + name);
  text += read_file(directory + "/current");
  if (options.empty()) return text;
  std::string bare;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const bool stamped = end - at > 26 && (text[at] == '@' || text[at + 4] == '-');
    bare += stamped ? text.substr(at + 26, end - at - 26) : "[no stamp]" + text.substr(at, end - at);
    at = end;
  }
  return bare;
}

// A Process without what thousands of starts need not pay for: no captured output, no search for descendants.
class Child {
 public:
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  void start(const std::vector<std::string>& argv, int input, unsigned kill_at) {
    end();
    std::vector<char*> words;
    for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const std::string variable = "SVDIR_KILL=" + std::to_string(kill_at);
    char* const environment[] = {const_cast<char*>(variable.c_str()), nullptr};
    code_.reset();
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::dup2(input, 0);
    ::execve(words[0], words.data(), environment);
    ::_exit(127);
  }
  bool has_ended() {
    int status = 0;
    if (!code_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_.has_value();
  }
  int wait() {
    WAIT_UNTIL(has_ended());
    return *code_;
  }
  void signal(int number) {
    if (!has_ended()) ::kill(pid_, number);
  }
  void end() {
    if (pid_ <= 0 || has_ended()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  std::optional<int> code_;
};

class Scene {
 public:
  Scene(const Mode& mode, std::string program) : mode_(mode), program_(std::move(program)) {
    for (std::size_t i = 0; i < mode.configs.size(); ++i) write_file(directory(i) + "/config", mode.configs[i]);
    const std::string pipe = dir_ / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    pipe_ = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(pipe_ >= 0);
  }
  ~Scene() {
    logger_.end();
    ::close(pipe_);
  }

  // `kill_at`: it dies before this system call; 0: it lives.
  void start(unsigned kill_at) {
    std::vector<std::string> argv = {program_};
    argv.insert(argv.end(), mode_.options.begin(), mode_.options.end());
    for (std::size_t i = 0; i < mode_.configs.size(); ++i) argv.push_back(directory(i));
    const int input = ::open((dir_ / "pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    logger_.start(argv, input, kill_at);
    ::close(input);
  }

  bool has_died() { return logger_.has_ended(); }
  void kill() { logger_.end(); }

  // As much as the pipe takes of it; how much that was.
  std::size_t write(std::string_view bytes) const {
    const ssize_t count = ::write(pipe_, bytes.data(), bytes.size());
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }

  bool is_drained() const {
    int waiting = 0;
    return ::ioctl(pipe_, FIONREAD, &waiting) == 0 && waiting == 0;
  }

  // Lets a logger that lives take the rest, ends it, and compares.
  void finish(std::string input) {
    start(0);
    const std::string last = "the last line\n";
    WAIT_UNTIL(write(last) == last.size());
    WAIT_UNTIL(is_drained());  // it has read the last line, so it hears signals
    input += last;
    logger_.signal(SIGTERM);
    REQUIRE(logger_.wait() == 0);
    for (std::size_t i = 0; i < mode_.configs.size(); ++i) {
      INFO("directory " << i << ": " << listing(directory(i)));
      const std::string is = held(directory(i), mode_.options);
      const std::string should = wanted(input, mode_.configs[i]);
      const auto differ = std::mismatch(is.begin(), is.end(), should.begin(), should.end());
      INFO("differs at byte " << differ.first - is.begin() << " of " << should.size() << " (" << is.size() << ")");
      REQUIRE(is == should);
    }
  }

 private:
  std::string directory(std::size_t i) const { return dir_ / std::to_string(i); }

  const Mode& mode_;
  const std::string program_;
  TempDir dir_;
  int pipe_ = -1;
  Child logger_;
};

// Feeds `input` in pieces of all sizes; `between` is called after each try, with the number of bytes the pipe took.
template <class Between>
void feed(Scene& scene, std::string_view input, std::mt19937& random, Between between) {
  for (std::size_t at = 0; at < input.size();) {
    const std::size_t size =
        std::min(std::vector<std::size_t>{1, 50, 500, 3000, 20000}[random() % 5], input.size() - at);
    const std::size_t written = scene.write(input.substr(at, size));
    at += written;
    between(written);
  }
}

}  // namespace

TEST_CASE("svlogd killed before each of its system calls loses nothing and repeats nothing") {
  const std::string faulty = faulty_program("svlogd");
  std::mt19937 random(20261120);
  for (const Mode& mode : modes()) {
    unsigned quiet = 0;
    for (unsigned call = 1; quiet < 3 && call < 120; ++call) {
      INFO(mode.name << ", killed before call " << call);
      const std::string input = make_input(random, 15);
      Scene scene(mode, faulty);
      scene.start(call);
      unsigned deaths = 0;
      feed(scene, input, random, [&](std::size_t) {
        if (!scene.has_died()) return;
        ++deaths;
        // The successor is killed too now and then.
        scene.start(random() % 2 == 0 ? 0 : 1 + static_cast<unsigned>(random() % 40));
      });
      wait_until([&] { return scene.is_drained() || scene.has_died(); }, "all is taken");
      quiet = deaths == 0 && !scene.has_died() ? quiet + 1 : 0;
      scene.finish(input);
    }
  }
  end_all_descendants();  // processors of those that were killed
}

// About 17 kills for each mode in each thousand lines; SVDIR_TEST_LINES asks for a longer run.
int lines_for_random_kills() {
  const char* const asked = ::getenv("SVDIR_TEST_LINES");
  return asked != nullptr ? std::atoi(asked) : 1200;
}

TEST_CASE("svlogd killed at random instants loses nothing and repeats nothing") {
  const std::string ours = program("svlogd");
  std::mt19937 random(11202026);
  for (const Mode& mode : modes()) {
    INFO(mode.name);
    const std::string input = make_input(random, lines_for_random_kills());
    Scene scene(mode, ours);
    scene.start(0);
    unsigned until_kill = 1;
    unsigned kills = 0;
    feed(scene, input, random, [&](std::size_t written) {
      if (written == 0) return nap();  // however slowly it starts, it gets on before it is killed again
      if (--until_kill != 0) return;
      until_kill = 1 + static_cast<unsigned>(random() % 12);
      ::usleep(static_cast<useconds_t>(random() % 1500));
      scene.kill();
      ++kills;
      scene.start(0);
    });
    scene.finish(input);
    if (::getenv("SVDIR_TEST_LINES") != nullptr) WARN(mode.name << ": killed " << kills << " times");
  }
  end_all_descendants();
}
