/*
 * create_file.c - how a new segment's file gets its name.
 *
 * Invariant: a file that has the name has its permissions, and its creator has it locked. So another user who opens the
 * name at this moment is never refused for permissions that the file was about to get, and a creator that is killed
 * leaves no file, or one that the users whom it was meant for can open.
 *
 *   1 make a file without a name        (mode 0600)
 *   2 give it its group and permissions (the umask would take from those that are passed to open)
 *   3 lock it
 *   4 give it the name, if nothing has the name
 *
 * Where the system has no files without a name, 1 gives it another name: "libipc-new.<8 hex digits>", and 4 renames it.
 * A creator that is killed before 4 leaves that file. It is not locked then, and any process of its user or of root
 * removes it: ipc_posix_remove_unnamed(). Where a file system cannot rename without replacing, the file is created
 * under its name (4, 3, 2), and the invariant does not hold.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix.h"

#define PREFIX "libipc-new."
enum { NAME_BYTES = sizeof PREFIX + 8, ATTEMPTS = 100, NO_SUCH_WAY = 1 };

static int create_prepare(int fd, uint32_t permissions) {
  int error = ipc_posix_give_group(fd);
  if (error != 0) return error;
  if (fchmod(fd, (mode_t)permissions) != 0) return -errno;
  return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

#ifdef O_TMPFILE
/* Before Linux 6.10, this needs a privilege. */
static int create_link(int fd, int directory, const char *path) {
  return linkat(fd, "", directory, path, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

/* This needs /proc. */
static int create_link_by_path(int fd, int directory, const char *path) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, link, directory, path, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

static bool create_is_refused(int error) { return error != 0 && error != -EEXIST && error != -ENOSPC; }

/* The descriptor, -errno, or NO_SUCH_WAY. */
static int create_unnamed(int directory, const char *path, uint32_t permissions) {
  int fd = openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL ? NO_SUCH_WAY : -errno;
  int error = create_prepare(fd, permissions);
  if (error == 0) {
    error = create_link(fd, directory, path);
    if (create_is_refused(error)) error = create_link_by_path(fd, directory, path);
    if (create_is_refused(error)) error = NO_SUCH_WAY;
  }
  if (error == 0) return fd;
  close(fd);
  return error;
}
#else
static int create_unnamed(int directory, const char *path, uint32_t permissions) {
  (void)directory, (void)path, (void)permissions;
  return NO_SUCH_WAY;
}
#endif

/* One attempt: the descriptor, -errno, NO_SUCH_WAY, or -EAGAIN: under another name. */
static int create_and_rename(int directory, const char *path, uint32_t permissions) {
  uint32_t number;
  char name[NAME_BYTES];
  int error = ipc_posix_random(&number);
  if (error != 0) return error;
  snprintf(name, sizeof name, PREFIX "%08x", number);
  int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return errno == EEXIST ? -EAGAIN : -errno;
  error = create_prepare(fd, permissions);
  if (error == 0) error = ipc_posix_rename_new(directory, name, path);
  if (error == 0) return fd;
  /* A process that removes leftovers was faster: it has the lock, or has removed the name. */
  if (error == -EWOULDBLOCK || error == -ENOENT) error = -EAGAIN;
  if (error == -EINVAL || error == -ENOSYS || error == -EOPNOTSUPP) error = NO_SUCH_WAY;
  unlinkat(directory, name, 0);
  close(fd);
  return error;
}

static int create_under_its_name(int directory, const char *path, uint32_t permissions) {
  int fd = openat(directory, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (int)permissions);
  if (fd < 0) return -errno;
  /* A process that opens the name may have the lock by now: then it waits for this one, or this one for it. */
  int error = create_prepare(fd, permissions);
  if (error == 0 || error == -EWOULDBLOCK) return fd;
  unlinkat(directory, path, 0);
  close(fd);
  return error;
}

int ipc_posix_create(int directory, const char *path, uint32_t permissions) {
  int fd = create_unnamed(directory, path, permissions);
  if (fd != NO_SUCH_WAY) return fd;
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    fd = create_and_rename(directory, path, permissions);
    if (fd != -EAGAIN) break;
  }
  return fd == NO_SUCH_WAY ? create_under_its_name(directory, path, permissions) : fd;
}

bool ipc_posix_is_unnamed(const char *name) {
  return strlen(name) == NAME_BYTES - 1 && strncmp(name, PREFIX, sizeof PREFIX - 1) == 0;
}

void ipc_posix_remove_unnamed(int directory, const char *name) {
  int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  struct stat file;
  /* Under the lock: its creator has ended, or will get -EWOULDBLOCK or -ENOENT. If it has renamed the file, the name is
   * gone, and is not used again: it is random. */
  bool is_ours = fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_uid == geteuid();
  if (is_ours && flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(directory, name, 0);
  close(fd);
}
