#include "sender_write.h"

#include "marks.h"
#include "orphan.h"
#include "queue.h"

void ipc_sender_release_claim(ipc_sender *sender) {
  if (sender->is_only) return;
  ipc_claim_unlock(&sender->segment.header->claim);
  ipc_event_notify(&sender->segment, IPC_EVENT_CLAIM_FREE);
}

void ipc_sender_publish(ipc_sender *sender, uint32_t head, uint32_t messages) {
  ipc_sender_publish_inline(sender, head, messages);
}

void ipc_sender_publish_quietly(ipc_sender *sender, uint32_t head, uint32_t messages) {
  ipc_sender_publish_only(sender, head, messages);
  if (!sender->is_only) ipc_event_notify(&sender->segment, IPC_EVENT_CLAIM_FREE);
}

/* The lowest position whose bytes are still needed. Full fence first. */
static uint32_t sender_gate(ipc_sender *sender, uint32_t head) {
  if (sender->segment.kind == IPC_QUEUE) return ipc_queue_gate(&sender->segment, sender->instance);
  return ipc_slots_gate(&sender->segment, head);
}

/*
 * Reads what the receivers still need and returns the room at `head`: at least `units` if there is so much, and
 * otherwise up to an eighth of the ring, so that the next call leaves the next mark. Under the claim.
 *
 * `announced` is stored first, before the full fence in sender_gate: see ipc_slots_join_receiver. It is a word of its
 * own: if we are killed here, the announcement is not yet a write limit.
 */
static uint32_t sender_recompute_write_limit(ipc_sender *sender, uint32_t position, uint32_t units) {
  ipc_header *header = sender->segment.header;
  uint32_t capacity = sender->capacity_units, ahead = capacity / 8 > units ? capacity / 8 : units;
  uint64_t head = atomic_load_explicit(&header->head, memory_order_relaxed);
  uint64_t announced = atomic_load_explicit(&header->announced, memory_order_relaxed);
  ipc_mark_copy last = ipc_marks_last(header);
  uint64_t here = announced + (uint64_t)(int64_t)(int32_t)(position - (uint32_t)announced);
  uint64_t number = last.number + (uint64_t)(int64_t)(int32_t)((uint32_t)(head >> 32) - (uint32_t)last.number);
  /*
   * A full ring comes here for every message: marks that close together would not reach round it. But the last mark
   * always lies at most a capacity before what is announced: a receiver that was overrun continues there.
   */
  bool is_near = sender->segment.overflow != IPC_DROP_OLDEST && here - last.position < capacity / IPC_MARKS &&
                 here + ahead - last.position <= capacity;
  if (!is_near) ipc_marks_add(header, here, number);
  /* release: a receiver that sees the announcement sees the mark; pairs with ipc_overrun_found */
  if (announced < here + ahead) atomic_store_explicit(&header->announced, here + ahead, memory_order_release);
  if (sender->segment.overflow == IPC_DROP_OLDEST) {
    atomic_store_explicit(&header->write_limit, position + ahead, memory_order_relaxed);
    /*
     * release: our writes into the ring come after the announcement; pairs with the acquire fence of ipc_overrun_found.
     * The fence in ipc_sender_claimed() does the same for the writes that follow it, so this one is redundant as the
     * code is (native/model/genmc/overrun.c holds without it). It stays beside the announcement that it orders.
     */
    atomic_thread_fence(memory_order_release);
    return ahead;
  }
  uint32_t room = atomic_load_explicit(&header->write_limit, memory_order_relaxed) - position;
  uint32_t used = position - sender_gate(sender, position), free_units = used < capacity ? capacity - used : 0;
  uint32_t seen = free_units < ahead ? free_units : ahead;
  /* A receiver that is just joining may show any older position for a moment: what was known stays true. */
  if (seen > room) {
    room = seen;
    atomic_store_explicit(&header->write_limit, position + room, memory_order_relaxed);
  }
  atomic_store_explicit(&header->announced, here + room, memory_order_relaxed);
  return room;
}

/* The free units at `head`, at least `units` if that many are there; more than the capacity: damage. Under the claim.
 */
static uint32_t sender_room_for(ipc_sender *sender, uint32_t head, uint32_t units) {
  uint32_t room = atomic_load_explicit(&sender->segment.header->write_limit, memory_order_relaxed) - head;
  if (IPC_LIKELY(units <= room)) return room;
  return sender_recompute_write_limit(sender, head, units);
}

