// The files in supervise/ out of any bytes: `state`, `status`, svscan's own state, TAI64N labels. What is taken for a
// record must be written and read back as the same.
#include <cstdint>
#include <cstdlib>

#include "lib/scan_state.h"
#include "lib/status.h"

using namespace svdir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  StateRecord record;
  if (unpack(bytes, record)) {
    StateRecord again;
    if (!unpack(pack(record), again) || !(again == record)) std::abort();
    if (record.group == 1 || record.group < 0 || record.main.pid < 0) std::abort();  // kill(2) takes those for many
    stat_text(runit_view(record), record.leaving);
    describe(record.last);
  }
  RunitStatus status;
  if (unpack(bytes, status)) {
    const auto packed = pack(status);
    RunitStatus again;
    if (!unpack({reinterpret_cast<const char*>(packed.data()), packed.size()}, again) || !(again == status))
      std::abort();
  }
  ScanState scan;
  unpack(bytes, scan);
  Stamp stamp;
  read_tai64n_label(bytes, stamp);
  return 0;
}
