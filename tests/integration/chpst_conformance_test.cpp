// The same command lines given to the genuine chpst and daemontools and to svrun under their names: the programs they
// start must see the same, and the exit codes must be the same.
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "tests/support/process.h"
#include "tests/support/programs.h"
#include "tests/support/skip.h"

using namespace svdir::test;

namespace {

enum class Texts { same, differ };

struct Bench {
  TempDir dir;
  std::string ours;
  uid_t uid = static_cast<uid_t>(-1);

  explicit Bench(std::string_view name) : ours(alias(dir, name, "svrun")) {}

  Launch launch(std::vector<std::string> argv, const std::string& program) const {
    argv[0] = program;
    return {.argv = std::move(argv),
            .directory = dir.path(),
            .environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"KEPT", "1"}, {"HOME", "/nonexistent"}},
            .clean_environment = true,
            .uid = uid};
  }

  // `argv[0]` is the genuine program's name.
  void compare(std::vector<std::string> argv, Texts texts = Texts::same) const {
    std::string line;
    for (const std::string& word : argv) line += word + " ";
    INFO(line);
    const Ran theirs = run(launch(argv, genuine(argv[0])));
    const Ran mine = run(launch(argv, ours));
    CHECK(mine.code == theirs.code);
    CHECK(mine.output == theirs.output);
    if (texts == Texts::same)
      CHECK(mine.errors == theirs.errors);
    else
      CHECK(mine.errors.empty() == theirs.errors.empty());
  }
};

// What a program can see of itself, one fact per word; prints nothing that differs between two runs.
const std::string kIds = "id -u; id -g; id -G";
const std::string kLimits = "cat /proc/self/limits";

}  // namespace

TEST_CASE("chpst: every limit is the soft one, clipped to the hard one") {
  const Bench bench("chpst");
  for (const char* option : {"-o 64", "-o 99999999", "-p 5000", "-f 1000000", "-c 0", "-c 4096", "-d 100000000",
                             "-m 300000000", "-t 77", "-r 1000000", "-t 99999999999"}) {
    const std::string text = option;
    bench.compare({"chpst", text.substr(0, 2), text.substr(3), "sh", "-c", kLimits});
    bench.compare({"chpst", text.substr(0, 2) + text.substr(3), "sh", "-c", kLimits});
  }
  bench.compare({"chpst", "-o", "100", "-c", "5", "-o", "90", "sh", "-c", kLimits});
}

TEST_CASE("chpst -e: the environment is the directory's") {
  const Bench bench("chpst");
  const std::string env = bench.dir / "e";
  write_file(env + "/PLAIN", "value");
  write_file(env + "/BLANKS", "value \t \nsecond line\n");
  write_file(env + "/KEPT", "");
  write_file(env + "/EMPTY_LINE", "\nx");
  write_file(env + "/NUL", std::string("a\0b\0", 4));
  write_file(env + "/ODD=NAME", "x");
  write_file(env + "/.hidden", "x");
  write_file(env + "/PATH", "/nowhere");
  write_file(env + "/LONG", std::string(500, 'x'));
  make_directories(env + "/directory");
  bench.compare({"chpst", "-e", "e", "env"});
  bench.compare({"chpst", "-e", "e", "sh", "-c", "echo unreached"});
  bench.compare({"chpst", "-e", "missing", "true"});
  bench.compare({"chpst", "-e", "e/PLAIN", "true"}, Texts::differ);
}

TEST_CASE("chpst: the program's first argument, its lookup, and what is said when it cannot be run") {
  const Bench bench("chpst");
  bench.compare({"chpst", "-b", "other", "sh", "-c", "cat /proc/$$/cmdline"});
  bench.compare({"chpst", "sh", "-c", "exit 7"});
  bench.compare({"chpst", "sh", "-c", "kill -9 $$"});
  bench.compare({"chpst", "no-such-program"});
  bench.compare({"chpst", "./no-such-program"});
  bench.compare({"chpst", "/etc"});
  write_file(bench.dir / "plain", "x");
  bench.compare({"chpst", "./plain"});
  bench.compare({"chpst", "--", "echo", "-e"});
  bench.compare({"chpst", "echo", "-o", "1"});
}

