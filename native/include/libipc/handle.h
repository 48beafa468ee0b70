/*
 * libipc/handle.h - named things that are no rings: mutexes, conditions, semaphores,
 * reader-writer locks, shared memory.
 *
 * A handle is one thread's way to such a thing, and what holds a lock: the same thing may
 * be opened again by the same thread, which makes two handles that exclude each other. A
 * handle belongs to the thread that opened it, as endpoints do; if that thread ends, it is
 * as if its process had been killed, and what it held is taken from it.
 *
 * All that a name needs is one segment, as for rings: made by the first open, gone with
 * the last close, replaced by the next open if its processes were killed.
 *
 * What has to wait can wait in an event loop instead: libipc/waker.h. Locks and semaphores
 * are armed; the waits of conditions and of words in shared memory get the waker when they begin.
 */
#ifndef LIBIPC_HANDLE_H
#define LIBIPC_HANDLE_H

#include "options.h"
#include "status.h"

typedef struct ipc_handle ipc_handle;

/* options->kind: IPC_MUTEX to IPC_MEMORY. NULL: failure->code says why. */
IPC_API ipc_handle *ipc_handle_open(const char *prefix, const char *name, const ipc_options *options,
                                    ipc_failure *failure);

/* What it holds goes to others: of locks, as if its owner had died; of robust semaphores, the permits. */
IPC_API void ipc_handle_close(ipc_handle *handle);

/* How many handles are open on the name, in all processes. Looks who is alive: not for hot paths. */
IPC_API int32_t ipc_handle_count(ipc_handle *handle);

/* What an event loop waits for on a lock or a semaphore; bits, but one at a time. */
enum ipc_handle_wait {
  IPC_WAIT_FOR_LOCK = 1, /* exclusive, or a permit */
  IPC_WAIT_FOR_SHARED = 4
};

/* Has the waker rung when it is this handle's turn to try again; armed already, it stays so. Try once more afterwards.
 */
IPC_API int32_t ipc_handle_arm(ipc_handle *handle, uint32_t wait, uint32_t waker_low, uint32_t waker_high);

/* Gives the wait up. Whoever was armed and neither got what it waited for nor disarms keeps others waiting. */
IPC_API void ipc_handle_disarm(ipc_handle *handle, uint32_t wait);

/* For which of ipc_handle_wait it is armed and has not been rung. */
IPC_API int32_t ipc_handle_armed(const ipc_handle *handle);

/* What whoever waits in an event loop calls about every second: notices the dead. Then it tries again. */
IPC_API void ipc_handle_poll(ipc_handle *handle);

/*
 * The rest is for waits that were begun by ipc_condition_enter() or ipc_memory_enter().
 *
 * sleep: IPC_OK: notified (or a handle of the name has died: look at your condition again), the wait is over.
 * IPC_TIMED_OUT: it is not; sleep again or leave. IPC_E_ORPHANED: cleared, the wait is over. 0 ms: only looks.
 */
IPC_API int32_t ipc_handle_sleep(ipc_handle *handle, int32_t wait, int32_t timeout_ms);

/* Ends a wait. 1: it had been notified all the same: treat it so, or notify another. */
IPC_API int32_t ipc_handle_leave(ipc_handle *handle, int32_t wait);

#endif
