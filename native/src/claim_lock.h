/*
 * claim_lock.h - which sender may move head; and which of a queue's receivers may take.
 *
 * A lock is one word: the instance number of its owner, or 0. Instance numbers are
 * never used twice in a segment, so "this owner is dead" stays true for ever and a
 * compare-and-swap from a dead owner's number takes the lock over without a race.
 *
 * What a dead owner leaves needs no repair: everything a sender wrote lies at or past
 * head until the single store to head publishes it, padding and payload and all. Only the
 * count of messages is counted again: a TypeScript sender stores it before head. For
 * takers see queue.h.
 *
 * A route's sender takes the lock when it opens, or when the sender before it has left,
 * and keeps it: that makes it the one sender. A channel's sender takes it for each message or batch.
 */
#ifndef LIBIPC_CLAIM_LOCK_H
#define LIBIPC_CLAIM_LOCK_H

#include "event.h"
#include "segment.h"

/* Takes the lock if it is free. acquire pairs with ipc_claim_unlock's release: head is the last owner's. */
static inline bool ipc_claim_try_lock(_Atomic uint32_t *claim, uint32_t instance) {
  uint32_t free = 0;
  return atomic_compare_exchange_strong_explicit(claim, &free, instance, memory_order_acquire, memory_order_relaxed);
}

/* The caller then passes a full fence and checks IPC_EVENT_CLAIM_FREE. */
static inline void ipc_claim_unlock(_Atomic uint32_t *claim) { atomic_store_explicit(claim, 0, memory_order_release); }

/* The same for a caller that goes on with ipc_waits_notify_of_store. */
static inline void ipc_claim_unlock_for_waiters(_Atomic uint32_t *claim) {
  atomic_store_explicit(claim, 0, memory_order_seq_cst);
}

/* Waits for the lock, taking it over from a dead owner. False: the deadline passed; 0 has always passed. */
bool ipc_claim_lock_slow(ipc_segment *segment, _Atomic uint32_t *claim, uint32_t instance, uint64_t deadline);

/* Takes the lock if it is free or its owner is dead. False: *pid is the live owner's. */
bool ipc_claim_take_over(ipc_segment *segment, _Atomic uint32_t *claim, uint32_t instance, uint32_t *pid);

#endif
