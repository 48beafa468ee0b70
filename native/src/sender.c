#include "libipc/sender.h"

#include <stdlib.h>
#include <string.h>

#include "claim_lock.h"
#include "members.h"
#include "ring.h"

enum { STAGE_BYTES = 64 << 10 };

struct ipc_sender {
  ipc_segment segment;
  ipc_member *member;
  uint32_t instance;
  uint32_t capacity_units;
  bool is_only;  /* a route: the claim lock is ours for as long as we live */
  uint64_t looked; /* when a send that does not wait last looked for dead peers in its way */
  uint8_t *stage; /* records of stage(), one after another; made on first use */
  uint32_t stage_units;
  uint32_t stage_capacity;
};

ipc_sender *ipc_sender_open(const char *prefix, const char *name, const ipc_options *options, ipc_failure *failure) {
  ipc_sender *sender = calloc(1, sizeof *sender);
  if (!sender) {
    *failure = (ipc_failure){.code = IPC_E_NO_SPACE};
    return NULL;
  }
  ipc_segment *segment = &sender->segment;
  int32_t lock = ipc_segment_open(segment, prefix, name, options, failure);
  if (lock < 0) {
    free(sender);
    return NULL;
  }
  int32_t place = ipc_members_join_sender(segment);
  if (place >= 0) {
    sender->member = &segment->senders[place];
    sender->instance = atomic_load_explicit(&sender->member->instance, memory_order_relaxed);
    sender->capacity_units = segment->capacity / IPC_UNIT;
    sender->stage_capacity = (segment->capacity / 2 < STAGE_BYTES ? segment->capacity / 2 : STAGE_BYTES) / IPC_UNIT;
    sender->is_only = segment->kind == IPC_ROUTE;
    uint32_t pid = 0;
    if (!sender->is_only || ipc_claim_take_over(segment, sender->instance, &pid)) {
      ipc_os_unlock(lock);
      return sender;
    }
    failure->code = IPC_E_HAS_SENDER;
    failure->pid = (int32_t)pid;
    ipc_members_withdraw(segment, sender->member);
  } else {
    failure->code = place;
    failure->wanted = IPC_MAX_SENDERS;
  }
  ipc_os_unlock(lock);
  ipc_segment_close(segment);
  free(sender);
  return NULL;
}

void ipc_sender_close(ipc_sender *sender) {
  if (!sender) return;
  if (sender->is_only) ipc_claim_unlock(sender->segment.header);
  ipc_members_leave(&sender->segment, sender->member, sender->instance);
  ipc_segment_close(&sender->segment);
  free(sender->stage);
  free(sender);
}

static inline bool try_claim(ipc_sender *sender) {
  return sender->is_only || ipc_claim_try_lock(sender->segment.header, sender->instance);
}

/* Publishes what lies before `head` (unless it is already public), gives the claim back, wakes who waits. */
static inline void publish(ipc_sender *sender, uint32_t head) {
  ipc_header *header = sender->segment.header;
  /* release pairs with the acquire load by receivers: they see the records whole */
  atomic_store_explicit(&header->head, head, memory_order_release);
  if (!sender->is_only) ipc_claim_unlock(header);
  ipc_event_notify(header, IPC_EVENT_DATA); /* its fence serves the next line too */
  if (!sender->is_only &&
      IPC_UNLIKELY(atomic_load_explicit(&header->event_flags[IPC_EVENT_TURN].wanted, memory_order_relaxed)))
    ipc_event_wake(header, IPC_EVENT_TURN);
}

static void give_back(ipc_sender *sender) {
  if (sender->is_only) return;
  ipc_claim_unlock(sender->segment.header);
  ipc_event_notify(sender->segment.header, IPC_EVENT_TURN);
}

/*
 * The free units at `head`, at least `units` if that many are there. Looks at the
 * receivers only if the gate known so far does not cover them. Under the claim.
 */
static inline uint32_t room_for(ipc_sender *sender, uint32_t head, uint32_t units) {
  ipc_header *header = sender->segment.header;
  uint32_t capacity = sender->capacity_units;
  uint32_t used = head - atomic_load_explicit(&header->gate, memory_order_relaxed);
  if (IPC_LIKELY(used <= capacity && units <= capacity - used)) return capacity - used;
  uint32_t seen = head - ipc_members_gate(&sender->segment, head);
  /* A receiver that is just joining may show a lower position for a moment: what was known stays true. */
  if (seen < used) {
    used = seen;
    atomic_store_explicit(&header->gate, head - used, memory_order_relaxed);
  }
  return capacity - used;
}

