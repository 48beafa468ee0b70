#include "slots.h"

#include "died_inside.h"
#include "event.h"
#include "marks.h"
#include "open_segments.h"
#include "orphan.h"
#include "record_count.h"
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

/* Below IPC_LEASE_DELAYED: in a lease, numbers above are no instances. */
static uint32_t slots_new_instance(ipc_header *header) {
  uint32_t instance;
  do instance = atomic_fetch_add_explicit(&header->next_instance, 1, memory_order_relaxed) % IPC_LEASE_DELAYED;
  while (instance == 0);
  return instance;
}

/* Which slots a count is of: all, or those of receivers that senders wait for. */
enum slots_counted { ALL_ENDPOINTS, WITHOUT_OBSERVERS };

/* How many of the first `most` slots are taken, by endpoints that have joined; *used is the index after the last one.
 */
static uint32_t slots_count(const ipc_slot *slots, uint32_t most, enum slots_counted of, uint32_t *used) {
  uint32_t count = 0;
  *used = 0;
  for (uint32_t i = 0; i < most; i++) {
    if (atomic_load_explicit(&slots[i].instance, memory_order_acquire) == 0) continue;
    *used = i + 1;
    /* acquire pairs with the release in ipc_slots_join_receiver: what a sender that counts the slot sends lies at or
     * past its position */
    if (atomic_load_explicit(&slots[i].held, memory_order_acquire) == IPC_SLOT_JOINING) continue;
    count += of == ALL_ENDPOINTS || atomic_load_explicit(&slots[i].observer, memory_order_relaxed) == 0;
  }
  return count;
}

static uint32_t slots_used(const _Atomic uint32_t *word, uint32_t most) {
  uint32_t used = atomic_load_explicit(word, memory_order_acquire);
  return used < most ? used : most;
}

/* How many slots are taken below the index that is in `used`: an endpoint raises it before it takes its slot. */
static uint32_t slots_count_used(const _Atomic uint32_t *used, const ipc_slot *slots, uint32_t most,
                                 enum slots_counted of) {
  uint32_t last;
  return slots_count(slots, slots_used(used, most), of, &last);
}

/* More rounds than others can change slots meanwhile; a damaged segment must not keep a process here. */
enum { COUNT_ROUNDS = 64 };

/*
 * Counts slots that have been changed, together with others that do the same, without a lock.
 *
 * Invariant: when all have returned, the word is the number of slots that are taken. Each changes its slot, counts,
 * swaps the count in, passes a full fence, and counts again, until the word is what it has just counted. If the last
 * count of the last process to swap missed a change, then the process that made the change sees that swap after its
 * fence, and swaps itself. The index up to which slots are counted is read again for each count: an endpoint that
 * joined meanwhile may lie above the one that was read before.
 *
 * Until then the word may be too low: a process that was slow has swapped in an old count, and has not counted again.
 * If it was killed there, the next process that counts corrects it.
 */
static void slots_update_count(_Atomic uint32_t *word, const _Atomic uint32_t *used, const ipc_slot *slots,
                               uint32_t most, enum slots_counted of) {
  for (int round = 0; round < COUNT_ROUNDS; round++) {
    uint32_t before = atomic_load_explicit(word, memory_order_acquire), count = slots_count_used(used, slots, most, of);
    if (before != count &&
        !atomic_compare_exchange_strong_explicit(word, &before, count, memory_order_release, memory_order_relaxed))
      continue;
    atomic_thread_fence(memory_order_seq_cst); /* pairs with itself */
    if (slots_count_used(used, slots, most, of) == count && atomic_load_explicit(word, memory_order_relaxed) == count)
      return;
  }
}

/*
 * Without the name lock an endpoint may join meanwhile: so only with it are the indices lowered up to which the others
 * search.
 */
