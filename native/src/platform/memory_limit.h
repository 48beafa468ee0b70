/* memory_limit.h - the memory that the control groups of this process leave it. */
#ifndef LIBIPC_MEMORY_LIMIT_H
#define LIBIPC_MEMORY_LIMIT_H

#include "platform.h"

/* Less is not checked: a lock takes 28 KiB, and the check reads files. */
enum { IPC_POSIX_LEAST_CHECKED = 128 << 10 };

/* Whether the pages of a file count as memory of the control group that touches them, and cannot be written to a disk.
 */
bool ipc_posix_is_in_memory(int fd);

/*
 * The bytes that may still be allocated; UINT64_MAX: there is no limit, or it cannot be read. `path`: the folder of the
 * group with the limit, if it leaves less than `wanted`. The files of the system are read once a second, and again
 * before the answer is "less". What is taken counts as allocated until they are read again.
 */
uint64_t ipc_posix_memory_left(uint64_t wanted, char path[IPC_OS_PATH_BYTES]);

/*
 * The same, from the text of /proc/self/cgroup and the folder with the control groups. `swap`: the bytes that the
 * machine could still swap out.
 */
uint64_t ipc_posix_memory_left_in(const char *groups, const char *root, uint64_t swap, uint64_t wanted,
                                  char path[IPC_OS_PATH_BYTES]);

#endif
