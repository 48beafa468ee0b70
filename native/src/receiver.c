#include "receiver_state.h"

#include <stdlib.h>

#include "libipc/waker.h"
#include "open.h"
#include "orphan.h"
#include "overrun.h"
#include "queue.h"

ipc_receiver *ipc_receiver_open(const char *prefix, const char *name, const ipc_options *options,
                                ipc_failure *failure) {
  int32_t lock;
  ipc_receiver *receiver = ipc_segment_open_endpoint(sizeof *receiver, true, prefix, name, options, &lock, failure);
  if (!receiver) return NULL;
  ipc_segment *segment = &receiver->segment;
  int32_t index = ipc_slots_join_receiver(segment, options->from_oldest != 0);
  ipc_os_unlock(lock);
  if (index < 0) {
    failure->code = index;
    failure->wanted = segment->max_receivers;
    ipc_segment_close(segment);
    free(receiver);
    return NULL;
  }
  receiver->slot = &segment->receivers[index];
  receiver->instance = atomic_load_explicit(&receiver->slot->instance, memory_order_relaxed);
  receiver->capacity_units = segment->capacity / IPC_UNIT;
  receiver->quota = receiver->capacity_units / 8;
  receiver->position = atomic_load_explicit(&receiver->slot->position, memory_order_relaxed);
  receiver->head = receiver->published = receiver->position;
  receiver->is_queue = segment->kind == IPC_QUEUE;
  receiver->is_overrun = segment->overflow == IPC_DROP_OLDEST;
  if (receiver->is_overrun) ipc_overrun_start(receiver, options->from_oldest != 0);
  return receiver;
}

void ipc_receiver_close(ipc_receiver *receiver) {
  if (!receiver) return;
  if (receiver->leases) ipc_queue_recover(&receiver->segment, receiver->instance, receiver->instance);
  ipc_assembly_clear(&receiver->assembly);
  free(receiver->assembly.spare);
  ipc_slots_leave(&receiver->segment, receiver->slot, receiver->instance);
  ipc_segment_close(&receiver->segment);
  free(receiver);
}

/* Publishes our position to senders. Everything before it has been read. */
static void receiver_publish(ipc_receiver *receiver) {
  receiver->published = receiver->position;
  /* release pairs with the acquire in ipc_slots_gate: our reads come before the sender's overwrite */
  atomic_store_explicit(&receiver->slot->position, receiver->position, memory_order_release);
  ipc_event_notify(&receiver->segment, IPC_EVENT_SPACE);
}

/*
 * Moves past a record. The position is published lazily, so that senders do not fight for its cache line: when the run
 * of records known to us ends, every eighth of the ring, and when a sender has asked.
 */
static inline void receiver_advance(ipc_receiver *receiver, uint32_t units) {
  receiver->position += units;
  if (IPC_UNLIKELY(
          receiver->position == receiver->head || receiver->position - receiver->published >= receiver->quota ||
          atomic_load_explicit(&receiver->segment.header->event_flags[IPC_EVENT_SPACE].wanted, memory_order_relaxed)))
    receiver_publish(receiver);
}

/* The same where senders do not wait for us. */
static void receiver_advance_of_overrun(ipc_receiver *receiver, uint32_t units) {
  receiver->passed += units;
  receiver_advance(receiver, units);
}

/* Loads head if the run known so far is used up. True: there is a record at position. */
static inline bool receiver_has_more(ipc_receiver *receiver) {
  if (IPC_LIKELY(receiver->position != receiver->head)) return true;
  /* acquire pairs with the sender's release: the records are whole */
  receiver->head = (uint32_t)atomic_load_explicit(&receiver->segment.header->head, memory_order_acquire);
  return receiver->position != receiver->head;
}

/* Whether there is a record at position that is not a loan still being written. */
static bool receiver_has_ready(ipc_receiver *receiver) {
  if (receiver->is_queue) return ipc_queue_has_some(&receiver->segment, receiver->instance);
  if (!receiver_has_more(receiver)) return false;
  if (receiver->is_overrun) return true; /* no loans there, and what lies at position may be anything by now */
  const ipc_record *record =
      (const ipc_record *)ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
  return atomic_load_explicit(&record->kind, memory_order_acquire) != IPC_RECORD_LOAN;
}

static __attribute__((noinline)) int32_t receiver_next_of_any(ipc_receiver *receiver, ipc_record_copy *record,
                                                              const uint8_t **bytes);

