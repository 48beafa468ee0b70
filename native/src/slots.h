/*
 * slots.h - the slots of endpoints and handles in a segment, and the gate.
 *
 * A slot is live while its `instance` is not 0. Joining happens under the name lock; leaving is one swap by the owner,
 * or by any process that finds the owner dead, with the name lock or without it.
 */
#ifndef LIBIPC_SLOTS_H
#define LIBIPC_SLOTS_H

#include "segment.h"

/*
 * In `held` of a receiver's slot: its position is not final yet. Senders see the slot already, so that they wait for
 * it, but nobody counts it: a sender that did would send messages that lie before the final position. It is stored
 * before the first position: a process that sees a position of the new owner sees this, or what follows it.
 */
#define IPC_SLOT_JOINING UINT32_MAX

/*
 * Takes a slot. Under the name lock. Returns its index, IPC_E_TOO_MANY_RECEIVERS or IPC_E_TOO_MANY_SENDERS. A receiver
 * is given the position of head, or of the oldest record that is still whole, such that no sender can overwrite a
 * record from there on: see slots.c. Senders do not wait for an observer.
 */
int32_t ipc_slots_join_receiver(ipc_segment *segment, bool from_oldest, bool is_observer);
int32_t ipc_slots_join_sender(ipc_segment *segment);

/* The same for a handle: its slot is among those of receivers. Or IPC_E_TOO_MANY_HANDLES. An observer: of a Signal. */
int32_t ipc_slots_join_handle(ipc_segment *segment, bool is_observer);

/* Empties the slot of `instance`, and removes the segment if it was the last one. Takes the name lock itself. */
void ipc_slots_leave(ipc_segment *segment, ipc_slot *slot, uint32_t instance);

/* Takes back a join that did not succeed. Under the name lock. */
void ipc_slots_withdraw(ipc_segment *segment, ipc_slot *slot);

/* Empties the slots of dead owners; returns how many live endpoints remain. Under the name lock. */
uint32_t ipc_slots_reap(ipc_segment *segment);

/*
 * Whether a live endpoint has a slot: the question of each endpoint that joins or leaves. Empties slots of dead owners
 * on the way, but checks only some slots once it has found a live one, so that a thousand endpoints do not cost each of
 * them a thousand checks. A process that waits for a dead endpoint, or for a free slot, finds it in any case. Under the
 * name lock.
 */
bool ipc_slots_any_alive(ipc_segment *segment);

/*
 * The gate: the lowest position that a live receiver still needs, or at which a live sender writes a loan; head if
 * there is none. Observers need none. Full fence first: see ipc_slots_join_receiver.
 */
uint32_t ipc_slots_gate(const ipc_segment *segment, uint32_t head);

/*
 * For a sender that has waited long at `gate`: if a receiver that holds the gate there is dead, empties its slot
 * (true). Neither waits nor needs the name.
 */
bool ipc_slots_evict_dead_at(ipc_segment *segment, uint32_t gate);

/* Empties the slots of dead receivers, whatever their position. True: there was one, and it is gone. */
bool ipc_slots_evict_dead(ipc_segment *segment);

/*
 * For a sender that has read a receiver_count of 0: whether a receiver has a slot after all. The count may be that of a
 * process that was slow, or was killed, while it counted; then it is counted again.
 */
bool ipc_slots_any_receiver(ipc_segment *segment);

/*
 * Empties the slots of dead endpoints, and returns whether an endpoint has joined or left since *seen (which it moves):
 * for endpoints that may have missed the event.
 */
bool ipc_slots_poll(ipc_segment *segment, uint64_t *seen);

/* Whether the endpoint with this instance is alive; *pid is its process. */
bool ipc_slots_is_alive(const ipc_segment *segment, uint32_t instance, uint32_t *pid);

/* No slot of a receiver at or above this index is taken, or has been since. */
uint32_t ipc_slots_of_receivers(const ipc_segment *segment);

/* The slot of the sender with that instance; NULL: it has left, or was found dead. */
const ipc_slot *ipc_slots_find_sender(const ipc_segment *segment, uint32_t instance);

#endif
