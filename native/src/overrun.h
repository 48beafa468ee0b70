/*
 * overrun.h - receivers that senders do not wait for (overflow: drop-oldest).
 *
 * Such a receiver counts in 64 bits: `passed` is its position, `number` how many messages lie before it. It copies
 * first and checks afterwards: what it copied was whole if `announced` was still at most `capacity` past the record. If
 * it was not, the receiver continues at a mark, and the difference of the two numbers is exactly what it has lost.
 */
#ifndef LIBIPC_OVERRUN_H
#define LIBIPC_OVERRUN_H

#include "receiver_state.h"

/* Finds `passed` and `number` for the position that the receiver joined at. */
void ipc_overrun_start(ipc_receiver *receiver, bool from_oldest);

/* Whether senders have come round to our position. If so, continues at a mark; what was read since is worthless. */
bool ipc_overrun_found(ipc_receiver *receiver);

/* The last fragment of a message that is not complete here: lost, if it began after we joined. */
void ipc_overrun_missed(ipc_receiver *receiver, const ipc_fragment *fragment);

#endif
