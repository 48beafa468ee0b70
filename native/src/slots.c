#include "slots.h"

#include "died_inside.h"
#include "event.h"
#include "marks.h"
#include "open_segments.h"
#include "orphan.h"
#include "slot_owner.h"
#include "waits.h"

static int32_t slots_find_free(ipc_slot *slots, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (atomic_load_explicit(&slots[i].instance, memory_order_acquire) == 0) return (int32_t)i;
  return -1;
}

/* The dead make room if there is no other. */
static int32_t slots_find_or_make_free(ipc_segment *segment, ipc_slot *slots, uint32_t count) {
  int32_t index = slots_find_free(slots, count);
  if (index >= 0) return index;
  ipc_slots_reap(segment);
  return slots_find_free(slots, count);
}

static uint32_t slots_new_instance(ipc_header *header) {
  uint32_t instance = atomic_fetch_add_explicit(&header->next_instance, 1, memory_order_relaxed);
  return instance ? instance : atomic_fetch_add_explicit(&header->next_instance, 1, memory_order_relaxed);
}

typedef struct slot_counts {
  uint32_t count, used; /* used: no slot at or above this index is taken */
} slot_counts;

static slot_counts slots_count(const ipc_slot *slots, uint32_t most) {
  slot_counts found = {0};
  for (uint32_t i = 0; i < most; i++) {
    if (atomic_load_explicit(&slots[i].instance, memory_order_acquire) == 0) continue;
    found.count++;
    found.used = i + 1;
  }
  return found;
}

/*
 * Stores the counts until they are those of the slots. Others may count at the same time, because eviction needs no
 * lock: the counts of a process that was slow may be stored last, but then that process counts again. If it is killed
 * before, its own slot is found dead, and the process that finds it counts.
 */
static void slots_recount(ipc_segment *segment) {
  ipc_header *header = segment->header;
  slot_counts receivers = slots_count(segment->receivers, segment->max_receivers);
  slot_counts senders = slots_count(segment->senders, segment->max_senders), again, senders_again;
  for (;;) {
    atomic_store_explicit(&header->sender_count, senders.count, memory_order_release);
    atomic_store_explicit(&header->sender_slots_used, senders.used, memory_order_release);
    atomic_store_explicit(&header->receiver_count, receivers.count, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst); /* pairs with itself: of two that count, one sees the other's slots */
    again = slots_count(segment->receivers, segment->max_receivers);
    senders_again = slots_count(segment->senders, segment->max_senders);
    if (again.count == receivers.count && senders_again.count == senders.count && senders_again.used == senders.used)
      break;
    receivers = again;
    senders = senders_again;
  }
  ipc_event_notify(segment, IPC_EVENT_PEERS);
  ipc_event_notify(segment, IPC_EVENT_SPACE); /* the gate may have moved */
}

/* Under the name lock, which a joiner has while it raises the number: a process without it could take that back. */
static void slots_recount_used(ipc_segment *segment) {
  slot_counts receivers = slots_count(segment->receivers, segment->max_receivers);
  atomic_store_explicit(&segment->header->receiver_slots_used, receivers.used, memory_order_release);
  slots_recount(segment);
}

static void slots_take(ipc_segment *segment, ipc_slot *slot) {
  ipc_slot_owner_set(slot);
  atomic_store_explicit(&slot->asleep, 0, memory_order_relaxed);
  atomic_store_explicit(&slot->armed, 0, memory_order_relaxed);
  atomic_store_explicit(&slot->lost, 0, memory_order_relaxed);
  atomic_store_explicit(&slot->held, 0, memory_order_relaxed);
  /* release: a process that sees the instance sees owner and position */
  atomic_store_explicit(&slot->instance, slots_new_instance(segment->header), memory_order_release);
  ipc_open_segments_add(segment, slot);
}

static uint32_t slots_head_position(const ipc_header *header) {
  return (uint32_t)atomic_load_explicit(&header->head, memory_order_acquire);
}

