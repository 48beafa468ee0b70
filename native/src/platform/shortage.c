/* shortage.c - what would keep a file from having a size, asked before the system is asked for it. */
#define _GNU_SOURCE
#define _DARWIN_C_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "memory_limit.h"
#include "posix.h"

uint64_t ipc_os_free_bytes(int fd) {
  struct statvfs s;
  return fstatvfs(fd, &s) == 0 ? (uint64_t)s.f_bavail * s.f_frsize : 0;
}

bool ipc_os_is_short(int fd, uint64_t size, ipc_os_shortage *shortage) {
  struct rlimit limit;
  struct stat s;
  if (fstat(fd, &s) != 0) return false;
  /* The system would end the process (SIGXFSZ) if the program does not ignore that signal. */
  if (size > (uint64_t)s.st_size && getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      size > limit.rlim_cur) {
    *shortage = (ipc_os_shortage){.of = IPC_OS_FILE_SIZE, .most = limit.rlim_cur};
    return true;
  }
  uint64_t blocks = (uint64_t)s.st_blocks * 512;
  return ipc_os_is_short_of_memory(fd, size > blocks ? size - blocks : 0, shortage);
}

bool ipc_os_is_short_of_memory(int fd, uint64_t more, ipc_os_shortage *shortage) {
  /* The system would end a process of the control group, maybe another one. */
  if (more < IPC_POSIX_LEAST_CHECKED || !ipc_posix_is_in_memory(fd)) return false;
  ipc_os_shortage left = {.of = IPC_OS_MEMORY_LIMIT};
  left.most = ipc_posix_memory_left(more, left.path);
  if (left.most >= more) return false;
  *shortage = left;
  return true;
}