/* Whether the ring can take a message at all: IPC_OK, or why not. */
static inline int32_t check(const ipc_sender *sender) {
  const ipc_header *header = sender->segment.header;
  if (IPC_UNLIKELY(atomic_load_explicit(&header->orphaned, memory_order_relaxed))) return IPC_E_ORPHANED;
  if (IPC_UNLIKELY(atomic_load_explicit(&header->receiver_count, memory_order_relaxed) == 0)) return IPC_NO_RECEIVERS;
  return IPC_OK;
}

/* Waits until a receiver has moved on from the gate. False: the deadline passed. */
static bool wait_for_space(ipc_sender *sender, uint32_t head, uint32_t units, uint64_t *slice, uint64_t deadline) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  ipc_backoff backoff = ipc_backoff_start(header);
  uint32_t gate;
  do {
    gate = ipc_members_gate(segment, head);
    if ((int32_t)(gate + sender->capacity_units - (head + units)) >= 0 || check(sender) != IPC_OK) return true;
  } while (ipc_backoff_pause(&backoff, deadline));
  if (ipc_os_now() >= deadline) return false;
  uint32_t seen = ipc_event_prepare(header, IPC_EVENT_SPACE);
  if (ipc_members_gate(segment, head) != gate || check(sender) != IPC_OK) return true;
  ipc_event_sleep(header, IPC_EVENT_SPACE, seen, deadline, *slice);
  ipc_segment_is_orphaned(segment);
  ipc_members_evict_dead_at(segment, gate);
  *slice = IPC_SLICE_NS;
  return true;
}

/*
 * A send that does not wait has found the claim taken, the ring full, or nobody there.
 * Waiting ones look now and then for dead peers and for a name that leads elsewhere;
 * somebody who only ever tries must do so too.
 */
static bool is_time_to_look(ipc_sender *sender) {
  uint64_t now = ipc_os_now();
  if (now - sender->looked < IPC_SLICE_NS) return false;
  sender->looked = now;
  return true;
}

/* After so many waits in vain a sender waits with the claim: else others' small messages could take all space for ever. */
enum { PATIENT_WAITS = 3 };

/*
 * Claims the head with room for `units` units at it, padding first if they would
 * straddle the end. IPC_OK: the claim is held, *at is their position and *room how
 * much is free there. *deadline is 0 until a wait has begun, then when it ends.
 */
static inline int32_t claim_units(ipc_sender *sender, uint32_t units, int32_t timeout_ms, uint64_t *deadline,
                                  uint32_t *at, uint32_t *room) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  uint64_t slice = IPC_FIRST_SLICE_NS;
  bool held = false;
  for (uint32_t waits = 0;; waits++) {
    int32_t status = check(sender);
    if (IPC_UNLIKELY(status != IPC_OK)) {
      if (held) give_back(sender);
      if (status == IPC_NO_RECEIVERS && is_time_to_look(sender) && ipc_segment_is_orphaned(segment))
        return IPC_E_ORPHANED;
      return status;
    }
    if (IPC_UNLIKELY(!held && !try_claim(sender))) {
      if (timeout_ms != 0 && *deadline == 0) *deadline = ipc_deadline(timeout_ms);
      if (!ipc_claim_lock_slow(segment, sender->instance, *deadline)) {
        uint32_t pid;
        if (timeout_ms != 0 || !is_time_to_look(sender)) return IPC_TIMED_OUT;
        if (ipc_segment_is_orphaned(segment)) return IPC_E_ORPHANED;
        if (!ipc_claim_take_over(segment, sender->instance, &pid)) return IPC_TIMED_OUT;
      }
    }
    uint32_t head = atomic_load_explicit(&header->head, memory_order_relaxed); /* the claim ordered it */
    uint32_t padding = ipc_ring_padding(sender->capacity_units, head, units);
    uint32_t free_units = room_for(sender, head, padding + units);
    if (IPC_UNLIKELY(free_units > sender->capacity_units)) {
      give_back(sender);
      return IPC_E_CORRUPT; /* head and gate are further apart than the ring is long */
    }
    if (IPC_LIKELY(padding + units <= free_units)) {
      if (padding) ipc_ring_put_padding(ipc_ring_at(segment->body, sender->capacity_units, head), padding);
      *at = head + padding;
      *room = free_units - padding;
      return IPC_OK;
    }
    held = timeout_ms != 0 && waits >= PATIENT_WAITS;
    if (!held) give_back(sender);
    if (timeout_ms == 0) {
      if (!is_time_to_look(sender)) return IPC_TIMED_OUT;
      if (ipc_segment_is_orphaned(segment)) return IPC_E_ORPHANED;
      if (!ipc_members_evict_dead_at(segment, ipc_members_gate(segment, head))) return IPC_TIMED_OUT;
      continue;
    }
    if (*deadline == 0) *deadline = ipc_deadline(timeout_ms);
    if (!wait_for_space(sender, head, padding + units, &slice, *deadline)) {
      if (held) give_back(sender);
      return IPC_TIMED_OUT;
    }
  }
}

