/* sender_state.h - what the files that make up a sender share. */
#ifndef LIBIPC_SENDER_STATE_H
#define LIBIPC_SENDER_STATE_H

#include "claim_lock.h"
#include "libipc/sender.h"
#include "slots.h"
#include "ring.h"

struct ipc_sender {
  ipc_segment segment;
  ipc_slot *slot;
  uint32_t instance;
  uint32_t capacity_units;
  uint32_t lease_bytes;      /* of a queue: what a record has before its message */
  uint32_t max_record;       /* bytes of a message in one record; in a queue without its lease */
  bool is_only;              /* a route: the claim lock is ours for as long as we live */
  bool needs_slow_path;      /* a queue or a ring that is overwritten: writing a record takes more than a copy */
  bool waits;                /* overflow is to block: a full ring is waited for */
  bool needs_receivers;      /* a message that nobody is there for is refused */
  bool awaits_claim;         /* the last send that could not wait found the claim taken, rather than the ring full */
  uint64_t peers_seen;       /* see ipc_slots_poll() */
  uint64_t reaped_at;        /* when a send that does not wait last looked for dead peers in its way */
  uint32_t message;          /* the number of the last message sent in fragments */
  uint32_t unfinished;       /* the number of the one that ipc_sender_send_part() is at; 0 = none */
  uint32_t unfinished_first; /* where that one began */
  uint8_t *stage;            /* records of stage(), one after another; made on first use */
  uint32_t stage_units;
  uint32_t stage_capacity;
};

/* A run of units at head that is ours to write, until it is published or given back. */
typedef struct ipc_claimed {
  uint32_t at;   /* position */
  uint32_t room; /* how much is free there, at least what was asked for */
} ipc_claimed;

/*
 * Claims the head with room for `units` units at it, padding first if they would
 * straddle the end. IPC_OK: the claim is held. *deadline is 0 until a wait has begun,
 * then when it ends.
 */
int32_t ipc_sender_claim(ipc_sender *sender, uint32_t units, int32_t timeout_ms, uint64_t *deadline,
                         ipc_claimed *claimed);

/* Publishes what lies before `head`, with so many more messages, gives the claim back, wakes who waits for either. */
void ipc_sender_publish(ipc_sender *sender, uint32_t head, uint32_t messages);

/* The same without waking receivers: there is nothing for them to read yet. */
void ipc_sender_publish_quietly(ipc_sender *sender, uint32_t head, uint32_t messages);

/* The units that could be written now. A guess without the claim: others may be sending. */
uint32_t ipc_sender_free_units(ipc_sender *sender);

/* What a send answers that finds no room and does not wait, or why nothing could be sent anyway. */
int32_t ipc_sender_refusal(ipc_sender *sender);

/* Sends what does not fit a record. */
int32_t ipc_sender_send_fragments(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms,
                                  bool steadily);

/* A message's record as this kind of ring wants it. */
void ipc_sender_put_special(const ipc_sender *sender, uint8_t *at, const void *bytes, uint32_t length);

static inline uint8_t *ipc_sender_at(const ipc_sender *sender, uint32_t position) {
  return ipc_ring_at(sender->segment.body, sender->capacity_units, position);
}

/* The units of a message of `length` bytes. */
static inline uint32_t ipc_sender_units(const ipc_sender *sender, uint32_t length) {
  return ipc_ring_units(length + sender->lease_bytes);
}

#endif
