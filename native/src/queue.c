#include "queue.h"

#include "slots.h"
#include "ring.h"

/* Longer than any holder needs unless it is stopped, or loses its processor. */
static const uint64_t TAKE_PATIENCE_NS = 5000000, PUT_BACK_PATIENCE_NS = 5000000000u;

static bool queue_lock(ipc_segment *segment, uint32_t instance) {
  _Atomic uint32_t *claim = &segment->header->take_claim;
  uint32_t pid;
  /* On a busy machine the patience may be over before the slow way has asked whether the holder is alive. */
  return ipc_claim_try_lock(claim, instance) ||
         ipc_claim_lock_slow(segment, claim, instance, ipc_os_now() + TAKE_PATIENCE_NS) ||
         ipc_claim_take_over(segment, claim, instance, &pid);
}

/* Putting back should not fail because a process is stopped; but a damaged claim may name a process that never releases
 * it. */
static bool queue_lock_patiently(ipc_segment *segment, uint32_t instance) {
  uint64_t deadline = 0;
  while (!queue_lock(segment, instance)) {
    uint64_t now = ipc_os_now();
    if (deadline == 0) deadline = now + PUT_BACK_PATIENCE_NS;
    if (now >= deadline) return false;
  }
  return true;
}

static void queue_unlock(ipc_segment *segment) {
  ipc_claim_unlock(&segment->header->take_claim);
  ipc_event_notify(segment, IPC_EVENT_CLAIM_FREE);
}

static uint32_t queue_load(const _Atomic uint32_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }

static uint32_t queue_units_of(const ipc_segment *segment) { return segment->capacity / IPC_UNIT; }

static uint32_t queue_head_of(const ipc_segment *segment) {
  /* acquire pairs with the sender's release: the records before it are whole */
  return (uint32_t)atomic_load_explicit(&segment->header->head, memory_order_acquire);
}

/* The record at a position before `head`: its units, or 0 for damage. */
static uint32_t queue_read(const ipc_segment *segment, uint32_t position, uint32_t head, ipc_record_copy *record) {
  uint32_t units = ipc_ring_read(segment->body, queue_units_of(segment), position, head, record);
  bool has_lease = record->kind != IPC_RECORD_MESSAGE || record->length >= sizeof(ipc_lease);
  return has_lease && record->kind != IPC_RECORD_FRAGMENT ? units : 0;
}

static ipc_lease *queue_lease_at(const ipc_segment *segment, uint32_t position) {
  return (ipc_lease *)(ipc_ring_at(segment->body, queue_units_of(segment), position) + sizeof(ipc_record));
}

static uint32_t queue_offset_of(const ipc_segment *segment, const ipc_lease *lease) {
  return (uint32_t)((const uint8_t *)(lease + 1) - segment->body);
}

void ipc_queue_put_lease(uint8_t *payload) {
  ipc_lease *lease = (ipc_lease *)payload;
  atomic_store_explicit(&lease->holder, 0, memory_order_relaxed);
  atomic_store_explicit(&lease->attempts, 0, memory_order_relaxed);
}

/* Whether the record that queue_read() found at a position is a loan still being written, or its owner's. */
static bool queue_is_lent(const ipc_segment *segment, uint32_t position, uint32_t head, const ipc_record_copy *record) {
  ipc_record_copy next;
  if (record->kind != IPC_RECORD_OWNER) return record->kind == IPC_RECORD_LOAN;
  return position + 1 != head && queue_read(segment, position + 1, head, &next) != 0 && next.kind == IPC_RECORD_LOAN;
}

/*
 * Past the cursor, too, if necessary: what lies there may be done, when a message before it was put back, or was lent
 * and given up. Otherwise its room would be free only after the next take, of which senders are not notified.
 */
uint32_t ipc_queue_gate(ipc_segment *segment, uint32_t instance) {
  ipc_header *header = segment->header;
  if (!queue_lock(segment, instance)) return queue_load(&header->tail);
  uint32_t first = queue_load(&header->tail), tail = first, head = queue_head_of(segment), units;
  ipc_record_copy record;
  for (; tail != head && (units = queue_read(segment, tail, head, &record)) != 0; tail += units)
    /* acquire pairs with the release of the receiver that was done: it has read the payload */
    if (record.kind == IPC_RECORD_MESSAGE
            ? atomic_load_explicit(&queue_lease_at(segment, tail)->holder, memory_order_acquire) != IPC_LEASE_DONE
            : queue_is_lent(segment, tail, head, &record))
      break;
  if (tail - first > queue_load(&header->cursor) - first)
    atomic_store_explicit(&header->cursor, tail, memory_order_relaxed);
  atomic_store_explicit(&header->tail, tail, memory_order_relaxed);
  queue_unlock(segment);
  return tail;
}