/*
 * Finds the next message without waiting. Its units (> 0) if there is one: *record
 * is its header and *bytes its payload. IPC_TIMED_OUT: the ring is empty, or a loan
 * that is still being written comes next. The common case alone is inlined.
 */
static inline int32_t receiver_next(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes) {
  if (IPC_UNLIKELY(!receiver_has_more(receiver))) return IPC_TIMED_OUT;
  uint32_t units =
      ipc_ring_read(receiver->segment.body, receiver->capacity_units, receiver->position, receiver->head, record);
  if (IPC_UNLIKELY(units == 0 || record->kind != IPC_RECORD_MESSAGE))
    return receiver_next_of_any(receiver, record, bytes);
  *bytes = ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position) + sizeof(ipc_record);
  return (int32_t)units;
}

/* Takes a fragment in. IPC_OK: with it a message is whole. IPC_TIMED_OUT: go on. */
static int32_t receiver_assemble(ipc_receiver *receiver, const uint8_t *payload, uint32_t length) {
  ipc_assembly *assembly = &receiver->assembly;
  if (assembly->whole) return IPC_OK; /* here before, and not received then */
  ipc_fragment fragment;
  if (length <= sizeof fragment) return IPC_E_CORRUPT;
  length -= (uint32_t)sizeof fragment;
  ipc_ring_copy_out(&fragment, payload, sizeof fragment);
  if (receiver->is_overrun && ipc_overrun_found(receiver)) return IPC_TIMED_OUT;
  if (fragment.total > IPC_MAX_MESSAGE || fragment.offset >= fragment.total ||
      length > fragment.total - fragment.offset)
    return IPC_E_CORRUPT;
  enum ipc_assembly_step step;
  uint8_t *room = ipc_assembly_room(assembly, &receiver->segment, receiver->position, &fragment, length, &step);
  if (room && receiver->is_overrun) {
    ipc_ring_copy_out(room, payload + sizeof fragment, length);
    if (ipc_overrun_found(receiver)) return IPC_TIMED_OUT;
  } else if (room) {
    memcpy(room, payload + sizeof fragment, length);
  }
  if (room) step = ipc_assembly_add(assembly, &fragment, length);
  if (step == IPC_ASSEMBLY_NO_SPACE) return IPC_E_NO_SPACE;
  if (step == IPC_ASSEMBLY_MISSED) ipc_overrun_missed(receiver, &fragment);
  if (fragment.offset + length == fragment.total && step != IPC_ASSEMBLY_WHOLE) receiver->number++;
  return step == IPC_ASSEMBLY_WHOLE ? IPC_OK : IPC_TIMED_OUT;
}

/* Skips padding and owner records, puts fragments together, and reports a loan and damage. */
static int32_t receiver_next_of_any(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes) {
  for (;;) {
    if (receiver->is_overrun) ipc_overrun_found(receiver);
    if (!receiver_has_more(receiver)) return IPC_TIMED_OUT;
    const uint8_t *at = ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
    uint32_t units =
        ipc_ring_read(receiver->segment.body, receiver->capacity_units, receiver->position, receiver->head, record);
    if (receiver->is_overrun && ipc_overrun_found(receiver)) continue;
    if (units == 0) return ipc_segment_result(&receiver->segment, IPC_E_CORRUPT);
    switch (record->kind) {
      case IPC_RECORD_MESSAGE: *bytes = at + sizeof(ipc_record); return (int32_t)units;
      case IPC_RECORD_FRAGMENT: {
        uint32_t before = receiver->position;
        int32_t status = receiver_assemble(receiver, at + sizeof(ipc_record), record->length);
        if (status == IPC_OK) {
          *bytes = ipc_assembly_bytes(&receiver->assembly, &record->length);
          return (int32_t)units;
        }
        if (status != IPC_TIMED_OUT) return status;
        if (receiver->position != before) continue; /* overrun */
        break;
      }
      case IPC_RECORD_LOAN:
        if (receiver->lent_at != receiver->position || receiver->lender == 0) return IPC_E_CORRUPT;
        /* Senders that need the space behind us must not wait for us to move on. */
        if (receiver->published != receiver->position) receiver_publish(receiver);
        return IPC_TIMED_OUT;
      case IPC_RECORD_OWNER:
        receiver->lender = record->length;
        receiver->lent_at = receiver->position + units;
        break;
      default: /* padding */ break;
    }
    if (receiver->is_overrun)
      receiver_advance_of_overrun(receiver, units);
    else
      receiver_advance(receiver, units);
  }
}

