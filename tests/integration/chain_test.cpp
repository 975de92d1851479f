// A whole site from cold: PostgreSQL and redis, an application that needs both, and nginx in front of it. None of the
// run scripts waits or tries again; the order comes from `depends` and `ready` alone.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/support/http.h"
#include "tests/support/service.h"
#include "tests/support/skip.h"

using namespace svdir;
using namespace svdir::test;

namespace {

// Answers with what the database computes and how often redis was asked; gives up at once when either is not there.
constexpr char kApplication[] = R"(#!/usr/bin/env python3
#: depends = db cache
#: ready = fd:3
import http.server, os, socket, subprocess

def database():
    return subprocess.run([os.environ['PSQL'], '-h', os.environ['SOCKETS'], '-U', 'app', '-Atc', 'select 40 + 2', 'postgres'],
                          check=True, capture_output=True, text=True).stdout.strip()

def count():
    with socket.create_connection(('127.0.0.1', int(os.environ['REDIS_PORT']))) as redis:
        redis.sendall(b'INCR visits\r\n')
        return redis.recv(64).decode().strip(':\r\n')

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = f'{database()} for visitor {count()}\n'.encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass

assert database() == '42'
server = http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Page)
os.write(3, b'\n')
os.close(3)
server.serve_forever()
)";

constexpr char kProxy[] = R"(daemon off;
error_log stderr warn;
pid tmp/pid;
events {}
http {
  access_log off;
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  server {
    listen 127.0.0.1:WEB;
    location / { proxy_pass http://127.0.0.1:APP; }
  }
}
)";

std::string postgres_directory() {
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql"))
    if (exists(version.path() / "bin/postgres")) return version.path() / "bin";
  throw std::runtime_error("PostgreSQL is not installed");
}

std::string replaced(std::string text, const std::string& what, int by) {
  return text.replace(text.find(what), what.size(), std::to_string(by));
}

}  // namespace

TEST_CASE("PostgreSQL, redis, an application and nginx come up from cold, each when it can, and go in reverse",
          "[chain]") {
  const TempDir dir;
  const TempDir data;  // of the database, which refuses to run as root
  REQUIRE(::chmod(data.path().c_str(), 0755) == 0);
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  make_directories(data / "sockets");
  make_directories(data / "db");
  if (is_root()) REQUIRE(run({"chown", "-R", "65534:65534", data / "sockets", data / "db"}).code == 0);
  const auto ports = free_ports(3);
  const std::string postgres = postgres_directory();
  const std::string finish = "echo >> ../ends $3";

  const ServiceDir db =
      ServiceDir(dir, "db")
          .run("test -e " + (data / "db/PG_VERSION") + " || " + postgres + "/initdb -D " + (data / "db") +
               " -U app -A trust --no-sync --locale=C > /dev/null || exit 1\nexec " + postgres + "/postgres -D " +
               (data / "db") + " -k " + (data / "sockets") +
               " -c listen_addresses= -c fsync=off -c log_min_messages=fatal")
          .check("exec " + genuine("pg_isready") + " -q -h " + (data / "sockets") + " -U app -d postgres")
          .finish(finish)
          .conf("ready = check\nstop = INT 30s KILL\n" + std::string(is_root() ? "user = :65534:65534\n" : ""));
  const ServiceDir cache =
      ServiceDir(dir, "cache")
          .run("exec " + genuine("redis-server") + " --bind 127.0.0.1 --save '' --loglevel warning --port " +
               std::to_string(ports[0]))
          .check(genuine("redis-cli") + " -p " + std::to_string(ports[0]) + " ping | grep -qx PONG")
          .finish(finish)
          .conf("ready = check\n");
  const ServiceDir app = ServiceDir(dir, "app")
                             .run(kApplication)
                             .finish(finish)
                             .file("env/PORT", std::to_string(ports[1]) + "\n")
                             .file("env/REDIS_PORT", std::to_string(ports[0]) + "\n")
                             .file("env/PSQL", postgres + "/psql\n")
                             .file("env/SOCKETS", data / "sockets\n");
  const ServiceDir web =
      ServiceDir(dir, "web")
          .run("mkdir -p tmp; exec " + genuine("nginx") + " -p . -c nginx.conf -e stderr")
          .check("exec " + genuine("curl") + " -fs -o /dev/null http://127.0.0.1:" + std::to_string(ports[2]))
          .finish(finish)
          .file("nginx.conf", replaced(replaced(kProxy, "WEB", ports[2]), "APP", ports[1]))
          .conf("depends = app\nready = check\n");
  Scanning svscan(dir.path());
  const Ran waited = svctl(dir.path(), {"-w", "120", "wait", "ready", "web"});
  CAPTURE(svctl(dir.path(), {"status"}).output, svscan.process().errors());
  REQUIRE(waited.code == 0);
  CHECK_THAT(fetch(ports[2]), Catch::StartsWith("42 for visitor "));
  for (const ServiceDir* service : {&db, &cache, &app, &web}) {
    CAPTURE(service->path());
    CHECK(service->state().starts == 1);
    CHECK(service->state().state == State::up);
  }
  CHECK(app.state().started >= db.state().became_ready);
  CHECK(app.state().started >= cache.state().became_ready);
  CHECK(web.state().started >= app.state().became_ready);

  svscan.process().signal(SIGTERM);
  CHECK(svscan.process().wait(std::chrono::seconds(60)) == 0);
  CHECK_THAT(read_file(dir / "ends"), Catch::Matches("web\napp\n(db\ncache|cache\ndb)\n"));
}
