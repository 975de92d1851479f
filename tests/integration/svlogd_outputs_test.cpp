// Where lines go besides directories: standard output, syslog servers (a real rsyslog).
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>

#include "tests/support/process.h"
#include "tests/support/programs.h"

using namespace svdir::test;

namespace {

// A port that nobody has, for TCP and UDP.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

// A running svlogd with a pipe to write to.
class Fed {
 public:
  explicit Fed(std::vector<std::string> arguments, const std::string& directory) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    arguments.insert(arguments.begin(), program("svlogd"));
    process = std::make_unique<Process>(Launch{.argv = arguments, .directory = directory, .input_fd = ends[0]});
    ::close(ends[0]);
    pipe_ = ends[1];
  }
  ~Fed() { end(); }
  void write(const std::string& text) const {
    REQUIRE(::write(pipe_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void end() {
    if (pipe_ >= 0) ::close(pipe_);
    pipe_ = -1;
  }
  std::unique_ptr<Process> process;

 private:
  int pipe_ = -1;
};

std::string numbered(const std::string& word, int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += word + " " + std::to_string(i) + "\n";
  return text;
}

// rsyslogd with a UDP and a TCP input; what comes is in DIR/udp and DIR/tcp: "priority name message".
std::unique_ptr<Process> start_rsyslog(const TempDir& dir, int port) {
  const std::string number = std::to_string(port);
  write_file(dir / "rsyslog.conf",
             "module(load=\"imudp\")\nmodule(load=\"imtcp\")\n"
             "template(name=\"plain\" type=\"string\" string=\"%pri% %programname% %msg%\\n\")\n"
             "ruleset(name=\"udp\") { action(type=\"omfile\" file=\"" +
                 dir / "udp" +
                 "\" template=\"plain\") }\n"
                 "ruleset(name=\"tcp\") { action(type=\"omfile\" file=\"" +
                 dir / "tcp" +
                 "\" template=\"plain\") }\n"
                 "input(type=\"imudp\" address=\"127.0.0.1\" port=\"" +
                 number +
                 "\" ruleset=\"udp\")\n"
                 "input(type=\"imtcp\" address=\"127.0.0.1\" port=\"" +
                 number + "\" ruleset=\"tcp\")\n");
  auto server = std::make_unique<Process>(Launch{
      .argv = {genuine("rsyslogd"), "-n", "-f", dir / "rsyslog.conf", "-i", dir / "pid"}, .directory = dir.path()});
  WAIT_UNTIL(server->has_ended() || [&] {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool there = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return there;
  }());
  INFO(server->errors());
  REQUIRE_FALSE(server->has_ended());
  return server;
}

std::string with_front(const std::string& front, const std::string& lines) {
  std::string text;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at) + 1;
    text += front + lines.substr(at, end - at);
    at = end;
  }
  return text;
}

}  // namespace

TEST_CASE("svlogd writes to standard output, standard error and directories at once, each by its own filter") {
  TempDir dir;
  const Ran ran = run(
      Launch{.argv = {program("svlogd"), "-c", "-*", "-c", "+err*", "stderr", "stdout", "-c", "pP: ", "log", "null"},
             .directory = dir.path(),
             .input = "error 1\nfine\nerror 2\n"});
  CHECK(ran.code == 0);
  CHECK(ran.output == "error 1\nfine\nerror 2\n");
  CHECK(ran.errors == "error 1\nerror 2\n");
  CHECK(read_file(dir / "log/current") == "P: error 1\nP: fine\nP: error 2\n");
}

TEST_CASE("JSON lines carry the time, the service, the stream and the text") {
  TempDir dir;
  const Ran ran = run(Launch{.argv = {program("svlogd"), "-j", "-n", "web", "-s", "stderr", "-T", "%Y", "stdout"},
                             .directory = dir.path(),
                             .input = "say \"hi\"\tnow\n"});
  CHECK(ran.output.starts_with("{\"time\":\"2"));
  CHECK(ran.output.ends_with("\",\"service\":\"web\",\"stream\":\"stderr\",\"text\":\"say \\\"hi\\\"\\tnow\"}\n"));
}

