#include "lib/memory.h"

#include <sys/mman.h>

#include <cstdint>

namespace svdir {
namespace {

constexpr std::uintptr_t kPage = 4096;
constexpr std::uintptr_t kMost = 512 * 1024;  // far more than we ever use

}  // namespace

// Not inlined, so that its own frame is the deepest one in use; one page below it is left alone for the call itself.
[[gnu::noinline]] void release_unused_stack() {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const std::uintptr_t end = (here & ~(kPage - 1)) - kPage;
  // Part of the range may never have been mapped; what is mapped is released all the same (madvise(2), ENOMEM).
  ::madvise(reinterpret_cast<void*>(end - kMost), kMost, MADV_DONTNEED);
}

}  // namespace svdir
