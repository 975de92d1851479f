// Settings with real servers, each of which makes its own kind of trouble.
#include <signal.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <random>

#include "tests/support/http.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

void wait_for_answer(int port) {
  WAIT_UNTIL(fetch(port, "page") == "hello\n");
}

// Where PostgreSQL's programs are: "" where it is not installed.
std::string postgres_bin() {
  const Ran ran = run({"sh", "-c", "ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1 | tr -d '\\n'"});
  return ran.output;
}

}  // namespace

TEST_CASE("a Python server that ignores TERM is stopped by its ladder, and its port is free at once", "[servers]") {
  const TempDir dir;
  const int port = free_ports(1)[0];
  const ServiceDir service = ServiceDir(dir, "python")
                                 .run(
                                     "#!/usr/bin/env python3\n"
                                     "#: stop = TERM 100ms KILL\n"
                                     "import http.server, signal\n"
                                     "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                                     "class Handler(http.server.BaseHTTPRequestHandler):\n"
                                     "    def do_GET(self):\n"
                                     "        self.send_response(200)\n"
                                     "        self.end_headers()\n"
                                     "        self.wfile.write(b'hello\\n')\n"
                                     "    def log_message(self, *arguments): pass\n"
                                     "http.server.HTTPServer(('127.0.0.1', " +
                                     std::to_string(port) + "), Handler).serve_forever()\n");
  const Supervised supervised(service);
  wait_for_answer(port);
  for (int round = 0; round < 3; ++round) {
    const Ran restarted = svctl(dir.path(), {"restart", "python"});
    CAPTURE(restarted.output, restarted.errors);
    CHECK(restarted.code == 0);
    CHECK(service.state().last == Ending{Ending::Kind::signalled, SIGKILL, false});
    wait_for_answer(port);
  }
}

TEST_CASE("nginx survives the death of its workers, and its master's death does not leave the port taken",
          "[servers]") {
  const TempDir dir;
  const int port = free_ports(1)[0];
  ServiceDir service(dir, "nginx");
  service.file("page", "hello\n")
      .file("nginx.conf",
            "daemon off;\nworker_processes 3;\npid nginx.pid;\nerror_log stderr;\nevents {}\n"
            "http { access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;\n"
            "  uwsgi_temp_path t4; scgi_temp_path t5;\n"
            "  server { listen 127.0.0.1:" +
                std::to_string(port) + "; root " + service.path() + "; } }\n")
      .run("exec 2>> errors; exec " + genuine("nginx") + " -e stderr -p $PWD -c nginx.conf")
      .conf("stop = QUIT 10s TERM 5s KILL\n");
  const Supervised supervised(service);
  wait_for_answer(port);
  const pid_t master = service.wait_for_new_pid();

  // Its workers: nginx itself makes new ones, nothing of ours is restarted.
  for (int round = 0; round < 3; ++round) {
    WAIT_UNTIL(children_of(master).size() == 3);
    const std::vector<pid_t> workers = children_of(master);
    for (const pid_t worker : workers) ::kill(worker, SIGKILL);
    WAIT_UNTIL(std::ranges::none_of(workers, is_alive));
    wait_for_answer(port);
    CHECK(service.wait_for_new_pid() == master);
  }
  // Its master: the workers would keep the port.
  WAIT_UNTIL(children_of(master).size() == 3);
  const std::vector<pid_t> workers = children_of(master);
  ::kill(master, SIGKILL);
  const pid_t next = service.wait_for_new_pid(master);
  for (const pid_t worker : workers) CHECK_FALSE(is_alive(worker));
  wait_for_answer(port);
  CHECK(service.wait_for_new_pid() == next);
  CHECK(read_file(service / "errors").find("Address already in use") == std::string::npos);
  CHECK(svctl(dir.path(), {"stop", "nginx"}).code == 0);
  CHECK(service.state().last == Ending{Ending::Kind::exited, 0, false});
}

