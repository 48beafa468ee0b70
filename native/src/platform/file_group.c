/*
 * file_group.c - the group of a new file, for systems that take it from the directory, as BSD and macOS do. In /var/tmp
 * that is wheel: permissions of 0660 would admit the members of wheel, and not those of this process's group.
 */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include "file_group.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int ipc_posix_give_own_group(int fd) {
  struct stat s;
  if (fstat(fd, &s) != 0) return -errno;
  if (s.st_gid == getegid()) return 0;
  return fchown(fd, (uid_t)-1, getegid()) == 0 ? 0 : -errno;
}