TEST_CASE("the service's name is that of its directory, also from within log") {
  TempDir dir;
  make_directories(dir / "web/log");
  const Ran ran =
      run(Launch{.argv = {program("svlogd"), "-j", "stdout"}, .directory = dir / "web/log", .input = "x\n"});
  CHECK(ran.output.find("\"service\":\"web\"") != std::string::npos);
}

TEST_CASE("a reader of standard output that is slow or gone stops nothing but itself") {
  TempDir dir;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  const Ran ran = run(Launch{.argv = {program("svlogd"), "stdout", "log"},
                             .directory = dir.path(),
                             .input = numbered("line", 1, 100),
                             .output_fd = ends[1]});
  ::close(ends[1]);
  CHECK(ran.code == 0);
  CHECK(read_file(dir / "log/current") == numbered("line", 1, 100));
  CHECK(ran.errors.find("unable to write to standard output") != std::string::npos);
}

TEST_CASE("a syslog server gets every line over TCP, also those of the time when it was away") {
  TempDir dir;
  const int port = free_port();
  auto server = start_rsyslog(dir, port);
  Fed logger({"-n", "web", "-c", "priority local3.err", "-c", "-*secret*",
              "syslog:tcp:127.0.0.1:" + std::to_string(port), "log"},
             dir.path());
  logger.write(numbered("one", 1, 200) + "secret\n");
  WAIT_UNTIL(read_file(dir / "tcp") == with_front("155 web ", numbered("one", 1, 200)));
  server->signal(SIGTERM);
  server->wait();
  logger.write(numbered("two", 1, 200));
  WAIT_UNTIL(read_file(dir / "log/current").ends_with("two 200\n"));  // the directory does not wait for the server
  server = start_rsyslog(dir, port);
  WAIT_UNTIL(read_file(dir / "tcp").ends_with("two 200\n"));
  CHECK(read_file(dir / "tcp") == with_front("155 web ", numbered("one", 1, 200) + numbered("two", 1, 200)));
  logger.write("three\n");
  logger.end();
  CHECK(logger.process->wait() == 0);
  WAIT_UNTIL(read_file(dir / "tcp").ends_with("three\n"));
  server->signal(SIGTERM);
  server->wait();
}

TEST_CASE("a syslog server gets lines over UDP, and again after it was away") {
  TempDir dir;
  const int port = free_port();
  auto server = start_rsyslog(dir, port);
  Fed logger({"-n", "web", "syslog:udp:127.0.0.1:" + std::to_string(port)}, dir.path());
  logger.write(numbered("one", 1, 50));
  WAIT_UNTIL(read_file(dir / "udp") == with_front("30 web ", numbered("one", 1, 50)));
  server->signal(SIGTERM);
  server->wait();
  server = start_rsyslog(dir, port);
  WAIT_UNTIL([&] {
    logger.write("again\n");
    return read_file(dir / "udp").ends_with("again\n");
  }());
  logger.end();
  CHECK(logger.process->wait() == 0);
  server->signal(SIGTERM);
  server->wait();
}

TEST_CASE("a syslog server that never comes costs the lines, with their number, and nothing else") {
  TempDir dir;
  Fed logger({"syslog:tcp:127.0.0.1:" + std::to_string(free_port()), "log"}, dir.path());
  std::string all;
  for (int i = 0; i < 40; ++i) {
    const std::string some = numbered("line", i * 1000, i * 1000 + 999);
    logger.write(some);
    all += some;
  }
  WAIT_UNTIL(read_file(dir / "log/current") == all);
  logger.process->signal(SIGTERM);
  logger.process->signal(SIGTERM);
  CHECK(logger.process->wait() == 0);
}
