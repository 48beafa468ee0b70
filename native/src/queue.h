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

/* Of ipc_queue_take(): the message was taken, and is not for a receiver but for another queue; see letters.h. */
enum { IPC_QUEUE_MOVE = 1 };

/*
 * Takes the oldest message that waits, for the receiver `instance`: the offset of its payload in the ring, behind the
 * lease, and its length, without the origin of a dead letter. IPC_TIMED_OUT: none waits, or the next one is a loan that
 * is still being written. IPC_E_BUFFER_TOO_SMALL: it is longer than `most` (*length says how long), and stays; -1 is
 * less than any. IPC_QUEUE_MOVE: see there.
 */
int32_t ipc_queue_take(ipc_segment *segment, uint32_t instance, int32_t most, uint32_t *offset, uint32_t *length);

/* Whether ipc_queue_take() may find a message: a hint that errs on the side of yes. */
bool ipc_queue_has_some(ipc_segment *segment, uint32_t instance);

/* How often the message at `offset` has been taken. */
uint32_t ipc_queue_attempts(const ipc_segment *segment, uint32_t offset);

/*
 * Ends a lease of ours: done, or back to be taken again, after `delay_ms`. IPC_E_INVALID_ARGUMENT: it is not ours.
 * IPC_E_BUSY: a stopped process keeps others from putting back.
 */
int32_t ipc_queue_done(ipc_segment *segment, uint32_t instance, uint32_t offset);
int32_t ipc_queue_retry(ipc_segment *segment, uint32_t instance, uint32_t offset, uint32_t delay_ms);

/* Milliseconds until the first delayed message may be taken; -1: there is none. It may be too early. */
int32_t ipc_queue_next_due(const ipc_segment *segment);

/* The lease of ours at `offset`, the position of its record and the length of all that follows the lease; or NULL. */
ipc_lease *ipc_queue_lease(const ipc_segment *segment, uint32_t instance, uint32_t offset, uint32_t *position,
                           uint32_t *length);

/* A position in use in 64 bits, where it never comes again. */
uint64_t ipc_queue_wide(const ipc_segment *segment, uint32_t position);

/* Copies and checks what ends the payload of a dead letter. False: damage. */
bool ipc_queue_origin(const uint8_t *payload, uint32_t length, ipc_origin *origin);

/* From now on takes look at these: release, after what they are about was stored. */
void ipc_queue_add_checks(ipc_segment *segment, uint32_t checks);

/*
 * Puts back what dead receivers hold, and what `leaving` (0: none) holds. True: there was something. A loan at the
 * cursor whose lender is gone becomes padding.
 */
bool ipc_queue_recover(ipc_segment *segment, uint32_t instance, uint32_t leaving);

#endif