/*
 * Invariant: the position of a receiver is never below write_limit - capacity, for any write limit that a sender relies
 * on.
 *
 * Senders keep the write limit that they last computed. After the slot is visible (1) and a full fence (2), head is
 * read again (3) and becomes the position. A sender that computed its limit without seeing (1) did so, by its own full
 * fence, before (2); its limit is at most capacity past the head that it knew then, which (3) sees or has gone past. A
 * sender that did see (1) got the older, lower position.
 *
 * An older position needs more: the limit of a sender that did not see it may lie up to capacity past head. The sender
 * announced that before its full fence, hence before (2): if `announced` is at most capacity past the position (4), no
 * sender's limit is further.
 */
static void slots_take_position(ipc_segment *segment, ipc_slot *slot, bool from_oldest) {
  ipc_header *header = segment->header;
  ipc_mark_copy marks[IPC_MARKS];
  uint32_t count = from_oldest ? ipc_marks_copy(header, marks) : 0;
  for (uint32_t i = 0; i < count; i++) {
    atomic_store_explicit(&slot->position, (uint32_t)marks[i].position, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);                                           /* (2) */
    uint64_t announced = atomic_load_explicit(&header->announced, memory_order_relaxed); /* (4) */
    if (announced - marks[i].position <= segment->capacity / IPC_UNIT) return;
  }
  atomic_thread_fence(memory_order_seq_cst);                                   /* (2) */
  segment->joined = atomic_load_explicit(&header->head, memory_order_acquire); /* (3) */
  atomic_store_explicit(&slot->position, (uint32_t)segment->joined, memory_order_release);
}

int32_t ipc_slots_join_receiver(ipc_segment *segment, bool from_oldest) {
  ipc_header *header = segment->header;
  int32_t index = slots_find_or_make_free(segment, segment->receivers, segment->max_receivers);
  if (index < 0) return IPC_E_TOO_MANY_RECEIVERS;
  ipc_slot *slot = &segment->receivers[index];
  uint32_t used = atomic_load_explicit(&header->receiver_slots_used, memory_order_relaxed);
  if (used <= (uint32_t)index)
    atomic_store_explicit(&header->receiver_slots_used, (uint32_t)index + 1, memory_order_release);
  atomic_store_explicit(&slot->position, slots_head_position(header), memory_order_relaxed);
  slots_take(segment, slot); /* (1) */
  slots_take_position(segment, slot, from_oldest);
  slots_recount_used(segment);
  return index;
}

int32_t ipc_slots_join_handle(ipc_segment *segment) {
  int32_t index = slots_find_or_make_free(segment, segment->receivers, segment->max_receivers);
  if (index < 0) return IPC_E_TOO_MANY_HANDLES;
  uint32_t used = atomic_load_explicit(&segment->header->receiver_slots_used, memory_order_relaxed);
  /* Before it can hold anything shared: the search for holders ends at this index. */
  if (used <= (uint32_t)index)
    atomic_store_explicit(&segment->header->receiver_slots_used, (uint32_t)index + 1, memory_order_release);
  slots_take(segment, &segment->receivers[index]);
  slots_recount_used(segment);
  return index;
}

int32_t ipc_slots_join_sender(ipc_segment *segment) {
  int32_t index = slots_find_or_make_free(segment, segment->senders, segment->max_senders);
  if (index < 0) return IPC_E_TOO_MANY_SENDERS;
  slots_take(segment, &segment->senders[index]);
  slots_recount_used(segment);
  return index;
}

typedef struct reap_counts {
  uint32_t live, dead;
  bool thorough; /* see ipc_slot_owner_sweep() */
  ipc_owner_answer last;
} reap_counts;

static bool slots_died_before(uint32_t instance, uint32_t other) {
  return other != 0 && (instance == 0 || (int32_t)(instance - other) < 0);
}

/*
 * Among the last instances that died here. Others may record the same one at the same time: it is recorded once, and a
 * process that was slow does not store an older one over a newer one.
 */
