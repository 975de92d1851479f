// What svscan says of itself (lib/scan_state.h).
#include "lib/files.h"
#include "lib/say.h"
#include "lib/scan_state.h"
#include "lib/version.h"
#include "svscan/scanner.h"

namespace svdir::svscan {
namespace {
// While many things happen, they are told of together.
constexpr Duration kSoon = std::chrono::milliseconds(50);
constexpr Duration kAgain = std::chrono::seconds(5);  // when it could not be written
}  // namespace

void Scanner::note_change() {
  if (state_is_stale_ || !places_.has_own || is_leaving_) return;
  state_is_stale_ = true;
  state_timer_.start(loop_, monotonic_now() + kSoon, callback<&Scanner::write_state>(this));
}

void Scanner::write_state() {
  state_is_stale_ = false;
  if (!places_.has_own || is_leaving_) return;
  ScanState state;
  state.pid = ::getpid();
  state.since = started_;
  state.version = kVersion;
  state.directory = places_.absolute;
  state.stopping = is_stopping_;
  state.restarts = restarts_;
  roster_.each([&](Slot, const Service& service) {
    ++state.services;
    switch (service.phase) {
      case Phase::running: ++state.running; break;
      case Phase::held: ++state.held; break;
      case Phase::pending: ++state.pending; break;
      case Phase::left_alone: ++state.left_alone; break;
      case Phase::queued:
      case Phase::delayed:
      case Phase::elsewhere:
      case Phase::behind: ++state.delayed; break;
    }
  });
  const std::string text = pack(state);
  if (text == written_state_) return;
  const Result<void> written = write_atomically(places_.work.get(), kScanStateFile, text, 0644);
  if (!written && !said_no_state_) warn(written.error());
  said_no_state_ = !written;
  if (written) {
    written_state_ = text;
    return;
  }
  state_is_stale_ = true;
  state_timer_.start(loop_, monotonic_now() + kAgain, callback<&Scanner::write_state>(this));
}

}  // namespace svdir::svscan
