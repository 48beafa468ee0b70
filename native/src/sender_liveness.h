/*
 * sender_liveness.h - how a sender that always finds space notices killed receivers and a lost name.
 *
 * A sender that waits for space looks for dead receivers between its slices. A sender that finds space does not wait,
 * so it looks every IPC_SLICE_NS. Reading a clock for each message would cost as much as the message. So a sender reads
 * it after some of its publishes only. A publish is a message, a fragment or a batch.
 *
 * Invariant: at most MOST_PUBLISHES publishes of this sender lie between a reading of the clock and the claim that
 * reads it next. At the rate since the last reading, the next one follows within CLOCK_NS, or at the next claim if that
 * comes later. So a sender that keeps its rate notices within IPC_SLICE_NS + CLOCK_NS and the time between two
 * publishes. A sender whose rate drops all at once needs up to MOST_PUBLISHES messages, unless it wakes a receiver:
 * then it reads the clock at the next claim.
 */
#ifndef LIBIPC_SENDER_LIVENESS_H
#define LIBIPC_SENDER_LIVENESS_H

#include "sender_state.h"

/* Whether a claim has to read the clock. The fields are the sender's own: no damage to the segment reaches them. */
static inline bool ipc_sender_is_clock_due(const ipc_sender *sender) { return sender->publishes_to_clock <= 0; }

/* Reads the clock, and sets when to do so again. True: ipc_sender_check_liveness() is due. */
bool ipc_sender_read_clock(ipc_sender *sender);

/*
 * Empties the slots of dead receivers and looks for a lost name, if IPC_SLICE_NS have passed since the last time.
 * Without the claim: it may take a millisecond.
 */
void ipc_sender_check_liveness(ipc_sender *sender);

/* A receiver was asleep: the messages may be far apart, so the next claim reads the clock. */
static inline void ipc_sender_woke_receiver(ipc_sender *sender) {
  sender->clock_interval -= sender->publishes_to_clock;
  sender->publishes_to_clock = 0;
}

#endif