static void slots_record_death(ipc_slot *slot, uint32_t instance) {
  for (;;) {
    _Atomic uint32_t *oldest = NULL;
    uint32_t its = 0;
    for (int i = 0; i < IPC_PEER_DEATHS; i++) {
      uint32_t died = atomic_load_explicit(&slot->died[i], memory_order_relaxed);
      if (died == instance) return;
      if (oldest && !slots_died_before(died, its)) continue;
      oldest = &slot->died[i];
      its = died;
    }
    if (slots_died_before(instance, its) ||
        atomic_compare_exchange_strong_explicit(oldest, &its, instance, memory_order_relaxed, memory_order_relaxed))
      return;
  }
}

/*
 * Checks the owner of a slot, and empties the slot if the owner is dead. Needs no lock, and does no harm if others do
 * the same at the same time: the instance is never used again, so what is done for it twice is done to nobody else.
 */
static void slots_reap_one(ipc_segment *segment, ipc_slot *slot, reap_counts *found) {
  uint32_t instance = atomic_load_explicit(&slot->instance, memory_order_acquire);
  if (instance == 0) return;
  if (ipc_slot_owner_sweep(slot, found->thorough, &found->last)) {
    found->live++;
    return;
  }
  found->dead++;
  slots_record_death(slot, instance);
  ipc_waits_forget(segment, instance);
  /* Before the slot is empty: killed in between, we leave a death that is counted twice, not one that is never counted.
   */
  atomic_fetch_add_explicit(&segment->header->deaths, 1, memory_order_release);
  /* A swap: another process may have emptied the slot meanwhile, and a new endpoint may have taken it. release: a
   * joiner that takes the slot sees the stores above. */
  atomic_compare_exchange_strong_explicit(&slot->instance, &instance, 0, memory_order_release, memory_order_relaxed);
}

/* Receivers first, then senders: they lie in a row. */
static ipc_slot *slots_all(ipc_segment *segment, uint32_t *count) {
  *count = segment->max_receivers + segment->max_senders;
  return segment->receivers;
}

uint32_t ipc_slots_reap(ipc_segment *segment) {
  uint32_t count;
  ipc_slot *slots = slots_all(segment, &count);
  reap_counts found = {.thorough = true};
  for (uint32_t i = 0; i < count; i++) slots_reap_one(segment, &slots[i], &found);
  slots_recount(segment);
  return found.live;
}

/* To ask the system about one takes 2 to 3 µs. */
enum { REAPS = 16 };

bool ipc_slots_any_alive(ipc_segment *segment) {
  const ipc_header *header = segment->header;
  uint32_t count;
  ipc_slot *slots = slots_all(segment, &count);
  reap_counts found = {0};
  /* Other slots each time: the endpoints that join and leave check all of them one after another. */
  uint32_t start = REAPS * (atomic_load_explicit(&header->next_instance, memory_order_relaxed) +
                            atomic_load_explicit(&header->receiver_count, memory_order_relaxed) +
                            atomic_load_explicit(&header->sender_count, memory_order_relaxed));
  for (uint32_t i = 0; i < count && (found.live == 0 || found.live + found.dead < REAPS); i++)
    slots_reap_one(segment, &slots[(start % count + i) % count], &found);
  if (found.dead > 0) slots_recount(segment);
  return found.live > 0;
}

void ipc_slots_withdraw(ipc_segment *segment, ipc_slot *slot) {
  ipc_open_segments_remove(segment);
  atomic_store_explicit(&slot->instance, 0, memory_order_release);
  slots_recount_used(segment);
}