/*
 * Called after a long wait: a loan at position whose owner is gone becomes padding.
 * The owner may be gone without being dead (it closed): then it left the loan behind.
 * Of a queue, what dead receivers were at work on waits again.
 */
static void receiver_recover(ipc_receiver *receiver) {
  uint32_t pid, loan = IPC_RECORD_LOAN;
  if (receiver->is_queue) {
    ipc_queue_recover(&receiver->segment, receiver->instance, 0);
    return;
  }
  if (!receiver_has_more(receiver) || receiver_has_ready(receiver)) return;
  if (ipc_slots_is_alive(&receiver->segment, receiver->lender, &pid)) return;
  ipc_record *record = (ipc_record *)ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
  atomic_compare_exchange_strong_explicit(&record->kind, &loan, IPC_RECORD_PADDING, memory_order_relaxed,
                                          memory_order_relaxed);
}

static bool receiver_is_empty(ipc_receiver *receiver) {
  const ipc_header *header = receiver->segment.header;
  if (!receiver->is_queue) return !receiver_has_more(receiver);
  /* Not has_some(): behind a loan that is still written there is more. */
  return atomic_load_explicit(&header->cursor, memory_order_acquire) ==
         (uint32_t)atomic_load_explicit(&header->head, memory_order_acquire);
}

enum { POLLS_PER_FILE = 4 };

/* A receiver that never waits must also notice dead peers and a lost name, but it need not ask every time. */
static void receiver_poll_segment(ipc_receiver *receiver) {
  uint64_t now = ipc_os_now();
  if (now - receiver->polled_at < IPC_SLICE_NS) return;
  receiver->polled_at = now;
  receiver_recover(receiver);
  /*
   * Asking for the file is the expensive part, and it only finds out that the file was deleted by hand: ipc_clear()
   * marks the segment.
   */
  if (receiver->polls++ % POLLS_PER_FILE == 0) ipc_segment_is_orphaned(&receiver->segment);
}

/*
 * Waits for a record: IPC_OK, IPC_TIMED_OUT, or IPC_E_ORPHANED when nothing more can come. What comes need not be a
 * message, or not for us: *until is 0 at first, then when all waits for one message end.
 */
static int32_t receiver_wait_for_data(ipc_receiver *receiver, int32_t timeout_ms, uint64_t *until) {
  ipc_segment *segment = &receiver->segment;
  ipc_header *header = segment->header;
  if (*until != 0 && *until != IPC_FOREVER && ipc_os_now() >= *until) return IPC_TIMED_OUT;
  if (*until == 0) *until = timeout_ms == 0 ? 1 : ipc_deadline(timeout_ms); /* 1: always passed */
  if (timeout_ms == 0) {
    receiver_poll_segment(receiver);
    if (receiver_has_ready(receiver)) return IPC_OK;
    bool orphaned = atomic_load_explicit(&header->orphaned, memory_order_acquire);
    return orphaned && receiver_is_empty(receiver) ? ipc_segment_result(segment, IPC_E_ORPHANED) : IPC_TIMED_OUT;
  }
  uint64_t deadline = *until, slice = IPC_FIRST_SLICE_NS;
  ipc_backoff backoff = ipc_backoff_start(header);
  do {
    if (receiver_has_ready(receiver)) return IPC_OK;
  } while (ipc_backoff_pause(&backoff, deadline));
  for (;;) {
    uint32_t seen = ipc_event_prepare(header, IPC_EVENT_DATA);
    if (receiver_has_ready(receiver)) return IPC_OK;
    if (receiver_is_empty(receiver) && ipc_segment_is_orphaned(segment))
      return receiver_is_empty(receiver) ? ipc_segment_result(segment, IPC_E_ORPHANED) : IPC_OK;
    if (ipc_os_now() >= deadline) return IPC_TIMED_OUT;
    atomic_store_explicit(&receiver->slot->asleep, 1, memory_order_relaxed);
    ipc_event_sleep(header, IPC_EVENT_DATA, seen, deadline, receiver_is_empty(receiver) ? IPC_SLICE_NS : slice);
    atomic_store_explicit(&receiver->slot->asleep, 0, memory_order_relaxed);
    if (receiver_has_ready(receiver)) return IPC_OK;
    receiver_recover(receiver);
    slice = IPC_SLICE_NS;
  }
}

