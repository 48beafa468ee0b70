#include "event.h"
#include "orphan.h"
#include "queue.h"
#include "sender_state.h"

/*
 * Waits until receivers have read up to a point.
 *
 * A receiver's position is in its slot. It publishes it at the end of a run, and after each record while the flag of
 * the event `space` is set, see ipc_receiver_advance(). Both endpoints store (flag; position), pass a full fence, and
 * load (position; flag), as event.h explains: the wait ends, or the receiver wakes it.
 *
 * Invariant: while a sender waits, no receiver has read past the point and not published that. The sender sets
 * IPC_AWAITS_READING in its slot, then IPC_WANTED_ALWAYS in the flag, which stays as long as the slot has that bit, see
 * event.c; then, after a full fence, it loads head: the point. A receiver publishes at the end of what it knows. If it
 * knows more than what lies before the point, it has loaded head after the sender did, and so sees the flag.
 *
 * Between two looks a receiver may leave, and another one may take its slot. Its last position stays in the slot until
 * then. So a receiver that has read everything and has left is recognised, unless an endpoint has joined meanwhile:
 * then it counts as having left without.
 */
enum {
  CHECK_MS = 100,          /* a try looks for dead receivers at most so often */
  FAR = 1 << 30,           /* units: at that distance positions can still be compared in 32 bits */
  MOST_JOINED = 0x10000000 /* no more endpoints join during ipc_sender_read_point() */
};

enum read_state { UNREAD, READ, LEFT };

static uint32_t read_now_ms(void) { return (uint32_t)(ipc_os_now() / 1000000u); }

static uint32_t read_instances(const ipc_header *header) {
  return atomic_load_explicit(&header->next_instance, memory_order_relaxed);
}

/* How far senders have gone past the point, in units. It may be a little more than what they have written. */
static uint64_t read_distance(const ipc_header *header, const ipc_read_point *point) {
  /* acquire pairs with the release in sender_recompute_write_limit, which comes after the gate before it was computed
   */
  uint64_t announced = atomic_load_explicit(&header->announced, memory_order_acquire);
  return (int64_t)(announced - point->position) > 0 ? announced - point->position : 0;
}

static bool read_is_before(uint32_t position, const ipc_read_point *point) {
  return (int32_t)((uint32_t)point->position - position) > 0;
}

/*
 * Whether nothing but padding, and loans that were given up, lies between the position of a receiver and the point.
 * Senders may be overwriting what is read here if the receiver moves on; so what was found counts only if it has not.
 */
static bool read_rest_is_padding(const ipc_segment *segment, const ipc_read_point *point, uint32_t position) {
  uint32_t to = (uint32_t)point->position, lender = 0, pid;
  for (uint32_t units; position != to; position += units) {
    ipc_record_copy record;
    units = ipc_ring_read_raced(segment->body, segment->capacity / IPC_UNIT, position, to, &record);
    if (units == 0) return false;
    if (record.kind == IPC_RECORD_OWNER)
      lender = record.length;
    else if (record.kind == IPC_RECORD_LOAN && (lender == 0 || ipc_slots_is_alive(segment, lender, &pid)))
      return false;
    else if (record.kind != IPC_RECORD_LOAN && record.kind != IPC_RECORD_PADDING)
      return false;
  }
  return true;
}

/* What the receiver `expected` in a slot has done. `instances`: next_instance before it was last seen there. */
static enum read_state read_state_of(const ipc_segment *segment, const ipc_read_point *point, const ipc_slot *slot,
                                     uint32_t expected, uint32_t instances, uint64_t distance) {
  /*
   * The position first. acquire pairs with the release of the receiver, whose reads come before, and with that of the
   * next owner of the slot: a process that sees its position sees that the slot was empty, and `held`.
   */
  uint32_t position = atomic_load_explicit(&slot->position, memory_order_acquire);
  bool is_taken = atomic_load_explicit(&slot->held, memory_order_acquire) == IPC_SLOT_JOINING;
  uint32_t instance = atomic_load_explicit(&slot->instance, memory_order_acquire);
  bool is_overwriting = segment->overflow == IPC_DROP_OLDEST;
  if (instance != expected)
    return instance == 0 && !is_taken && read_instances(segment->header) == instances && distance < FAR &&
                   !read_is_before(position, point)
               ? READ
               : LEFT;
  /* Senders wait for it: so far past the point they cannot be unless it has read it. Or it has lost what was there. */
  if (distance > (is_overwriting ? segment->capacity / IPC_UNIT : FAR) || !read_is_before(position, point)) return READ;
  /* A ring that is overwritten has no loans. */
  if (is_overwriting || !read_rest_is_padding(segment, point, position)) return UNREAD;
  atomic_thread_fence(memory_order_acquire); /* the loads of the records come before those of the next lines */
  return atomic_load_explicit(&slot->position, memory_order_relaxed) == position &&
                 atomic_load_explicit(&slot->instance, memory_order_relaxed) == expected
             ? READ
             : UNREAD;
}

