/*
 * libipc/peers.h - the other endpoints of an open endpoint's name, and which of them died.
 *
 * A snapshot takes no lock. Two snapshots say what happened in between:
 *
 *   - An instance only in the second one has joined.
 *   - An instance only in the first one has left; it was killed if its slot records it in `died`. If IPC_PEER_DEATHS
 *     other endpoints have been killed in that slot since, the cause is unknown. Instances only grow: a new `died` that
 *     is in neither snapshot joined and was killed in between.
 *   - An instance that is not `alive` was killed, and its slot has not been freed yet.
 *
 * A waker armed for IPC_WAIT_FOR_PEERS is signalled when an endpoint joins or leaves. A death is not reported to any
 * waker before it is noticed, and a snapshot notices it: take one from time to time.
 */
#ifndef LIBIPC_PEERS_H
#define LIBIPC_PEERS_H

#include "list.h"
#include "receiver.h"
#include "sender.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many deaths a slot records. */
enum { IPC_PEER_DEATHS = 8 };

/* A slot that is, or was, taken by another endpoint. */
typedef struct ipc_peer {
  uint32_t role;     /* ipc_role */
  uint32_t instance; /* its number, never used twice in a segment; 0: the slot is free, and an endpoint died there */
  uint32_t pid;      /* its process; 0 if the slot is free */
  uint32_t slot;     /* its index among the slots of its role */
  uint32_t alive;    /* 1, or 0: its process or thread has ended */
  uint32_t observer; /* 1: a receiver that no sender waits for */
  uint32_t
      died[IPC_PEER_DEATHS]; /* the last instances in this slot that were killed, in no order; 0: there are fewer */
} ipc_peer;

/*
 * Fills up to `max` peers, senders first, without the endpoint itself.
 *
 * Returns:    how many there are, which may be more than `max`.
 * Fails with: nothing.
 * Called by:  the owner of the endpoint.
 * Order:      acquire: an endpoint that is in the snapshot has joined.
 */
IPC_API int32_t ipc_sender_peers(ipc_sender *sender, ipc_peer *peers, uint32_t max);
IPC_API int32_t ipc_receiver_peers(ipc_receiver *receiver, ipc_peer *peers, uint32_t max);

#ifdef __cplusplus
}
#endif

#endif