static void slots_recount(ipc_segment *segment, bool has_lock) {
  ipc_header *header = segment->header;
  uint32_t used;
  if (has_lock) {
    slots_count(segment->senders, segment->max_senders, ALL_ENDPOINTS, &used);
    atomic_store_explicit(&header->sender_slots_used, used, memory_order_release);
    slots_count(segment->receivers, segment->max_receivers, ALL_ENDPOINTS, &used);
    atomic_store_explicit(&header->receiver_slots_used, used, memory_order_release);
  }
  slots_update_count(&header->sender_count, &header->sender_slots_used, segment->senders, segment->max_senders,
                     ALL_ENDPOINTS);
  slots_update_count(&header->receiver_count, &header->receiver_slots_used, segment->receivers, segment->max_receivers,
                     ALL_ENDPOINTS);
  slots_update_count(&header->gated_count, &header->receiver_slots_used, segment->receivers, segment->max_receivers,
                     WITHOUT_OBSERVERS);
  ipc_event_notify(segment, IPC_EVENT_PEERS);
  ipc_event_notify(segment, IPC_EVENT_SPACE); /* the gate may have moved */
}

/* Before the slot is taken: the search for senders, receivers or holders ends at this index. Under the name lock. */
static void slots_raise_used(_Atomic uint32_t *word, uint32_t index) {
  if (atomic_load_explicit(word, memory_order_relaxed) <= index)
    atomic_store_explicit(word, index + 1, memory_order_release);
}

static void slots_leave_as_dead(ipc_segment *segment, uint32_t instance, uint64_t patience_ns);

