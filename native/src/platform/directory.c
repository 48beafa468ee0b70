/*
 * directory.c - the directory with the files of all names: segments, identities, sockets of event loops.
 *
 * It is chosen by the first call that needs it, and stays for the life of the process: LIBIPC_DIR, or the system's own
 * directory. It is opened by the first call that reaches a file, and that descriptor stays, too. So a process that has
 * opened one name reaches all, also after a chroot and when something else is mounted there later.
 *
 * A program may close descriptors that it has not opened, and get the number for something else. Nothing has a name
 * there: to believe that would declare the segments of all others orphaned, and their processes dead. So what seems to
 * be missing is looked for again if the descriptor leads to another directory: ipc_posix_lost_directory().
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix.h"

static _Atomic(const char *) chosen; /* NULL: not yet. Never freed */
static _Atomic int opened_and_1;     /* the descriptor; 0: none yet */

/* Not what the caller of a program with more rights than its own has set. */
static const char *directory_of_environment(void) {
#ifdef __linux__
  return secure_getenv("LIBIPC_DIR");
#else
  return issetugid() ? NULL : getenv("LIBIPC_DIR");
#endif
}

/* The first call decides. Without memory for a copy, nothing is chosen. */
const char *ipc_os_choose_directory(const char *path) {
  const char *before = atomic_load_explicit(&chosen, memory_order_acquire);
  if (before) return before;
  if (!path) path = directory_of_environment();
  const char *copy = path && *path ? strdup(path) : ipc_posix_default_directory;
  if (!copy) return path;
  /* release pairs with the acquire of each reader: the bytes of the copy */
  if (atomic_compare_exchange_strong_explicit(&chosen, &before, copy, memory_order_acq_rel, memory_order_acquire))
    return copy;
  if (copy != ipc_posix_default_directory) free((char *)(uintptr_t)copy);
  return before;
}

const char *ipc_os_directory(void) {
  const char *path = atomic_load_explicit(&chosen, memory_order_acquire);
  return path ? path : ipc_os_choose_directory(NULL);
}

const char *ipc_os_own_directory(void) { return ipc_posix_default_directory; }

bool ipc_posix_fits_socket(const char *path) { return strlen(path) <= IPC_POSIX_SOCKET_DIRECTORY_BYTES; }

void ipc_posix_directory_link(int fd, ipc_posix_link path) {
  snprintf(path, sizeof(ipc_posix_link), "/proc/self/fd/%d", fd);
}

static bool directory_has_link(int fd) {
  ipc_posix_link path;
  struct stat by_link, by_descriptor;
  ipc_posix_directory_link(fd, path);
  return stat(path, &by_link) == 0 && fstat(fd, &by_descriptor) == 0 && by_link.st_dev == by_descriptor.st_dev &&
         by_link.st_ino == by_descriptor.st_ino;
}

static int directory_open(void) {
  const char *path = ipc_os_directory();
  if (path[0] != '/') return -EINVAL;
  if (strlen(path) > IPC_OS_DIRECTORY_BYTES - 1) return -ENAMETOOLONG;
  int fd = open(path, IPC_POSIX_OPEN_DIRECTORY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  if (ipc_posix_fits_socket(path) || directory_has_link(fd)) return fd;
  close(fd);
  return -ENAMETOOLONG;
}

/* Which directory this process uses: it must not take another one for it, in which nothing has a name. 0: none yet. */
static _Atomic uint64_t known_device, known_inode;

static bool directory_is_known(int fd) {
  struct stat file;
  /* acquire pairs with the release in directory_is_accepted: the device is there */
  uint64_t inode = atomic_load_explicit(&known_inode, memory_order_acquire);
  if (inode == 0) return true;
  return fstat(fd, &file) == 0 && (uint64_t)file.st_ino == inode &&
         (uint64_t)file.st_dev == atomic_load_explicit(&known_device, memory_order_relaxed);
}

/* The first one that is opened becomes the known one. Threads that come first together have opened the same. */
static bool directory_is_accepted(int fd) {
  struct stat file;
  if (atomic_load_explicit(&known_inode, memory_order_relaxed) != 0) return directory_is_known(fd);
  if (fstat(fd, &file) != 0) return false;
  atomic_store_explicit(&known_device, (uint64_t)file.st_dev, memory_order_relaxed);
  atomic_store_explicit(&known_inode, (uint64_t)file.st_ino, memory_order_release);
  return true;
}

int ipc_posix_directory(void) {
  int fd = atomic_load_explicit(&opened_and_1, memory_order_acquire) - 1;
  if (fd >= 0) return fd;
  fd = directory_open();
  if (fd < 0) return fd;
  if (!directory_is_accepted(fd)) {
    close(fd);
    return -ESTALE;
  }
  int none = 0;
  if (atomic_compare_exchange_strong_explicit(&opened_and_1, &none, fd + 1, memory_order_acq_rel, memory_order_acquire))
    return fd;
  close(fd);
  return none - 1;
}

bool ipc_posix_lost_directory(int fd, int error) {
  if ((error != ENOENT && error != ENOTDIR && error != EBADF) || directory_is_known(fd)) return false;
  int number = fd + 1;
  /* It is not closed: it is the program's. Another thread may have replaced it already. */
  atomic_compare_exchange_strong_explicit(&opened_and_1, &number, 0, memory_order_relaxed, memory_order_relaxed);
  return true;
}

void ipc_posix_forget_directory(void) {
  int fd = atomic_exchange_explicit(&opened_and_1, 0, memory_order_relaxed) - 1;
  atomic_store_explicit(&known_inode, 0, memory_order_relaxed);
  if (fd >= 0) close(fd);
}

int ipc_os_reach_directory(uint64_t *length, uint64_t *limit) {
  *length = *limit = 0;
  int fd = ipc_posix_directory();
  if (fd != -ENAMETOOLONG) return fd < 0 ? fd : 0;
  *length = strlen(ipc_os_directory());
  *limit = *length > IPC_OS_DIRECTORY_BYTES - 1 ? IPC_OS_DIRECTORY_BYTES - 1 : IPC_POSIX_SOCKET_DIRECTORY_BYTES;
  return fd;
}

bool ipc_os_is_directory_removed(void) {
  struct stat file;
  int fd = ipc_posix_directory();
  return fd >= 0 && fstat(fd, &file) == 0 && file.st_nlink == 0;
}

void ipc_os_path(const char *key, char path[IPC_OS_PATH_BYTES]) {
  char name[IPC_POSIX_PATH_BYTES];
  if (!key) {
    snprintf(path, IPC_OS_PATH_BYTES, "%s", ipc_os_directory());
    return;
  }
  ipc_posix_path(key, name);
  snprintf(path, IPC_OS_PATH_BYTES, "%.*s/%s", IPC_OS_DIRECTORY_BYTES - 1, ipc_os_directory(), name);
}
