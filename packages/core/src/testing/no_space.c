/* Preloaded into a process: shared memory is full, as far as fallocate is concerned. */
#include <errno.h>
#include <sys/types.h>

int fallocate(int fd, int mode, off_t offset, off_t length) {
  (void)fd, (void)mode, (void)offset, (void)length;
  errno = ENOSPC;
  return -1;
}