TEST_CASE("chpst: wrong usage is exit 100") {
  const Bench bench("chpst");
  // Our usage line has two options more, those of newer versions.
  for (const auto& words : std::vector<std::vector<std::string>>{{},
                                                                 {"-x", "true"},
                                                                 {"-u"},
                                                                 {"-n", "x", "true"},
                                                                 {"-n", "5x", "true"},
                                                                 {"-o", "5x", "true"},
                                                                 {"-o", "-1", "true"},
                                                                 {"-m", "k", "true"},
                                                                 {"-V"},
                                                                 {"-v"},
                                                                 {"-012"}}) {
    std::vector<std::string> argv{"chpst"};
    argv.insert(argv.end(), words.begin(), words.end());
    bench.compare(argv, Texts::differ);
  }
}

TEST_CASE("chpst -n, -P, -0, -1, -2 do the same") {
  const Bench bench("chpst");
  bench.compare({"chpst", "-n", "5", "nice"});
  bench.compare({"chpst", "-n", "+3", "nice"});
  bench.compare({"chpst", "-n", "40", "nice"});
  bench.compare({"chpst", "-P", "sh", "-c", "test $(ps -o sid= -p $$) = $$ && echo own session"});
  bench.compare({"chpst", "-0", "sh", "-c", "test -e /proc/self/fd/0 || echo closed; readlink /proc/$$/fd/0"});
  bench.compare({"chpst", "-1", "sh", "-c", "readlink /proc/$$/fd/1 >&2 || echo closed >&2"});
  bench.compare({"chpst", "-2", "sh", "-c", "readlink /proc/$$/fd/2 || echo closed"});
  bench.compare({"chpst", "-012", "true"});
}

TEST_CASE("chpst -l and -L lock a file, and the program holds the lock") {
  const Bench bench("chpst");
  const std::string probe = "chpst -L lock true; echo $?; stat -c %a lock";
  bench.compare({"chpst", "-l", "lock", "sh", "-c", probe});
  bench.compare({"chpst", "-L", "lock", "sh", "-c", probe});
  bench.compare({"chpst", "-L", "lock", "true"});
  bench.compare({"chpst", "-l", "missing/lock", "true"});
  bench.compare({"chpst", "-l", ".", "true"});
  // Held by the genuine one, refused to ours, and the other way round.
  for (const auto& [holder, other] : {std::pair{genuine("chpst"), bench.ours}, {bench.ours, genuine("chpst")}}) {
    const Ran ran = run(bench.launch({"chpst", "-L", "lock", "sh", "-c", other + " -L lock true; echo $?"}, holder));
    CHECK(ran.output == "111\n");
    CHECK(ran.errors == "chpst: fatal: unable to lock: lock: temporary failure\n");
  }
}

TEST_CASE("chpst as an ordinary user is refused the same things") {
  Bench bench("chpst");
  bench.uid = is_root() ? 65534 : static_cast<uid_t>(-1);
  bench.compare({"chpst", "-u", "root", "true"});
  bench.compare({"chpst", "-u", ":65534:65534", "true"});
  bench.compare({"chpst", "-n", "-1", "true"});
  bench.compare({"chpst", "-/", "/", "true"});
}

TEST_CASE("chpst -u takes users and groups by name and by number") {
  NEEDS_ROOT();
  const Bench bench("chpst");
  for (const char* user : {"daemon", "daemon:adm", "daemon:adm:tty:disk", ":5:6", ":5:6:7:8", ":0:0", "root"})
    bench.compare({"chpst", "-u", user, "sh", "-c", kIds});
  for (const char* user : {"nosuchuser", "daemon:nosuchgroup", "daemon:", ":", ":5", ":5x:6", ":five:6", "5", "5:6"})
    bench.compare({"chpst", "-u", user, "sh", "-c", kIds});
}

TEST_CASE("chpst -U sets UID and GID") {
  const Bench bench("chpst");
  for (const char* user : {"daemon", "daemon:adm", "daemon:adm:tty", ":5:6", ":5:6:7", "nosuchuser", ":5"})
    bench.compare({"chpst", "-U", user, "env"});
}

