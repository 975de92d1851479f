#include "svlogd/journal.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "lib/files.h"
#include "lib/log_status.h"
#include "lib/system.h"
#include "svlogd/journal_notes.h"

namespace svdir::svlogd {
namespace {

constexpr const char* kFile = kLogStatusFile;
constexpr char kMagic[8] = {'s', 'v', 'l', 'o', 'g', 'd', '3', '\n'};
constexpr std::size_t kSmallWindow = 60 * 1024;  // with the notes, what a pipe holds

}  // namespace

Journal::~Journal() {
  if (notes_ != nullptr) ::munmap(notes_, kNotesSize);
  if (window_ != nullptr) ::munmap(window_, mapped_);
}

Result<void> Journal::open(int directory, std::size_t head, std::uint64_t device, std::uint64_t inode) {
  small_ = std::max(kSmallWindow, 4 * head);
  Fd fd(sys::openat(directory, kFile, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd) return system_error("unable to open", kFile);
  // All of it gets its place on the disk now: a store into a hole of a full disk would be our death (SIGBUS).
  struct stat facts;
  if (::fstat(fd.get(), &facts) != 0) return system_error("unable to examine", kFile);
  const auto size = static_cast<std::size_t>(facts.st_size);
  capacity_ = std::max(small_, size > kNotesSize ? size - kNotesSize : 0);
  if (const int failure = sys::allocate(fd.get(), static_cast<off_t>(kNotesSize + capacity_)); failure != 0) {
    errno = failure;
    return system_error("unable to find room for", kFile);
  }
  if (!map(MAP_SHARED, fd.get())) return system_error("unable to map", kFile);
  fd_ = std::move(fd);
  if (!take_over())
    start_anew(device, inode);
  else
    same_input_ = notes_->input_device == device && notes_->input_inode == inode;
  notes_->input_device = device;
  notes_->input_inode = inode;
  return {};
}

void Journal::open_in_memory(std::size_t head) {
  small_ = std::max(kSmallWindow, 4 * head);
  capacity_ = std::max(small_, kLargeWindow);
  if (!map(MAP_PRIVATE | MAP_ANONYMOUS, -1)) ::_exit(kExitSystem);  // nothing can be done without a buffer
  start_anew(0, 0);
}

// Notes and window are mapped apart: reading a note for the first time would else bring in what follows it as well
// (the kernel's fault-around), and cost an idle logger 60 KiB.
bool Journal::map(int flags, int fd) {
  mapped_ = std::max(kLargeWindow, capacity_);
  void* const notes = ::mmap(nullptr, kNotesSize, PROT_READ | PROT_WRITE, flags, fd, 0);
  void* const window = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, flags, fd, kNotesSize);
  notes_ = notes != MAP_FAILED ? static_cast<JournalNotes*>(notes) : nullptr;
  window_ = window != MAP_FAILED ? static_cast<char*>(window) : nullptr;
  return notes_ != nullptr && window_ != nullptr;
}

// True when the file holds notes of this boot. Then what a killed svlogd was in the middle of taking is settled.
bool Journal::take_over() {
  const auto boot = read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64);
  char text[sizeof notes_->boot] = {};
  if (boot) std::memcpy(text, boot->data(), std::min(boot->size(), sizeof text - 1));
  const bool ours = std::memcmp(notes_->magic, kMagic, sizeof kMagic) == 0 &&
                    std::memcmp(notes_->boot, text, sizeof text) == 0 && notes_->base <= notes_->end &&
                    notes_->end - notes_->base <= capacity_;
  if (ours) {
    finish_taking();
  } else {
    std::memset(notes_->magic, 0, sizeof notes_->magic);
    std::memcpy(notes_->boot, text, sizeof text);
  }
  return ours;
}

void Journal::start_anew(std::uint64_t device, std::uint64_t inode) {
  notes_->input_device = device;
  notes_->input_inode = inode;
  notes_->base = notes_->end = 0;
  notes_->take_from = kNotTaking;
  for (Note& note : notes_->outputs) note = {};
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(notes_->magic, kMagic, sizeof kMagic);
}

