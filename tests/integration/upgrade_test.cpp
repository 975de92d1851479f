// supervise replaced by another build of itself while its service runs.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/support/http.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// A supervise of the test's own, which it may replace.
class Replaceable {
 public:
  explicit Replaceable(const TempDir& in) : path_(in / "supervise") { replace(); }
  const std::string& path() const { return path_; }
  void replace() { install(program("supervise")); }
  void replace_by_script(std::string_view script) {
    write_script(path_ + ".new", script);
    move_into_place();
  }
  void replace_by_garbage() {
    write_file(path_ + ".new",
               "\x7f"
               "ELF and then nothing",
               0755);
    move_into_place();
  }
  void remove() { ::unlink(path_.c_str()); }
  // Whether `process` executes the present file, not one that was replaced.
  bool is_executed_by(pid_t process) const {
    struct stat here, there;
    return ::stat(path_.c_str(), &here) == 0 &&
           ::stat(("/proc/" + std::to_string(process) + "/exe").c_str(), &there) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
  }

 private:
  void install(const std::string& from) {
    std::filesystem::copy_file(from, path_ + ".new", std::filesystem::copy_options::overwrite_existing);
    move_into_place();
  }
  void move_into_place() { REQUIRE(::rename((path_ + ".new").c_str(), path_.c_str()) == 0); }
  std::string path_;
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

bool acknowledged(const ServiceDir& service, std::string_view token) {
  return contains(service.state().ack, token);
}

std::string token_of(int number) {
  return std::string("UPGRADE") + static_cast<char>('A' + number);
}

}  // namespace

TEST_CASE("an upgrade keeps the pid, the service, the logger and the counts", "[upgrade]") {
  TempDir temp;
  Replaceable supervise(temp);
  ServiceDir service = ServiceDir(temp, "kept").run("echo began; exec sleep 1000").log_run("exec cat >> lines");
  Supervised supervised(service, {.program = supervise.path()});
  const pid_t supervisor = supervised.process().pid();
  const pid_t first = service.wait_for_new_pid();
  REQUIRE(service.command("r"));
  const pid_t pid = service.wait_for_new_pid(first);
  WAIT_UNTIL(read_file(service / "log/lines") == "began\nbegan\n");
  const ServiceDir logger(service.path(), "log");
  const pid_t logger_pid = logger.state().main.pid;
  for (const bool by_signal : {false, true}) {
    supervise.replace();
    REQUIRE_FALSE(supervise.is_executed_by(supervisor));
    if (by_signal)
      supervised.process().signal(SIGUSR1);
    else
      REQUIRE(service.command("e"));
    WAIT_UNTIL(supervise.is_executed_by(supervisor));
    REQUIRE(service.command(std::string("z#") + token_of(by_signal)));
    WAIT_UNTIL(acknowledged(service, token_of(by_signal)));
  }
  const StateRecord after = service.state();
  CHECK(after.supervisor.pid == supervisor);
  CHECK(after.main.pid == pid);
  CHECK(logger.state().main.pid == logger_pid);
  CHECK(logger.state().starts == 1);
  CHECK(after.starts == 2);
  REQUIRE(service.command("x"));
  CHECK(supervised.process().wait() == 0);
  CHECK_FALSE(is_alive(logger_pid));
}

TEST_CASE("a service notices nothing of an upgrade", "[upgrade]") {
  TempDir temp;
  Replaceable supervise(temp);
  ServiceDir service = ServiceDir(temp, "calm").run("exec sleep 1000");
  Supervised supervised(service, {.program = supervise.path()});
  const pid_t pid = service.wait_for_new_pid();
  for (int i = 0; i < 10; ++i) {
    supervise.replace();
    REQUIRE(service.command("e"));
    WAIT_UNTIL(supervise.is_executed_by(supervised.process().pid()));
  }
  CHECK(service.state().main.pid == pid);
  CHECK(service.state().starts == 1);
  REQUIRE(::kill(pid, SIGKILL) == 0);  // it is still noticed at once, with its exit status
  service.wait_for_new_pid(pid);
  CHECK(service.state().last == Ending{Ending::Kind::signalled, SIGKILL, false});
  CHECK(supervised.end() == 0);
}

