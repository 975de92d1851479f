// The services in examples/, under svscan, as a person would use them.
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "tests/support/http.h"
#include "tests/support/service.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// A copy of all examples, each server on a free port, under a svscan.
class Examples {
 public:
  Examples() {
    std::filesystem::copy(examples_directory(), services_, std::filesystem::copy_options::recursive);
    std::filesystem::remove(services_ + "/demo");
    std::filesystem::remove_all(services_ + "/container");  // not a service: what a container is made of
    const auto ports = free_ports(4);
    http_8000 = place("http-8000", ports[0]);
    http_8001 = place("http-8001", ports[1]);
    nginx = place("nginx", ports[2]);
    redis = place("redis", ports[3]);
    scanning_.emplace(services_);
    WAIT_UNTIL(fetch(http_8000) == "Hello from http-8000.\n");
    WAIT_UNTIL(fetch(http_8001) == "Hello from http-8001.\n");
    WAIT_UNTIL(fetch(nginx) == "Hello from nginx.\n");
    WAIT_UNTIL(redis_says({"PING"}) == "PONG\n");
  }

  ServiceDir service(std::string_view name) const { return ServiceDir(services_, name); }
  Ran svctl(std::vector<std::string> arguments) const { return test::svctl(services_, std::move(arguments)); }
  int end() { return scanning_->end(); }

  std::string redis_says(std::vector<std::string> words) const {
    words.insert(words.begin(), {genuine("redis-cli"), "-p", std::to_string(redis)});
    return run(std::move(words)).output;
  }

  // All lines that a service's logger has kept so far, old files first.
  std::string log_of(std::string_view name) const {
    const std::string main = services_ + "/" + std::string(name) + "/log/main";
    if (!exists(main)) return "";
    std::istringstream files(listing(main));
    std::string text;
    for (std::string file; files >> file;)
      if (file.starts_with("@")) text += read_file(main + "/" + file);
    return text + read_file(main + "/current");
  }

  int http_8000 = 0, http_8001 = 0, nginx = 0, redis = 0;

 private:
  int place(std::string_view name, int port) const {
    write_file(services_ + "/" + std::string(name) + "/env/PORT", std::to_string(port) + "\n");
    return port;
  }