int32_t ipc_sender_send(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms) {
  if (IPC_UNLIKELY(length > ipc_ring_max_message(sender->segment.capacity))) return IPC_E_MESSAGE_TOO_LARGE;
  uint32_t units = ipc_ring_units(length), at, room;
  uint64_t deadline = 0;
  int32_t status = claim_units(sender, units, timeout_ms, &deadline, &at, &room);
  if (IPC_UNLIKELY(status != IPC_OK)) return status;
  ipc_ring_put_message(ipc_ring_at(sender->segment.body, sender->capacity_units, at), bytes, length);
  publish(sender, at + units);
  return IPC_OK;
}

/* Publishes what lies before `head` without waking anybody but senders: there is no message yet. */
static void publish_quietly(ipc_sender *sender, uint32_t head) {
  ipc_header *header = sender->segment.header;
  atomic_store_explicit(&header->head, head, memory_order_release);
  give_back(sender);
}

int32_t ipc_sender_loan(ipc_sender *sender, uint32_t length, int32_t timeout_ms, uint32_t *offset) {
  if (length > ipc_sender_max_loan(sender)) return IPC_E_MESSAGE_TOO_LARGE;
  uint32_t units = ipc_ring_units(length), at, room;
  uint64_t deadline = 0;
  int32_t status = claim_units(sender, 1 + units, timeout_ms, &deadline, &at, &room);
  if (status != IPC_OK) return status;
  uint8_t *owner = ipc_ring_at(sender->segment.body, sender->capacity_units, at);
  ipc_ring_put_header(owner, sender->instance, IPC_RECORD_OWNER);
  ipc_ring_put_header(owner + IPC_UNIT, length, IPC_RECORD_LOAN);
  *offset = (uint32_t)(owner - sender->segment.body) + IPC_UNIT + (uint32_t)sizeof(ipc_record);
  publish_quietly(sender, at + 1 + units);
  return IPC_OK;
}

/*
 * Ends a loan. Nobody reads past a loan before it has ended, so what follows a
 * shortened message becomes padding first, then one store (release; pairs with the
 * acquire in ipc_ring_read) makes all of it readable.
 */
int32_t ipc_sender_end_loan(ipc_sender *sender, uint32_t offset, int32_t length) {
  uint32_t capacity = sender->segment.capacity, header_bytes = (uint32_t)sizeof(ipc_record);
  if (offset % IPC_UNIT != 0 || offset < header_bytes || offset > capacity) return IPC_E_INVALID_ARGUMENT;
  ipc_record *record = (ipc_record *)(sender->segment.body + offset - header_bytes);
  if (atomic_load_explicit(&record->kind, memory_order_relaxed) != IPC_RECORD_LOAN) return IPC_E_INVALID_ARGUMENT;
  uint32_t lent = atomic_load_explicit(&record->length, memory_order_relaxed);
  if (lent > capacity - offset || (length >= 0 && (uint32_t)length > lent)) return IPC_E_INVALID_ARGUMENT;
  if (length >= 0) {
    uint32_t used = ipc_ring_units((uint32_t)length), all = ipc_ring_units(lent);
    if (used < all) ipc_ring_put_padding((uint8_t *)record + (size_t)used * IPC_UNIT, all - used);
    atomic_store_explicit(&record->length, (uint32_t)length, memory_order_relaxed);
  }
  atomic_store_explicit(&record->kind, length >= 0 ? IPC_RECORD_MESSAGE : IPC_RECORD_PADDING, memory_order_release);
  ipc_event_notify(sender->segment.header, IPC_EVENT_DATA);
  return IPC_OK;
}

uint32_t ipc_sender_max_loan(const ipc_sender *sender) {
  return ipc_ring_max_message(sender->segment.capacity) - IPC_UNIT;
}

const void *ipc_sender_ring(const ipc_sender *sender) { return sender->segment.body; }

uint32_t ipc_sender_capacity(const ipc_sender *sender) { return sender->segment.capacity; }

ipc_mapping *ipc_sender_hold_mapping(ipc_sender *sender) { return ipc_mapping_hold(&sender->segment); }

