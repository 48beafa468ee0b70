/* posix.c - what Linux and macOS do in the same way. */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void ipc_os_yield(void) { sched_yield(); }

uint32_t ipc_os_pid(void) { return (uint32_t)getpid(); }

uint32_t ipc_os_user(void) { return (uint32_t)geteuid(); }

static int posix_open(const char *key, int flags) {
  char path[IPC_POSIX_PATH_BYTES];
  ipc_posix_path(key, path);
  for (;;) {
    int directory = ipc_posix_directory();
    if (directory < 0) return directory;
    int fd = openat(directory, path, flags | O_CLOEXEC);
    if (fd >= 0) return fd;
    if (!ipc_posix_lost_directory(directory, errno)) return -errno;
  }
}

int ipc_os_unlink(const char *key) {
  char path[IPC_POSIX_PATH_BYTES];
  ipc_posix_path(key, path);
  int directory = ipc_posix_directory();
  if (directory < 0) return directory;
  return unlinkat(directory, path, 0) == 0 ? 0 : -errno;
}

/* Anything may have the name: a link is not followed, a pipe or a device not waited for. */
int ipc_os_open(const char *key, bool create, uint32_t permissions) {
  if (!create) return posix_open(key, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  char path[IPC_POSIX_PATH_BYTES];
  ipc_posix_path(key, path);
  int directory = ipc_posix_directory();
  return directory < 0 ? directory : ipc_posix_create(directory, path, permissions);
}

int ipc_os_set_permissions(int fd, uint32_t permissions) { return fchmod(fd, (mode_t)permissions) == 0 ? 0 : -errno; }

static ipc_os_file posix_file_of(const struct stat *s) {
  return (ipc_os_file){.size = (uint64_t)s->st_size,
                       .inode = (uint64_t)s->st_ino,
                       .links = (uint32_t)s->st_nlink,
                       .owner = (uint32_t)s->st_uid,
                       .group = (uint32_t)s->st_gid,
                       .permissions = s->st_mode & 07777,
                       .is_regular = S_ISREG(s->st_mode)};
}

int ipc_os_stat(int fd, ipc_os_file *out) {
  struct stat s;
  if (fstat(fd, &s) != 0) return -errno;
  *out = posix_file_of(&s);
  return 0;
}

int ipc_os_stat_key(const char *key, ipc_os_file *out) {
  char path[IPC_POSIX_PATH_BYTES];
  ipc_posix_path(key, path);
  for (;;) {
    int directory = ipc_posix_directory();
    if (directory < 0) return directory;
    struct stat s;
    if (fstatat(directory, path, &s, AT_SYMLINK_NOFOLLOW) == 0) {
      *out = posix_file_of(&s);
      return 0;
    }
    if (!ipc_posix_lost_directory(directory, errno)) return -errno;
  }
}

void ipc_os_close(int fd) { close(fd); }

int ipc_os_list(ipc_os_found *found, void *context) {
  int opened = ipc_posix_directory();
  if (opened < 0) return opened;
  int fd = openat(opened, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  DIR *directory = fdopendir(fd);
  if (!directory) {
    int error = -errno;
    close(fd);
    return error;
  }
  errno = 0;
  for (const struct dirent *entry; (entry = readdir(directory)); errno = 0)
    if (ipc_posix_is_key(entry->d_name)) found(context, entry->d_name, ipc_posix_keys_are_hashed);
  int error = -errno;
  closedir(directory);
  return error;
}

static int posix_only_regular(int fd) {
  struct stat s;
  if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode)) return fd;
  close(fd);
  return -EINVAL;
}

int ipc_os_open_to_read(const char *key) {
  int fd = posix_open(key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  return fd < 0 ? fd : posix_only_regular(fd);
}

int64_t ipc_os_read(int fd, void *bytes, uint64_t size, uint64_t offset) {
  uint64_t done = 0;
  while (done < size) {
    ssize_t part = pread(fd, (uint8_t *)bytes + done, size - done, (off_t)(offset + done));
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return -errno;
    if (part == 0) break;
    done += (uint64_t)part;
  }
  return (int64_t)done;
}

void ipc_os_unmap(void *address, uint64_t size) { munmap(address, size); }

bool ipc_os_replace(void *address, uint64_t size) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
  return mmap(address, size, PROT_READ | PROT_WRITE, flags, -1, 0) == address;
}

int ipc_os_try_lock(int fd, const char *key) {
  (void)key;
  return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

void ipc_os_unlock(int fd) {
  flock(fd, LOCK_UN);
  close(fd);
}
