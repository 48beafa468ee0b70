/*
 * layout.h - the bytes of a segment; docs/protocol.md says why they are so.
 *
 *   0                    ipc_header
 *   4096                 ipc_slot receivers[max_receivers]
 *   …                    ipc_slot senders[max_senders]; of what has no ring: ipc_wait_entry waits[]
 *   body_offset          the ring: `capacity` bytes, page aligned; or shared memory: `memory_bytes`; or the buffers of
 *                        a latest value, each an ipc_buffer with room for `capacity` bytes
 *
 * A change to anything here is a new IPC_LAYOUT_VERSION. A new field has a line in layout_hash.c as well: a test fails
 * until it has.
 */
#ifndef LIBIPC_LAYOUT_H
#define LIBIPC_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "libipc/options.h"
#include "libipc/peers.h"

#define IPC_MAGIC 0x43504942u /* "BIPC" */
#define IPC_LAYOUT_VERSION 8u

/*
 * Two cache lines: the adjacent-line prefetcher of x86 and the 128-byte lines of
 * Apple silicon both make neighbours of 64-byte lines share their misses.
 */
#define IPC_LINE 128

/* An event count; see event.h. The flag is read on every message, the word only to sleep. */
enum ipc_wanted {
  IPC_WANTED_BY_SLEEPERS = 1,
  IPC_WANTED_BY_WAKERS = 2,
  IPC_WANTED_ALWAYS =
      4,                /* of IPC_EVENT_SPACE: stays while a sender waits until receivers have read, see read_point.c */
  IPC_WANTED_NUMBER = 8 /* with IPC_WANTED_ALWAYS, from this bit on: another number for each wait that begins */
};

typedef struct ipc_event_flag {
  _Atomic uint32_t wanted;
} ipc_event_flag;
typedef struct ipc_event_word {
  _Alignas(IPC_LINE) _Atomic uint32_t value;
} ipc_event_word;

enum ipc_event_index {
  IPC_EVENT_DATA,       /* head moved: receivers wait for it */
  IPC_EVENT_SPACE,      /* a receiver's position moved, or it left: senders wait for it */
  IPC_EVENT_CLAIM_FREE, /* the claim lock was given back: senders wait for it */
  IPC_EVENT_PEERS,      /* an endpoint joined or left */
  IPC_EVENT_COUNT
};

/* In `armed` of a sender's slot, beside the events: it waits until receivers have read. */
#define IPC_AWAITS_READING (1u << IPC_EVENT_COUNT)

/*
 * A record boundary: `number` messages lie before `position` (64 bits both: they never
 * wrap). Senders leave one every eighth of the ring; see marks.h.
 */
typedef struct ipc_mark {
  _Atomic uint64_t position;
  _Atomic uint64_t number;
} ipc_mark;

enum { IPC_MARKS = 32 };

/*
 * Of a queue: a message of another queue that was published here, and may not have ended there yet; see moves.h. The
 * entry is used while `mover` is not 0.
 */
typedef struct ipc_move {
  _Atomic uint64_t source;   /* header.created of the queue that it came from */
  _Atomic uint64_t position; /* of its record there; in 64 bits: it never comes again */
  _Atomic uint32_t mover;    /* the instance, here, of the sender that moved it; stored last */
  uint32_t reserved;
} ipc_move;

enum { IPC_MOVES = 32 };

/* In `take_checks`: what a take has to look at before it hands a message out. The bits are only ever added. */
enum ipc_take_check {
  IPC_TAKE_LIMIT = 1,  /* max_attempts and dead_letter are set */
  IPC_TAKE_DELAYS = 2, /* a message may wait for its time */
  IPC_TAKE_FLAGS = 4   /* a lease may have one of the flags below */
};

/* In `orphaned`: a process found a page missing, or the header zeroed. */
#define IPC_TRUNCATED 2u

