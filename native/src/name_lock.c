#include "name_lock.h"

#include <errno.h>

#include "failure.h"

/*
 * The kernel has no lock with a time-out, so this tries again and again, with longer and longer pauses: a thousand
 * processes that all try every millisecond would keep the holder from its processor.
 */
static int name_lock_try_until(int fd, const char *key, uint64_t deadline) {
  uint64_t pause_ns = 1000000;
  for (uint32_t attempt = 0;; attempt++) {
    int error = ipc_os_try_lock(fd, key);
    if (error != -EWOULDBLOCK && error != -EINTR) return error;
    if (ipc_os_now() >= deadline) return -EWOULDBLOCK;
    if (attempt < 100) {
      ipc_os_yield();
    } else { /* a private word that is never woken: a sleep */
      _Atomic uint32_t never = 0;
      ipc_os_wait(&never, 0, pause_ns);
      if (pause_ns < 16000000) pause_ns += pause_ns / 4;
    }
  }
}

uint32_t ipc_name_lock_permissions(const ipc_options *options) {
  return options->permissions ? options->permissions : 0600;
}

uint32_t ipc_name_lock_mode(const ipc_options *options) {
  uint32_t mode = ipc_name_lock_permissions(options);
  if (!(mode & 020)) mode &= ~UINT32_C(070);
  if (!(mode & 002)) mode &= ~UINT32_C(007);
  return mode;
}

int32_t ipc_name_lock_refuse(ipc_failure *failure, const ipc_os_file *file) {
  failure->option = IPC_OPTION_PERMISSIONS;
  return ipc_failure_set(failure, IPC_E_PERMISSION, file->owner, file->permissions);
}

bool ipc_name_lock_is_own(const ipc_os_file *file) {
  return file->is_regular && file->links <= 1 && (file->owner == ipc_os_user() || file->owner == 0);
}

/*
 * Whether the file of a name may be locked and mapped at all. Every user can write to the directory: anybody may have
 * put the file there to read what we send, to have us read what he sends, or to have us write to another file of ours.
 * The content of another user's file proves nothing, so only what the system says about the file counts.
 *
 * A file of our own user may be shared with more users than the caller allows, because it may be a leftover. If it is
 * in use, ipc_segment_options_compare() refuses it.
 */
static int32_t name_lock_check_file(const ipc_os_file *file, const ipc_options *options, ipc_failure *failure) {
  if (!file->is_regular) return ipc_failure_set(failure, IPC_E_FOREIGN, 0, 0);
  if (file->links > 1) return ipc_failure_set(failure, IPC_E_FOREIGN, file->links, 1);
  uint32_t others = file->permissions & IPC_OTHERS;
  bool is_shared = (others & IPC_OTHERS_WRITE) != 0 && (others & ~ipc_name_lock_permissions(options)) == 0;
  return ipc_name_lock_is_own(file) || is_shared ? IPC_OK : ipc_name_lock_refuse(failure, file);
}

int ipc_name_lock_open(const char *key, const ipc_options *options, uint64_t patience_ns, ipc_os_file *file,
                       bool *created, ipc_failure *failure) {
  uint64_t deadline = ipc_os_now() + patience_ns;
  for (;;) {
    int error = 0, fd = ipc_os_open(key, false, 0);
    *created = fd == -ENOENT && options && options->mode != IPC_OPEN;
    if (*created) {
      fd = ipc_os_open(key, true, ipc_name_lock_mode(options));
      if (fd == -EEXIST) continue;
    }
    if (fd == -EWOULDBLOCK) {
      /* A lease: of ipc_os_is_in_use() for microseconds, of a stranger for as long as he likes. */
      error = ipc_os_stat_key(key, file);
      if (error == 0 && options && name_lock_check_file(file, options, failure) != IPC_OK) return -EPERM;
      if (error == 0 && !options && !ipc_name_lock_is_own(file)) return -EWOULDBLOCK;
      if (ipc_os_now() >= deadline) return -EWOULDBLOCK;
      ipc_os_yield();
      continue;
    }
    if (fd < 0) return fd;
    /* Before the lock, which a stranger could hold for ever. Only the size and the name can change after this. */
    if (options && !*created) error = ipc_os_stat(fd, file);
    if (options && !*created && error == 0 && name_lock_check_file(file, options, failure) != IPC_OK) error = -EPERM;
    if (error == 0) error = name_lock_try_until(fd, key, deadline);
    if (error == 0) error = ipc_os_stat(fd, file);
    if (error == 0 && file->links > 0) return fd;
    ipc_os_unlock(fd);
    if (error != 0) return error;
    /* Removed while this waited for its lock: look the name up again. */
  }
}
