/*
 * libipc/rwlock.h - a robust lock for many readers or one writer, across processes.
 *
 * A waiting writer keeps new readers out, so readers cannot starve it. A dead reader is removed. If a writer dies while
 * it holds the lock, every lock returns IPC_OWNER_DIED until a writer has unlocked: what the lock protects may be half
 * changed until then.
 */
#ifndef LIBIPC_RWLOCK_H
#define LIBIPC_RWLOCK_H

#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What happens to a writer's position in the wait queue when the time is over while readers are still inside. */
enum ipc_rwlock_keep {
  IPC_KEEP_NOTHING = 0,        /* it leaves the queue */
  IPC_KEEP_QUEUE_POSITION = 1, /* it stays the next writer, and new readers are held back, until it locks or disarms:
                                  for callers that try again immediately */
  IPC_KEEP_FOR_TASK = 2        /* the same for an event loop, where other tasks may hold the lock shared by this handle:
                                  they are waited for instead of IPC_E_DEADLOCK */
};

/*
 * Locks for writing, and waits for at most timeout_ms. `keep` is an ipc_rwlock_keep.
 *
 * Returns:    IPC_OK; IPC_OWNER_DIED: locked, and the last writer died inside; IPC_TIMED_OUT.
 * Fails with: IPC_E_DEADLOCK (this handle or thread holds it, also shared), IPC_E_UNUSABLE, IPC_E_ORPHANED,
 *             IPC_E_TOO_MANY_WAITS.
 * Called by:  the owner of the handle.
 * Order:      acquire: what earlier writers and readers did under the lock happens before the call returns.
 */
IPC_API int32_t ipc_rwlock_lock(ipc_handle *lock, int32_t timeout_ms, int32_t keep);

/*
 * Unlocks for writing.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_NOT_OWNER.
 * Called by:  the owner of the handle.
 * Order:      release.
 */
IPC_API int32_t ipc_rwlock_unlock(ipc_handle *lock);

/*
 * Locks for reading, and waits for at most timeout_ms. A handle may hold the lock shared several times as long as no
 * writer waits in between.
 *
 * Returns:    IPC_OK; IPC_OWNER_DIED: locked, and the last writer died inside; IPC_TIMED_OUT.
 * Fails with: IPC_E_DEADLOCK (this handle holds it, and would have to wait for itself; with timeout 0: IPC_TIMED_OUT),
 *             IPC_E_UNUSABLE, IPC_E_ORPHANED, IPC_E_TOO_MANY_WAITS.
 * Called by:  the owner of the handle.
 * Order:      acquire: what earlier writers did under the lock happens before the call returns.
 */
IPC_API int32_t ipc_rwlock_lock_shared(ipc_handle *lock, int32_t timeout_ms);

/*
 * Unlocks for reading, once.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_NOT_OWNER.
 * Called by:  the owner of the handle.
 * Order:      release, to the next writer.
 */
IPC_API int32_t ipc_rwlock_unlock_shared(ipc_handle *lock);

/*
 * As ipc_mutex_mark_unusable(), by a writer. Readers that are inside are not disturbed.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_NOT_OWNER: this handle does not hold it for writing.
 * Called by:  the owner of the handle.
 * Order:      release.
 */
IPC_API int32_t ipc_rwlock_mark_unusable(ipc_handle *lock);

/*
 * How this handle holds the lock.
 *
 * Returns:    -1: for writing; else how often shared.
 * Fails with: nothing.
 * Called by:  the owner of the handle.
 * Order:      none.
 */
IPC_API int32_t ipc_rwlock_held(const ipc_handle *lock);

#ifdef __cplusplus
}
#endif

#endif