static uint32_t queue_due_in(uint32_t ms) {
  uint32_t due = IPC_LEASE_DELAYED | ((uint32_t)(ipc_os_now() / 1000000u) + ms);
  return due == IPC_LEASE_DONE ? due - 1 : due;
}

/* Of a lease's holder: whether it is the time of a delayed message. */
static bool queue_is_due_time(uint32_t holder) { return holder >= IPC_LEASE_DELAYED && holder != IPC_LEASE_DONE; }

/*
 * Milliseconds until a time; 0: it has passed. No delay is longer than IPC_MAX_DELAY_MS: what seems to be longer has
 * passed long ago, or is of another clock.
 */
static uint32_t queue_ms_until(uint32_t due, uint32_t now) {
  uint32_t left = (due - now) % IPC_LEASE_DELAYED;
  return left > IPC_MAX_DELAY_MS ? 0 : left;
}

/* The earlier of two times; 0 is no time. */
static uint32_t queue_earlier(uint32_t a, uint32_t b, uint32_t now) {
  if (a == 0 || b == 0) return a | b;
  return queue_ms_until(a, now) <= queue_ms_until(b, now) ? a : b;
}

/* A message between tail and cursor. Under the take lock. */
typedef struct queue_passed {
  uint32_t position, next, cursor, head;
  ipc_lease *lease;
  uint32_t holder; /* of the lease */
} queue_passed;

static queue_passed queue_passed_from_tail(const ipc_segment *segment) {
  return (queue_passed){.next = queue_load(&segment->header->tail),
                        .cursor = queue_load(&segment->header->cursor),
                        .head = queue_head_of(segment)};
}

/* Goes to the next one. False: there is none, or damage. */
static bool queue_passed_next(const ipc_segment *segment, queue_passed *it) {
  ipc_record_copy record = {0};
  uint32_t units;
  while (it->next != it->cursor && (units = queue_read(segment, it->next, it->head, &record)) != 0) {
    it->position = it->next;
    it->next += units;
    if (record.kind != IPC_RECORD_MESSAGE) continue;
    it->lease = queue_lease_at(segment, it->position);
    it->holder = queue_load(&it->lease->holder);
    return true;
  }
  return false;
}

/*
 * The message waits to be taken again. Under the take lock. The cursor goes back first: if this process is killed in
 * between, the lease still has its holder, and the next recovery or wake-up finds it. Swapped: a holder that was taken
 * for dead may end the lease meanwhile, without the lock.
 */
static void queue_put_back(ipc_segment *segment, uint32_t position, ipc_lease *lease, uint32_t holder) {
  ipc_header *header = segment->header;
  uint32_t tail = queue_load(&header->tail);
  if (queue_load(&header->cursor) - tail > position - tail)
    atomic_store_explicit(&header->cursor, position, memory_order_relaxed);
  atomic_compare_exchange_strong_explicit(&lease->holder, &holder, 0, memory_order_relaxed, memory_order_relaxed);
}

/*
 * Lets the delayed messages before the cursor wait to be taken whose time has come. Under the take lock.
 *
 * Invariant: next_due is set and not later than the time of any delayed message before the cursor. So it is stored
 * before a message is delayed, before the cursor passes one, and, here, after the last one was looked at: killed
 * anywhere, the next take looks again.
 */
static __attribute__((noinline)) void queue_wake_due(ipc_segment *segment) {
  ipc_header *header = segment->header;
  uint32_t due = queue_load(&header->next_due), now = queue_due_in(0), earliest = 0;
  if (due == 0 || queue_ms_until(due, now) > 0) return;
  for (queue_passed it = queue_passed_from_tail(segment); queue_passed_next(segment, &it);) {
    if (!queue_is_due_time(it.holder)) continue;
    if (queue_ms_until(it.holder, now) > 0)
      earliest = queue_earlier(earliest, it.holder, now);
    else
      queue_put_back(segment, it.position, it.lease, it.holder);
  }
  atomic_store_explicit(&header->next_due, earliest, memory_order_relaxed);
}

