/*
 * libipc/mutex.h - a robust lock with one owner at a time, across processes.
 *
 * The owner is a handle. If it dies or is closed while it holds the mutex, the next lock returns IPC_OWNER_DIED: what
 * the mutex protects may be half changed. The new owner holds the lock; it repairs the data and unlocks, or gives the
 * mutex up with ipc_mutex_mark_unusable().
 *
 *   ipc_options options = ipc_options_default(IPC_MUTEX);
 *   ipc_failure failure;
 *   ipc_handle *mutex = ipc_handle_open("", "accounts", &options, &failure);
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

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Locks the mutex, and waits for at most timeout_ms. A lock that is free and an unlock without waiters make no system
 * call.
 *
 * Returns:    IPC_OK; IPC_OWNER_DIED: locked, and the last owner died while it held it; IPC_TIMED_OUT.
 * Fails with: IPC_E_DEADLOCK (this handle, or another one of this thread, holds it), IPC_E_UNUSABLE, IPC_E_ORPHANED,
 *             IPC_E_TOO_MANY_WAITS.
 * Called by:  the owner of the handle.
 * Order:      acquire: what earlier owners did under the lock happens before the call returns.
 */
IPC_API int32_t ipc_mutex_lock(ipc_handle *mutex, int32_t timeout_ms);

/*
 * Unlocks the mutex.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_NOT_OWNER: this handle does not hold it, and nothing has changed.
 * Called by:  the owner of the handle.
 * Order:      release: what this owner did happens before the next lock returns.
 */
IPC_API int32_t ipc_mutex_unlock(ipc_handle *mutex);

/*
 * Unlocks the mutex for ever: every later lock, and every waiting one, fails with IPC_E_UNUSABLE until all handles have
 * been closed or the name is cleared.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_NOT_OWNER.
 * Called by:  the owner of the handle.
 * Order:      release.
 */
IPC_API int32_t ipc_mutex_mark_unusable(ipc_handle *mutex);

/*
 * Whether this handle holds the mutex.
 *
 * Returns:    1 or 0.
 * Fails with: nothing.
 * Called by:  the owner of the handle.
 * Order:      none.
 */
IPC_API int32_t ipc_mutex_is_held(const ipc_handle *mutex);

#ifdef __cplusplus
}
#endif

#endif