int32_t ipc_sender_stage(ipc_sender *sender, const void *bytes, uint32_t length) {
  if (IPC_UNLIKELY(length > ipc_ring_max_message(sender->segment.capacity))) return IPC_E_MESSAGE_TOO_LARGE;
  uint32_t units = ipc_ring_units(length);
  if (IPC_UNLIKELY(!sender->stage || sender->stage_units + units > sender->stage_capacity)) {
    if (sender->stage_units > 0) return IPC_TIMED_OUT;
    /* Empty and still too small, or not there yet: make it fit this one. */
    uint32_t capacity = units > sender->stage_capacity ? units : sender->stage_capacity;
    uint8_t *stage = realloc(sender->stage, (size_t)capacity * IPC_UNIT);
    if (!stage) return IPC_E_NO_SPACE;
    sender->stage = stage;
    sender->stage_capacity = capacity;
  }
  uint8_t *record = sender->stage + (size_t)sender->stage_units * IPC_UNIT;
  memset(record + (size_t)(units - 1) * IPC_UNIT, 0, IPC_UNIT); /* no byte of our heap travels in what rounds it up */
  ipc_ring_put_message(record, bytes, length);
  sender->stage_units += units;
  return IPC_OK;
}

static uint32_t staged_units(const ipc_sender *sender, uint32_t at) {
  const ipc_record *record = (const ipc_record *)(sender->stage + (size_t)at * IPC_UNIT);
  return ipc_ring_units(atomic_load_explicit(&record->length, memory_order_relaxed));
}

/* The units of as many staged records, from `from` on, as fit into `limit` units; how many goes to *count. */
static uint32_t run_of_stage(const ipc_sender *sender, uint32_t from, uint32_t limit, int32_t *count) {
  uint32_t units = 0;
  *count = 0;
  while (from + units < sender->stage_units) {
    uint32_t next = staged_units(sender, from + units);
    if (units + next > limit) break;
    units += next;
    ++*count;
  }
  return units;
}

int32_t ipc_sender_flush(ipc_sender *sender, int32_t timeout_ms) {
  uint32_t from = 0;
  int32_t accepted = 0, status = IPC_OK;
  uint64_t deadline = 0;
  while (from < sender->stage_units) {
    uint32_t first = staged_units(sender, from), at, room;
    status = claim_units(sender, first, timeout_ms, &deadline, &at, &room);
    if (status != IPC_OK) break;
    /* The first record has room; take along whatever follows it up to the gate or the ring's end. */
    uint32_t to_end = sender->capacity_units - (at & (sender->capacity_units - 1));
    int32_t count;
    uint32_t units = run_of_stage(sender, from, room < to_end ? room : to_end, &count);
    memcpy(ipc_ring_at(sender->segment.body, sender->capacity_units, at), sender->stage + (size_t)from * IPC_UNIT,
           (size_t)units * IPC_UNIT);
    publish(sender, at + units);
    from += units;
    accepted += count;
  }
  sender->stage_units = 0;
  return status <= IPC_E_FIRST && accepted == 0 ? status : accepted;
}

int32_t ipc_sender_receiver_count(ipc_sender *sender) {
  uint32_t count = atomic_load_explicit(&sender->segment.header->receiver_count, memory_order_acquire);
  return (int32_t)(count < sender->segment.max_receivers ? count : sender->segment.max_receivers);
}

int32_t ipc_sender_wait_for_receivers(ipc_sender *sender, uint32_t count, int32_t timeout_ms) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  uint64_t deadline = 0;
  if (count > segment->max_receivers) return IPC_E_INVALID_ARGUMENT;
  for (;;) {
    uint32_t seen = ipc_event_prepare(header, IPC_EVENT_MEMBERS);
    if (atomic_load_explicit(&header->receiver_count, memory_order_acquire) >= count) {
      /* Counted is not alive: somebody may have been killed and not been missed yet. */
      if (!ipc_members_evict_dead(segment)) return IPC_OK;
      continue;
    }
    if (ipc_segment_is_orphaned(segment)) return IPC_E_ORPHANED;
    if (timeout_ms == 0) return IPC_TIMED_OUT;
    if (deadline == 0) deadline = ipc_deadline(timeout_ms);
    if (ipc_os_now() >= deadline) return IPC_TIMED_OUT;
    ipc_event_sleep(header, IPC_EVENT_MEMBERS, seen, deadline, IPC_SLICE_NS);
  }
}

uint32_t ipc_sender_max_message(const ipc_sender *sender) { return ipc_ring_max_message(sender->segment.capacity); }