char* Journal::place(std::uint64_t position) const {
  return window_ + (position - notes_->base);
}
std::size_t Journal::space() const {
  return capacity_ - static_cast<std::size_t>(notes_->end - notes_->base);
}
std::uint64_t Journal::begin() const {
  return notes_->base;
}
std::uint64_t Journal::end() const {
  return notes_->end;
}

std::string_view Journal::from(std::uint64_t position) const {
  return {place(position), static_cast<std::size_t>(notes_->end - position)};
}

bool Journal::grow(std::size_t capacity) {
  if (fd_ && sys::allocate(fd_.get(), static_cast<off_t>(kNotesSize + capacity)) != 0) return false;
  capacity_ = capacity;
  return true;
}

Stamp Journal::moment() const {
  return {notes_->moment_seconds, static_cast<std::int32_t>(notes_->moment_nanoseconds)};
}

void Journal::set_moment(Stamp now) {
  notes_->moment_seconds = now.seconds;
  notes_->moment_nanoseconds = static_cast<std::uint64_t>(now.nanoseconds);
}

Journal::Note* Journal::note_for(OutputKey key, std::uint64_t start, bool& known) {
  Note* free = nullptr;
  for (Note& note : notes_->outputs) {
    if (note.in_use != 0 && note.key == key) {
      Progress progress = read(note);
      known = progress.done >= notes_->base && progress.done <= notes_->end;
      if (!known) write(note, {.done = start});
      return &note;
    }
    if (note.in_use == 0 && free == nullptr) free = &note;
  }
  known = false;
  if (free == nullptr) return nullptr;
  free->key = key;
  write(*free, {.done = start});
  store(free->in_use, 1);
  return free;
}

Progress Journal::read(const Note& note) {
  const Slot& slot = note.slots[note.version % 2];
  return {slot.done, slot.length, slot.inode, slot.dropped, {slot.mid_line != 0, slot.selected != 0}};
}

void Journal::write(Note& note, const Progress& progress) {
  Slot& slot = note.slots[(note.version + 1) % 2];
  slot = {progress.done,    progress.length,        progress.inode,
          progress.dropped, progress.line.mid_line, progress.line.selected};
  store(note.version, note.version + 1);
}

void Journal::set_trouble(std::string_view text) {
  char* const to = reinterpret_cast<char*>(notes_) + kLogStatusOffset;
  text = text.substr(0, kLogStatusSize - 1);
  to[0] = '\0';  // a reader sees nothing rather than a mixture
  std::memcpy(to + 1, text.data() + (text.empty() ? 0 : 1), text.empty() ? 0 : text.size() - 1);
  if (text.empty()) return;
  to[text.size()] = '\0';
  std::atomic_signal_fence(std::memory_order_seq_cst);
  to[0] = text[0];
}

void Journal::discard_before(std::uint64_t position) {
  const auto gone = static_cast<std::size_t>(position - notes_->base);
  const auto kept = static_cast<std::size_t>(notes_->end - position);
  if (kept == 0) return store(notes_->base, position);
  // What is kept is copied to the front only where it does not overlap itself: until `base` is stored both copies
  // must be good.
  if (space() > capacity_ / 2 || gone < kept) return;
  std::memcpy(window_, place(position), kept);
  store(notes_->base, position);
}

void Journal::shrink() {
  used_ = 0;
  if (!fd_) return;  // its only copy is in memory
  ::madvise(window_, capacity_, MADV_DONTNEED);
  if (capacity_ <= small_ || notes_->end - notes_->base > small_) return;
  if (sys::ftruncate(fd_.get(), static_cast<off_t>(kNotesSize + small_)) == 0) capacity_ = small_;
}

void Journal::close_clean() {
  if (fd_ && notes_->base == notes_->end && sys::ftruncate(fd_.get(), kNotesSize) != 0) return;
}

}  // namespace svdir::svlogd