typedef struct ipc_header {
  /* Identity: written by the creator under the name lock, before magic; then constant. */
  _Atomic uint32_t magic; /* stored last, with release: "everything else here is there" */
  uint32_t version;
  uint32_t layout_hash;
  uint32_t kind;
  uint32_t capacity; /* bytes of the ring; of a latest value: of the longest value */
  uint32_t max_receivers;
  uint32_t max_senders;
  uint32_t permissions;
  uint32_t overflow;      /* ipc_overflow */
  uint32_t initial;       /* of a semaphore: its permits at first */
  uint32_t robust;        /* of a semaphore: the permits of the dead are given back */
  uint32_t stamped;       /* of a ring: 1 = every message begins with an ipc_stamp */
  uint64_t created;       /* ipc_os_now() of the creation: another one is another segment, even in the same file */
  uint64_t segment_bytes; /* of shared memory: without `memory_bytes` */
  uint64_t body_offset;
  char prefix[IPC_MAX_PREFIX + 8];
  char name[IPC_MAX_NAME + 8];

  /*
   * Low half: where the next record goes, in 8-byte units. High half: how many messages lie before it, modulo 2^32. One
   * word, so that a killed sender leaves both or none. Stored (release) by the sender that holds the claim.
   */
  _Alignas(IPC_LINE) _Atomic uint64_t head;
  /*
   * The position that senders may write up to without asking what receivers need: at
   * most `capacity` past what any of them does. Kept by the holders of the claim lock
   * (relaxed: the lock orders it). Shared by all senders, so that it is never behind head.
   */
  _Atomic uint32_t write_limit;

  /* The instance of the sender that may move head, or of a lock's owner; 0 = free. See claim_lock.h and queued_lock.h.
   */
  _Alignas(IPC_LINE) _Atomic uint32_t claim;
  /* of a reader-writer lock: the writer inside, or the last one, if it died there. See rwlock.c */
  _Atomic uint32_t writing;
  _Atomic uint32_t permits;   /* of a semaphore */
  _Atomic uint32_t recovered; /* …how many of its permits were taken back from the dead */
  _Atomic uint32_t buffers;   /* of a latest value: so many of its buffers have memory. Written under the claim */

  /*
   * Nothing at or past this position has been written yet, whatever head says: so what
   * lies up to `capacity` before it is whole. In 64 bits: a receiver that was left behind
   * by 2^32 units must know. Stored before the writes that it announces.
   */
  _Alignas(IPC_LINE) _Atomic uint64_t announced;
  _Atomic uint64_t mark_count;
  ipc_mark marks[IPC_MARKS];

  /* A queue's receivers: which of them may take, the first record that may be there to take, the first not done. */
  _Alignas(IPC_LINE) _Atomic uint32_t take_claim;
  _Atomic uint32_t cursor;
  _Atomic uint32_t tail;
  _Atomic uint32_t take_checks; /* ipc_take_check bits; 0: a take needs none of what follows */
  _Atomic uint32_t next_due;    /* not later than the time of any delayed message before the cursor; 0: there is none */
  _Atomic uint32_t
      max_attempts; /* a message that was taken so often goes to `dead_letter`; 0: not set. See letters.h */

  /* Read on every message by everyone, written rarely: stays shared in every cache. */
  _Alignas(IPC_LINE) _Atomic uint32_t receiver_count;
  _Atomic uint32_t sender_count;
  _Atomic uint32_t receiver_slots_used; /* no receiver has a slot at or above this index */
  _Atomic uint32_t sender_slots_used;
  _Atomic uint32_t orphaned; /* 1: the name no longer leads here; or IPC_TRUNCATED */
  _Atomic uint32_t unusable; /* 1: the lock was given up by a handle that got IPC_OWNER_DIED */
  ipc_event_flag event_flags[IPC_EVENT_COUNT];
  _Atomic uint32_t gated_count; /* how many of the receivers are no observers: senders wait for these */
  /* 1 << kind, for loans and fragments, once such a record has been written. Stored under the claim, before head. */
  _Atomic uint32_t record_kinds;
  _Atomic uint32_t kept; /* of a latest value: 1 = the name stays when no handle is open. Only ever set */

  /* Written under the name lock. */
  _Alignas(IPC_LINE) _Atomic uint32_t next_instance;
  _Atomic uint32_t deaths; /* how many slots of dead owners were emptied */

  ipc_event_word event_words[IPC_EVENT_COUNT];

  /* Of what has no ring: see waits.h. */
  _Alignas(IPC_LINE) _Atomic uint32_t waiting; /* at least so many waits are in the table */
  _Atomic uint32_t wait_entries_used;          /* no wait was ever at or above this index */
  _Atomic uint32_t next_ticket;
  _Atomic uint32_t pinning; /* of a latest value: at least so many readers have or want a pin; see latest_value.c */

  _Alignas(IPC_LINE) _Atomic uint64_t memory_bytes; /* of shared memory: only grows, under the name lock */
  /* Of a latest value: its version, and in the low IPC_BUFFER_BITS the index of its buffer. 0: it was never set. */
  _Atomic uint64_t current;

  /* What the bytes of messages are; see codec.h. Set once, under the name lock. */
  _Alignas(IPC_LINE) _Atomic uint32_t codec_length; /* 0: not set. Stored last, with release */
  _Atomic uint32_t codec_pid;                       /* the process that has set it, for people */
  char codec[IPC_CODEC_BYTES];
  /* Of a queue: the name of its dead-letter queue. Written under the name lock, before max_attempts; then constant. */
  _Alignas(IPC_LINE) char dead_letter[IPC_MAX_NAME + 8];

  /* Of a queue: see moves.h. Written by the sender that holds the claim, except that a mover empties its entry. */
  _Alignas(IPC_LINE) _Atomic uint32_t move_open; /* 1 + the entry that its mover is publishing now; 0: none */
  _Atomic uint32_t move_at;                      /* the position of head before that */
  ipc_move moves[IPC_MOVES];
} ipc_header;

