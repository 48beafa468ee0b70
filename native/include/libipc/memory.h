/*
 * libipc/memory.h - named shared memory, and waiting for a word in it to change.
 *
 * The memory begins as zeros. It only grows, and a mapping made before stays as it was: the same bytes at the same
 * address. A word is 4 bytes at an offset that is a multiple of 4.
 */
#ifndef LIBIPC_MEMORY_H
#define LIBIPC_MEMORY_H

#include "handle.h"
#include "mapping.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * How long the memory is now.
 *
 * Returns:    bytes; 0: another process truncated its file.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      acquire: bytes up to this length exist.
 */
IPC_API double ipc_memory_byte_length(const ipc_handle *memory);

/*
 * Maps the whole memory as it is now.
 *
 * Returns:    a hold on the mapping, to be released with ipc_mapping_release(); NULL: failure->code.
 * Fails with: IPC_E_ORPHANED (it has grown since it was mapped here, and its name was removed), IPC_E_NO_SPACE,
 *             IPC_E_BUSY, IPC_E_SYSTEM.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API ipc_mapping *ipc_memory_map(ipc_handle *memory, ipc_failure *failure);

/*
 * How much shared memory this process has mapped for views only: of handles that were closed, and of memory that was
 * mapped again because it had grown, until the last hold on each mapping is released.
 *
 * Returns:    bytes.
 * Fails with: nothing.
 * Called by:  any thread.
 * Order:      none.
 */
IPC_API double ipc_memory_kept_bytes(void);

/*
 * Makes the memory at least `bytes` long.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_INVALID_ARGUMENT (not 1 to IPC_MAX_MEMORY), IPC_E_NO_SPACE, IPC_E_ORPHANED, IPC_E_BUSY,
 *             IPC_E_SYSTEM. Then nothing has changed.
 * Called by:  the owner.
 * Order:      release, to ipc_memory_byte_length().
 */
IPC_API int32_t ipc_memory_grow(ipc_handle *memory, double bytes, ipc_failure *failure);

/*
 * Removes the name. Open handles keep the memory; the next open creates a new one.
 *
 * Returns:    IPC_OK, also if it was removed before.
 * Fails with: IPC_E_PERMISSION, IPC_E_BUSY.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API int32_t ipc_memory_unlink(ipc_handle *memory);

/*
 * Begins a wait while the word at `offset` is `expected`, until ipc_memory_wake(). Waker 0: for ipc_handle_sleep();
 * else the waker is signalled. The caller need not have the word mapped.
 *
 * Returns:    the wait, zero or above: for ipc_handle_sleep() and ipc_handle_leave(). IPC_NOT_EQUAL: the word has
 *             another value.
 * Fails with: IPC_E_INVALID_ARGUMENT (the offset is not one of a word), IPC_E_TOO_MANY_WAITS, and as ipc_memory_map().
 * Called by:  the owner.
 * Order:      full fence, then an acquire load of the word: a wake after a later change of the word finds the wait.
 */
IPC_API int32_t ipc_memory_enter(ipc_handle *memory, uint32_t offset, uint32_t expected, uint32_t waker_low,
                                 uint32_t waker_high, ipc_failure *failure);

/*
 * Wakes up to `count` waits on the word, the longest waiting first. Change the word before, atomically.
 *
 * Returns:    how many it woke.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      release, to the waits that it wakes.
 */
IPC_API int32_t ipc_memory_wake(ipc_handle *memory, uint32_t offset, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
