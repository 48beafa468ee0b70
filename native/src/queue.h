/*
 * queue.h - a queue's messages from the moment they are published until they are done.
 *
 * A message's lease says who works on it: 0 nobody yet, an instance, or done. `cursor`
 * is the first position at which a message may wait to be taken, `tail` the first
 * that is not done: what lies before it may be overwritten. tail <= cursor <= head.
 *
 * Both move under the take lock only (header->take_claim, held for some ten
 * nanoseconds), and so do leases, except that the holder of one ends it by itself.
 *
 * A taker killed anywhere in here leaves nothing to repair. It writes its instance into
 * the lease before it moves the cursor: killed in between, the next taker finds a lease
 * that is taken and goes past it. What the dead hold is found by ipc_queue_recover():
 * instances are never used twice, so "held by somebody who is dead" stays true.
 */
#ifndef LIBIPC_QUEUE_H
#define LIBIPC_QUEUE_H

#include "claim_lock.h"

/* Writes the lease of a new message where no receiver looks yet. */
void ipc_queue_put_lease(uint8_t *payload);

/* Moves the tail, and the cursor if that is in its way, past what is done, and answers it. Any endpoint. */
uint32_t ipc_queue_gate(ipc_segment *segment, uint32_t instance);

/*
 * Takes the oldest message that waits, for the receiver `instance`: its payload's offset
 * in the ring, behind the lease, and its length. IPC_TIMED_OUT: none waits, or the
 * next one is a loan still being written. IPC_E_BUFFER_TOO_SMALL: it is longer than `most`
 * (*length says), or there is no `offset` to tell, and stays.
 */
int32_t ipc_queue_take(ipc_segment *segment, uint32_t instance, uint32_t most, uint32_t *offset, uint32_t *length);

/* Whether take() has reason to look: a hint that errs on the side of yes. */
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
 * Gives back what dead receivers hold, and what `leaving` (0: nobody) holds. True: there
 * was something. A loan at the cursor whose lender is gone becomes padding.
 */
bool ipc_queue_recover(ipc_segment *segment, uint32_t instance, uint32_t leaving);

#endif