/* Before the cursor passes a delayed message. True: its time has come, and it waits to be taken. */
static __attribute__((noinline)) bool queue_is_due(ipc_header *header, uint32_t holder) {
  uint32_t now = queue_due_in(0);
  if (queue_ms_until(holder, now) == 0) return true;
  uint32_t next = queue_load(&header->next_due), earlier = queue_earlier(next, holder, now);
  if (earlier != next) atomic_store_explicit(&header->next_due, earlier, memory_order_relaxed);
  return false;
}

bool ipc_queue_origin(const uint8_t *payload, uint32_t length, ipc_origin *origin) {
  if (length < sizeof *origin) return false;
  memcpy(origin, payload + length - sizeof *origin, sizeof *origin);
  uint32_t text = (uint32_t)origin->name_bytes + origin->reason_bytes;
  return origin->name_bytes > 0 && origin->name_bytes <= IPC_MAX_NAME && origin->reason_bytes <= IPC_MAX_REASON &&
         text <= length - sizeof *origin;
}

/*
 * What a take does with a waiting message of a queue with take_checks: IPC_OK, and *length is without the origin;
 * IPC_QUEUE_MOVE: it is for another queue; or IPC_E_CORRUPT.
 */
static __attribute__((noinline)) int32_t queue_check(const ipc_segment *segment, const ipc_lease *lease,
                                                     uint32_t *length) {
  uint32_t attempts = queue_load(&lease->attempts), limit = queue_load(&segment->header->max_attempts);
  if (attempts & IPC_LEASE_LETTER) {
    ipc_origin origin;
    if (!ipc_queue_origin((const uint8_t *)(lease + 1), *length, &origin)) return IPC_E_CORRUPT;
    *length -= (uint32_t)sizeof origin + origin.name_bytes + origin.reason_bytes;
  }
  bool has_limit = limit != 0 && (attempts & IPC_LEASE_ATTEMPTS) >= limit;
  return has_limit || attempts & (IPC_LEASE_DEAD | IPC_LEASE_BACK) ? IPC_QUEUE_MOVE : IPC_OK;
}

/*
 * There is a time, and no message was ever delayed: damage, because the bit in take_checks comes before the first time,
 * and both under the take lock. It would end each wait at once.
 */
static __attribute__((noinline)) void queue_forget_due(ipc_header *header) {
  atomic_store_explicit(&header->next_due, 0, memory_order_relaxed);
}

int32_t ipc_queue_take(ipc_segment *segment, uint32_t instance, int32_t most, uint32_t *offset, uint32_t *length) {
  ipc_header *header = segment->header;
  if (!queue_lock(segment, instance)) return IPC_TIMED_OUT;
  /*
   * After head: a bit is added before the first message that needs it is published. acquire pairs with the release of
   * the endpoint that added it: what it is about is there.
   */
  uint32_t head = queue_head_of(segment), checks = atomic_load_explicit(&header->take_checks, memory_order_acquire);
  if (IPC_UNLIKELY(checks & IPC_TAKE_DELAYS)) queue_wake_due(segment);
  uint32_t position = queue_load(&header->cursor);
  int32_t status = IPC_TIMED_OUT;
  bool is_owned = false; /* the record before was a loan's owner */
  while (position != head && status == IPC_TIMED_OUT) {
    ipc_record_copy record;
    uint32_t units = queue_read(segment, position, head, &record);
    ipc_lease *lease = queue_lease_at(segment, position);
    if (units == 0 || (record.kind == IPC_RECORD_LOAN && !is_owned)) {
      status = IPC_E_CORRUPT;
      break;
    } else if (record.kind == IPC_RECORD_LOAN) {
      position -= 1; /* back to the record of its owner, for the next take */
      break;
    } else if (record.kind == IPC_RECORD_MESSAGE) {
      uint32_t holder = queue_load(&lease->holder);
      if (IPC_UNLIKELY(holder != 0) && queue_is_due_time(holder) && queue_is_due(header, holder)) holder = 0;
      if (holder == 0) {
        *length = record.length - (uint32_t)sizeof *lease;
        status = IPC_UNLIKELY(checks != 0) ? queue_check(segment, lease, length) : IPC_OK;
        if (status == IPC_OK && (int32_t)*length > most) status = IPC_E_BUFFER_TOO_SMALL;
        if (status < 0) break;
        *offset = queue_offset_of(segment, lease);
        uint32_t attempts = queue_load(&lease->attempts);
        if (IPC_LIKELY(status == IPC_OK && (attempts & IPC_LEASE_ATTEMPTS) < IPC_LEASE_ATTEMPTS))
          atomic_store_explicit(&lease->attempts, attempts + 1, memory_order_relaxed);
        atomic_store_explicit(&lease->holder, instance, memory_order_relaxed); /* the take lock orders it */
      }
    }
    is_owned = record.kind == IPC_RECORD_OWNER;
    position += units;
  }
  atomic_store_explicit(&header->cursor, position, memory_order_relaxed);
  if (status == IPC_TIMED_OUT && !(checks & IPC_TAKE_DELAYS) && IPC_UNLIKELY(queue_load(&header->next_due) != 0))
    queue_forget_due(header);
  queue_unlock(segment);
  return status;
}

