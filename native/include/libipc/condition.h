/*
 * libipc/condition.h - waits until another process says that something has changed.
 *
 * A mutex protects what changes. The waiter joins the wait queue before it unlocks the mutex, so it misses no
 * notification that is given afterwards. Each notification reaches exactly one wait, the oldest. A wait also ends when
 * a handle of the condition has died, because that handle may have taken a notification with it: check what you wait
 * for in a loop.
 *
 *   ipc_mutex_lock(mutex, -1);
 *   while (!ready) ipc_condition_wait(condition, mutex, -1);
 *   ipc_mutex_unlock(mutex);
 */
#ifndef LIBIPC_CONDITION_H
#define LIBIPC_CONDITION_H

#include "mutex.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Unlocks the mutex, waits for at most timeout_ms, and locks it again, however long that takes.
 *
 * Returns:    IPC_OK, IPC_TIMED_OUT, or IPC_OWNER_DIED from the lock: the mutex is held.
 * Fails with: with the mutex held: IPC_E_ORPHANED (the condition was cleared), IPC_E_TOO_MANY_WAITS. IPC_E_NOT_OWNER:
 *             the mutex was not held, and is not. If locking again fails, its failure, with the mutex not held.
 * Called by:  the owner of both handles, while it holds the mutex.
 * Order:      as ipc_mutex_unlock() and then ipc_mutex_lock().
 */
IPC_API int32_t ipc_condition_wait(ipc_handle *condition, ipc_handle *mutex, int32_t timeout_ms);

/*
 * Ends the oldest wait (notify), or all (notify_all). The caller need not hold the mutex; with it, no wait can begin in
 * between.
 *
 * Returns:    how many waits it ended.
 * Fails with: nothing.
 * Called by:  the owner of the handle.
 * Order:      release, to the waits that it ends.
 */
IPC_API int32_t ipc_condition_notify(ipc_handle *condition);
IPC_API int32_t ipc_condition_notify_all(ipc_handle *condition);

/*
 * Begins a wait, for bindings that unlock and lock the mutex themselves. Waker 0: for ipc_handle_sleep(); else the
 * waker is signalled when the wait is notified.
 *
 * Returns:    the wait, zero or above: for ipc_handle_sleep() and ipc_handle_leave().
 * Fails with: IPC_E_TOO_MANY_WAITS, IPC_E_ORPHANED.
 * Called by:  the owner of the handle, while it holds the mutex.
 * Order:      full fence: a notification after the mutex was unlocked finds the wait.
 */
IPC_API int32_t ipc_condition_enter(ipc_handle *condition, uint32_t waker_low, uint32_t waker_high);

#ifdef __cplusplus
}
#endif

#endif