static void slots_take(ipc_segment *segment, ipc_slot *slot, uint32_t held, bool is_observer) {
  ipc_slot_owner_set(slot);
  atomic_store_explicit(&slot->opened, ipc_os_now(), memory_order_relaxed);
  atomic_store_explicit(&slot->asleep, 0, memory_order_relaxed);
  atomic_store_explicit(&slot->armed, 0, memory_order_relaxed);
  atomic_store_explicit(&slot->lost, 0, memory_order_relaxed);
  for (int i = 0; i < 2; i++) atomic_store_explicit(&slot->pending[i], 0, memory_order_relaxed);
  atomic_store_explicit(&slot->held, held, memory_order_relaxed);
  atomic_store_explicit(&slot->observer, is_observer, memory_order_relaxed);
  atomic_store_explicit(&slot->pin, IPC_PIN_NONE, memory_order_relaxed);
  /* release: a process that sees the instance sees owner, position, `held`, `observer`, and `pending` as 0 */
  atomic_store_explicit(&slot->instance, slots_new_instance(segment->header), memory_order_release);
  ipc_open_segments_add(segment, slot, slots_leave_as_dead);
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
 *
 * An observer is not in the gate, so nothing has to hold for its position: it checks what it reads afterwards. See
 * overrun.h.
 */
static void slots_take_position(ipc_segment *segment, ipc_slot *slot, bool from_oldest, bool is_observer) {
  ipc_header *header = segment->header;
  if (is_observer) {
    segment->joined = ipc_record_count_head(segment);
    atomic_store_explicit(&slot->position, (uint32_t)segment->joined, memory_order_release);
    return;
  }
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

int32_t ipc_slots_join_receiver(ipc_segment *segment, bool from_oldest, bool is_observer) {
  ipc_header *header = segment->header;
  int32_t index = slots_find_or_make_free(segment, segment->receivers, segment->max_receivers);
  if (index < 0) return IPC_E_TOO_MANY_RECEIVERS;
  ipc_slot *slot = &segment->receivers[index];
  slots_raise_used(&header->receiver_slots_used, (uint32_t)index);
  atomic_store_explicit(&slot->held, IPC_SLOT_JOINING, memory_order_relaxed);
  /* release pairs with the acquire in read_point.c: a process that sees it sees that the last owner has left, and
   * `held` */
  atomic_store_explicit(&slot->position, slots_head_position(header), memory_order_release);
  slots_take(segment, slot, IPC_SLOT_JOINING, is_observer); /* (1) */
  slots_take_position(segment, slot, from_oldest, is_observer && segment->overflow != IPC_DROP_OLDEST);
  atomic_store_explicit(&slot->held, 0, memory_order_release);
  slots_recount(segment, true);
  return index;
}

int32_t ipc_slots_join_handle(ipc_segment *segment, bool is_observer) {
  int32_t index = slots_find_or_make_free(segment, segment->receivers, segment->max_receivers);
  if (index < 0) return IPC_E_TOO_MANY_HANDLES;
  slots_raise_used(&segment->header->receiver_slots_used, (uint32_t)index);
  slots_take(segment, &segment->receivers[index], 0, is_observer);
  slots_recount(segment, true);
  return index;
}

int32_t ipc_slots_join_sender(ipc_segment *segment) {
  int32_t index = slots_find_or_make_free(segment, segment->senders, segment->max_senders);
  if (index < 0) return IPC_E_TOO_MANY_SENDERS;
  slots_raise_used(&segment->header->sender_slots_used, (uint32_t)index);
  slots_take(segment, &segment->senders[index], 0, false);
  slots_recount(segment, true);
  return index;
}

typedef struct reap_counts {
  uint32_t live, dead;
  bool needs_quick_answers; /* a process that writes its core dump counts as alive */
  ipc_owner_answers answers;
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
 * Checks the owner of a slot, and empties the slot if the owner is dead. Any process may do so at any time, and several
 * at the same time: an instance is never used twice, so the swap empties the slot of this owner, or none.
 */
static void slots_reap_one(ipc_segment *segment, ipc_slot *slot, reap_counts *found) {
  uint32_t instance = atomic_load_explicit(&slot->instance, memory_order_acquire);
  if (instance == 0) return;
  /*
   * Thoroughly for the first live one in any case: a process that was killed and has not ended yet would otherwise keep
   * the last that leaves from removing the segment.
   */
  bool is_quick = found->needs_quick_answers && found->live > 0;
  bool is_alive =
      is_quick ? ipc_slot_owner_has_process(slot, &found->answers) : ipc_slot_owner_runs(slot, &found->answers);
  atomic_thread_fence(memory_order_acquire);
  /* The slot was emptied or taken meanwhile: the owner that was read may be another one's, and that process recounts.
   */
  if (atomic_load_explicit(&slot->instance, memory_order_relaxed) != instance) is_alive = true;
  if (is_alive) {
    found->live++;
    return;
  }
  found->dead++;
  slots_record_death(slot, instance);
  ipc_waits_forget(segment, instance);
  /* Before the slot is empty: killed in between, we leave a death that is counted twice, not one that is never counted.
   * Two that empty it at the same time both count it. */
  atomic_fetch_add_explicit(&segment->header->deaths, 1, memory_order_release);
  atomic_compare_exchange_strong_explicit(&slot->instance, &instance, 0, memory_order_release, memory_order_relaxed);
}

/* Receivers first, then senders: they lie in a row. */
static ipc_slot *slots_all(ipc_segment *segment, uint32_t *count) {
  *count = segment->max_receivers + segment->max_senders;
  return segment->receivers;
}

static uint32_t slots_reap(ipc_segment *segment, bool has_lock) {
  uint32_t count;
  ipc_slot *slots = slots_all(segment, &count);
  reap_counts found = {.needs_quick_answers = has_lock};
  for (uint32_t i = 0; i < count; i++) slots_reap_one(segment, &slots[i], &found);
  slots_recount(segment, has_lock);
  return has_lock ? found.live : found.dead;
}

uint32_t ipc_slots_reap(ipc_segment *segment) { return slots_reap(segment, true); }

/* To ask the system about one takes 2 to 3 µs. */
enum { REAPS = 16 };

bool ipc_slots_any_alive(ipc_segment *segment) {
  const ipc_header *header = segment->header;
  uint32_t count;
  ipc_slot *slots = slots_all(segment, &count);
  reap_counts found = {.needs_quick_answers = true};
  /* Other slots each time: the endpoints that join and leave check all of them one after another. */
  uint32_t start = REAPS * (atomic_load_explicit(&header->next_instance, memory_order_relaxed) +
                            atomic_load_explicit(&header->receiver_count, memory_order_relaxed) +
                            atomic_load_explicit(&header->sender_count, memory_order_relaxed));
  for (uint32_t i = 0; i < count && (found.live == 0 || found.live + found.dead < REAPS); i++)
    slots_reap_one(segment, &slots[(start % count + i) % count], &found);
  if (found.dead > 0) slots_recount(segment, true);
  return found.live > 0;
}

/* Whether the name stays without a live endpoint. */
static bool slots_keep_name(const ipc_segment *segment) {
  return ipc_died_inside(segment) || ipc_segment_is_kept(segment);
}

void ipc_slots_withdraw(ipc_segment *segment, ipc_slot *slot) {
  ipc_open_segments_remove(segment);
  atomic_store_explicit(&slot->instance, 0, memory_order_release);
  slots_recount(segment, true);
}

void ipc_slots_leave(ipc_segment *segment, ipc_slot *slot, uint32_t instance) {
  ipc_open_segments_remove(segment);
  /* First what frees the others, whatever becomes of the name lock. A swap: if we were taken for dead, it is not ours.
   */
  atomic_compare_exchange_strong_explicit(&slot->instance, &instance, 0, memory_order_release, memory_order_relaxed);
  ipc_event_notify(segment, IPC_EVENT_SPACE);
  int32_t fd = ipc_segment_lock(segment, 1000000000u);
  if (fd < 0) {
    /* No other endpoint may be left that counts under the name lock: senders would believe in a receiver that has left.
     */
    if (fd != IPC_E_ORPHANED) slots_recount(segment, false);
    return;
  }
  slots_recount(segment, true);
  /* If an owner died inside, the segment stays for the next open, as after a kill. */
  if (!ipc_slots_any_alive(segment) && !slots_keep_name(segment)) ipc_segment_unlink(segment);
  ipc_os_unlock(fd);
}

/*
 * For an endpoint whose owner is marked as dead: empties its slot, as others do after a kill, and removes the segment
 * if no live endpoint is left. Without the name lock within that time the mark remains, which others notice.
 */
static void slots_leave_as_dead(ipc_segment *segment, uint32_t instance, uint64_t patience_ns) {
  uint32_t count;
  ipc_slot *slots = slots_all(segment, &count);
  int32_t fd = ipc_segment_lock(segment, patience_ns);
  if (fd < 0) return;
  reap_counts found = {0};
  for (uint32_t i = 0; i < count; i++)
    if (atomic_load_explicit(&slots[i].instance, memory_order_relaxed) == instance)
      slots_reap_one(segment, &slots[i], &found);
  slots_recount(segment, true);
  if (!ipc_slots_any_alive(segment) && !slots_keep_name(segment)) ipc_segment_unlink(segment);
  ipc_os_unlock(fd);
}

/* How far before head a slot's owner needs the ring; negative: it has read records newer than `head`. */
static int32_t slots_lag(const ipc_slot *slot, uint32_t head) {
  /* acquire pairs with the release of a receiver (it has read what lies before its position), and of a sender that has
   * ended the loans there */
  return (int32_t)(head - atomic_load_explicit(&slot->position, memory_order_acquire));
}

/*
 * The most that open loans need before head. A lender stores where its first open loan lies under the claim, before the
 * loan is published, and moves that on when it has ended. So a sender that has the claim sees every open loan.
 */
static int32_t slots_lag_of_loans(const ipc_segment *segment, uint32_t head) {
  uint32_t used = slots_used(&segment->header->sender_slots_used, segment->max_senders);
  int32_t lag = 0;
  for (uint32_t i = 0; i < used; i++) {
    const ipc_slot *slot = &segment->senders[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    /* acquire pairs with the release in loans_end: what was written to the loan comes before what overwrites it */
    if (atomic_load_explicit(&slot->held, memory_order_acquire) == 0) continue;
    int32_t behind = slots_lag(slot, head);
    if (behind > lag) lag = behind;
  }
  return lag;
}

uint32_t ipc_slots_gate(const ipc_segment *segment, uint32_t head) {
  /*
   * Pairs with (2) in slots_take_position. For a receiver that begins at head it is redundant as the code is: the fence
   * of the sender's last notification, after its last store of head, does the same. A receiver that begins with the
   * oldest message needs it.
   */
  atomic_thread_fence(memory_order_seq_cst);
  uint32_t used = slots_used(&segment->header->receiver_slots_used, segment->max_receivers);
  bool has_loans = atomic_load_explicit(&segment->header->record_kinds, memory_order_relaxed) & 1u << IPC_RECORD_LOAN;
  int32_t lag = IPC_UNLIKELY(has_loans) ? slots_lag_of_loans(segment, head) : 0;
  for (uint32_t i = 0; i < used; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    /* The instance first: then an `observer` that is not its own is one of a later owner, which this sender need not
     * see. */
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    if (atomic_load_explicit(&slot->observer, memory_order_relaxed) != 0) continue;
    int32_t behind = slots_lag(slot, head);
    if (behind > lag) lag = behind;
  }
  return head - (uint32_t)lag;
}

static bool slots_is_dead(const ipc_slot *slot, ipc_owner_answers *answers) {
  return atomic_load_explicit(&slot->instance, memory_order_acquire) != 0 && !ipc_slot_owner_runs(slot, answers);
}

/*
 * Needs neither the name lock nor the name: the process may have no right to the file any more, or no descriptor, and a
 * process that is stopped may hold the lock.
 */
static bool slots_evict(ipc_segment *segment) {
  if (segment->mapping->is_forked) return false; /* there is nothing but zeros */
  return slots_reap(segment, false) > 0;
}

bool ipc_slots_evict_dead_at(ipc_segment *segment, uint32_t gate) {
  ipc_owner_answers answers = {0};
  for (uint32_t i = 0; i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->position, memory_order_relaxed) == gate && slots_is_dead(slot, &answers))
      return slots_evict(segment);
  }
  /* Dead senders whose loans are open there. */
  for (uint32_t i = 0, used = slots_used(&segment->header->sender_slots_used, segment->max_senders); i < used; i++) {
    const ipc_slot *slot = &segment->senders[i];
    if (atomic_load_explicit(&slot->held, memory_order_relaxed) != 0 &&
        atomic_load_explicit(&slot->position, memory_order_relaxed) == gate && slots_is_dead(slot, &answers))
      return slots_evict(segment);
  }
  return false;
}

static bool slots_evict_dead_of(ipc_segment *segment, const ipc_slot *slots, uint32_t count,
                                ipc_owner_answers *answers) {
  for (uint32_t i = 0; i < count; i++)
    if (slots_is_dead(&slots[i], answers)) return slots_evict(segment);
  return false;
}

static bool slots_evict_dead(ipc_segment *segment, ipc_owner_answers *answers) {
  uint32_t used;
  if (slots_evict_dead_of(segment, segment->receivers, segment->max_receivers, answers)) return true;
  /* A receiver that was killed while it left has emptied its slot, and nobody has counted. */
  const ipc_header *header = segment->header;
  if (slots_count(segment->receivers, segment->max_receivers, ALL_ENDPOINTS, &used) !=
          atomic_load_explicit(&header->receiver_count, memory_order_relaxed) ||
      slots_count(segment->receivers, segment->max_receivers, WITHOUT_OBSERVERS, &used) !=
          atomic_load_explicit(&header->gated_count, memory_order_relaxed))
    slots_recount(segment, false);
  return false;
}

bool ipc_slots_evict_dead(ipc_segment *segment) { return slots_evict_dead(segment, &(ipc_owner_answers){0}); }

bool ipc_slots_any_receiver(ipc_segment *segment) {
  ipc_header *header = segment->header;
  if (slots_count_used(&header->receiver_slots_used, segment->receivers, segment->max_receivers, ALL_ENDPOINTS) == 0)
    return false;
  slots_recount(segment, false);
  return true;
}

bool ipc_slots_poll(ipc_segment *segment, uint64_t *seen) {
  const ipc_header *header = segment->header;
  ipc_owner_answers answers = {0};
  if (!slots_evict_dead(segment, &answers))
    slots_evict_dead_of(segment, segment->senders, slots_used(&header->sender_slots_used, segment->max_senders),
                        &answers);
  /* An endpoint that joins takes a new instance; one that leaves is no longer counted. */
  uint64_t now = (uint64_t)atomic_load_explicit(&header->next_instance, memory_order_relaxed) << 32 |
                 (atomic_load_explicit(&header->receiver_count, memory_order_relaxed) +
                  atomic_load_explicit(&header->sender_count, memory_order_relaxed));
  bool changed = now != *seen;
  *seen = now;
  return changed;
}

uint32_t ipc_slots_of_receivers(const ipc_segment *segment) {
  return slots_used(&segment->header->receiver_slots_used, segment->max_receivers);
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
