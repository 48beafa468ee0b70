/*
 * file_size.c - makes a file larger without a hole: a write to a mapped hole faults when the disk is full.
 *
 * Preallocation has been seen to fail on new files (EINVAL), and not every file system counts what it has allocated. So
 * the blocks that the file has decide, before it gets its size. If they are too few, zeros are written behind its end.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "file_size.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int size_write_zeros(int fd, uint64_t from, uint64_t to) {
  static const char zeros[64 << 10];
  while (from < to) {
    uint64_t left = to - from;
    ssize_t written = pwrite(fd, zeros, left < sizeof zeros ? left : sizeof zeros, (off_t)from);
    if (written < 0 && errno != EINTR) return -errno;
    if (written > 0) from += (uint64_t)written;
  }
  return 0;
}

static int size_ask(int fd, uint64_t *bytes, uint64_t *allocated) {
  struct stat s;
  if (fstat(fd, &s) != 0) return -errno;
  *bytes = (uint64_t)s.st_size;
  *allocated = (uint64_t)s.st_blocks * 512;
  return 0;
}

int ipc_os_extend(int fd, uint64_t size) { return ftruncate(fd, (off_t)size) == 0 ? 0 : -errno; }

int ipc_posix_reserve(int fd, uint64_t from, uint64_t to) { return size_write_zeros(fd, from, to); }

int ipc_posix_resize(int fd, uint64_t size, ipc_posix_allocate *allocate) {
  uint64_t before = 0, allocated = 0;
  int error = size_ask(fd, &before, &allocated);
  if (error != 0 || size == before) return error;
  if (size > before) {
    error = size > allocated ? allocate(fd, size - allocated) : 0;
    if (error == -ENOSPC || error == -EDQUOT) return error;
    uint64_t unchanged;
    error = size_ask(fd, &unchanged, &allocated);
    if (error == 0 && allocated < size && (error = size_write_zeros(fd, before, size)) != 0)
      if (ftruncate(fd, (off_t)before) != 0) return error; /* it is too large, and has no hole */
    if (error != 0) return error;
  }
  return ftruncate(fd, (off_t)size) == 0 ? 0 : -errno;
}
