// The file .svlogd as it is laid out: one page of notes, then the window. Only journal.cpp and journal_take.cpp look
// inside; see journal.h for what it is about.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lib/log_status.h"
#include "svlogd/journal.h"

namespace svdir::svlogd {

inline constexpr std::size_t kNotesSize = 4096;
inline constexpr std::size_t kLargeWindow = 1024 * 1024;
inline constexpr std::uint64_t kNotTaking = ~std::uint64_t{0};

// The page cache sees our stores in the order of the program only if the compiler keeps it.
inline void store(std::uint64_t& to, std::uint64_t value) {
  std::atomic_ref(to).store(value, std::memory_order_release);
}

struct Slot {
  std::uint64_t done;
  std::uint64_t length;
  std::uint64_t inode;
  std::uint64_t dropped;
  std::uint32_t mid_line;
  std::uint32_t selected;
};

struct Journal::Note {
  OutputKey key;
  std::uint64_t in_use;
  std::uint64_t version;  // slots[version % 2] holds
  Slot slots[2];
};

struct JournalNotes {
  char magic[8];
  char boot[40];
  std::uint64_t input_device;
  std::uint64_t input_inode;
  std::uint64_t base;
  std::uint64_t end;
  std::int64_t moment_seconds;
  std::uint64_t moment_nanoseconds;
  std::uint64_t take_from;  // == end while a read may be under way
  std::uint64_t take_size;
  std::uint64_t mark_size;
  char mark[8];  // what was put where the read puts its first bytes
  Journal::Note outputs[kMostNotes];
};
static_assert(sizeof(JournalNotes) <= kLogStatusOffset && kLogStatusOffset + kLogStatusSize <= kNotesSize);

}  // namespace svdir::svlogd
