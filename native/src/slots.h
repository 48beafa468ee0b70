/*
 * slots.h - who is on a segment: places for receivers and senders, and the gate.
 *
 * A place is live while its `instance` is not 0. Joining happens under the name
 * lock; leaving is one store by the owner, or by whoever, under the name lock,
 * finds that the owner's thread has ended. receiver_count is derived: recounted
 * under the name lock after every change, so that no crash can make it drift.
 */
#ifndef LIBIPC_SLOTS_H
#define LIBIPC_SLOTS_H

#include "segment.h"

/*
 * Takes a place. Under the name lock. Answers its index, IPC_E_TOO_MANY_RECEIVERS
 * or IPC_E_TOO_MANY_SENDERS. A receiver is given the position of head, or of the oldest
 * record still whole, such that no sender can overwrite a record from there on: see slots.c.
 */
int32_t ipc_slots_join_receiver(ipc_segment *segment, bool from_oldest);
int32_t ipc_slots_join_sender(ipc_segment *segment);

/* The same for a handle of what has no ring: its place is among the receivers'. Or IPC_E_TOO_MANY_HANDLES. */
int32_t ipc_slots_join_handle(ipc_segment *segment);

/* Gives the place of `instance` up, and removes the segment if it was the last one. Takes the name lock itself. */
void ipc_slots_leave(ipc_segment *segment, ipc_slot *slot, uint32_t instance);

/* Takes back a join that came to nothing. Under the name lock. */
void ipc_slots_withdraw(ipc_segment *segment, ipc_slot *slot);

/* Empties the places of dead owners; answers how many live endpoints remain. Under the name lock. */
uint32_t ipc_slots_reap(ipc_segment *segment);

/*
 * Whether anybody alive has a place: what everybody who comes or goes asks. Empties places of the dead on the way, but
 * looks at no more than some once a live one is found, so that a thousand endpoints do not cost each of them a thousand
 * looks. Who waits for one that is dead, or for a place, finds it in any case. Under the name lock.
 */
bool ipc_slots_any_alive(ipc_segment *segment);

/*
 * The gate: the lowest position that a live receiver still needs, or head if there
 * is none. Full fence first: see ipc_slots_join_receiver.
 */
uint32_t ipc_slots_gate(const ipc_segment *segment, uint32_t head);

/*
 * Called by a sender that has waited long at `gate`: if a receiver that holds the
 * gate there is dead, empties its place (true). Waits for the name lock only briefly.
 */
bool ipc_slots_evict_dead_at(ipc_segment *segment, uint32_t gate);

/* Empties the places of dead receivers, wherever they stand. True: there was one, and it is gone. */
bool ipc_slots_evict_dead(ipc_segment *segment);

/*
 * Notices who has died, and tells whether anybody came or went since *seen (which it
 * moves): for those who may have missed the event.
 */
bool ipc_slots_poll(ipc_segment *segment, uint64_t *seen);

/* Whether the endpoint with this instance is alive; *pid tells its process. */
bool ipc_slots_is_alive(const ipc_segment *segment, uint32_t instance, uint32_t *pid);

#endif