int32_t ipc_receiver_poll(ipc_receiver *receiver, uint32_t wait, uint32_t low, uint32_t high) {
  ipc_receiver_arm(receiver, wait, low, high);
  bool changed = wait & IPC_WAIT_FOR_PEERS && ipc_slots_poll(&receiver->segment, &receiver->peers_seen);
  if (!(wait & IPC_WAIT_FOR_DATA)) return changed;
  receiver->polled_at = 0; /* now, however soon after the last */
  receiver_poll_segment(receiver);
  bool orphaned = atomic_load_explicit(&receiver->segment.header->orphaned, memory_order_acquire);
  return changed || orphaned || receiver_has_ready(receiver);
}

static inline int32_t receiver_next_or_wait(ipc_receiver *receiver, int32_t timeout_ms, ipc_record_copy *record,
                                            const uint8_t **bytes) {
  for (uint64_t until = 0;;) {
    int32_t units = receiver_next(receiver, record, bytes);
    if (IPC_LIKELY(units != IPC_TIMED_OUT)) return units;
    int32_t status = receiver_wait_for_data(receiver, timeout_ms, &until);
    if (status != IPC_OK) return status;
  }
}

static int32_t receiver_next_or_wait_of_overrun(ipc_receiver *receiver, int32_t timeout_ms, ipc_record_copy *record,
                                                const uint8_t **bytes) {
  for (uint64_t until = 0;;) {
    int32_t units = receiver_next_of_any(receiver, record, bytes);
    if (units != IPC_TIMED_OUT) return units;
    int32_t status = receiver_wait_for_data(receiver, timeout_ms, &until);
    if (status != IPC_OK) return status;
  }
}

/*
 * A queue's take, with its wait. A receiver that never finds it empty must notice what
 * the dead held too.
 */
static int32_t receiver_take_or_wait(ipc_receiver *receiver, uint32_t most, int32_t timeout_ms, uint32_t *offset,
                                     uint32_t *length) {
  for (uint64_t until = 0;;) {
    receiver_poll_segment(receiver);
    int32_t status = ipc_queue_take(&receiver->segment, receiver->instance, most, offset, length);
    if (status == IPC_OK) receiver->leases++;
    if (status != IPC_TIMED_OUT) return status;
    status = receiver_wait_for_data(receiver, timeout_ms, &until);
    if (status != IPC_OK) return status;
  }
}

static int32_t receiver_end_lease(ipc_receiver *receiver, int32_t status) {
  if (status == IPC_OK) receiver->leases--;
  return status == IPC_OK ? status : ipc_segment_result(&receiver->segment, status);
}

static int32_t receiver_recv_of_queue(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  uint32_t offset = 0, length = 0;
  int32_t status = receiver_take_or_wait(receiver, capacity, timeout_ms, &offset, &length);
  if (status != IPC_OK) return status;
  if (length) memcpy(target, receiver->segment.body + offset, length);
  receiver_end_lease(receiver, ipc_queue_done(&receiver->segment, receiver->instance, offset));
  return (int32_t)length;
}

/* A message that is whole goes to `target`, unless it was put together there. */
static void receiver_finish_into(ipc_receiver *receiver, void *target, const uint8_t *bytes, uint32_t length) {
  if (bytes != target) {
    ipc_assembly_give_target_back(&receiver->assembly); /* another may have begun in it */
    memcpy(target, bytes, length);
  }
  ipc_assembly_finish(&receiver->assembly, false);
}

/* Copies the next message; one that was overwritten meanwhile was lost, and the next one is taken. */
static int32_t receiver_recv_of_overrun(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  for (;;) {
    int32_t units = receiver_next_or_wait_of_overrun(receiver, timeout_ms, &record, &bytes);
    if (units < 0) return units;
    if (record.length > capacity) return IPC_E_BUFFER_TOO_SMALL;
    if (record.kind == IPC_RECORD_FRAGMENT) {
      receiver_finish_into(receiver, target, bytes, record.length);
    } else {
      ipc_assembly_give_target_back(&receiver->assembly);
      ipc_ring_copy_out(target, bytes, record.length);
      if (ipc_overrun_found(receiver)) continue;
    }
    receiver->number++;
    receiver_advance_of_overrun(receiver, (uint32_t)units);
    return (int32_t)record.length;
  }
}

