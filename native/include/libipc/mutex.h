/*
 * libipc/mutex.h - one at a time, across processes; robust.
 *
 * The owner is a handle. If it dies, or is closed, while it holds the mutex, the next to
 * lock gets IPC_OWNER_DIED: what the mutex protects may be half changed. It has the lock,
 * puts things right and unlocks; or gives the mutex up by ipc_mutex_mark_unusable().
 *
 *   ipc_failure failure;
 *   ipc_handle *mutex = ipc_handle_open("", "accounts", &(ipc_options){.kind = IPC_MUTEX}, &failure);
 *   int32_t status = ipc_mutex_lock(mutex, 100);
 *   if (status >= 0) {
 *     if (status == IPC_OWNER_DIED) repair();
 *     work();
 *     ipc_mutex_unlock(mutex);
 *   }
 */
#ifndef LIBIPC_MUTEX_H
#define LIBIPC_MUTEX_H

#include "handle.h"

/*
 * Locks. timeout_ms: 0 = only tries, negative = for ever. IPC_OK, IPC_OWNER_DIED, IPC_TIMED_OUT;
 * IPC_E_DEADLOCK: this handle, or another of this thread, holds it; IPC_E_UNUSABLE, IPC_E_ORPHANED.
 * Free, and given back with nobody waiting, it makes no system call.
 */
IPC_API int32_t ipc_mutex_lock(ipc_handle *mutex, int32_t timeout_ms);

/* IPC_OK, or IPC_E_NOT_OWNER: this handle does not hold it, and nothing has changed. */
IPC_API int32_t ipc_mutex_unlock(ipc_handle *mutex);

/* Unlocks for good: whoever locks from now on, or waits, gets IPC_E_UNUSABLE, until all have closed it. Or
 * IPC_E_NOT_OWNER. */
IPC_API int32_t ipc_mutex_mark_unusable(ipc_handle *mutex);

/* Whether this handle holds it. */
IPC_API int32_t ipc_mutex_is_held(const ipc_handle *mutex);

#endif
