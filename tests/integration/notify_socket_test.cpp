// ready = notify: what a service tells through its socket, by a program linked with libsystemd.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/fd.h"
#include "tests/support/killable.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// A program linked with libsystemd. Each argument is sent with sd_notify(3), but for
//   wait:FILE      until there is such a file           watchdog    what sd_watchdog_enabled(3) says, into `watchdog`
//   beat:FILE      WATCHDOG=1 again and again until there is such a file
//   child          go on in a child process (the parent waits for it); session: the same in a session of its own
constexpr char kClient[] = R"(
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    uint64_t usec = 0;
    if (strncmp(argv[i], "wait:", 5) == 0) {
      while (access(argv[i] + 5, F_OK) != 0) usleep(2000);
    } else if (strncmp(argv[i], "beat:", 5) == 0) {
      for (; access(argv[i] + 5, F_OK) != 0; usleep(20000)) sd_notify(0, "WATCHDOG=1");
    } else if (strcmp(argv[i], "watchdog") == 0) {
      const int enabled = sd_watchdog_enabled(0, &usec);
      FILE* file = fopen("watchdog", "w");
      fprintf(file, "%d %llu\n", enabled, (unsigned long long)usec);
      fclose(file);
    } else if (strcmp(argv[i], "child") == 0 || strcmp(argv[i], "session") == 0) {
      const pid_t child = fork();
      if (child != 0) {
        while (waitpid(child, NULL, 0) < 0) { }
        for (;;) pause();
      }
      if (argv[i][0] == 's') setsid();
    } else if (strcmp(argv[i], "mainpid") == 0) {
      sd_notifyf(0, "MAINPID=%d", getpid());
    } else if (sd_notify(0, argv[i]) <= 0) {
      return 1;
    }
  }
  close(open("through", O_CREAT | O_WRONLY, 0644));
  for (;;) pause();
}
)";

// Built once; its path.
const std::string& client() {
  static const TempDir dir;
  static const std::string path = [] {
    write_file(dir / "client.c", kClient);
    const Ran built = run({"gcc", "-o", dir / "client", dir / "client.c", "-lsystemd"});
    if (built.code != 0) throw std::runtime_error("unable to build a program with libsystemd: " + built.errors);
    run({"chmod", "0755", dir.path()});
    return dir / "client";
  }();
  return path;
}

std::string runs_client(std::vector<std::string> arguments) {
  std::string script = "echo $$ >> starts\nexec " + client();
  for (const std::string& argument : arguments) script += " '" + argument + "'";
  return script;
}

bool send_datagram(const std::string& path, const std::string& text) {
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  path.copy(where.sun_path, sizeof where.sun_path - 1);
  const int size = 1 << 20;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  return ::sendto(fd.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&where), sizeof where) ==
         static_cast<ssize_t>(text.size());
}

}  // namespace

TEST_CASE("notify: a program linked with libsystemd is understood", "[readiness][notify]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run(runs_client({"STATUS=reading 3 files", "wait:a", "READY=1", "wait:b", "RELOADING=1", "wait:c", "READY=1",
                            "wait:d", "STOPPING=1", "wait:e", "STATUS=going\nSTOPPING=1"}))
          .conf("ready = notify\n");
  const Supervised supervised(service);
  WAIT_UNTIL(service.state().status_text == "reading 3 files");
  CHECK(service.state().state == State::starting);
  CHECK_THAT(svctl(dir.path(), {"status", "s"}).output, Catch::Contains("reading 3 files"));
  write_file(service / "a", "");
  CHECK(service.wait_for(State::up).ready);
  write_file(service / "b", "");
  WAIT_UNTIL(service.state().status_text == "reloading");
  CHECK(service.state().state == State::up);
  write_file(service / "c", "");
  WAIT_UNTIL(service.state().status_text == "");
  write_file(service / "d", "");
  WAIT_UNTIL(service.state().status_text == "stopping");
  write_file(service / "e", "");
  WAIT_UNTIL(service.state().status_text == "going");
  CHECK(service.state().starts == 1);
}

TEST_CASE("notify: the words of the last run are not those of this one", "[readiness][notify]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run(runs_client({"wait:a", "STATUS=good", "READY=1"})).conf("ready = notify\n");
  const Supervised supervised(service);
  write_file(service / "a", "");
  WAIT_UNTIL(service.state().status_text == "good");
  const pid_t pid = service.wait_for(State::up).main.pid;
  REQUIRE(::unlink((service / "a").c_str()) == 0);
  REQUIRE(service.command("r"));
  service.wait_for_new_pid(pid);
  CHECK(service.state().status_text == "");
  CHECK_FALSE(service.state().ready);
}

