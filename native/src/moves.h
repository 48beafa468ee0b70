/*
 * moves.h - a message of one queue is published in another one, exactly once.
 *
 * The mover has the lease of the message in its own queue (the source) and a sender here (the destination). It may be
 * killed between the store of head here, which publishes, and the end of the lease there. The receiver that has the
 * lease next must then know whether the message was published. The record itself does not say so for long: it may have
 * been taken and written over.
 *
 * So the destination has a table of moves. An entry says that the record at `position` of the queue that was created at
 * `source` was published here. It is used while `mover` is not 0. Under the claim the mover
 *
 *   1  stores move_at = head, then move_open = 1 + the entry
 *   2  stores source and position, then mover
 *   3  writes the record behind head, and stores head: this publishes it
 *   4  stores move_open = 0 and releases the claim
 *
 * and then, without the claim, ends the lease at the source and stores mover = 0.
 *
 * Invariant: while no live endpoint holds the claim for a move, move_open is 0, and exactly the used entries were
 * published and have a lease that may not have ended. A mover that is killed in 1 to 4 holds the claim. Nothing is
 * published before another sender has taken the claim over, and that one looks first (claim_lock.c): if head is still
 * move_at, the entry is emptied, for nothing was published; else it stays. Then it stores move_open = 0.
 *
 * The one with the lease asks ipc_moves_find() under the claim, so the answer is final: nobody else may publish this
 * message. An entry whose mover is alive is never used for another message. If all entries are used, the oldest entry
 * of a dead mover is used again. So the table remembers the last 32 moves that killed movers left unfinished; an older
 * one, if no receiver has taken its lease by then, may be published twice.
 */
#ifndef LIBIPC_MOVES_H
#define LIBIPC_MOVES_H

#include "sender_state.h"

/* Which message it is: header.created of its queue, and the position of its record there, in 64 bits. */
typedef struct ipc_move_key {
  uint64_t source;
  uint64_t position;
} ipc_move_key;

/* What is published: the bytes of the message, then those of the origin, if there is one. */
typedef struct ipc_move_parts {
  const void *message;
  uint32_t length;
  const ipc_origin *origin; /* NULL: none */
  const char *name;         /* of origin->name_bytes */
  const char *reason;       /* of origin->reason_bytes */
} ipc_move_parts;

/* Whether the message was published here: IPC_OK or IPC_TIMED_OUT (no); or a failure, or IPC_E_BUSY: ask again later.
 */
int32_t ipc_moves_find(ipc_sender *to, const ipc_move_key *key);

/*
 * Publishes the message, which must not have been published. Never waits: IPC_TIMED_OUT or IPC_DROPPED: no room;
 * IPC_E_MESSAGE_TOO_LARGE; a failure. Without its origin, if it is too large with it.
 */
int32_t ipc_moves_publish(ipc_sender *to, const ipc_move_key *key, const ipc_move_parts *parts);

/* Empties the entry, after the lease at the source has ended. */
void ipc_moves_forget(ipc_sender *to, const ipc_move_key *key);

#endif
