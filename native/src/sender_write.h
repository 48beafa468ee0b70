/*
 * sender_write.h - how a sender writes to the ring: claim the head, write behind it, publish.
 *
 * A claim is held from ipc_sender_claim() to ipc_sender_publish(). What is written in between lies at or past head,
 * where no receiver reads, so a sender killed in between leaves nothing to repair (see claim_lock.h).
 */
#ifndef LIBIPC_SENDER_WRITE_H
#define LIBIPC_SENDER_WRITE_H

#include "sender_liveness.h"

/* A run of units at head that this sender may write, until it publishes or releases the claim. */
typedef struct ipc_claimed {
  uint32_t at;   /* position */
  uint32_t room; /* how many units are free there, at least what was asked for */
} ipc_claimed;

/*
 * Claims the head with room for `units` units at it, after padding if they would straddle the end of the ring. IPC_OK:
 * the claim is held. *deadline is 0 until a wait has begun, then the moment when it ends.
 */
int32_t ipc_sender_claim(ipc_sender *sender, uint32_t units, int32_t timeout_ms, uint64_t *deadline,
                         ipc_claimed *claimed);

/* The same where ipc_sender_claim_inline() could not: it has to wait, to look for room, or to say why not. */
int32_t ipc_sender_claim_slow(ipc_sender *sender, uint32_t units, int32_t timeout_ms, uint64_t *deadline,
                              ipc_claimed *claimed, bool has_claim);

/* Publishes what lies before `head`, with so many more messages; releases the claim; wakes receivers and senders. */
void ipc_sender_publish(ipc_sender *sender, uint32_t head, uint32_t messages);

/* The same without waking receivers: there is nothing for them to read yet. */
void ipc_sender_publish_quietly(ipc_sender *sender, uint32_t head, uint32_t messages);

/* The units that could be written now. A guess without the claim: others may be sending. */
uint32_t ipc_sender_free_units(ipc_sender *sender);

/* What a send returns that finds no room and does not wait, or why nothing could be sent anyway. */
int32_t ipc_sender_refusal(ipc_sender *sender);

/*
 * The answer of a public call that did not send `messages` of its messages. Those that the ring had no room for
 * (IPC_DROPPED) are counted in our slot, for list(): a full ring is the only path that counts.
 */
int32_t ipc_sender_refuse(ipc_sender *sender, int32_t status, uint32_t messages);

/* Gives the claim back, and wakes a sender that waits for it. */
void ipc_sender_release_claim(ipc_sender *sender);

/* Writes the record of a message where it takes more than a copy: into a queue or a ring that is overwritten. */
void ipc_sender_put_slow(const ipc_sender *sender, uint8_t *at, const void *bytes, uint32_t length);

/* Whether the ring can take a message at all: IPC_OK, or why not. */
static inline int32_t ipc_sender_check(const ipc_sender *sender) {
  const ipc_header *header = sender->segment.header;
  if (IPC_UNLIKELY(atomic_load_explicit(&header->orphaned, memory_order_relaxed)))
    return ipc_segment_result(&sender->segment, IPC_E_ORPHANED);
  if (IPC_UNLIKELY(atomic_load_explicit(&header->receiver_count, memory_order_relaxed) == 0) && sender->needs_receivers)
    return IPC_NO_RECEIVERS;
  return IPC_OK;
}

static inline bool ipc_sender_try_claim(ipc_sender *sender) {
  return sender->is_only || ipc_claim_try_lock(&sender->segment.header->claim, sender->instance);
}

/* Ends a claim that found room: writes the padding, and says where the record goes. */
static inline int32_t ipc_sender_claimed(ipc_sender *sender, uint32_t head, uint32_t padding, uint32_t room,
                                         ipc_claimed *claimed) {
  if (padding) ipc_ring_put_padding(ipc_sender_at(sender, head), padding);
  /*
   * release: what we write comes after what another sender announced; pairs with ipc_overrun_found, like the fence in
   * sender_recompute_write_limit
   */
  if (IPC_UNLIKELY(sender->needs_slow_path)) atomic_thread_fence(memory_order_release);
  *claimed = (ipc_claimed){.at = head + padding, .room = room - padding};
  return IPC_OK;
}

/* ipc_sender_claim() in line, for the one message that is sent alone. */
static inline int32_t ipc_sender_claim_inline(ipc_sender *sender, uint32_t units, int32_t timeout_ms,
                                              uint64_t *deadline, ipc_claimed *claimed) {
  const ipc_header *header = sender->segment.header;
  if (IPC_UNLIKELY(ipc_sender_check(sender) != IPC_OK || !ipc_sender_try_claim(sender)))
    return ipc_sender_claim_slow(sender, units, timeout_ms, deadline, claimed, false);
  uint32_t head = (uint32_t)atomic_load_explicit(&header->head, memory_order_relaxed); /* the claim ordered it */
  uint32_t padding = ipc_ring_padding(sender->capacity_units, head, units);
  uint32_t room = atomic_load_explicit(&header->write_limit, memory_order_relaxed) - head;
  /* More room than the ring has: damage. */
  if (IPC_UNLIKELY(padding + units > room || room > sender->capacity_units ||
                   ipc_paced_check_is_clock_due(&sender->liveness)))
    return ipc_sender_claim_slow(sender, units, timeout_ms, deadline, claimed, true);
  return ipc_sender_claimed(sender, head, padding, room, claimed);
}

/* Stores head. */
static inline void ipc_sender_publish_head(ipc_sender *sender, uint32_t head, uint32_t messages) {
  ipc_header *header = sender->segment.header;
  uint64_t number = (atomic_load_explicit(&header->head, memory_order_relaxed) >> 32) + messages;
  /* release pairs with the acquire load by receivers: they see the records whole */
  atomic_store_explicit(&header->head, number << 32 | head, memory_order_release);
  sender->liveness.calls_to_clock--;
}

/* Stores head and releases the claim. A full fence and the wake-ups are left to the caller. */
static inline void ipc_sender_publish_only(ipc_sender *sender, uint32_t head, uint32_t messages) {
  ipc_sender_publish_head(sender, head, messages);
  if (!sender->is_only) ipc_claim_unlock(&sender->segment.header->claim);
}

/* ipc_sender_publish() in line. */
static inline void ipc_sender_publish_inline(ipc_sender *sender, uint32_t head, uint32_t messages) {
  ipc_header *header = sender->segment.header;
  ipc_sender_publish_only(sender, head, messages);
  /* Its fence serves the next line too. */
  if (IPC_UNLIKELY(ipc_event_notify(&sender->segment, IPC_EVENT_DATA))) ipc_sender_woke_receiver(sender);
  if (!sender->is_only &&
      IPC_UNLIKELY(atomic_load_explicit(&header->event_flags[IPC_EVENT_CLAIM_FREE].wanted, memory_order_relaxed)))
    ipc_event_wake(&sender->segment, IPC_EVENT_CLAIM_FREE);
}

#endif
