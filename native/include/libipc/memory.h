/*
 * libipc/memory.h - named shared memory, and waiting on a word in it.
 *
 * It begins as zeros. It only grows, and a mapping made before stays what it was: the same
 * bytes at the same place. A word is 4 bytes at an offset that is a multiple of 4.
 */
#ifndef LIBIPC_MEMORY_H
#define LIBIPC_MEMORY_H

#include "handle.h"
#include "mapping.h"

/* How many bytes there are by now; 0: its file was made smaller by a stranger. */
IPC_API double ipc_memory_byte_length(const ipc_handle *memory);

/*
 * Maps all there is now. NULL: failure->code. The caller has a hold on it, to be released; see mapping.h.
 * IPC_E_ORPHANED: the name was removed, and can no longer be mapped or grown; what was mapped stays.
 */
IPC_API ipc_mapping *ipc_memory_map(ipc_handle *memory, ipc_failure *failure);

/* Makes it at least so large. IPC_E_NO_SPACE and other failures change nothing. */
IPC_API int32_t ipc_memory_grow(ipc_handle *memory, double bytes, ipc_failure *failure);

/* Removes the name: those who have it open keep the memory, the next to open make a new one. */
IPC_API int32_t ipc_memory_unlink(ipc_handle *memory);

/*
 * Waits while the word at `offset` has the value `expected`, until ipc_memory_wake(): a wait (see handle.h),
 * IPC_NOT_EQUAL, IPC_E_INVALID_ARGUMENT for an offset that is none, IPC_E_TOO_MANY_WAITS. The words need not be mapped
 * by the caller.
 */
IPC_API int32_t ipc_memory_enter(ipc_handle *memory, uint32_t offset, uint32_t expected, uint32_t waker_low,
                                 uint32_t waker_high, ipc_failure *failure);

/* Wakes up to `count` that wait on the word, the longest waiting first: how many. Change the word before, atomically.
 */
IPC_API int32_t ipc_memory_wake(ipc_handle *memory, uint32_t offset, uint32_t count);

#endif