/* Looks at all that had not read it the last time. */
static bool read_look(ipc_sender *sender, ipc_read_point *point) {
  ipc_segment *segment = &sender->segment;
  const ipc_header *header = segment->header;
  uint32_t instances = point->instances, waiting = 0;
  uint64_t distance = read_distance(header, point);
  if (segment->kind == IPC_QUEUE)
    return distance > FAR || !read_is_before(ipc_queue_gate(segment, sender->instance), point);
  point->instances = read_instances(header);
  for (uint32_t i = 0; i < point->slots; i++) {
    if (point->unread[i] == 0) continue;
    switch (read_state_of(segment, point, &segment->receivers[i], point->unread[i], instances, distance)) {
      case UNREAD: waiting++; continue;
      case READ: point->read++; break;
      case LEFT: point->left++;
    }
    point->unread[i] = 0;
  }
  return waiting == 0;
}

/* Looks for dead receivers, not more often than CHECK_MS. True: there was one. */
static bool read_evict_dead(ipc_segment *segment, ipc_read_point *point) {
  uint32_t now = read_now_ms();
  if (now - point->checked < CHECK_MS) return false;
  point->checked = now;
  return ipc_slots_evict_dead(segment);
}

/* Tells receivers that their positions are waited for. */
static void read_begin(ipc_sender *sender) {
  if (atomic_load_explicit(&sender->slot->armed, memory_order_relaxed) & IPC_AWAITS_READING) return;
  /* 2^32 divided by the golden ratio: the numbers of senders lie far apart. */
  uint32_t number = sender->instance * 0x9E3779B1u + ++sender->read_waits;
  ipc_event_want_always(sender->segment.header, sender->slot, number);
}

/* The next notifier sees that nothing is waited for any more, and clears the flag. */
void ipc_sender_end_read_waits(ipc_sender *sender) {
  atomic_fetch_and_explicit(&sender->slot->armed, ~IPC_AWAITS_READING, memory_order_relaxed);
}

int32_t ipc_sender_read_point(ipc_sender *sender, ipc_read_point *point) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  point->receivers = point->read = point->left = point->slots = 0;
  if (segment->mapping->is_forked) return IPC_E_FORKED;
  read_begin(sender);
  point->number = ++sender->read_points;
  uint32_t instances = read_instances(header);
  point->instances = instances;
  point->checked = read_now_ms();
  point->position = ipc_queue_wide(segment, (uint32_t)atomic_load_explicit(&header->head, memory_order_acquire));
  if (segment->kind != IPC_QUEUE) point->slots = ipc_slots_of_receivers(segment);
  for (uint32_t i = 0; i < point->slots; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    uint32_t instance = atomic_load_explicit(&slot->instance, memory_order_acquire);
    bool is_open = instance != 0 && atomic_load_explicit(&slot->held, memory_order_acquire) != IPC_SLOT_JOINING &&
                   atomic_load_explicit(&slot->observer, memory_order_relaxed) == 0;
    /* Not those that have joined since head was loaded. Instances are counted modulo 2^31. */
    if (is_open && (instances - 1 - instance) % IPC_LEASE_DELAYED >= IPC_LEASE_DELAYED - MOST_JOINED) is_open = false;
    point->unread[i] = is_open ? instance : 0;
    point->receivers += is_open;
  }
  return ipc_segment_result(segment, IPC_OK);
}

int32_t ipc_sender_wait_until_read(ipc_sender *sender, ipc_read_point *point, int32_t timeout_ms) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  uint64_t deadline = 0, slice = IPC_FIRST_SLICE_NS;
  if (segment->mapping->is_forked) return IPC_E_FORKED;
  /* It is in the caller's memory. */
  if (point->slots > segment->max_receivers) return IPC_E_INVALID_ARGUMENT;
  for (;;) {
    read_begin(sender);
    uint32_t seen = timeout_ms == 0 ? 0 : ipc_event_prepare(header, IPC_EVENT_SPACE);
    if (read_look(sender, point)) {
      /* The receivers of an earlier point are among those of the last one, or have left. */
      if (point->number == sender->read_points) ipc_sender_end_read_waits(sender);
      return ipc_segment_result(segment, IPC_OK);
    }
    if (read_evict_dead(segment, point)) continue;
    if (segment->kind == IPC_QUEUE && atomic_load_explicit(&header->orphaned, memory_order_relaxed) &&
        atomic_load_explicit(&header->receiver_count, memory_order_relaxed) == 0)
      return ipc_segment_result(segment, IPC_E_ORPHANED);
    if (timeout_ms == 0) return ipc_segment_result(segment, IPC_TIMED_OUT);
    if (deadline == 0) deadline = ipc_deadline(timeout_ms);
    if (ipc_os_now() >= deadline) return ipc_segment_result(segment, IPC_TIMED_OUT);
    if (ipc_event_sleep(header, IPC_EVENT_SPACE, seen, deadline, slice)) deadline = IPC_PASSED;
    slice = IPC_SLICE_NS;
    if (segment->kind == IPC_QUEUE) ipc_segment_is_orphaned(segment);
  }
}
