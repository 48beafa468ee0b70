/*
 * libipc/mapping.h - memory that outlives its endpoint.
 *
 * A binding hands out views into a ring. Whoever may still have one when the endpoint
 * is closed takes a hold on the mapping before: then the view reads stale bytes and
 * does not crash. Each hold must be paid back by one ipc_mapping_release(), which
 * may run on any thread.
 */
#ifndef LIBIPC_MAPPING_H
#define LIBIPC_MAPPING_H

#include "status.h"

typedef struct ipc_mapping ipc_mapping;

/* Where it is, and how many bytes. */
IPC_API void *ipc_mapping_address(const ipc_mapping *mapping);
IPC_API double ipc_mapping_byte_length(const ipc_mapping *mapping);

IPC_API void ipc_mapping_release(ipc_mapping *mapping);

/* The address of a `void release(void *ignored, void *mapping)` that does the same: the
 * shape that JavaScript engines want of what frees the memory of an ArrayBuffer. */
IPC_API void *ipc_mapping_releaser(void);

#endif