static int32_t receiver_recv_of_any(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  int32_t units = receiver_next_or_wait(receiver, timeout_ms, &record, &bytes);
  if (units < 0) return units;
  if (record.length > capacity) return IPC_E_BUFFER_TOO_SMALL;
  if (record.kind == IPC_RECORD_FRAGMENT) {
    receiver_finish_into(receiver, target, bytes, record.length);
  } else {
    ipc_assembly_give_target_back(&receiver->assembly);
    if (record.length) memcpy(target, bytes, record.length);
  }
  receiver_advance(receiver, (uint32_t)units);
  return (int32_t)record.length;
}

static __attribute__((noinline)) int32_t receiver_recv_any(ipc_receiver *receiver, void *target, uint32_t capacity,
                                                           int32_t timeout_ms) {
  if (receiver->is_queue) return receiver_recv_of_queue(receiver, target, capacity, timeout_ms);
  ipc_assembly_lend_target(&receiver->assembly, target, capacity);
  int32_t length;
  if (receiver->is_overrun) {
    length = receiver_recv_of_overrun(receiver, target, capacity, timeout_ms);
    receiver->head = receiver->position; /* no known run: what is there may be overwritten before the next call */
  } else {
    length = receiver_recv_of_any(receiver, target, capacity, timeout_ms);
  }
  ipc_assembly_give_target_back(&receiver->assembly);
  return length;
}

/* In line: one more message of a known run. Queues and receivers that may be overrun have no known run. */
int32_t ipc_receiver_recv(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  uint32_t position = receiver->position;
  if (IPC_UNLIKELY(position == receiver->head))
    return ipc_segment_result(&receiver->segment, receiver_recv_any(receiver, target, capacity, timeout_ms));
  ipc_record_copy record;
  uint32_t units = ipc_ring_read(receiver->segment.body, receiver->capacity_units, position, receiver->head, &record);
  if (IPC_UNLIKELY(units == 0 || record.kind != IPC_RECORD_MESSAGE || record.length > capacity))
    return ipc_segment_result(&receiver->segment, receiver_recv_any(receiver, target, capacity, timeout_ms));
  const uint8_t *at = ipc_ring_at(receiver->segment.body, receiver->capacity_units, position);
  if (record.length) memcpy(target, at + sizeof(ipc_record), record.length);
  receiver_advance(receiver, units);
  return ipc_segment_result(&receiver->segment, (int32_t)record.length);
}

int32_t ipc_receiver_next_length(ipc_receiver *receiver) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  if (receiver->is_queue) {
    uint32_t length = 0;
    int32_t status = ipc_queue_take(&receiver->segment, receiver->instance, 0, NULL, &length);
    if (status == IPC_E_BUFFER_TOO_SMALL) return ipc_segment_result(&receiver->segment, (int32_t)length);
    return ipc_segment_result(&receiver->segment, status);
  }
  int32_t units = receiver_next_of_any(receiver, &record, &bytes);
  if (receiver->is_overrun) receiver->head = receiver->position;
  return ipc_segment_result(&receiver->segment, units < 0 ? units : (int32_t)record.length);
}

void *ipc_receiver_take_assembled(ipc_receiver *receiver, uint32_t *length) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  if (receiver->is_queue) return NULL;
  int32_t units = receiver_next_of_any(receiver, &record, &bytes);
  bool is_ours = units > 0 && record.kind == IPC_RECORD_FRAGMENT;
  if (is_ours) {
    *length = record.length;
    ipc_assembly_finish(&receiver->assembly, true);
    receiver->number++;
    if (receiver->is_overrun)
      receiver_advance_of_overrun(receiver, (uint32_t)units);
    else
      receiver_advance(receiver, (uint32_t)units);
  }
  if (receiver->is_overrun) receiver->head = receiver->position;
  return is_ours ? (void *)(uintptr_t)bytes : NULL;
}

void ipc_message_release(void *memory) { free(memory); }

static void receiver_release_message(void *memory, void *ignored) {
  (void)ignored;
  free(memory);
}

void *ipc_message_releaser(void) { return (void *)(uintptr_t)receiver_release_message; }