TEST_CASE("chpst -/ changes the root directory, and then the program is looked up there") {
  NEEDS_ROOT();
  const Bench bench("chpst");
  bench.compare({"chpst", "-/", "/", "pwd"});
  bench.compare({"chpst", "-/", "/usr", "/bin/true"});  // its loader is outside
  bench.compare({"chpst", "-/", "missing", "true"});
  bench.compare({"chpst", "-n", "-3", "nice"});
  bench.compare({"chpst", "-n", "-40", "nice"});
}

TEST_CASE("chpst: options together are applied in one order") {
  NEEDS_ROOT();
  const Bench bench("chpst");
  write_file(bench.dir / "e/PLAIN", "value");
  write_file(bench.dir / "e/UID", "from the directory");
  bench.compare({"chpst", "-u", "daemon:adm", "-U", "games", "-e", "e", "-n", "5", "-o", "77", "-c", "0", "-P", "-b",
                 "x", "sh", "-c", "env | sort; nice; ulimit -n; " + kIds});
  // The lock is taken as the user, the environment is read before.
  ::chmod((bench.dir / "e").c_str(), 0700);
  bench.compare({"chpst", "-u", "daemon", "-e", "e", "env"});
  bench.compare({"chpst", "-u", "daemon", "-l", "lock", "true"});
}

TEST_CASE("setuidgid and envuidgid as in daemontools") {
  const Bench bench("setuidgid");
  bench.compare({"setuidgid"});
  bench.compare({"setuidgid", "daemon"});
  bench.compare({"setuidgid", "nosuchuser", "true"}, Texts::differ);
  if (is_root()) {
    bench.compare({"setuidgid", "daemon", "sh", "-c", kIds});
    bench.compare({"setuidgid", "daemon", "no-such-program"}, Texts::differ);
  } else {
    bench.compare({"setuidgid", "daemon", "true"}, Texts::differ);
  }
  const Bench other("envuidgid");
  other.compare({"envuidgid", "daemon", "env"});
  other.compare({"envuidgid", "nosuchuser", "env"}, Texts::differ);
  other.compare({"envuidgid"});
}

TEST_CASE("envdir and pgrphack as in daemontools") {
  const Bench bench("envdir");
  write_file(bench.dir / "e/A", "1 \n2");
  write_file(bench.dir / "e/KEPT", "");
  bench.compare({"envdir", "e", "env"});
  bench.compare({"envdir", "missing", "env"}, Texts::differ);
  bench.compare({"envdir", "e"}, Texts::differ);
  make_directories(bench.dir / "e/directory");
  bench.compare({"envdir", "e", "env"}, Texts::differ);
  const Bench other("pgrphack");
  other.compare({"pgrphack", "sh", "-c", "test $(ps -o pgid= -p $$) = $$ && echo own group"});
  other.compare({"pgrphack"});
}

TEST_CASE("setlock as in daemontools") {
  const Bench bench("setlock");
  for (const char* option : {"-n", "-N", "-nX", "-nx", "-Nn"}) {
    bench.compare({"setlock", option, "lock", "sh", "-c", "setlock -n lock true; echo $?"});
    bench.compare({"setlock", option, "missing/lock", "echo", "run"}, Texts::differ);
  }
  bench.compare({"setlock", "lock", "echo", "run"});
  bench.compare({"setlock", "-n"});
  bench.compare({"setlock", "-z", "lock", "true"});
  const Ran ran = run(bench.launch({"setlock", "-n", "lock", "sh", "-c", bench.ours + " -nx lock echo run; echo $?"},
                                   genuine("setlock")));
  CHECK(ran.output == "0\n");
}

TEST_CASE("softlimit as in daemontools") {
  const Bench bench("softlimit");
  for (const char* option : {"-o64", "-o=", "-p5000", "-f1000000", "-c0", "-c=", "-d100000000", "-s8000000", "-l4096",
                             "-a400000000", "-m300000000", "-r1000000", "-t77", "-t="})
    bench.compare({"softlimit", option, "sh", "-c", kLimits});
  bench.compare({"softlimit"});
  bench.compare({"softlimit", "-o", "5x", "true"});
  bench.compare({"softlimit", "-z", "true"});
}
