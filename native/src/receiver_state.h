/* receiver_state.h - what the files that make up a receiver share. */
#ifndef LIBIPC_RECEIVER_STATE_H
#define LIBIPC_RECEIVER_STATE_H

#include "assembly.h"
#include "event.h"
#include "libipc/receiver.h"
#include "slots.h"
#include "ring.h"
#include "wait_history.h"

struct ipc_receiver {
  ipc_segment segment; /* first: see ipc_segment_open_endpoint() */
  ipc_slot *slot;
  uint32_t instance;
  uint32_t capacity_units;
  uint32_t position;   /* of the next record to read */
  uint32_t head;       /* as last loaded: records before it are whole */
  uint32_t run_head;   /* the same between two calls, where overflow is drop-oldest: see ipc_receiver_enter() */
  uint32_t published;  /* the position that senders know */
  uint32_t quota;      /* publish at least every so many units while reading a long run */
  uint32_t long_run;   /* units that are worth a look at head: see ipc_receiver_look() for this and the next three */
  uint32_t pauses;     /* before the next look */
  uint32_t short_runs; /* found by looks without a pause, one after another */
  uint32_t patience;   /* so many short runs start the pauses */
  ipc_sleep_history sleeps;
  bool is_queue;
  bool is_overrun;     /* an observer, or overflow is drop-oldest: senders do not wait for us; head is position between
                        * calls */
  uint64_t peers_seen; /* see ipc_slots_poll() */
  uint64_t polled_at;  /* when a try last looked for dead peers and for another segment under the name */
  uint32_t lender;     /* the instance in the last owner record… */
  uint32_t lent_at;    /* …and the position after it: a loan anywhere else is damage */
  uint64_t joined;     /* the position we began at: see overrun.h for this and the next three */
  uint64_t passed;
  uint64_t number;
  uint64_t lost;
  uint64_t skipped;   /* messages that ipc_receiver_recv_latest() has passed over */
  uint32_t abandoned; /* of an observer: a sender that has left its loan behind. Instances are not used again */
  bool is_passing;    /* of a route: ipc_receiver_recv_latest() copies only the fragments of one message: */
  uint32_t newest_of; /* its sender… */
  uint32_t newest;    /* …and its number */
  ipc_assembly assembly;
  /* Of a queue: */
  uint32_t leases;                 /* open */
  uint32_t prefetch;               /* at most so many are open */
  uint32_t permissions;            /* as passed to open, for that sender; see letters.h */
  struct ipc_sender *dead_letters; /* NULL: there is no dead-letter queue, or it could not be opened yet */
  char prefix[IPC_MAX_PREFIX + 1], name[IPC_MAX_NAME + 1];
};

#endif
