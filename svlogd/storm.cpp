#include "svlogd/storm.h"

namespace svdir::svlogd {
namespace {

constexpr unsigned kSample = 16;  // takings that are looked at together
constexpr unsigned kWorth = 4;    // one taking must come to serve so many

}  // namespace

bool Storm::note(std::uint64_t bytes, std::size_t room, Instant now) {
  constexpr Duration kReally = 2 * kMoment;
  bytes_ += bytes;
  if (++takings_ < kSample) return rages_;
  const std::uint64_t average = bytes_ / kSample;
  if (rages_) {
    rages_ = average >= average_before_ * kWorth / 2;
  } else {
    const Duration took = now - began_;
    const std::uint64_t meanwhile = took.count() > 0 ? average * kSample * kReally.count() / took.count() : room;
    rages_ = began_.is_set() && took * kWorth < kSample * kReally && meanwhile <= room / 2;
    average_before_ = average;
  }
  began_ = now;
  takings_ = 0;
  bytes_ = 0;
  return rages_;
}

}  // namespace svdir::svlogd