void ipc_slots_leave(ipc_segment *segment, ipc_slot *slot, uint32_t instance) {
  ipc_open_segments_remove(segment);
  /* First what frees the others, whatever becomes of the name lock. A swap: if we were taken for dead, it is not ours.
   */
  atomic_compare_exchange_strong_explicit(&slot->instance, &instance, 0, memory_order_release, memory_order_relaxed);
  ipc_event_notify(segment, IPC_EVENT_SPACE);
  int32_t fd = ipc_segment_lock(segment, 1000000000u);
  if (fd < 0) {
    /* Nobody may be left that counts under the name lock: senders would believe in a receiver that has left. */
    if (fd != IPC_E_ORPHANED) slots_recount(segment);
    return;
  }
  slots_recount_used(segment);
  /* If an owner died inside, the segment stays for the next open, as after a kill. */
  if (!ipc_slots_any_alive(segment) && !ipc_died_inside(segment)) ipc_segment_unlink(segment);
  ipc_os_unlock(fd);
}

uint32_t ipc_slots_gate(const ipc_segment *segment, uint32_t head) {
  atomic_thread_fence(memory_order_seq_cst); /* pairs with (2) in ipc_slots_join_receiver */
  uint32_t used = atomic_load_explicit(&segment->header->receiver_slots_used, memory_order_acquire);
  if (used > segment->max_receivers) used = segment->max_receivers;
  int32_t lag = 0;
  for (uint32_t i = 0; i < used; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    /* acquire pairs with the receiver's release: it has read what lies before its position */
    int32_t behind = (int32_t)(head - atomic_load_explicit(&slot->position, memory_order_acquire));
    if (behind > lag) lag = behind; /* negative: it has read records newer than `head` */
  }
  return head - (uint32_t)lag;
}

static bool slots_is_dead(const ipc_slot *slot) {
  return atomic_load_explicit(&slot->instance, memory_order_acquire) != 0 && !ipc_slot_owner_is_alive(slot);
}

bool ipc_slots_evict_dead_at(ipc_segment *segment, uint32_t gate) {
  for (uint32_t i = 0; i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->position, memory_order_relaxed) == gate && slots_is_dead(slot))
      return ipc_slots_reap(segment), true;
  }
  return false;
}

bool ipc_slots_evict_dead(ipc_segment *segment) {
  for (uint32_t i = 0; i < segment->max_receivers; i++)
    if (slots_is_dead(&segment->receivers[i])) return ipc_slots_reap(segment), true;
  return false;
}

bool ipc_slots_poll(ipc_segment *segment, uint64_t *seen) {
  const ipc_header *header = segment->header;
  bool dead = ipc_slots_evict_dead(segment);
  uint32_t used = atomic_load_explicit(&header->sender_slots_used, memory_order_acquire);
  for (uint32_t i = 0; i < used && i < segment->max_senders && !dead; i++)
    if ((dead = slots_is_dead(&segment->senders[i]))) ipc_slots_reap(segment);
  /* An endpoint that joins takes a new instance; one that leaves is no longer counted. */
  uint64_t now = (uint64_t)atomic_load_explicit(&header->next_instance, memory_order_relaxed) << 32 |
                 (atomic_load_explicit(&header->receiver_count, memory_order_relaxed) +
                  atomic_load_explicit(&header->sender_count, memory_order_relaxed));
  bool changed = now != *seen;
  *seen = now;
  return changed;
}

static const ipc_slot *slots_find(const ipc_slot *slots, uint32_t count, uint32_t instance) {
  for (uint32_t i = 0; i < count; i++)
    if (atomic_load_explicit(&slots[i].instance, memory_order_acquire) == instance) return &slots[i];
  return NULL;
}

bool ipc_slots_is_alive(const ipc_segment *segment, uint32_t instance, uint32_t *pid) {
  const ipc_slot *slot = slots_find(segment->senders, segment->max_senders, instance);
  if (!slot) slot = slots_find(segment->receivers, segment->max_receivers, instance);
  if (!slot) return false; /* the slot has been emptied: by its owner, or because the owner was dead */
  *pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
  return ipc_slot_owner_is_alive(slot);
}

const ipc_slot *ipc_slots_find_sender(const ipc_segment *segment, uint32_t instance) {
  return slots_find(segment->senders, segment->max_senders, instance);
}