bool ipc_queue_has_some(ipc_segment *segment, uint32_t instance) {
  ipc_header *header = segment->header;
  if (ipc_queue_next_due(segment) == 0) return true;
  if (atomic_load_explicit(&header->cursor, memory_order_acquire) == queue_head_of(segment)) return false;
  /* Under the lock, or it might be overwritten while we read. If another receiver holds the lock, it finds out, and we
   * will, too. */
  if (!ipc_claim_try_lock(&header->take_claim, instance)) return true;
  uint32_t cursor = queue_load(&header->cursor), head = queue_head_of(segment);
  ipc_record_copy record = {0};
  bool some = cursor != head &&
              (queue_read(segment, cursor, head, &record) == 0 || !queue_is_lent(segment, cursor, head, &record));
  queue_unlock(segment);
  return some;
}

/* The lease that a holder calls `offset`, if an offset it can be. */
static ipc_lease *queue_find(const ipc_segment *segment, uint32_t offset) {
  uint32_t before = (uint32_t)(sizeof(ipc_record) + sizeof(ipc_lease));
  if (offset % IPC_UNIT != 0 || offset < before || offset > segment->capacity) return NULL;
  return (ipc_lease *)(segment->body + offset) - 1;
}

/* Of a record that is not done: of all positions with this offset the one between tail and head. */
static uint32_t queue_position_of(const ipc_segment *segment, uint32_t offset) {
  uint32_t unit_index = (offset - (uint32_t)(sizeof(ipc_record) + sizeof(ipc_lease))) / IPC_UNIT;
  uint32_t tail = queue_load(&segment->header->tail);
  return tail + ((unit_index - tail) & (queue_units_of(segment) - 1));
}

uint64_t ipc_queue_wide(const ipc_segment *segment, uint32_t position) {
  uint64_t announced = atomic_load_explicit(&segment->header->announced, memory_order_relaxed);
  return announced + (uint64_t)(int64_t)(int32_t)(position - (uint32_t)announced);
}

uint32_t ipc_queue_attempts(const ipc_segment *segment, uint32_t offset) {
  const ipc_lease *lease = queue_find(segment, offset);
  return lease ? queue_load(&lease->attempts) & IPC_LEASE_ATTEMPTS : 0;
}

int32_t ipc_queue_next_due(const ipc_segment *segment) {
  uint32_t due = queue_load(&segment->header->next_due);
  return due == 0 ? -1 : (int32_t)queue_ms_until(due, queue_due_in(0));
}

ipc_lease *ipc_queue_lease(const ipc_segment *segment, uint32_t instance, uint32_t offset, uint32_t *position,
                           uint32_t *length) {
  ipc_lease *lease = queue_find(segment, offset);
  if (!lease || queue_load(&lease->holder) != instance) return NULL;
  *position = queue_position_of(segment, offset);
  ipc_record_copy record;
  if (queue_read(segment, *position, queue_head_of(segment), &record) == 0 || record.kind != IPC_RECORD_MESSAGE)
    return NULL;
  *length = record.length - (uint32_t)sizeof *lease;
  return lease;
}

