/* file_size.h - the size of a file whose blocks the system cannot reserve in every case: on macOS, and on ramfs. */
#ifndef LIBIPC_FILE_SIZE_H
#define LIBIPC_FILE_SIZE_H

#include "platform.h"

/* Allocates so many bytes behind the last allocated byte of a file, all or none, and leaves its size: 0, or -errno. */
typedef int ipc_posix_allocate(int fd, uint64_t bytes);

/*
 * ipc_os_resize() with such a function. Invariant: a file that only this function has made larger has no hole, also if
 * the process is killed inside, and no byte within its size is written. So others may have it mapped.
 */
int ipc_posix_resize(int fd, uint64_t size, ipc_posix_allocate *allocate);

/* ipc_os_reserve() where the system cannot: writes zeros. */
int ipc_posix_reserve(int fd, uint64_t from, uint64_t to);

#endif
