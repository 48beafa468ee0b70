/*
 * libipc/condition.h - wait until others say that something has changed.
 *
 * What has changed is protected by a mutex: the waiter enters before it gives the mutex back,
 * so no notification given after that is missed. Each notification reaches exactly one
 * wait, the oldest. A wait also ends when a handle of the condition has died, since that one may
 * have taken a notification with it: so look at what you wait for, in a loop.
 *
 *   ipc_mutex_lock(mutex, -1);
 *   while (!ready) ipc_condition_wait(condition, mutex, -1);
 *   ipc_mutex_unlock(mutex);
 */
#ifndef LIBIPC_CONDITION_H
#define LIBIPC_CONDITION_H

#include "mutex.h"

/*
 * Unlocks the mutex, waits, and locks it again, however long that takes. IPC_OK, IPC_TIMED_OUT: the mutex is held; so
 * it is with IPC_OWNER_DIED, as from ipc_mutex_lock(). A failure of the lock is answered, and the mutex not held;
 * IPC_E_NOT_OWNER: it was not held before; IPC_E_ORPHANED, if the mutex is held: the condition was cleared.
 */
IPC_API int32_t ipc_condition_wait(ipc_handle *condition, ipc_handle *mutex, int32_t timeout_ms);

/* Ends the oldest wait, or all; answers how many there were. */
IPC_API int32_t ipc_condition_notify(ipc_handle *condition);
IPC_API int32_t ipc_condition_notify_all(ipc_handle *condition);

/* The parts of a wait, for bindings: a wait (zero or above; see handle.h), or IPC_E_TOO_MANY_WAITS, IPC_E_ORPHANED.
 * Wakers: 0 for ipc_handle_sleep(). */
IPC_API int32_t ipc_condition_enter(ipc_handle *condition, uint32_t waker_low, uint32_t waker_high);

#endif
