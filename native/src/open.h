/* open.h - opening a name: its segment is created, joined, or replaced if it is a leftover. */
#ifndef LIBIPC_OPEN_H
#define LIBIPC_OPEN_H

#include <stddef.h>

#include "segment.h"

/*
 * Opens or creates a name and keeps the name lock, so that the caller can take a slot before the segment can be
 * removed. Returns the descriptor of the lock (for ipc_os_unlock), or a failure with *failure filled in.
 */
int32_t ipc_segment_open(ipc_segment *segment, const char *prefix, const char *name, const ipc_options *options,
                         ipc_failure *failure);

/*
 * Allocates a sender, receiver or handle of `bytes` zeros, whose first member is its ipc_segment, and opens that. *lock
 * is then the descriptor of the name lock. NULL with *failure filled in: the options have another size than they say
 * (ipc_segment_options_read), or the kind has a ring and must not, or the reverse (IPC_E_INVALID_ARGUMENT); no memory;
 * or the open failed. All public opens come through here, so beyond it options are those of this library.
 */
void *ipc_segment_open_endpoint(size_t bytes, bool has_ring, const char *prefix, const char *name,
                                const ipc_options *options, int32_t *lock, ipc_failure *failure);

#endif