/* Nobody's instance, in `claim` or `writing`: the owner was closed or killed, and did not unlock. */
#define IPC_CLAIM_ABANDONED UINT32_MAX

/*
 * The slot of an endpoint or a handle. It is taken under the name lock. Its owner, or a process that finds the owner
 * dead, empties it by storing instance = 0.
 */
typedef struct ipc_slot {
  /* Written by the receiver alone (release); read by senders that look for the gate. Of a sender: see `held`. */
  _Alignas(IPC_LINE) _Atomic uint32_t position;
  /* The number of the endpoint: never used twice in the life of a segment; 0 = the slot is free. */
  _Atomic uint32_t instance;
  _Atomic uint64_t owner; /* ipc_os_self() of its process; 0: its thread has ended. See slot_owner.h */
  _Atomic uint32_t pid;   /* for people, like the next two; and to find a process that writes its core dump */
  _Atomic uint32_t asleep;
  /* Messages, by overflow: that a receiver has missed, or that a sender has refused. Written by the owner alone. */
  _Atomic uint64_t lost;
  /* For event loops: the events (bits) that are to wake it, once, and the socket to ring for that. */
  _Atomic uint32_t armed;
  /* Of a receiver: 1 = no sender waits for it. Of a Signal: 1 = it is not notified. Constant while the slot is taken.
   */
  _Atomic uint32_t observer;
  _Atomic uint64_t waker;
  /* Written by the owner alone: how often it holds a lock shared; a robust semaphore's permits; of a receiver: whether
   * its position is not final yet, see slots.c; of a sender: 1 = it has open loans, the first at `position`. */
  _Atomic uint32_t held;
  _Atomic uint32_t thread;        /* ipc_os_thread(), which counts within the process only; 0: see ending.c */
  _Atomic uint32_t pid_namespace; /* the one that `pid` belongs to; 0: unknown */
  /* The last instances here that did not leave by themselves, in no order; 0: fewer. */
  _Atomic uint32_t died[IPC_PEER_DEATHS];
  _Atomic uint32_t pending[2]; /* of a Signal: the ids (bits) that others have notified, and its owner has not taken */
  _Atomic uint32_t since;      /* if it sleeps, or is armed: ipc_asleep_since() of when it began to wait; for people */
  _Atomic uint64_t opened;     /* ipc_os_now() when the slot was taken */
  _Atomic uint32_t pin;        /* of a handle of a latest value: an ipc_pin, or IPC_PINNED + the buffer that it reads */
} ipc_slot;

enum ipc_pin { IPC_PIN_NONE = 0, IPC_PIN_WANTED = 1, IPC_PINNED = 2 };

/* A latest value has so many more buffers than handles: one holds the value, and writers take turns among the others.
 */
#define IPC_BUFFERS_MORE 3u
#define IPC_BUFFER_BITS 11u

/* What a value of a latest value lies in. Its bytes follow. */
typedef struct ipc_buffer {
  _Atomic uint64_t version; /* of the value in it; 0: it is being written */
  _Atomic uint32_t length;
  uint32_t reserved;
} ipc_buffer;

/* A wait on a lock, a semaphore, a condition or a word in memory; see waits.h. */
typedef struct ipc_wait_entry {
  _Alignas(64) _Atomic uint32_t instance; /* of the handle; 0 = free */
  _Atomic uint32_t state;                 /* a ticket, and in its low bits an ipc_wait_tag; also the word to sleep on */
  _Atomic uint32_t what;                  /* it waits for: an ipc_wait_what, or the index of a word in shared memory */
  _Atomic uint32_t deaths;                /* header.deaths when the wait began */
  _Atomic uint64_t waker;                 /* the socket to ring; 0: a thread sleeps on `state` */
  _Atomic uint32_t since;                 /* ipc_asleep_since() when the wait began */
} ipc_wait_entry;

