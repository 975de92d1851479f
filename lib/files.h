// Small files: read whole, written so that no reader ever sees half of one.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "lib/error.h"
#include "lib/fd.h"

namespace svdir {

// Writes `bytes` to `name` (relative to the open directory `dir`) by way of `name`.new, which takes its place in one
// step. What was there before stays behind as `name`.new, to be written over the next time, so that neither inode nor
// block changes hands: on ext4, where a rename over a file makes the kernel write that file out at once, this takes a
// sixth of the time. It is not written over while a reader still has it open; a lease (fcntl(2)) tells. The data are
// not fsynced: they describe processes, which do not outlive the kernel's page cache. May be called between vfork and
// exec.
//
// Where a full disk has no room for the second file, the first is written over in one write(2), and filled up with
// newlines to the length it had: what cannot be replaced in one step is better than what is not true any more. So the
// formats written by this must not mind newlines at their end.
Result<void> write_atomically(int dir, const char* name, std::string_view bytes, mode_t mode);

// Removes it, and what earlier writes have left beside it.
void remove_written(int dir, const char* name);

// Opens a file, or a FIFO, for reading without waiting. -1 with errno.
Fd open_to_read(int dir, const char* name);

// The whole of a regular file of at most `limit` bytes. Never blocks: anything but a regular file is refused
// (EINVAL), a longer one too (EFBIG).
Result<std::string> read_small(int dir, const char* name, std::size_t limit);

Result<Fd> open_directory(const char* path);

// Makes the directory `path`, and those it lies in, where they are not there. Mode 0755.
Result<void> ensure_directory(const std::string& path);

// Makes a FIFO where there is none; one that is there is kept, anything else there is an error (EEXIST).
Result<void> ensure_fifo(int dir, const char* name, mode_t mode);

}  // namespace svdir
