// Memory that is not needed while nothing happens.
#pragma once

namespace svdir {

// Gives the stack pages below the caller back to the kernel: a start or a settings file may have needed them once, and
// a program that runs once per service then sits on them. They come back, zeroed, when they are needed again.
void release_unused_stack();

}  // namespace svdir