TEST_CASE("notify: MAINPID makes another process the service", "[readiness][notify]") {
  const bool own_session = GENERATE(false, true);
  CAPTURE(own_session);
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run(runs_client({own_session ? "session" : "child", "mainpid", "READY=1"}))
                                 .conf("ready = notify\nstart-time = 0\n");
  const Supervised supervised(service);
  StateRecord record = service.wait_for(State::up);
  const pid_t parent = std::atoi(read_file(service / "starts").c_str());
  const pid_t child = record.main.pid;
  REQUIRE(child != parent);
  CHECK(parent_of(child) == parent);
  CHECK(service.pid() == child);
  SECTION("its death is the service's, and the first process goes with it") {
    REQUIRE(::kill(child, SIGKILL) == 0);
    WAIT_UNTIL(lines(service / "starts") == 2);
    CHECK_FALSE(is_alive(parent));
    WAIT_UNTIL(service.state().state == State::up);  // before that nobody knows of a child in a session of its own
  }
  SECTION("the first process may end") {
    REQUIRE(::kill(parent, SIGKILL) == 0);
    WAIT_UNTIL(!is_alive(parent));
    CHECK(service.state().main.pid == child);
    // Its ending is told, as it is ours now.
    REQUIRE(::kill(child, SIGUSR2) == 0);
    WAIT_UNTIL(lines(service / "starts") == 2);
    CHECK(service.state().last == Ending{Ending::Kind::signalled, SIGUSR2, false});
    WAIT_UNTIL(service.state().state == State::up);
  }
  SECTION("it is stopped as the service") {
    REQUIRE(service.command("d"));
    CHECK(service.wait_for(State::down).last_ended.is_set());
    CHECK_FALSE(is_alive(child));
  }
}

TEST_CASE("notify: who has MAINPID of a stranger does not get him", "[readiness][notify]") {
  const TempDir dir;
  Process stranger(Launch{.argv = {"sleep", "1000"}});
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run(runs_client({"MAINPID=" + std::to_string(stranger.pid()), "MAINPID=1", "MAINPID=-1", "READY=1"}))
          .conf("ready = notify\n");
  const Supervised supervised(service);
  const StateRecord record = service.wait_for(State::up);
  CHECK(std::to_string(record.main.pid) + "\n" == read_file(service / "starts"));
  REQUIRE(service.command("d"));
  service.wait_for(State::down);
  CHECK_FALSE(stranger.has_ended());
}

TEST_CASE("notify: the watchdog is told, and who misses it is restarted", "[readiness][notify]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run(runs_client({"watchdog", "READY=1", "beat:enough"}))
          .conf("ready = notify\ncheck-interval = 2s\nrestart = on-failure\nsuccess-codes = 0 143\n");
  const Supervised supervised(service, {.environment = {{"WATCHDOG_PID", "1"}, {"WATCHDOG_USEC", "7"}}});
  const StateRecord record = service.wait_for(State::up);
  WAIT_UNTIL(read_file(service / "watchdog") == "1 2000000\n");
  // It beats for longer than the interval.
  const auto begin = std::chrono::steady_clock::now();
  WAIT_UNTIL(std::chrono::steady_clock::now() - begin > std::chrono::milliseconds(2500));
  CHECK(service.state().starts == 1);
  CHECK(service.state().main == record.main);
  write_file(service / "enough", "");
  WAIT_UNTIL(service.state().starts == 2);
  WAIT_UNTIL(contains(svctl(dir.path(), {"deaths", "s"}).output, "no WATCHDOG=1 in time"));
}

TEST_CASE("notify: WATCHDOG=trigger asks for a restart", "[readiness][notify]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run(runs_client({"READY=1", "wait:go", "WATCHDOG=trigger"})).conf("ready = notify\n");
  const Supervised supervised(service);
  service.wait_for(State::up);
  write_file(service / "go", "");
  WAIT_UNTIL(contains(svctl(dir.path(), {"deaths", "s"}).output, "WATCHDOG=trigger"));
  WAIT_UNTIL(service.state().starts >= 2);
}

TEST_CASE("notify: EXTEND_TIMEOUT_USEC gives more time to get ready", "[readiness][notify]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run(runs_client({"EXTEND_TIMEOUT_USEC=600000000", "wait:go", "READY=1"}))
                                 .conf("ready = notify\nready-timeout = 3s\n");
  const Supervised supervised(service);
  WAIT_UNTIL(service.state().wake_at - service.state().started_at > std::chrono::seconds(500));
  write_file(service / "go", "");
  service.wait_for(State::up);
  CHECK(service.state().starts == 1);
}

