/*
 * memory_limit.c - the memory that the control groups (cgroups) of this process leave it.
 *
 * A file of a tmpfs counts as memory of the group whose process allocates its pages. Where the group has no more, the
 * kernel does not refuse the allocation: it ends a process. So a segment that would not fit is refused before.
 *
 * Each group above counts, too. In a container the process may not see its own group: with version 1, /proc/self/cgroup
 * has the host's path of it, but only the group itself is mounted. So a folder that does not exist is passed over, and
 * the folders above it are looked at, up to the root.
 *
 * The answer is an estimate, because other processes allocate, too. It must not be too low, since then an open fails
 * that could succeed: what the kernel can take back from the group (cached files, swap) counts as left.
 */
#ifdef __linux__
#define _GNU_SOURCE
#include "memory_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

bool ipc_posix_is_in_memory(int fd) {
  enum { TMPFS = 0x01021994 }; /* TMPFS_MAGIC; ramfs has 0x858458f6 */
  const unsigned RAMFS = 0x858458f6u;
  struct statfs s;
  return fstatfs(fd, &s) == 0 && ((unsigned)s.f_type == TMPFS || (unsigned)s.f_type == RAMFS);
}

static bool limit_read(const char *folder, const char *file, char *text, size_t size) {
  char path[IPC_OS_PATH_BYTES + 64];
  snprintf(path, sizeof path, "%s/%s", folder, file);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, size - 1);
  close(fd);
  text[length > 0 ? length : 0] = 0;
  return length > 0;
}

/* UINT64_MAX: no number, which stands for "max", or no file. */
static uint64_t limit_number(const char *folder, const char *file) {
  char text[32], *end;
  if (!limit_read(folder, file, text, sizeof text)) return UINT64_MAX;
  uint64_t number = strtoull(text, &end, 10);
  return end == text ? UINT64_MAX : number;
}

/* "key 123" in the text, at the start of a line; 0: it is not there. */
static uint64_t limit_field(const char *text, const char *key) {
  size_t length = strlen(key);
  for (const char *line = text; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, key, length) == 0 && line[length] == ' ') return strtoull(line + length, NULL, 10);
  }
  return 0;
}

static uint64_t limit_less(uint64_t limit, uint64_t used) {
  if (limit == UINT64_MAX || used == UINT64_MAX) return UINT64_MAX;
  return limit > used ? limit - used : 0;
}

