#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "identity_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#ifdef F_OFD_SETLK
static int lock_bytes(int fd, off_t first, off_t count) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
  return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : -errno;
}

static int lock_bytes_as_owner(int fd) { return lock_bytes(fd, 0, 2); }
static int lock_bytes_as_finder(int fd) { return lock_bytes(fd, 1, 1); }

static int lock_bytes_are_locked(int fd) {
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
  return fcntl(fd, F_OFD_GETLK, &lock) == 0 ? lock.l_type == F_WRLCK : -errno;
}

const ipc_identity_locks ipc_identity_byte_locks = {lock_bytes_as_owner, lock_bytes_as_finder, lock_bytes_are_locked};
const ipc_identity_locks *ipc_identity_locks_used = &ipc_identity_byte_locks;
#else
const ipc_identity_locks *ipc_identity_locks_used = &ipc_identity_file_locks;
#endif

static int lock_file(int fd) { return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno; }

static int lock_file_is_locked(int fd) {
  if (flock(fd, LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK ? 1 : -errno;
  flock(fd, LOCK_UN);
  return 0;
}

const ipc_identity_locks ipc_identity_file_locks = {lock_file, lock_file, lock_file_is_locked};
