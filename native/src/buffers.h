/* buffers.h - the buffers of a latest value; latest_value.c says who may write into which. */
#ifndef LIBIPC_BUFFERS_H
#define LIBIPC_BUFFERS_H

#include "layout.h"

/* So many buffers of a new latest value have memory at once: a reader's copy is overwritten after three more sets. */
enum { IPC_FIRST_BUFFERS = 4 };

/* From one buffer to the next: no two share a cache line. */
static inline uint64_t ipc_buffer_stride(uint32_t longest) {
  return (sizeof(ipc_buffer) + (uint64_t)longest + IPC_LINE - 1) & ~(uint64_t)(IPC_LINE - 1);
}

static inline uint32_t ipc_buffer_count(uint32_t max_handles) { return max_handles + IPC_BUFFERS_MORE; }

static inline uint32_t ipc_buffer_of(uint64_t current) { return (uint32_t)current & ((1u << IPC_BUFFER_BITS) - 1); }

static inline uint64_t ipc_version_of(uint64_t current) { return current >> IPC_BUFFER_BITS; }

#endif