static uint64_t limit_sum(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

/* Of one group, without those above it. */
static uint64_t limit_left_in_group(const char *folder, bool is_first_version, uint64_t swap, uint64_t wanted) {
  uint64_t left =
      is_first_version
          ? limit_less(limit_number(folder, "memory.limit_in_bytes"), limit_number(folder, "memory.usage_in_bytes"))
          : limit_less(limit_number(folder, "memory.max"), limit_number(folder, "memory.current"));
  if (left >= wanted) return left;
  char text[8192];
  if (!limit_read(folder, "memory.stat", text, sizeof text)) return UINT64_MAX; /* it cannot be known */
  left += is_first_version ? limit_field(text, "total_inactive_file") + limit_field(text, "total_active_file")
                           : limit_field(text, "inactive_file") + limit_field(text, "active_file") +
                                 limit_field(text, "slab_reclaimable");
  if (left >= wanted || swap == 0) return left;
  uint64_t swap_left = is_first_version ? limit_less(limit_number(folder, "memory.memsw.limit_in_bytes"),
                                                     limit_number(folder, "memory.memsw.usage_in_bytes"))
                                        : limit_less(limit_number(folder, "memory.swap.max"),
                                                     limit_number(folder, "memory.swap.current"));
  return limit_sum(left, swap_left < swap ? swap_left : swap);
}

/* The group of this process, and those above it. */
static uint64_t limit_left_in_groups(const char *root, const char *group, size_t group_bytes, bool is_first_version,
                                     uint64_t swap, uint64_t wanted, char path[IPC_OS_PATH_BYTES]) {
  uint64_t least = UINT64_MAX;
  char folder[IPC_OS_PATH_BYTES];
  size_t root_bytes = strlen(root);
  int length = snprintf(folder, sizeof folder, "%s%.*s", root, (int)group_bytes, group);
  if (length < 0 || (size_t)length >= sizeof folder) return UINT64_MAX;
  for (;;) {
    uint64_t left = limit_left_in_group(folder, is_first_version, swap, wanted);
    if (left < least) {
      least = left;
      memcpy(path, folder, sizeof folder);
    }
    char *end = strrchr(folder, '/');
    if (!end || (size_t)(end - folder) < root_bytes) return least;
    *end = 0;
  }
}

/* Whether "memory" is among the comma-separated names before the second colon. */
static bool limit_is_of_memory(const char *names, const char *end) {
  static const char memory[] = "memory";
  const size_t length = sizeof memory - 1;
  for (const char *name = names; name < end;) {
    const char *comma = memchr(name, ',', (size_t)(end - name)), *stop = comma ? comma : end;
    if ((size_t)(stop - name) == length && memcmp(name, memory, length) == 0) return true;
    name = stop + 1;
  }
  return false;
}

uint64_t ipc_posix_memory_left_in(const char *groups, const char *root, uint64_t swap, uint64_t wanted,
                                  char path[IPC_OS_PATH_BYTES]) {
  char first_version[IPC_OS_PATH_BYTES];
  uint64_t least = UINT64_MAX;
  snprintf(first_version, sizeof first_version, "%s/memory", root);
  /* Lines: "<number>:<controllers of version 1, or nothing>:<path>". */
  for (const char *line = groups, *next; *line; line = next) {
    const char *end = strchr(line, '\n');
    next = end ? end + 1 : line + strlen(line);
    if (!end) end = next;
    const char *names = memchr(line, ':', (size_t)(end - line));
    const char *group = names ? memchr(names + 1, ':', (size_t)(end - names - 1)) : NULL;
    if (!group) continue;
    bool is_second_version = group == names + 1;
    if (!is_second_version && !limit_is_of_memory(names + 1, group)) continue;
    char found[IPC_OS_PATH_BYTES];
    uint64_t left = limit_left_in_groups(is_second_version ? root : first_version, group + 1, (size_t)(end - group - 1),
                                         !is_second_version, swap, wanted, found);
    if (left >= least) continue;
    least = left;
    memcpy(path, found, sizeof found);
  }
  return least;
}

static uint64_t limit_read_now(uint64_t wanted, char path[IPC_OS_PATH_BYTES]) {
  char groups[4096];
  struct sysinfo machine;
  if (!limit_read("/proc/self", "cgroup", groups, sizeof groups)) return UINT64_MAX;
  uint64_t swap = sysinfo(&machine) == 0 ? (uint64_t)machine.freeswap * machine.mem_unit : 0;
  return ipc_posix_memory_left_in(groups, "/sys/fs/cgroup", swap, wanted, path);
}

/* Two threads may count at the same time: the next reading corrects what they make of it. */
static _Atomic uint64_t known_left, known_at;

uint64_t ipc_posix_memory_left(uint64_t wanted, char path[IPC_OS_PATH_BYTES]) {
  const uint64_t second = 1000000000;
  uint64_t now = ipc_os_now_coarse(), read_at = atomic_load_explicit(&known_at, memory_order_relaxed);
  uint64_t left = atomic_load_explicit(&known_left, memory_order_relaxed);
  path[0] = 0;
  if (read_at == 0 || now - read_at > second || left < wanted) {
    left = limit_read_now(wanted, path);
    atomic_store_explicit(&known_at, now, memory_order_relaxed);
  }
  uint64_t after = left == UINT64_MAX ? left : left > wanted ? left - wanted : 0;
  atomic_store_explicit(&known_left, left < wanted ? left : after, memory_order_relaxed);
  return left;
}

#endif

#ifdef __APPLE__
#include "memory_limit.h"

/* No control groups, and the files are on a disk. */
bool ipc_posix_is_in_memory(int fd) { return (void)fd, false; }

uint64_t ipc_posix_memory_left(uint64_t wanted, char path[IPC_OS_PATH_BYTES]) {
  (void)wanted;
  path[0] = 0;
  return UINT64_MAX;
}
#endif