TEST_CASE("notify: garbage, 64 KB and strangers are not heard", "[readiness][notify]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s")
          .run(runs_client({std::string(60000, 'x') + "\nREADY=1", "=\n=READY=1\nREADY=yes\n\x01\xff", "READY=1 ",
                            "wait:go", "STATUS=now", "READY=1"}))
          .conf("ready = notify\n");
  const Supervised supervised(service);
  service.wait_for_new_pid();
  const std::string socket = service / "supervise/notify";
  WAIT_UNTIL(exists(socket));
  CHECK(send_datagram(socket, "READY=1\nSTATUS=from a stranger\nMAINPID=" + std::to_string(::getpid())));
  CHECK(send_datagram(socket, "WATCHDOG=trigger"));
  CHECK(send_datagram(socket, std::string(64 * 1024, 'x')));
  CHECK(send_datagram(socket, ""));
  for (int i = 0; i < 200; ++i)
    send_datagram(socket, std::string(static_cast<std::size_t>(i) * 37, static_cast<char>(i)));
  write_file(service / "go", "");
  WAIT_UNTIL(service.state().status_text != "");
  CHECK(service.state().status_text == "now");
  const StateRecord record = service.wait_for(State::up);
  CHECK(record.starts == 1);
  CHECK(record.main.pid != ::getpid());
}

TEST_CASE("notify: systemd-notify tells for a shell script", "[readiness][notify]") {
  if (!exists("/usr/bin/systemd-notify")) SKIP("systemd-notify is not installed");
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run(when_told("systemd-notify --ready --status='by a script' || touch refused"))
                                 .conf("ready = notify\n");
  const Supervised supervised(service);
  CHECK_FALSE(service.wait_for(State::starting).ready);
  write_file(service / "go", "");
  service.wait_for(State::up);
  CHECK(service.state().status_text == "by a script");
  CHECK_FALSE(exists(service / "refused"));
}

TEST_CASE("notify: an environment made clean keeps what the service tells through", "[readiness][notify]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run("echo ${HOME-none} > home\n" + runs_client({"watchdog", "READY=1", "beat:never"}))
                                 .conf("ready = notify\nclean-env = yes\ncheck-interval = 1h\n");
  const Supervised supervised(service, {.environment = {{"HOME", "/somewhere"}}});
  service.wait_for(State::up);
  CHECK(read_file(service / "watchdog") == "1 3600000000\n");
  CHECK(read_file(service / "home") == "none\n");
}

TEST_CASE("notify: a service of another user than supervise's reaches its socket", "[readiness][notify]") {
  NEEDS_ROOT();
  const TempDir dir;
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  const ServiceDir service = ServiceDir(dir, "s")
                                 .run("exec " + client() + " STATUS=here READY=1 wait:/nowhere")
                                 .conf("ready = notify\nuser = :65534:65534\n");
  const Supervised supervised(service);
  CHECK(service.wait_for(State::up).status_text == "here");
}

TEST_CASE("notify: the way to the socket may be longer than an address", "[readiness][notify]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir / std::string(100, 'd'), std::string(100, 's'))
                                 .run(runs_client({"READY=1"}))
                                 .conf("ready = notify\n");
  const Supervised supervised(service);
  service.wait_for(State::up);
}

TEST_CASE("notify: a starting service that is taken over is heard by the new supervise",
          "[readiness][notify][adoption]") {
  const TempDir dir;
  const ServiceDir service = ServiceDir(dir, "s").run(runs_client({"wait:go", "READY=1"})).conf("ready = notify\n");
  Killable first(service);
  service.wait_for(State::starting);
  const pid_t pid = service.wait_for_new_pid();
  first.kill();
  Supervised second(service);
  WAIT_UNTIL(service.state().supervisor.pid == second.process().pid());
  write_file(service / "go", "");
  CHECK(service.wait_for(State::up).main.pid == pid);
}

TEST_CASE("notify: nothing that is said during an upgrade is lost", "[readiness][notify][upgrade]") {
  const TempDir dir;
  const ServiceDir service =
      ServiceDir(dir, "s").run(runs_client({"wait:go", "READY=1", "STATUS=said"})).conf("ready = notify\n");
  const Supervised supervised(service);
  pid_t pid = 0;
  for (int round = 0; round < 10; ++round) {
    pid = service.wait_for_new_pid(pid);
    REQUIRE(service.command("eeee"));
    for (int i = 0; i < round; ++i) nap();
    write_file(service / "go", "");
    WAIT_UNTIL(service.state().status_text == "said");
    CHECK(service.state().ready);
    REQUIRE(::unlink((service / "go").c_str()) == 0);
    REQUIRE(service.command("r"));
  }
}
