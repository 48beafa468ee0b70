/*
 * sender_liveness.h - how a sender that always finds space notices killed receivers and a lost name.
 *
 * A sender that waits for space looks for dead receivers between its slices. A sender that finds space does not wait,
 * so it looks at the pace of paced_check.h; its calls there are its publishes. If it wakes a receiver, it reads the
 * clock at the next claim: its messages may be far apart.
 */
#ifndef LIBIPC_SENDER_LIVENESS_H
#define LIBIPC_SENDER_LIVENESS_H

#include "sender_state.h"

/*
 * Empties the slots of dead receivers and looks for a lost name, if IPC_SLICE_NS have passed since the last time.
 * Without the claim: it may take a millisecond.
 */
void ipc_sender_check_liveness(ipc_sender *sender);

/* A receiver was asleep. */
static inline void ipc_sender_woke_receiver(ipc_sender *sender) { ipc_paced_check_hurry(&sender->liveness); }

#endif
