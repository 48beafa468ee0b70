/* Preloaded into a process: fallocate fails as if shared memory were full. */
#include <errno.h>
#include <sys/types.h>

int fallocate(int fd, int mode, off_t offset, off_t length) {
  (void)fd, (void)mode, (void)offset, (void)length;
  errno = ENOSPC;
  return -1;
}
