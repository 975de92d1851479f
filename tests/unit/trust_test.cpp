#include "lib/trust.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "lib/accounts.h"

using namespace svdir;

namespace {

struct stat file(uid_t uid, gid_t gid, mode_t mode) {
  struct stat facts{};
  facts.st_uid = uid;
  facts.st_gid = gid;
  facts.st_mode = S_IFREG | mode;
  return facts;
}

Settings with_user(std::string_view user) {
  Settings settings;
  REQUIRE(set_setting("user", user, SettingsSource::conf, settings));
  return settings;
}

}  // namespace

TEST_CASE("what belongs to root, and nobody else writes, is trusted for everybody") {
  for (const uid_t user : {0U, 1000U, kNobodyKnown}) {
    CHECK(why_not_trusted(file(0, 0, 0755), user, "run").empty());
    CHECK(why_not_trusted(file(0, 0, 0775), user, "run").empty());
    CHECK(why_not_trusted(file(0, 50, 0755), user, "run").empty());
  }
}

TEST_CASE("what somebody else could change is not trusted, and he is named") {
  CHECK(why_not_trusted(file(1000, 1000, 0755), 0, "run") == "run is writable by uid 1000 and would run as root");
  CHECK(why_not_trusted(file(1000, 1000, 0555), 0, "run") == "run is writable by uid 1000 and would run as root");
  CHECK(why_not_trusted(file(1001, 0, 0755), 1000, "conf") == "conf is writable by uid 1001 and would run as uid 1000");
  CHECK(why_not_trusted(file(0, 50, 0775), 0, "run") == "run is writable by group 50 and would run as root");
  CHECK(why_not_trusted(file(0, 0, 0757), 0, "run") == "run is writable by everybody and would run as root");
  CHECK(why_not_trusted(file(1000, 0, 0777), 1000, "run") == "run is writable by everybody and would run as uid 1000");
}

TEST_CASE("a user's own files are trusted to run as that user") {
  CHECK(why_not_trusted(file(1000, 1000, 0755), 1000, "run").empty());
  CHECK_FALSE(why_not_trusted(file(1000, 1000, 0775), 1000, "run").empty());
}

TEST_CASE("the user of the settings, as /etc/passwd knows him") {
  CHECK(user_of(Settings{}, 1000) == 0);
  CHECK(user_of(with_user("owner"), 1000) == 1000);
  CHECK(user_of(with_user("1234"), 0) == 1234);
  CHECK(user_of(with_user(":1234:5"), 0) == 1234);
  CHECK(user_of(with_user("daemon:adm"), 0) == 1);
  CHECK(user_of(with_user("nosuchuser"), 0) == kNobodyKnown);
}

TEST_CASE("accounts are found by their whole name") {
  const std::string_view text =
      "root:x:0:0::/:/bin/sh\nwww-data:x:33:33\n\nbad\nwww:x:\nlonger:x:12x\nwww:x:80:\nx:y:7";
  CHECK(id_in(text, "root") == 0);
  CHECK(id_in(text, "www-data") == 33);
  CHECK(id_in(text, "www") == 80);
  CHECK(id_in(text, "x") == 7);
  CHECK_FALSE(id_in(text, "bad"));
  CHECK_FALSE(id_in(text, "longer"));
  CHECK_FALSE(id_in(text, ""));
}