int32_t ipc_receiver_peek(ipc_receiver *receiver, uint32_t *spans, uint32_t max, void *target, uint32_t capacity,
                          int32_t timeout_ms) {
  if (receiver->is_queue) return IPC_E_INVALID_ARGUMENT;
  if (max == 0) return 0;
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  if (target) ipc_assembly_lend_target(&receiver->assembly, target, capacity);
  int32_t units = receiver->is_overrun ? receiver_next_or_wait_of_overrun(receiver, timeout_ms, &record, &bytes)
                                       : receiver_next_or_wait(receiver, timeout_ms, &record, &bytes);
  bool is_in_place = !receiver->is_overrun && record.kind == IPC_RECORD_MESSAGE;
  if (units >= 0 && !is_in_place) {
    spans[0] = record.length;
    units = IPC_NOT_IN_PLACE;
    if (target && record.length <= capacity) {
      /* It may have been overwritten, and a larger one be next. */
      int32_t length = receiver_recv_any(receiver, target, capacity, timeout_ms);
      if (length == IPC_E_BUFFER_TOO_SMALL)
        spans[0] = capacity + 1;
      else if (length < 0)
        units = length;
      else
        spans[0] = (uint32_t)length;
    }
  }
  ipc_assembly_give_target_back(&receiver->assembly);
  if (receiver->is_overrun) receiver->head = receiver->position;
  if (units < 0) return ipc_segment_result(&receiver->segment, units);
  uint32_t position = receiver->position, count = 0;
  for (;;) {
    if (record.kind == IPC_RECORD_MESSAGE) {
      spans[2 * count] = (position & (receiver->capacity_units - 1)) * IPC_UNIT + (uint32_t)sizeof(ipc_record);
      spans[2 * count + 1] = record.length;
      count++;
    }
    position += (uint32_t)units;
    if (count == max || position == receiver->head) return ipc_segment_result(&receiver->segment, (int32_t)count);
    units = (int32_t)ipc_ring_read(receiver->segment.body, receiver->capacity_units, position, receiver->head, &record);
    /*
     * What comes before a loan, a fragment, or damage (which the next call reports) can
     * be handed out.
     */
    if (units == 0 || record.kind == IPC_RECORD_LOAN || record.kind == IPC_RECORD_FRAGMENT)
      return ipc_segment_result(&receiver->segment, (int32_t)count);
  }
}

int32_t ipc_receiver_consume(ipc_receiver *receiver, uint32_t count) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  if (receiver->is_queue || receiver->is_overrun) return IPC_E_INVALID_ARGUMENT;
  for (uint32_t i = 0; i < count; i++) {
    int32_t units = receiver_next(receiver, &record, &bytes);
    if (units < 0)
      return ipc_segment_result(&receiver->segment, units == IPC_TIMED_OUT ? IPC_E_INVALID_ARGUMENT : units);
    if (receiver->assembly.whole) return IPC_E_INVALID_ARGUMENT; /* not one that was peeked at */
    receiver_advance(receiver, (uint32_t)units);
  }
  return ipc_segment_result(&receiver->segment, IPC_OK);
}

int32_t ipc_receiver_take(ipc_receiver *receiver, int32_t timeout_ms, uint32_t *lease) {
  if (!receiver->is_queue) return IPC_E_INVALID_ARGUMENT;
  int32_t status = receiver_take_or_wait(receiver, UINT32_MAX, timeout_ms, &lease[0], &lease[1]);
  if (status == IPC_OK) lease[2] = ipc_queue_attempts(&receiver->segment, lease[0]);
  return ipc_segment_result(&receiver->segment, status);
}

int32_t ipc_receiver_done(ipc_receiver *receiver, uint32_t offset) {
  int32_t status = receiver_end_lease(receiver, ipc_queue_done(&receiver->segment, receiver->instance, offset));
  return ipc_segment_result(&receiver->segment, status);
}

int32_t ipc_receiver_retry(ipc_receiver *receiver, uint32_t offset) {
  int32_t status = receiver_end_lease(receiver, ipc_queue_retry(&receiver->segment, receiver->instance, offset));
  return ipc_segment_result(&receiver->segment, status);
}

double ipc_receiver_lost(const ipc_receiver *receiver) { return (double)receiver->lost; }

const void *ipc_receiver_ring(const ipc_receiver *receiver) { return receiver->segment.body; }

uint32_t ipc_receiver_capacity(const ipc_receiver *receiver) { return receiver->segment.capacity; }

ipc_mapping *ipc_receiver_hold_mapping(ipc_receiver *receiver) { return ipc_mapping_hold(&receiver->segment); }
