/*
 * libipc/mapping.h - addresses that stay mapped after their endpoint or handle was closed.
 *
 * A binding gives its users views into a ring. If a view may still be used after the close, the binding takes a hold on
 * the mapping before. The close gives the memory back, and the view reads zeros, private to this process. Shared memory
 * is different: it stays what it is until the last hold is released. Each hold is released once.
 */
#ifndef LIBIPC_MAPPING_H
#define LIBIPC_MAPPING_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ipc_mapping ipc_mapping;

/*
 * Where the memory begins.
 *
 * Returns:    its address; valid until the hold is released.
 * Fails with: nothing.
 * Called by:  any thread that knows of a hold.
 * Order:      none.
 */
IPC_API void *ipc_mapping_address(const ipc_mapping *mapping);

/*
 * How long the memory is.
 *
 * Returns:    bytes.
 * Fails with: nothing.
 * Called by:  any thread that knows of a hold.
 * Order:      none.
 */
IPC_API double ipc_mapping_byte_length(const ipc_mapping *mapping);

/*
 * Releases a hold. The last one unmaps the memory.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  any thread, once for each hold.
 * Order:      acquire and release: all uses by other holders happen before the unmap.
 */
IPC_API void ipc_mapping_release(ipc_mapping *mapping);

/*
 * The address of a `void release(void *ignored, void *mapping)` that releases a hold: the form that JavaScript engines
 * take for the release of an ArrayBuffer's memory.
 *
 * Returns:    the address.
 * Fails with: nothing.
 * Called by:  any thread; the function as well.
 * Order:      as ipc_mapping_release().
 */
IPC_API void *ipc_mapping_releaser(void);

#ifdef __cplusplus
}
#endif

#endif
