/*
 * overrun.h - receivers that senders do not wait for: observers, and all where overflow is drop-oldest.
 *
 * Such a receiver counts in 64 bits: `passed` is its position, `number` how many messages lie before it. It copies
 * first and checks afterwards: what it copied was whole if `announced` was still at most `capacity` past the record. If
 * it was not, the receiver continues at a mark, and the difference of the two numbers is exactly what it has lost.
 *
 * That holds in every ring, because in every ring senders announce what they may overwrite, and leave marks: see
 * sender_recompute_write_limit. Observers write nothing into the ring.
 */
#ifndef LIBIPC_OVERRUN_H
#define LIBIPC_OVERRUN_H

#include "receiver_state.h"

/* Finds `passed` and `number` for the position that the receiver joined at. */
void ipc_overrun_start(ipc_receiver *receiver, bool from_oldest);

/* Whether senders have come round to our position. If so, continues at a mark; what was read since is worthless. */
bool ipc_overrun_found(ipc_receiver *receiver);

/* The same question without the answer's work, for a wait. */
static inline bool ipc_overrun_is_due(const ipc_receiver *receiver) {
  atomic_thread_fence(memory_order_acquire);
  uint64_t announced = atomic_load_explicit(&receiver->segment.header->announced, memory_order_acquire);
  return announced - receiver->passed > receiver->capacity_units;
}

/* The last fragment of a message that is not complete here: lost, if it began after we joined. */
void ipc_overrun_missed(ipc_receiver *receiver, const ipc_fragment *fragment);

#endif
