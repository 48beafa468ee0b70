/*
 * libipc/semaphore.h - a number of permits, across processes.
 *
 * A robust semaphore records how many permits each handle holds: those of a dead or closed handle come back within a
 * second. In return, only a handle that holds permits can release them. A semaphore that is not robust lets any handle
 * release, as a signal does, and permits of a killed process are lost.
 */
#ifndef LIBIPC_SEMAPHORE_H
#define LIBIPC_SEMAPHORE_H

#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Takes one permit, and waits for at most timeout_ms.
 *
 * Returns:    IPC_OK, IPC_TIMED_OUT.
 * Fails with: IPC_E_ORPHANED, IPC_E_TOO_MANY_WAITS.
 * Called by:  the owner.
 * Order:      acquire, of the release that the permit comes from.
 */
IPC_API int32_t ipc_semaphore_acquire(ipc_handle *semaphore, int32_t timeout_ms);

/*
 * Releases `count` permits.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_INVALID_ARGUMENT (count 0), IPC_E_OVERFLOW (more than IPC_MAX_PERMITS), IPC_E_NOT_OWNER (robust,
 *             and this handle holds fewer), IPC_E_BUSY (robust, and a stopped process holds its internal lock). Then
 *             nothing has changed.
 * Called by:  the owner.
 * Order:      release, to the acquires that get the permits.
 */
IPC_API int32_t ipc_semaphore_release(ipc_handle *semaphore, uint32_t count);

/*
 * How many permits are free now.
 *
 * Returns:    the count.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_semaphore_permits(const ipc_handle *semaphore);

/*
 * How many permits of dead handles a robust semaphore has recovered since it was created.
 *
 * Returns:    the count.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API uint32_t ipc_semaphore_recovered(const ipc_handle *semaphore);

#ifdef __cplusplus
}
#endif

#endif
