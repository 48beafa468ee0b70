/* sender_state.h - what the files that make up a sender share. */
#ifndef LIBIPC_SENDER_STATE_H
#define LIBIPC_SENDER_STATE_H

#include "claim_lock.h"
#include "libipc/sender.h"
#include "paced_check.h"
#include "slots.h"
#include "ring.h"

struct ipc_sender {
  ipc_segment segment; /* first: see ipc_segment_open_endpoint() */
  ipc_slot *slot;
  ipc_paced_check liveness; /* see sender_liveness.h */
  uint32_t instance;
  uint32_t capacity_units;
  uint32_t lease_bytes;      /* of a queue: what a record has before its message */
  uint32_t max_record;       /* bytes of a message in one record; in a queue without its lease */
  bool is_only;              /* a route: the claim lock is ours for as long as we live */
  bool needs_slow_path;      /* a queue or a ring that is overwritten: writing a record takes more than a copy */
  bool waits;                /* overflow is to block: a full ring is waited for */
  bool needs_receivers;      /* a message is refused if no receiver is connected */
  bool awaits_claim;         /* the last send that could not wait found the claim taken, rather than the ring full */
  uint64_t peers_seen;       /* see ipc_slots_poll() */
  uint32_t read_points;      /* how many times ipc_sender_read_point() was called */
  uint32_t read_waits;       /* how many times it began to wait until receivers have read */
  uint64_t reaped_at;        /* when a send that does not wait last looked for dead peers in its way */
  uint32_t message;          /* the number of the last message sent in fragments */
  uint32_t unfinished;       /* the number of the one that ipc_sender_send_part() is at; 0 = none */
  uint32_t unfinished_first; /* where that one began */
  uint32_t *loans;           /* the positions of the open ones, in no order; made on first use */
  uint32_t loan_count;
  uint32_t loan_room;
  uint8_t *stage; /* records of stage(), one after another; made on first use */
  uint32_t stage_units;
  uint32_t stage_capacity;
};

static inline uint8_t *ipc_sender_at(const ipc_sender *sender, uint32_t position) {
  return ipc_ring_at(sender->segment.body, sender->capacity_units, position);
}

/* The units of a message of `length` bytes. */
static inline uint32_t ipc_sender_units(const ipc_sender *sender, uint32_t length) {
  return ipc_ring_units(length + sender->lease_bytes);
}

#endif
