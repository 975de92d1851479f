// supervise whose n-th call of a kind fails, for every n, through start, restart, stop and start again: it survives,
// and what is wanted comes about.
#include <catch2/catch.hpp>
#include <cerrno>

#include "tests/integration/crash.h"

using namespace svdir;
using namespace svdir::test;

namespace {

void obeys(Victim& victim, const std::string& letters, bool (Victim::*is_so)() const) {
  victim.wait([&] { return victim.order(letters); }, "supervise to take an order");
  victim.wait([&] { return victim.is_acknowledged() && (victim.*is_so)(); }, "supervise to obey " + letters);
}

// True when it failed at `nth` and went through everything; false when there were not so many calls.
void goes_through_all(int nth, int number, const std::string& call) {
  Victim victim;
  INFO("call " << nth << " of " << call << " fails with errno " << number);
  victim.supervise(
      {{"SVDIR_FAIL", std::to_string(nth) + ":" + std::to_string(number) + ":" + call}, {"SVDIR_ONLY", "supervise"}});
  victim.wait_until_it_supervises();
  if (victim.current().has_ended()) {
    // It could not begin; then it says so, and svscan tries again.
    CHECK(victim.current().wait() == 111);
    CHECK(victim.current().errors().find("fatal: ") != std::string::npos);
    CHECK(victim.copies() == 0);
    victim.supervise();
    victim.wait_until_it_supervises();
  }
  victim.wait([&] { return victim.is_up(); }, "the victim to be up");
  obeys(victim, "r", &Victim::is_up);
  obeys(victim, "d", &Victim::is_down);
  obeys(victim, "u", &Victim::is_up);
  // It must also have been recorded truly: a successor goes on with it.
  const pid_t pid = victim.pid();
  victim.kill_supervise();
  victim.supervise();
  victim.wait_until_it_supervises();
  CHECK(victim.is_up());
  CHECK(victim.pid() == pid);
  victim.end();
}

void each(int number, std::initializer_list<std::pair<const char*, int>> calls) {
  for (const auto& [call, most] : calls)
    for (int nth = 1; nth <= most; ++nth) goes_through_all(nth, number, call);
}

}  // namespace

TEST_CASE("out of descriptors at any moment, supervise goes on", "[crash][starved]") {
  each(EMFILE, {{"open", 60}});
}

TEST_CASE("the disk full at any moment, supervise goes on", "[crash][starved]") {
  each(ENOSPC, {{"write", 36}, {"mkdir", 1}, {"mkfifo", 2}});
}

TEST_CASE("the disk read-only at any moment, supervise goes on", "[crash][starved]") {
  each(EROFS, {{"rename", 36}, {"unlink", 2}});
}

TEST_CASE("no process to be had at any moment, supervise goes on", "[crash][starved]") {
  each(EAGAIN, {{"fork", 6}});
  each(ENOMEM, {{"fork", 6}});
}
