/*
 * queue.h - a queue's messages from the moment they are published until they are done.
 *
 * The lease of a message says which receiver works on it: 0 none yet, an instance, or done. `cursor` is the first
 * position at which a message may wait to be taken, `tail` the first that is not done: what lies before it may be
 * overwritten. tail <= cursor <= head.
 *
 * Both move under the take lock only (header->take_claim, held for some ten nanoseconds), and so do leases, except that
 * the holder of a lease ends it without the lock.
 *
 * A receiver killed anywhere in here leaves nothing to repair. It writes its instance into the lease before it moves
 * the cursor: killed in between, the next receiver finds a lease that is taken and goes past it. What the dead hold is
 * found by ipc_queue_recover(): instances are never used twice, so "held by a dead receiver" stays true.
 */
#ifndef LIBIPC_QUEUE_H
#define LIBIPC_QUEUE_H

#include "claim_lock.h"

/* Writes the lease of a new message where no receiver looks yet. */
void ipc_queue_put_lease(uint8_t *payload);

/* Moves the tail, and the cursor if that is in its way, past what is done, and answers it. Any endpoint. */
uint32_t ipc_queue_gate(ipc_segment *segment, uint32_t instance);

/*
 * Takes the oldest message that waits, for the receiver `instance`: the offset of its payload in the ring, behind the
 * lease, and its length. IPC_TIMED_OUT: none waits, or the next one is a loan that is still being written.
 * IPC_E_BUFFER_TOO_SMALL: it is longer than `most` (*length says how long), or `offset` is NULL; it stays.
 */
int32_t ipc_queue_take(ipc_segment *segment, uint32_t instance, uint32_t most, uint32_t *offset, uint32_t *length);

/* Whether ipc_queue_take() may find a message: a hint that errs on the side of yes. */
bool ipc_queue_has_some(ipc_segment *segment, uint32_t instance);

/* How often the message at `offset` has been taken. */
uint32_t ipc_queue_attempts(const ipc_segment *segment, uint32_t offset);

/*
 * Ends a lease of ours: done, or back to be taken again. IPC_E_INVALID_ARGUMENT: it is not ours. IPC_E_BUSY: a stopped
 * process keeps others from putting back.
 */
int32_t ipc_queue_done(ipc_segment *segment, uint32_t instance, uint32_t offset);
int32_t ipc_queue_retry(ipc_segment *segment, uint32_t instance, uint32_t offset);

/*
 * Puts back what dead receivers hold, and what `leaving` (0: none) holds. True: there was something. A loan at the
 * cursor whose lender is gone becomes padding.
 */
bool ipc_queue_recover(ipc_segment *segment, uint32_t instance, uint32_t leaving);

#endif
