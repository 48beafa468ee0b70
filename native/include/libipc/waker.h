/*
 * libipc/waker.h - waiting in an event loop instead of in a call.
 *
 * A waker is a datagram socket of a thread with an event loop: poll its descriptor for reading, and read until it is
 * empty. Arm an endpoint, then try once more what had to wait. If it still has to wait, try again when the waker is
 * readable. Each arm leads to at least one signal once there is a reason to try again, also across processes. A signal
 * may come without a reason, and one signal may stand for many.
 *
 * A process that is killed while it wakes others may lose a signal. So an event loop with waits calls poll() about once
 * a second. That bounds recovery, and it notices dead peers.
 *
 *   uint32_t waker[2];
 *   int fd = ipc_waker_open(waker);
 *   while ((length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) == IPC_TIMED_OUT) {
 *     ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, waker[0], waker[1]);
 *     if ((length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) != IPC_TIMED_OUT) break;
 *     if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000) == 0)
 *       ipc_receiver_poll(receiver, IPC_WAIT_FOR_DATA, waker[0], waker[1]);
 *     while (recv(fd, signals, sizeof signals, 0) > 0) continue;
 *   }
 */
#ifndef LIBIPC_WAKER_H
#define LIBIPC_WAKER_H

#include "receiver.h"
#include "sender.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Opens a waker.
 *
 * Returns:    its descriptor, non-blocking, which the caller closes; waker[0] and [1] are the low and the high half of
 *             its number.
 * Fails with: IPC_E_SYSTEM.
 * Called by:  any thread.
 * Order:      none.
 */
IPC_API int32_t ipc_waker_open(uint32_t waker[2]);

/*
 * Opens a waker whose descriptor the library keeps: for event loops that cannot poll a descriptor, and call
 * ipc_waker_wait() on a thread of a pool instead. ipc_waker_close() closes it, and so does the end of the thread that
 * opened it.
 *
 * Returns:    IPC_OK; waker[0] and [1] as from ipc_waker_open().
 * Fails with: IPC_E_SYSTEM.
 * Called by:  any thread.
 * Order:      none.
 */
IPC_API int32_t ipc_waker_open_kept(uint32_t waker[2]);

/*
 * Waits until a waker of ipc_waker_open_kept() is signalled, and takes its signals. It returns when the waker is closed
 * (on macOS, when the time is over).
 *
 * Returns:    1: it was signalled. 0: it was not in this time.
 * Fails with: IPC_E_INVALID_ARGUMENT: the waker is not open, or was closed meanwhile, or ipc_waker_open_kept() has not
 *             opened it, or another thread waits for it.
 * Called by:  any thread, one at a time.
 * Order:      none: the attempt that follows reads what the signal is about.
 */
IPC_API int32_t ipc_waker_wait(uint32_t waker_low, uint32_t waker_high, int32_t timeout_ms);

/*
 * Opens a stream socket that is connected to nothing: for event loops that accept only stream sockets and inspect what
 * they get, as Node's does. The loop takes the descriptor; ipc_waker_open_at() then replaces it by a waker before the
 * loop polls it for the first time.
 *
 * Returns:    the descriptor.
 * Fails with: IPC_E_SYSTEM.
 * Called by:  any thread.
 * Order:      none.
 */
IPC_API int32_t ipc_waker_reserve(void);

/*
 * Opens a waker under a descriptor that is open already, and closes what that was.
 *
 * Returns:    IPC_OK; waker[0] and [1] as from ipc_waker_open().
 * Fails with: IPC_E_SYSTEM; the descriptor is as before.
 * Called by:  the thread whose event loop has the descriptor.
 * Order:      none.
 */
IPC_API int32_t ipc_waker_open_at(int32_t descriptor, uint32_t waker[2]);

/*
 * Signals a waker by its number. It never waits, whatever the number is. For bindings that wake other processes
 * themselves: binding_view.h.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  any thread.
 * Order:      none: the caller has published before what the signal is about.
 */
IPC_API void ipc_waker_signal(uint32_t waker_low, uint32_t waker_high);

/*
 * Signals a waker of this thread, once. An event loop that gets no signal after it cannot be woken, and has to poll
 * more often: a sandbox may forbid the socket, or the directory of the names has no room for its file.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  any thread.
 * Order:      none.
 */
IPC_API void ipc_waker_test(uint32_t waker_low, uint32_t waker_high);

/*
 * Removes what the system keeps of a waker: its file. After its descriptor was closed; a descriptor that the library
 * keeps is closed by this call.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  any thread.
 * Order:      none.
 */
IPC_API void ipc_waker_close(uint32_t waker_low, uint32_t waker_high);

/* What an endpoint can wait for; bits. */
enum ipc_wait {
  IPC_WAIT_FOR_SPACE = 1, /* sender: a send may succeed */
  IPC_WAIT_FOR_PEERS = 2, /* an endpoint joined or left */
  IPC_WAIT_FOR_DATA = 4,  /* receiver: there may be a message */
  IPC_WAIT_FOR_READ = 16  /* sender: receivers may have read what a read point (sender.h) is about */
};

/*
 * Has the waker signalled once for each of these ipc_wait bits when there is a reason to try again. Try once more after
 * the call. A sender can lack space or its turn among senders: the failed attempt decides for which of them it is
 * armed, so arm again after each failed attempt.
 *
 * Returns:    nothing.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      full fence between the arming and the attempt that follows: a change after that attempt finds it armed.
 */
IPC_API void ipc_sender_arm(ipc_sender *sender, uint32_t wait, uint32_t waker_low, uint32_t waker_high);
IPC_API void ipc_receiver_arm(ipc_receiver *receiver, uint32_t wait, uint32_t waker_low, uint32_t waker_high);

/*
 * Notices dead peers and lost signals, and arms again for these bits. An event loop with a wait calls it about once a
 * second.
 *
 * Returns:    1: there may be a reason to try again without a signal. 0: there is none.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      as the arm calls.
 */
IPC_API int32_t ipc_sender_poll(ipc_sender *sender, uint32_t wait, uint32_t waker_low, uint32_t waker_high);
IPC_API int32_t ipc_receiver_poll(ipc_receiver *receiver, uint32_t wait, uint32_t waker_low, uint32_t waker_high);

/*
 * What the endpoint is armed for and has not been signalled for.
 *
 * Returns:    ipc_wait bits.
 * Fails with: nothing.
 * Called by:  the owner.
 * Order:      none.
 */
IPC_API int32_t ipc_sender_armed(const ipc_sender *sender);
IPC_API int32_t ipc_receiver_armed(const ipc_receiver *receiver);

#ifdef __cplusplus
}
#endif

#endif