/*
 * Whether a queue's tail is not within the ring's length before head, where it always is: past head it would promise
 * room that there is not, and we would try again and again. Under the claim.
 */
static bool sender_is_tail_damaged(const ipc_sender *sender, uint32_t head) {
  return sender->segment.kind == IPC_QUEUE &&
         head - atomic_load_explicit(&sender->segment.header->tail, memory_order_relaxed) > sender->capacity_units;
}

/* Waits until the receivers need less than they do. False: the deadline passed,
 * or a signal ends the call early. */
static bool sender_wait_for_space(ipc_sender *sender, uint32_t head, uint32_t units, uint64_t *slice,
                                  uint64_t deadline) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  ipc_backoff backoff = ipc_backoff_start(header);
  uint32_t needed;
  do {
    needed = sender_gate(sender, head);
    if ((int32_t)(needed + sender->capacity_units - (head + units)) >= 0 || ipc_sender_check(sender) != IPC_OK)
      return true;
  } while (ipc_backoff_pause(&backoff, deadline));
  if (ipc_os_now() >= deadline) return false;
  uint32_t seen = ipc_event_prepare(header, IPC_EVENT_SPACE);
  if (sender_gate(sender, head) != needed || ipc_sender_check(sender) != IPC_OK) return true;
  if (*slice == IPC_FIRST_SLICE_NS)
    atomic_store_explicit(&sender->slot->since, ipc_asleep_since(), memory_order_relaxed);
  atomic_store_explicit(&sender->slot->asleep, 1, memory_order_relaxed);
  bool ends_early = ipc_event_sleep(header, IPC_EVENT_SPACE, seen, deadline, *slice);
  atomic_store_explicit(&sender->slot->asleep, 0, memory_order_relaxed);
  ipc_segment_is_orphaned(segment);
  ipc_slots_evict_dead_at(segment, needed);
  *slice = IPC_SLICE_NS;
  return !ends_early || sender_gate(sender, head) != needed;
}

/*
 * A send that does not wait has found the claim taken, the ring full, or no receiver. Sends that wait check now and
 * then for dead peers and for a lost name; a sender that only ever tries must do so, too.
 */
static bool sender_is_time_to_reap(ipc_sender *sender) {
  uint64_t now = ipc_os_now();
  if (now - sender->reaped_at < IPC_SLICE_NS) return false;
  sender->reaped_at = now;
  return true;
}

/* ipc_sender_check() before a refusal: without receivers only if none has a slot, whatever the count is. */
static int32_t sender_check_slots(ipc_sender *sender) {
  int32_t status = ipc_sender_check(sender);
  return status == IPC_NO_RECEIVERS && ipc_slots_any_receiver(&sender->segment) ? IPC_OK : status;
}

/* After so many waits without success a sender waits with the claim: else small messages of others could take all space
 * for ever. */
enum { PATIENT_WAITS = 3 };

