/*
 * libipc/latest_value.h - one named value, replaced as a whole, that any process reads without waiting.
 *
 * A value is 0 to `size` bytes (ipc_options.size). Each set gives it the next version, from 1 on; 0 means that it was
 * never set. A reader gets a whole value: the one of some moment during its call. A writer that is killed anywhere
 * leaves the value before. Who opens the name late gets the present value at once.
 *
 * The value lives as long as a handle is open, or, with ipc_options.keep, until ipc_clear().
 *
 *   ipc_options options = ipc_options_default(IPC_LATEST);
 *   options.size = 1000;
 *   ipc_failure failure;
 *   ipc_handle *latest = ipc_handle_open("", "settings", &options, &failure);
 *   ipc_latest_set(latest, "dark", 4, -1);
 *   char value[1000];
 *   int32_t length = ipc_latest_get(latest, value, sizeof value);
 *
 * To be woken when it changes:
 *
 *   while (running) {
 *     int32_t wait = ipc_latest_enter(latest, ipc_latest_seen(latest), 0, 0);
 *     if (wait >= 0 && ipc_handle_sleep(latest, wait, -1) < 0) break;
 *     length = ipc_latest_get(latest, value, sizeof value);
 *   }
 *
 * Memory: four values of `size` bytes, and one more for each reader that is stopped or killed while it reads.
 */
#ifndef LIBIPC_LATEST_VALUE_H
#define LIBIPC_LATEST_VALUE_H

#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sets the value. It never waits for readers; writers take turns, and wait for at most timeout_ms. A writer that holds
 * the lock (ipc_latest_lock()) sets at once.
 *
 * Returns:    IPC_OK; IPC_TIMED_OUT: another writer held the lock.
 * Fails with: IPC_E_MESSAGE_TOO_LARGE (longer than ipc_latest_max_length()), IPC_E_DEADLOCK (another handle of this
 *             thread holds the lock), IPC_E_ORPHANED, IPC_E_TOO_MANY_WAITS, IPC_E_NO_SPACE (readers are stopped while
 *             they read, and there is no memory for another value), IPC_E_BUSY. Then the value is the one before.
 * Called by:  the owner of the handle.
 * Order:      release: what came before the set is seen by a process that gets this value or a later one.
 */
IPC_API int32_t ipc_latest_set(ipc_handle *latest, const void *bytes, uint32_t length, int32_t timeout_ms);

/*
 * Copies the value. It never waits: the number of its steps is bounded, whatever other processes do.
 *
 * Returns:    the length of the value, which may be 0; IPC_NOT_SET.
 * Fails with: IPC_E_BUFFER_TOO_SMALL (nothing was copied; see ipc_latest_length()), IPC_E_ORPHANED.
 * Called by:  the owner of the handle.
 * Order:      acquire, of the set.
 */
IPC_API int32_t ipc_latest_get(ipc_handle *latest, void *bytes, uint32_t size);

/*
 * The length of the value at this moment.
 *
 * Returns:    the length; IPC_NOT_SET.
 * Fails with: IPC_E_ORPHANED.
 * Called by:  the owner of the handle.
 * Order:      none.
 */
IPC_API int32_t ipc_latest_length(ipc_handle *latest);

/*
 * The longest value that the name has room for.
 *
 * Returns:    bytes, 1 to IPC_MAX_VALUE.
 * Fails with: nothing.
 * Called by:  the owner of the handle.
 * Order:      none.
 */
IPC_API uint32_t ipc_latest_max_length(const ipc_handle *latest);

/*
 * How often the value was set.
 *
 * Returns:    the version, below 2^53; 0: never.
 * Fails with: nothing.
 * Called by:  the owner of the handle.
 * Order:      none.
 */
IPC_API double ipc_latest_version(const ipc_handle *latest);

/*
 * The version of the value that this handle has got or set last.
 *
 * Returns:    the version; 0: it has got and set none.
 * Fails with: nothing.
 * Called by:  the owner of the handle.
 * Order:      none.
 */
IPC_API double ipc_latest_seen(const ipc_handle *latest);

/*
 * Begins a wait until the version is another one than `version`. Waker 0: for ipc_handle_sleep(); else the waker is
 * signalled. The wait may also end because a handle of the name has died: check the version again.
 *
 * Returns:    the wait, zero or above: for ipc_handle_sleep() and ipc_handle_leave(). IPC_NOT_EQUAL: the version is
 *             another one already.
 * Fails with: IPC_E_TOO_MANY_WAITS, IPC_E_ORPHANED.
 * Called by:  the owner of the handle.
 * Order:      full fence, then a load of the version: a later set finds the wait.
 */
IPC_API int32_t ipc_latest_enter(ipc_handle *latest, double version, uint32_t waker_low, uint32_t waker_high);

/*
 * Takes the lock of the writers, to get the value, change it and set it without another writer in between. Readers do
 * not notice. If the process is killed while it holds the lock, the value is the one before, and the next writer goes
 * on. Waits for at most timeout_ms.
 *
 * Returns:    IPC_OK, IPC_TIMED_OUT.
 * Fails with: IPC_E_DEADLOCK (this handle, or another one of this thread, holds it), IPC_E_ORPHANED,
 *             IPC_E_TOO_MANY_WAITS.
 * Called by:  the owner of the handle.
 * Order:      acquire: of what earlier writers did.
 */
IPC_API int32_t ipc_latest_lock(ipc_handle *latest, int32_t timeout_ms);

/*
 * Releases the lock of the writers.
 *
 * Returns:    IPC_OK.
 * Fails with: IPC_E_NOT_OWNER: this handle does not hold it.
 * Called by:  the owner of the handle.
 * Order:      release.
 */
IPC_API int32_t ipc_latest_unlock(ipc_handle *latest);

#ifdef __cplusplus
}
#endif

#endif
