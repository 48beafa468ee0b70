/*
 * libipc/semaphore.h - a number of permits, across processes.
 *
 * A robust one knows who holds how many: those of a dead or closed handle are given back
 * within a second. In return only who holds permits can release them. One that is not lets
 * anybody release, as a signal does, and what a killed process held is gone.
 */
#ifndef LIBIPC_SEMAPHORE_H
#define LIBIPC_SEMAPHORE_H

#include "handle.h"

/* Takes one permit. IPC_OK, IPC_TIMED_OUT, IPC_E_ORPHANED. */
IPC_API int32_t ipc_semaphore_acquire(ipc_handle *semaphore, int32_t timeout_ms);

/* Gives `count` permits (at least 1). IPC_E_OVERFLOW: there would be more than IPC_MAX_PERMITS; IPC_E_NOT_OWNER:
 * robust, and this handle holds fewer; IPC_E_BUSY: a stopped process is at work on a robust one. Then nothing has
 * changed. */
IPC_API int32_t ipc_semaphore_release(ipc_handle *semaphore, uint32_t count);

/* How many are free now. */
IPC_API uint32_t ipc_semaphore_permits(const ipc_handle *semaphore);

/* How many a robust semaphore has taken back from the dead since it was made. */
IPC_API uint32_t ipc_semaphore_recovered(const ipc_handle *semaphore);

#endif