  TempDir dir_;
  std::string services_ = dir_ / "services";
  std::optional<Scanning> scanning_;
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

// Fetches a page again and again in a thread of its own; counts the answers and the failures.
class Visitor {
 public:
  explicit Visitor(int port)
      : thread_([this, port] {
          while (!done_) ++(fetch(port).empty() ? failures : answers);
        }) {}
  ~Visitor() { stop(); }
  void stop() {
    done_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::atomic<int> answers = 0, failures = 0;

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("restarting by glob gives new processes to the matching services and leaves the others alone", "[examples]") {
  Examples all;
  const pid_t first = all.service("http-8000").pid();
  const pid_t second = all.service("http-8001").pid();
  const pid_t other = all.service("nginx").pid();
  Visitor visitor(all.nginx);
  for (int round = 0; round < 3; ++round) {
    const Ran restarted = all.svctl({"restart", "http-*"});
    CAPTURE(restarted.output, restarted.errors);
    REQUIRE(restarted.code == 0);
    WAIT_UNTIL(!fetch(all.http_8000).empty() && !fetch(all.http_8001).empty());
  }
  WAIT_UNTIL(visitor.answers > 10);
  visitor.stop();
  CHECK(visitor.failures == 0);
  CHECK(all.service("http-8000").pid() != first);
  CHECK(all.service("http-8001").pid() != second);
  CHECK(all.service("nginx").pid() == other);
  CHECK(all.service("http-8000").state().starts == 4);
}

TEST_CASE("stopping by glob frees the ports, starting serves again, and stop returns only after the end",
          "[examples]") {
  Examples all;
  const pid_t pid = all.service("http-8000").pid();
  REQUIRE(all.svctl({"stop", "http-*", "nginx"}).code == 0);
  CHECK_FALSE(is_alive(pid));
  CHECK_FALSE(is_listening(all.http_8000));
  CHECK_FALSE(is_listening(all.http_8001));
  CHECK_FALSE(is_listening(all.nginx));
  CHECK(all.redis_says({"PING"}) == "PONG\n");
  CHECK(all.service("http-8000").state().want == Want::down);
  REQUIRE(all.svctl({"start", "http-*", "nginx"}).code == 0);
  WAIT_UNTIL(!fetch(all.http_8000).empty() && !fetch(all.http_8001).empty() && !fetch(all.nginx).empty());
}

TEST_CASE("every page that was fetched is in the log once, across restarts and rotations", "[examples]") {
  Examples all;
  int fetched = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 10; ++i) {
      const std::string path = "?visit-" + std::to_string(fetched++) + "-";
      REQUIRE_FALSE(fetch(all.http_8000, path).empty());
      REQUIRE_FALSE(fetch(all.nginx, path).empty());
    }
    if (round % 2 == 0)
      REQUIRE(all.svctl({"rotate", "http-8000", "nginx"}).code == 0);
    else
      REQUIRE(all.svctl({"restart", "http-8000", "nginx"}).code == 0);
    WAIT_UNTIL(!fetch(all.http_8000).empty() && !fetch(all.nginx).empty());
  }
  const std::string last = "visit-" + std::to_string(fetched - 1) + "-";
  for (const char* name : {"http-8000", "nginx"}) {
    CAPTURE(name);
    WAIT_UNTIL(count(all.log_of(name), last) == 1);
    for (int i = 0; i < fetched; ++i) CHECK(count(all.log_of(name), "visit-" + std::to_string(i) + "-") == 1);
    CHECK(listing(all.service(name) / "log/main").find("@4000") != std::string::npos);
  }
}

TEST_CASE("a server that is killed is back at once, with another pid", "[examples]") {
  Examples all;
  for (const char* name : {"http-8001", "nginx", "redis"}) {
    const ServiceDir service = all.service(name);
    const pid_t pid = service.pid();
    ::kill(pid, SIGKILL);
    service.wait_for_new_pid(pid);
  }
  WAIT_UNTIL(!fetch(all.http_8001).empty());
  WAIT_UNTIL(!fetch(all.nginx).empty());
  WAIT_UNTIL(all.redis_says({"PING"}) == "PONG\n");
}

TEST_CASE("a service that ends at once is slowed down, seen in status, and disturbs nobody", "[examples]") {
  Examples all;
  const ServiceDir crasher = all.service("crasher");
  WAIT_UNTIL(crasher.state().failures >= 2 && crasher.state().state == State::backoff);
  CHECK(crasher.state().last == Ending{Ending::Kind::exited, 1, false});
  const Ran status = all.svctl({"status", "crasher"});
  CAPTURE(status.output);
  CHECK(status.output.find("crasher") != std::string::npos);
  CHECK(status.output.find("backoff") != std::string::npos);
  REQUIRE(all.svctl({"stop", "crasher"}).code == 0);
  CHECK(crasher.state().state == State::down);
  CHECK_FALSE(fetch(all.nginx).empty());
}

TEST_CASE("finish is told how run ended", "[examples]") {
  Examples all;
  const ServiceDir service = all.service("with-finish");
  const pid_t pid = service.wait_for_new_pid();
  REQUIRE(all.svctl({"stop", "with-finish"}).code == 0);
  const std::string expected =
      "finish: code -1, signal 15, service with-finish, process group " + std::to_string(pid) + "\n";
  WAIT_UNTIL(count(all.log_of("with-finish"), expected) == 1);
}

TEST_CASE("redis keeps its data over a restart", "[examples]") {
  Examples all;
  REQUIRE(all.redis_says({"SET", "colour", "green"}) == "OK\n");
  REQUIRE(all.svctl({"restart", "redis"}).code == 0);
  WAIT_UNTIL(all.redis_says({"GET", "colour"}) == "green\n");
}

TEST_CASE("TERM to svscan ends every example, and the logs hold their last lines", "[examples]") {
  Examples all;
  CHECK(all.end() == 0);
  CHECK_FALSE(is_listening(all.http_8000));
  CHECK_FALSE(is_listening(all.nginx));
  CHECK_FALSE(is_listening(all.redis));
  CHECK(descendants_of(::getpid()).empty());
  CHECK(all.log_of("redis").find("bye bye") != std::string::npos);
  CHECK(all.log_of("with-finish").find("finish: code -1, signal 15") != std::string::npos);
}
