/*
 * libipc/handle.h - names without a ring: mutexes, conditions, semaphores, reader-writer locks, shared memory,
 * Signals, latest values.
 *
 * A handle belongs to the thread that opened it (its owner, see status.h), and it is what holds a lock. The same thread
 * may open the same name again: that makes two handles which exclude each other. When the owner ends, the other handles
 * treat it as killed, and what it held is recovered.
 *
 * A name needs one segment, as rings do: the first open creates it, the last close removes it, and the next open
 * replaces it if its processes were killed.
 *
 * Each wait can also be done in an event loop (waker.h). Locks, semaphores and Signals are armed; the waits of
 * conditions and of words in shared memory get the waker when they begin.
 */
#ifndef LIBIPC_HANDLE_H
#define LIBIPC_HANDLE_H

#include "options.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ipc_handle ipc_handle;

/*
 * Opens `name` in `prefix`, and creates it if it is not open yet. options->kind is IPC_MUTEX to IPC_LATEST.
 *
 * Returns:    the handle; NULL: *failure says why.
 * Fails with: IPC_E_TOO_MANY_HANDLES, IPC_E_EXISTS, IPC_E_NOT_FOUND, IPC_E_OPTIONS_MISMATCH, IPC_E_INVALID_ARGUMENT,
 *             IPC_E_INVALID_NAME, IPC_E_PERMISSION, IPC_E_VERSION, IPC_E_FOREIGN, IPC_E_CORRUPT, IPC_E_NO_SPACE,
 *             IPC_E_BUSY, IPC_E_SYSTEM.
 * Called by:  any thread; opens and closes of one name may run at the same time in any processes.
 * Order:      what its creator wrote into the segment happens before the open returns.
 */
IPC_API ipc_handle *ipc_handle_open(const char *prefix, const char *name, const ipc_options *options,
                                    ipc_failure *failure);

/*
 * Closes and frees a handle. NULL is ignored. What it holds is released: a lock as if its owner had died, the permits
 * of a robust semaphore as by a release. Its waits end.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      release, to the handle that gets what it held.
 */
IPC_API void ipc_handle_close(ipc_handle *handle);

/*
 * How many live handles of the name are open in all processes. It asks the system about each: not for hot paths.
 *
 * Returns:    the count, this handle included.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API int32_t ipc_handle_count(ipc_handle *handle);

/* What an event loop waits for on a lock, a semaphore or a Signal: one of these at a time. */
enum ipc_handle_wait {
  IPC_WAIT_FOR_LOCK = 1, /* exclusive, or a permit, or an id of a Signal */
  IPC_WAIT_FOR_SHARED = 4
};

/*
 * Joins the wait queue: the waker is signalled when it is the turn of this handle to try again. Try once more after the
 * call. If it is armed already, it stays so and keeps its position.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_TOO_MANY_WAITS.
 * Called by:  the owner.
 * Order:      full fence between the entry in the queue and the attempt that follows: a release after that attempt
 *             finds the entry.
 */
IPC_API int32_t ipc_handle_arm(ipc_handle *handle, uint32_t wait, uint32_t waker_low, uint32_t waker_high);

/*
 * Cancels the wait for these ipc_handle_wait bits. A handle that is armed and neither acquires nor disarms blocks the
 * waiters behind it.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API void ipc_handle_disarm(ipc_handle *handle, uint32_t wait);

/*
 * What the handle is armed for and has not been signalled for.
 *
 * Returns:    ipc_handle_wait bits.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API int32_t ipc_handle_armed(const ipc_handle *handle);

/*
 * Notices dead handles. An event loop with a wait calls it about once a second and tries again afterwards: a process
 * that is killed while it wakes others can lose a signal.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API void ipc_handle_poll(ipc_handle *handle);

/*
 * Sleeps in a wait that ipc_condition_enter(), ipc_memory_enter() or ipc_latest_enter() returned, for at most
 * timeout_ms; with 0 it only checks.
 *
 * Returns:    IPC_OK: the wait is over, because it was notified or because a handle of the name died; check your
 *             condition again. IPC_TIMED_OUT: the wait goes on; sleep again or leave.
 * Fails with: IPC_E_ORPHANED (the name was removed; the wait is over; not of shared memory), IPC_E_INVALID_ARGUMENT
 *             (this handle has no such wait).
 * Called by:  the owner.
 * Order:      acquire, of the notification.
 */
IPC_API int32_t ipc_handle_sleep(ipc_handle *handle, int32_t wait, int32_t timeout_ms);

/*
 * Ends a wait.
 *
 * Returns:    1: it had been notified; act on it, or notify another wait. 0: it had not.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      acquire, if it had been notified.
 */
IPC_API int32_t ipc_handle_leave(ipc_handle *handle, int32_t wait);

#ifdef __cplusplus
}
#endif

#endif
