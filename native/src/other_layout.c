#include "other_layout.h"

#include <errno.h>
#include <stddef.h>

#include "layout.h"
#include "layout_hash.h"
#include "name_lock.h"

/* Others that open the name have the file open for a moment, before they see that it has another layout. On a busy
 * machine that moment is long. */
static const uint64_t PATIENCE_NS = 500000000u;

/* What lies at the start of a segment in every layout. */
typedef struct other_layout_start {
  uint32_t magic, version, layout_hash;
} other_layout_start;

_Static_assert(offsetof(ipc_header, version) == offsetof(other_layout_start, version) &&
                   offsetof(ipc_header, layout_hash) == offsetof(other_layout_start, layout_hash),
               "a header begins as in all layouts");

static bool other_layout_is_one(int fd) {
  other_layout_start start;
  if (ipc_os_read(fd, &start, sizeof start, 0) != (int64_t)sizeof start || start.magic != IPC_MAGIC) return false;
  return start.version != IPC_LAYOUT_VERSION || start.layout_hash != ipc_layout_hash();
}

/* 1: removed. 0: not what the name leads to any more. -EBUSY: a process has it open, or the name lock. Or another
 * -errno.
 */
static int other_layout_try(int fd, const char *key) {
  ipc_os_file file, named;
  int error = ipc_os_try_lock(fd, key);
  if (error == -EWOULDBLOCK || error == -EINTR) return -EBUSY;
  if (error == 0) error = ipc_os_stat(fd, &file);
  if (error == 0) error = ipc_os_stat_key(key, &named);
  if (error == -ENOENT) return 0;
  if (error != 0) return error;
  if (file.links == 0 || named.inode != file.inode || !other_layout_is_one(fd)) return 0;
  if (!ipc_name_lock_is_own(&file)) return -EACCES;
  int in_use = ipc_os_is_in_use(fd);
  if (in_use != 0) return in_use < 0 ? in_use : -EBUSY;
  /* No process can come to use it now: a process of any version takes the name lock first, which this one has, and then
   * finds that the file has no name. */
  error = ipc_os_unlink(key);
  return error == 0 ? 1 : error == -ENOENT ? 0 : error;
}

int32_t ipc_other_layout_remove(const char *key, ipc_failure *failure) {
  uint64_t deadline = ipc_os_now() + PATIENCE_NS, pause_ns = 500000;
  for (;;) {
    int fd = ipc_os_open_to_read(key), done = fd;
    if (fd == -ENOENT || fd == -EINVAL || fd == -ELOOP) return 0; /* gone, or what an open refuses */
    if (fd >= 0) {
      done = other_layout_try(fd, key);
      ipc_os_unlock(fd); /* also between attempts: others that wait for the lock may have the file open */
    }
    if (done >= 0) return done;
    failure->system_error = done == -EBUSY ? 0 : -done;
    if (done != -EBUSY || ipc_os_now() >= deadline) return IPC_E_VERSION;
    _Atomic uint32_t never = 0; /* a private word that is never woken: a sleep */
    ipc_os_wait(&never, 0, pause_ns);
    pause_ns += pause_ns / 2;
  }
}
