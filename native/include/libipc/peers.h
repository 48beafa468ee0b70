/*
 * libipc/peers.h - who else is on the name of an open endpoint, and who has died there.
 *
 * A snapshot that takes no lock. Two of them tell what happened in between:
 *
 *   - an instance that was not there has come;
 *   - one that is there no more has died if its place has it as `died`, and left by
 *     itself if not. (Its place was taken again and that one died too: then it is not
 *     known. Instances only grow, so a `died` that is new and was in neither came and
 *     died in between.)
 *   - one that is not `alive` has died and nobody has emptied its place yet.
 *
 * IPC_EVENT_PEERS tells when to take the next one (a sender's waker, armed for
 * IPC_WAIT_FOR_PEERS, is rung when anybody joins or leaves). Nobody tells of a death
 * before it is noticed, and a snapshot is what notices it: take one now and then.
 */
#ifndef LIBIPC_PEERS_H
#define LIBIPC_PEERS_H

#include "list.h"
#include "receiver.h"
#include "sender.h"

typedef struct ipc_peer {
  uint32_t role;     /* ipc_role */
  uint32_t instance; /* its number, never used twice on a segment; 0: nobody has the place, somebody has died there */
  uint32_t pid;      /* 0 if nobody has the place */
  uint32_t slot;     /* its index among those of its role */
  uint32_t died;     /* the last instance at this place that did not leave by itself; 0: none */
  uint32_t alive;    /* 1, or 0: its process or thread has ended */
} ipc_peer;

/* Fills up to `max` peers, senders first, without the endpoint itself, and answers how many there are. */
IPC_API int32_t ipc_sender_peers(ipc_sender *sender, ipc_peer *peers, uint32_t max);
IPC_API int32_t ipc_receiver_peers(ipc_receiver *receiver, ipc_peer *peers, uint32_t max);

#endif
