/*
 * libipc/waker.h - waiting in an event loop instead of in a call.
 *
 * A waker is a datagram socket that belongs to a thread with an event loop: poll its
 * descriptor for reading, and read it empty. arm() an endpoint, then try once more what
 * had to wait; if it still has to, it is worth trying again when the waker is readable.
 * Each arm() leads to at least one ring once there is reason to try again, also by
 * other processes. Rings may come in vain, and one may stand for many.
 *
 * A process that is killed while it wakes others may leave a ring undone. So whoever
 * waits takes a look() about every second: that bounds recovery, and it is what notices
 * dead peers.
 *
 *   uint32_t waker[2];
 *   int fd = ipc_waker_open(waker);
 *   while ((length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) == IPC_TIMED_OUT) {
 *     ipc_receiver_arm(receiver, IPC_WAIT_FOR_DATA, waker[0], waker[1]);
 *     if ((length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) != IPC_TIMED_OUT) break;
 *     poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 1000);
 *     while (recv(fd, ring, sizeof ring, 0) > 0) continue;
 *   }
 */
#ifndef LIBIPC_WAKER_H
#define LIBIPC_WAKER_H

#include "receiver.h"
#include "sender.h"

/* A new waker: its descriptor, which is the caller's to close, and its number in two halves; or IPC_E_SYSTEM. */
IPC_API int32_t ipc_waker_open(uint32_t waker[2]);

/*
 * For event loops that take stream sockets and look at what they are given, as Node's does: reserve() answers a stream
 * socket that is connected to nothing. The loop takes it; open_at() then puts a waker in its place, under the same
 * descriptor, before the loop polls it for the first time. IPC_E_SYSTEM: as with open(); the descriptor is as it was.
 */
IPC_API int32_t ipc_waker_reserve(void);
IPC_API int32_t ipc_waker_open_at(int32_t descriptor, uint32_t waker[2]);

/* Rings one, by its number. Never waits, whatever the number. For bindings that wake others by themselves:
 * binding_view.h. */
IPC_API void ipc_waker_signal(uint32_t waker_low, uint32_t waker_high);

/* After its descriptor was closed: tidies up. */
IPC_API void ipc_waker_close(uint32_t waker_low, uint32_t waker_high);

/* What an endpoint can wait for; bits. */
enum ipc_wait {
  IPC_WAIT_FOR_SPACE = 1, /* of a sender: a send may succeed */
  IPC_WAIT_FOR_PEERS = 2, /* somebody joined or left */
  IPC_WAIT_FOR_DATA = 4   /* of a receiver: there may be a message */
};
IPC_API void ipc_sender_arm(ipc_sender *sender, uint32_t wait, uint32_t waker_low, uint32_t waker_high);
IPC_API void ipc_receiver_arm(ipc_receiver *receiver, uint32_t wait, uint32_t waker_low, uint32_t waker_high);

/*
 * The look that whoever waits takes about every second: notices dead peers, arms again
 * for `wait`, and answers 1 if there may be something that nobody rang for; else 0.
 */
IPC_API int32_t ipc_sender_poll(ipc_sender *sender, uint32_t wait, uint32_t waker_low, uint32_t waker_high);
IPC_API int32_t ipc_receiver_poll(ipc_receiver *receiver, uint32_t wait, uint32_t waker_low, uint32_t waker_high);

/*
 * What it is still armed for, that is, has not been rung for since. A sender may lack space, or its turn among senders:
 * if the try after arm() failed for want of the other one, it is not armed for that, and has to be armed again.
 */
IPC_API int32_t ipc_sender_armed(const ipc_sender *sender);
IPC_API int32_t ipc_receiver_armed(const ipc_receiver *receiver);

#endif