/* An event loop has at most three waits on a lock (exclusive, shared, and a call that blocks); others as many as there
 * are. */
enum { IPC_WAITS_PER_HANDLE = 4 };

/*
 * A record: this header, the payload, and zero to seven bytes up to the next 8-byte unit. Records never straddle the
 * end of the ring; a padding record fills the rest.
 *
 * A loan is two records: IPC_RECORD_OWNER, one unit, whose `length` is the instance of the sender that writes the loan;
 * then IPC_RECORD_LOAN. Its owner turns that into a message or into padding when it is done; any endpoint that finds
 * the owner dead turns it into padding. A loan and the leases of a queue are all that changes once it lies before head.
 */
typedef struct ipc_record {
  _Atomic uint32_t length; /* payload bytes; padding: the bytes after this header */
  _Atomic uint32_t kind;   /* ipc_record_kind */
} ipc_record;

enum ipc_record_kind {
  IPC_RECORD_MESSAGE = 1,
  IPC_RECORD_PADDING = 2,
  IPC_RECORD_LOAN = 3,
  IPC_RECORD_OWNER = 4,
  IPC_RECORD_FRAGMENT = 5 /* its payload begins with an ipc_fragment */
};

/*
 * A message that is larger than a record may be travels as fragments, with messages of other senders in between. Its
 * position in the order is that of its last fragment.
 */
typedef struct ipc_fragment {
  uint32_t instance; /* of the sender */
  uint32_t message;  /* the sender's number for it */
  uint32_t oldest;   /* the sender's unfinished messages before this one have been given up */
  uint32_t first;    /* the position of its first fragment */
  uint32_t total;    /* bytes of the message */
  uint32_t offset;   /* of this fragment's bytes in it */
} ipc_fragment;

/* In a queue every message's payload begins with this. */
typedef struct ipc_lease {
  /* 0: it waits to be taken; IPC_LEASE_DONE; with IPC_LEASE_DELAYED its time; else the instance of its receiver. */
  _Atomic uint32_t holder;
  _Atomic uint32_t attempts; /* how often it was taken, up to IPC_LEASE_ATTEMPTS, and flags */
} ipc_lease;

#define IPC_LEASE_DONE UINT32_MAX
/* The other bits are milliseconds of the clock of ipc_os_now(), modulo 2^31. Instances are below this. */
#define IPC_LEASE_DELAYED 0x80000000u
#define IPC_LEASE_ATTEMPTS 0x0fffffffu

/* Flags in `attempts`. Set and removed by the holder of the lease only. */
#define IPC_LEASE_LETTER 0x20000000u /* an ipc_origin ends the payload */
#define IPC_LEASE_BACK 0x40000000u   /* a receiver was moving it back to the queue that it came from */
#define IPC_LEASE_DEAD 0x80000000u   /* it goes to the dead-letter queue, and to no receiver any more */

/*
 * What ends the payload of a dead letter: the name of the queue that it came from, the reason, then this. The bytes of
 * the message lie before the name.
 */
typedef struct ipc_origin {
  uint32_t attempts;
  uint16_t name_bytes;   /* 1 to IPC_MAX_NAME */
  uint16_t reason_bytes; /* up to IPC_MAX_REASON */
} ipc_origin;

#define IPC_UNIT 8u
#define IPC_HEADER_BYTES 4096u

_Static_assert(sizeof(ipc_header) <= IPC_HEADER_BYTES, "the header fits its page");
_Static_assert(sizeof(ipc_slot) == IPC_LINE, "a slot shares no cache line");
_Static_assert(sizeof(ipc_wait_entry) == 64, "a wait shares no cache line");
_Static_assert(sizeof(ipc_record) == IPC_UNIT, "a record header is one unit");
_Static_assert(sizeof(ipc_lease) == IPC_UNIT, "a lease is one unit");
_Static_assert(sizeof(ipc_buffer) == 16, "the bytes of a value begin at whole units");
_Static_assert(IPC_MAX_RECEIVERS + IPC_BUFFERS_MORE <= 1u << IPC_BUFFER_BITS, "each buffer has an index");
_Static_assert(sizeof(ipc_move) == 24 && sizeof(ipc_origin) == 8 && sizeof(ipc_stamp) == 16, "no padding inside");
_Static_assert(sizeof(ipc_fragment) % IPC_UNIT == 0, "fragments start at whole units");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "atomics work across processes");

#endif