TEST_CASE("a new supervise that does not run is refused, and the old one goes on", "[upgrade]") {
  TempDir temp;
  Replaceable supervise(temp);
  ServiceDir service = ServiceDir(temp, "safe").run("exec sleep 1000");
  Supervised supervised(service, {.program = supervise.path()});
  const pid_t pid = service.wait_for_new_pid();
  for (int i = 0; i < 4; ++i) {
    if (i == 0) supervise.replace_by_script("exit 1");
    if (i == 1) supervise.replace_by_script("kill -SEGV $$");
    if (i == 2) supervise.replace_by_garbage();
    if (i == 3) supervise.remove();
    INFO("broken in way " << i);
    REQUIRE(service.command("e#" + token_of(i)));
    WAIT_UNTIL(acknowledged(service, token_of(i)));
    CHECK(contains(supervised.process().errors(), "not upgraded"));
  }
  CHECK(service.state().main.pid == pid);
  CHECK(service.state().starts == 1);
  REQUIRE(service.command("r"));
  service.wait_for_new_pid(pid);
  CHECK(supervised.end() == 0);
}

TEST_CASE("orders given during an upgrade are carried out after it", "[upgrade]") {
  TempDir temp;
  ServiceDir service = ServiceDir(temp, "busy").run("exec sleep 1000");
  Supervised supervised(service);
  service.wait_for_new_pid();
  for (int i = 0; i < 26; ++i) {
    const std::string token = token_of(i);
    const pid_t before = service.state().main.pid;
    REQUIRE(service.command("e"));
    REQUIRE(service.command(i % 2 == 0 ? "d" : "u"));
    if (i % 3 == 0) supervised.process().signal(SIGUSR1);
    REQUIRE(service.command("c#" + token));
    INFO("order " << i);
    WAIT_UNTIL(acknowledged(service, token));
    if (i % 2 == 0)
      service.wait_for(State::down);
    else
      CHECK(service.wait_for_new_pid(before) != 0);
  }
  CHECK(supervised.end() == 0);
}

TEST_CASE("nginx under load loses no request while its supervise is killed and upgraded", "[upgrade][alone]") {
  TempDir temp;
  const std::string port = std::to_string(free_ports(1)[0]);
  ServiceDir service = ServiceDir(temp, "web").run("exec " + genuine("nginx") + " -e stderr -p . -c nginx.conf");
  service.file(
      "nginx.conf",
      "daemon off; pid nginx.pid; error_log stderr; worker_processes 1; events { worker_connections 256; }\n"
      "http { access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path "
      "t4; scgi_temp_path t5;\nserver { listen 127.0.0.1:" +
          port + "; location / { return 200 'hello'; } } }\n");
  auto supervise = std::make_unique<Process>(Launch{.argv = {program("supervise"), service.path()}});
  const pid_t nginx = service.wait_for_new_pid();
  const std::string url = "http://127.0.0.1:" + port + "/";
  WAIT_UNTIL(run({genuine("curl"), "-s", "-o", "/dev/null", url}).code == 0);
  Process wrk(Launch{.argv = {genuine("wrk"), "-t1", "-c16", "-d5s", url}});
  int kills = 0, upgrades = 0;
  while (!wrk.has_ended()) {
    REQUIRE(service.command("e"));
    ++upgrades;
    const std::string token = token_of(upgrades % 26);
    REQUIRE(service.command("z#" + token));
    WAIT_UNTIL(acknowledged(service, token));
    supervise->signal(SIGKILL);
    supervise->wait();
    supervise = std::make_unique<Process>(Launch{.argv = {program("supervise"), service.path()}});
    ++kills;
    WAIT_UNTIL(service.state().supervisor.pid == supervise->pid() && service.is_supervised());
  }
  CHECK(wrk.wait() == 0);
  std::printf("nginx under wrk, its supervise killed %d times and upgraded %d times:\n%s", kills, upgrades,
              wrk.output().c_str());
  CHECK(contains(wrk.output(), "requests in"));
  CHECK_FALSE(contains(wrk.output(), "Socket errors"));
  CHECK_FALSE(contains(wrk.output(), "Non-2xx"));
  CHECK(service.state().main.pid == nginx);
  CHECK(service.state().starts == 1);
  supervise->signal(SIGTERM);
  CHECK(supervise->wait() == 0);
}