void ipc_queue_add_checks(ipc_segment *segment, uint32_t checks) {
  _Atomic uint32_t *word = &segment->header->take_checks;
  if ((queue_load(word) & checks) != checks) atomic_fetch_or_explicit(word, checks, memory_order_release);
}

int32_t ipc_queue_done(ipc_segment *segment, uint32_t instance, uint32_t offset) {
  ipc_lease *lease = queue_find(segment, offset);
  /* release pairs with the acquire in ipc_queue_gate: our reads come before the overwrite */
  if (!lease || !atomic_compare_exchange_strong_explicit(&lease->holder, &instance, IPC_LEASE_DONE,
                                                         memory_order_release, memory_order_relaxed))
    return IPC_E_INVALID_ARGUMENT;
  ipc_event_notify(segment, IPC_EVENT_SPACE);
  return IPC_OK;
}

static bool queue_is_gone(const ipc_segment *segment, uint32_t holder, uint32_t leaving) {
  uint32_t pid;
  return holder == leaving || !ipc_slots_is_alive(segment, holder, &pid);
}

/* Gives back what the dead, and `leaving`, hold between tail and cursor. Under the take lock. */
static bool queue_give_back(ipc_segment *segment, uint32_t leaving) {
  uint32_t alive = 0;
  bool some = false;
  for (queue_passed it = queue_passed_from_tail(segment); queue_passed_next(segment, &it);) {
    if (it.holder == 0 || it.holder >= IPC_LEASE_DELAYED || it.holder == alive) continue;
    if (!queue_is_gone(segment, it.holder, leaving)) {
      alive = it.holder;
      continue;
    }
    queue_put_back(segment, it.position, it.lease, it.holder);
    some = true;
  }
  return some;
}

int32_t ipc_queue_retry(ipc_segment *segment, uint32_t instance, uint32_t offset, uint32_t delay_ms) {
  ipc_header *header = segment->header;
  ipc_lease *lease = queue_find(segment, offset);
  if (!lease || queue_load(&lease->holder) != instance) return IPC_E_INVALID_ARGUMENT;
  if (!queue_lock_patiently(segment, instance)) return IPC_E_BUSY;
  if (delay_ms > 0) {
    uint32_t due = queue_due_in(delay_ms), next = queue_load(&header->next_due);
    ipc_queue_add_checks(segment, IPC_TAKE_DELAYS);
    atomic_store_explicit(&header->next_due, queue_earlier(next, due, queue_due_in(0)), memory_order_relaxed);
    atomic_store_explicit(&lease->holder, due, memory_order_relaxed);
  } else {
    queue_put_back(segment, queue_position_of(segment, offset), lease, instance);
  }
  queue_unlock(segment);
  ipc_event_notify(segment, IPC_EVENT_DATA); /* of a delay, too: a receiver that waits has to wake for it */
  return IPC_OK;
}

/* A loan at the cursor whose lender is gone becomes padding. Under the take lock. */
static bool queue_end_loan_of_dead(ipc_segment *segment) {
  uint32_t cursor = queue_load(&segment->header->cursor), head = queue_head_of(segment), pid, loan = IPC_RECORD_LOAN;
  ipc_record_copy owner, record;
  if (cursor == head || queue_read(segment, cursor, head, &owner) != 1 || owner.kind != IPC_RECORD_OWNER) return false;
  if (cursor + 1 == head || queue_read(segment, cursor + 1, head, &record) == 0 || record.kind != loan) return false;
  if (ipc_slots_is_alive(segment, owner.length, &pid)) return false;
  ipc_record *shared = (ipc_record *)ipc_ring_at(segment->body, queue_units_of(segment), cursor + 1);
  return atomic_compare_exchange_strong_explicit(&shared->kind, &loan, IPC_RECORD_PADDING, memory_order_relaxed,
                                                 memory_order_relaxed);
}

bool ipc_queue_recover(ipc_segment *segment, uint32_t instance, uint32_t leaving) {
  if (!queue_lock(segment, instance)) return false;
  bool some = queue_give_back(segment, leaving);
  some |= queue_end_loan_of_dead(segment);
  queue_unlock(segment);
  if (!some) return false;
  ipc_event_notify(segment, IPC_EVENT_DATA);
  ipc_event_notify(segment, IPC_EVENT_SPACE); /* of a loan */
  return true;
}