TEST_CASE("redis: restarted when it is killed, with its data; left when it is told to shut down", "[servers]") {
  const TempDir dir;
  ServiceDir service(dir, "redis");
  const auto client = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {genuine("redis-cli"), "-s", service / "data/socket"});
    return run(words);
  };
  make_directories(service / "data");
  service
      .run("exec " + genuine("redis-server") +
           " --port 0 --unixsocket $PWD/socket --appendonly yes --appendfsync always --save '' --logfile ''")
      .check("test \"$(" + genuine("redis-cli") + " -s data/socket ping)\" = PONG")
      .conf("ready = check\nrestart = on-failure\ndirectory = data\nlimit-nofile = 256\n");
  const Supervised supervised(service);
  service.wait_for(State::up);
  CHECK(client({"set", "key", "value"}).output == "OK\n");
  for (int round = 0; round < 2; ++round) {
    const auto starts = service.state().starts;
    REQUIRE(service.command("k"));
    WAIT_UNTIL(service.state().starts > starts && service.state().state == State::up);
    CHECK(client({"get", "key"}).output == "value\n");
  }
  client({"shutdown"});
  CHECK(service.wait_for(State::down).last == Ending{Ending::Kind::exited, 0, false});
}

TEST_CASE("PostgreSQL: fast shutdowns and crashes under load leave the books balanced", "[servers]") {
  const std::string bin = postgres_bin();
  REQUIRE_FALSE(bin.empty());
  const TempDir dir;
  ServiceDir service(dir, "postgres");
  const std::string data = service / "data";
  make_directories(data);
  std::vector<std::string> as_user;
  if (is_root()) {
    REQUIRE(::chown(data.c_str(), 65534, 65534) == 0);
    as_user = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    service.file("conf.user", "user = nobody\n");
  }
  const auto as_nobody = [&](std::vector<std::string> words) {
    words.insert(words.begin(), as_user.begin(), as_user.end());
    return run(Launch{.argv = words, .directory = data, .environment = {{"PGHOST", data}, {"PGUSER", "tester"}}});
  };
  ::chmod(data.c_str(), 0700);
  const Ran made = as_nobody({bin + "/initdb", "-D", data + "/base", "-U", "tester", "-A", "trust", "--no-sync"});
  CAPTURE(made.errors);
  REQUIRE(made.code == 0);
  service
      .run("exec " + bin + "/postgres -D data/base -k " + data +
           " -c listen_addresses= -c restart_after_crash=off 2>> " + data + "/errors")
      .check("exec " + bin + "/pg_isready -q -h " + data)
      .conf(read_file(service / "conf.user") + "stop = INT 60s QUIT 10s KILL\nready = check\nrestart-delay = 100ms\n");
  const Supervised supervised(service);
  service.wait_for(State::up);
  REQUIRE(as_nobody({bin + "/createdb", "bank"}).code == 0);
  REQUIRE(as_nobody({bin + "/pgbench", "-i", "-q", "-s", "1", "bank"}).code == 0);

  std::mt19937 random(5);
  for (int round = 0; round < 4; ++round) {
    std::vector<std::string> load{bin + "/pgbench", "-n", "-c", "2", "-T", "60", "bank"};
    load.insert(load.begin(), as_user.begin(), as_user.end());
    Process bench({.argv = load, .directory = data, .environment = {{"PGHOST", data}, {"PGUSER", "tester"}}});
    // So many transactions are through before it is interrupted.
    const auto count = [&] {
      const std::string text =
          as_nobody({bin + "/psql", "-Atc", "select count(*) from pgbench_history", "bank"}).output;
      return text.empty() ? -1 : std::stol(text);
    };
    const long before = count();
    const long wanted = before + 1 + static_cast<long>(random() % 200);
    WAIT_UNTIL(count() >= wanted);
    const auto starts = service.state().starts;
    const bool crash = round % 2 == 1;
    REQUIRE(service.command(crash ? "k" : "r"));
    WAIT_UNTIL(service.state().starts > starts && service.state().state == State::up);
    if (!crash) CHECK(service.state().last == Ending{Ending::Kind::exited, 0, false});
    bench.wait();
    CHECK(count() >= wanted);
    const Ran balance =
        as_nobody({bin + "/psql", "-Atc",
                   "select (select sum(delta) from pgbench_history) = (select sum(abalance) from pgbench_accounts)"
                   " and (select sum(tbalance) from pgbench_tellers) = (select sum(bbalance) from pgbench_branches)"
                   " and (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)",
                   "bank"});
    CHECK(balance.output == "t\n");
  }
  CHECK(svctl(dir.path(), {"-w", "60", "stop", "postgres"}).code == 0);
  CHECK(service.state().last == Ending{Ending::Kind::exited, 0, false});
}