int32_t ipc_sender_claim_slow(ipc_sender *sender, uint32_t units, int32_t timeout_ms, uint64_t *deadline,
                              ipc_claimed *claimed, bool has_claim) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  uint64_t slice = IPC_FIRST_SLICE_NS;
  bool held = has_claim;
  for (uint32_t waits = 0;; waits++) {
    int32_t status = sender_check_slots(sender);
    if (IPC_UNLIKELY(status != IPC_OK)) {
      if (held) ipc_sender_release_claim(sender);
      if (status == IPC_NO_RECEIVERS && sender_is_time_to_reap(sender) && ipc_segment_is_orphaned(segment))
        return IPC_E_ORPHANED;
      return status;
    }
    if (IPC_UNLIKELY(!held && !ipc_sender_try_claim(sender))) {
      if (timeout_ms != 0 && *deadline == 0) *deadline = ipc_deadline(timeout_ms);
      if (!ipc_claim_lock_slow(segment, &header->claim, sender->instance, *deadline)) {
        uint32_t pid;
        sender->awaits_claim = true;
        if (timeout_ms != 0 || !sender_is_time_to_reap(sender)) return IPC_TIMED_OUT;
        if (ipc_segment_is_orphaned(segment)) return IPC_E_ORPHANED;
        if (!ipc_claim_take_over(segment, &header->claim, sender->instance, &pid)) return IPC_TIMED_OUT;
      }
    }
    uint32_t head = (uint32_t)atomic_load_explicit(&header->head, memory_order_relaxed); /* the claim ordered it */
    if (ipc_paced_check_is_clock_due(&sender->liveness) && ipc_paced_check_read_clock(&sender->liveness)) {
      ipc_sender_release_claim(sender);
      held = false;
      ipc_sender_check_liveness(sender);
      continue;
    }
    uint32_t padding = ipc_ring_padding(sender->capacity_units, head, units);
    uint32_t free_units = sender_room_for(sender, head, padding + units);
    if (IPC_UNLIKELY(free_units > sender->capacity_units)) {
      ipc_sender_release_claim(sender);
      return IPC_E_CORRUPT; /* head and limit are further apart than the ring is long */
    }
    if (IPC_LIKELY(padding + units <= free_units))
      return ipc_sender_claimed(sender, head, padding, free_units, claimed);
    if (sender_is_tail_damaged(sender, head)) {
      ipc_sender_release_claim(sender);
      return IPC_E_CORRUPT;
    }
    held = timeout_ms != 0 && sender->waits && waits >= PATIENT_WAITS;
    if (!held) ipc_sender_release_claim(sender);
    if (timeout_ms == 0 || !sender->waits) {
      int32_t refused = sender->waits ? IPC_TIMED_OUT : IPC_DROPPED;
      sender->awaits_claim = false;
      if (!sender_is_time_to_reap(sender)) return refused;
      if (ipc_segment_is_orphaned(segment)) return IPC_E_ORPHANED;
      if (!ipc_slots_evict_dead_at(segment, sender_gate(sender, head))) return refused;
      continue;
    }
    if (*deadline == 0) *deadline = ipc_deadline(timeout_ms);
    if (!sender_wait_for_space(sender, head, padding + units, &slice, *deadline)) {
      if (held) ipc_sender_release_claim(sender);
      return IPC_TIMED_OUT;
    }
  }
}

int32_t ipc_sender_claim(ipc_sender *sender, uint32_t units, int32_t timeout_ms, uint64_t *deadline,
                         ipc_claimed *claimed) {
  return ipc_sender_claim_inline(sender, units, timeout_ms, deadline, claimed);
}

uint32_t ipc_sender_free_units(ipc_sender *sender) {
  uint32_t head = (uint32_t)atomic_load_explicit(&sender->segment.header->head, memory_order_acquire);
  uint32_t used = head - sender_gate(sender, head);
  return used < sender->capacity_units ? sender->capacity_units - used : 0;
}

int32_t ipc_sender_refusal(ipc_sender *sender) {
  int32_t status = sender_check_slots(sender);
  if (status != IPC_OK) return status;
  sender->awaits_claim = false;
  if (sender_is_time_to_reap(sender)) {
    if (ipc_segment_is_orphaned(&sender->segment)) return IPC_E_ORPHANED;
    ipc_slots_evict_dead(&sender->segment);
  }
  return sender->waits ? IPC_TIMED_OUT : IPC_DROPPED;
}

int32_t ipc_sender_refuse(ipc_sender *sender, int32_t status, uint32_t messages) {
  if (status == IPC_DROPPED) {
    /* relaxed: the sender alone writes it, and list() alone reads it. Killed before, the count is too small. */
    uint64_t lost = atomic_load_explicit(&sender->slot->lost, memory_order_relaxed);
    atomic_store_explicit(&sender->slot->lost, lost + messages, memory_order_relaxed);
  }
  return ipc_segment_result(&sender->segment, status);
}

void ipc_sender_put_slow(const ipc_sender *sender, uint8_t *at, const void *bytes, uint32_t length) {
  uint8_t *payload = at + sizeof(ipc_record);
  if (sender->segment.kind == IPC_QUEUE) {
    ipc_queue_put_lease(payload);
    ipc_ring_put_header(at, length + (uint32_t)sizeof(ipc_lease), IPC_RECORD_MESSAGE);
    if (length) memcpy(payload + sizeof(ipc_lease), bytes, length);
  } else {
    ipc_ring_put_header(at, length, IPC_RECORD_MESSAGE);
    ipc_ring_copy_in(payload, bytes, length);
  }
}
