/*
 * libipc/signal.h - wakes the other handles of a name, and says why: one of 64 ids.
 *
 * A Signal is a doorbell without a message. Each handle that listens has 64 bits of its own, its pending ids. A
 * notification sets bits of every other handle, and a wait takes one of its own. Notifications of one id that come
 * before a handle takes it are one to that handle. No handle waits for another one: a listener that is stopped, or
 * never waits, costs the others nothing.
 *
 * A handle listens from its open on, also before its first wait, unless it is opened with `notify_only`.
 *
 *   ipc_signal_notify(signal, 1u << 3, 0);      // id 3, in one process
 *   int32_t id = ipc_signal_wait(signal, -1);   // 3, in each of the others
 */
#ifndef LIBIPC_SIGNAL_H
#define LIBIPC_SIGNAL_H

#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many ids there are: 0 to 63. */
#define IPC_SIGNAL_IDS 64

/*
 * Notifies all other handles of the name that listen: of the ids 0 to 31, whose bits are in `low`, and 32 to 63, whose
 * bits are in `high`. A process that is killed in this call has notified some of the handles, or none, or all.
 *
 * Returns:    how many handles it notified. A handle whose process was killed counts until its death is noticed: within
 *             a second, if a handle notifies or waits meanwhile.
 * Fails with: IPC_E_INVALID_ARGUMENT (no bit is set), IPC_E_ORPHANED.
 * Called by:  the owner of the handle.
 * Order:      release, to the wait that takes the id. A handle whose open has returned before the call is notified.
 */
IPC_API int32_t ipc_signal_notify(ipc_handle *signal, uint32_t low, uint32_t high);

/*
 * Takes one of the pending ids of this handle; waits for at most timeout_ms while it has none. It takes them in turn,
 * so that none waits behind others for ever. In an event loop: ipc_handle_arm() with IPC_WAIT_FOR_LOCK.
 *
 * Returns:    the id, 0 to 63.
 * Fails with: IPC_TIMED_OUT, IPC_E_INVALID_ARGUMENT (it was opened with notify_only), IPC_E_ORPHANED (the name was
 *             removed, and no id is pending).
 * Called by:  the owner of the handle.
 * Order:      acquire, of every notification of this id that came before.
 */
IPC_API int32_t ipc_signal_wait(ipc_handle *signal, int32_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
