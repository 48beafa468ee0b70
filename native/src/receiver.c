#include "libipc/receiver.h"

#include <stdlib.h>

#include "event.h"
#include "members.h"
#include "ring.h"

struct ipc_receiver {
  ipc_segment segment;
  ipc_member *member;
  uint32_t instance;
  uint32_t capacity_units;
  uint32_t position;  /* of the next record to read */
  uint32_t head;      /* as last loaded: records before it are whole */
  uint32_t published; /* the position that senders know */
  uint32_t quota;     /* publish at least every so many units while reading a long run */
  uint64_t looked;    /* when a try last looked for a dead lender and for another segment under the name */
  uint32_t lender;    /* the instance in the last owner record… */
  uint32_t lent_at;   /* …and the position after it: a loan anywhere else is damage */
};

ipc_receiver *ipc_receiver_open(const char *prefix, const char *name, const ipc_options *options,
                                ipc_failure *failure) {
  ipc_receiver *receiver = calloc(1, sizeof *receiver);
  if (!receiver) {
    *failure = (ipc_failure){.code = IPC_E_NO_SPACE};
    return NULL;
  }
  ipc_segment *segment = &receiver->segment;
  int32_t lock = ipc_segment_open(segment, prefix, name, options, failure);
  if (lock < 0) {
    free(receiver);
    return NULL;
  }
  int32_t place = ipc_members_join_receiver(segment);
  ipc_os_unlock(lock);
  if (place < 0) {
    failure->code = place;
    failure->wanted = segment->max_receivers;
    ipc_segment_close(segment);
    free(receiver);
    return NULL;
  }
  receiver->member = &segment->receivers[place];
  receiver->instance = atomic_load_explicit(&receiver->member->instance, memory_order_relaxed);
  receiver->capacity_units = segment->capacity / IPC_UNIT;
  receiver->quota = receiver->capacity_units / 8;
  receiver->position = atomic_load_explicit(&receiver->member->position, memory_order_relaxed);
  receiver->head = receiver->published = receiver->position;
  return receiver;
}

void ipc_receiver_close(ipc_receiver *receiver) {
  if (!receiver) return;
  ipc_members_leave(&receiver->segment, receiver->member, receiver->instance);
  ipc_segment_close(&receiver->segment);
  free(receiver);
}

/* Tells senders how far we are. Everything before the position has been read. */
static void publish(ipc_receiver *receiver) {
  receiver->published = receiver->position;
  /* release pairs with the acquire in ipc_members_gate: our reads come before the sender's overwrite */
  atomic_store_explicit(&receiver->member->position, receiver->position, memory_order_release);
  ipc_event_notify(receiver->segment.header, IPC_EVENT_SPACE);
}

/*
 * Moves past a record. Senders are told lazily, so that their cache line of ours is
 * not fought over: when the run of records known to us ends, every eighth of the
 * ring, and when a sender has asked.
 */
static inline void advance(ipc_receiver *receiver, uint32_t units) {
  receiver->position += units;
  if (receiver->position == receiver->head || receiver->position - receiver->published >= receiver->quota ||
      IPC_UNLIKELY(atomic_load_explicit(&receiver->segment.header->event_flags[IPC_EVENT_SPACE].wanted,
                                        memory_order_relaxed)))
    publish(receiver);
}

/* Loads head if the run known so far is used up. True: there is a record at position. */
static inline bool has_more(ipc_receiver *receiver) {
  if (IPC_LIKELY(receiver->position != receiver->head)) return true;
  /* acquire pairs with the sender's release: the records are whole */
  receiver->head = atomic_load_explicit(&receiver->segment.header->head, memory_order_acquire);
  return receiver->position != receiver->head;
}

/* Whether there is a record at position that is not a loan still being written. */
static inline bool has_ready(ipc_receiver *receiver) {
  if (!has_more(receiver)) return false;
  const ipc_record *record =
      (const ipc_record *)ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
  return atomic_load_explicit(&record->kind, memory_order_acquire) != IPC_RECORD_LOAN;
}

static __attribute__((noinline)) int32_t next_after_others(ipc_receiver *receiver, ipc_record_copy *record,
                                                           const uint8_t **bytes);

/*
 * Finds the next message without waiting. Its units (> 0) if there is one: *record
 * is its header and *bytes its payload. IPC_TIMED_OUT: the ring is empty, or a loan
 * that is still being written comes next. The common case alone is inlined.
 */
static inline int32_t next(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes) {
  if (IPC_UNLIKELY(!has_more(receiver))) return IPC_TIMED_OUT;
  uint32_t units =
      ipc_ring_read(receiver->segment.body, receiver->capacity_units, receiver->position, receiver->head, record);
  if (IPC_UNLIKELY(units == 0 || record->kind != IPC_RECORD_MESSAGE))
    return next_after_others(receiver, record, bytes);
  *bytes = ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position) + sizeof(ipc_record);
  return (int32_t)units;
}

/* Skips padding and what precedes a loan, and tells a loan and damage. */
static int32_t next_after_others(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes) {
  while (has_more(receiver)) {
    uint32_t units =
        ipc_ring_read(receiver->segment.body, receiver->capacity_units, receiver->position, receiver->head, record);
    if (units == 0) return IPC_E_CORRUPT;
    switch (record->kind) {
      case IPC_RECORD_MESSAGE:
        *bytes =
            ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position) + sizeof(ipc_record);
        return (int32_t)units;
      case IPC_RECORD_LOAN:
        if (receiver->lent_at != receiver->position || receiver->lender == 0) return IPC_E_CORRUPT;
        /* Senders that need the space behind us must not wait for us to move on. */
        if (receiver->published != receiver->position) publish(receiver);
        return IPC_TIMED_OUT;
      case IPC_RECORD_OWNER:
        receiver->lender = record->length;
        receiver->lent_at = receiver->position + units;
        break;
      default: /* padding */
        break;
    }
    advance(receiver, units);
  }
  return IPC_TIMED_OUT;
}

/*
 * Called after a long wait: a loan at position whose owner is gone becomes padding.
 * The owner may be gone without being dead (it closed): then it left the loan behind.
 */
static void end_loan_of_dead(ipc_receiver *receiver) {
  uint32_t pid, loan = IPC_RECORD_LOAN;
  if (!has_more(receiver) || has_ready(receiver)) return;
  if (ipc_members_is_sender_alive(&receiver->segment, receiver->lender, &pid)) return;
  ipc_record *record = (ipc_record *)ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
  atomic_compare_exchange_strong_explicit(&record->kind, &loan, IPC_RECORD_PADDING, memory_order_relaxed,
                                          memory_order_relaxed);
}

/* Waits for a record: IPC_OK, IPC_TIMED_OUT, or IPC_E_ORPHANED when nothing more can come. */
static int32_t wait_for_data(ipc_receiver *receiver, int32_t timeout_ms) {
  ipc_segment *segment = &receiver->segment;
  ipc_header *header = segment->header;
  if (timeout_ms == 0) {
    /* Who only ever tries must notice dead lenders and a name that leads elsewhere too, but not ask every time. */
    uint64_t now = ipc_os_now();
    if (now - receiver->looked >= IPC_SLICE_NS) {
      receiver->looked = now;
      end_loan_of_dead(receiver);
      ipc_segment_is_orphaned(segment);
    }
    if (has_ready(receiver)) return IPC_OK;
    bool orphaned = atomic_load_explicit(&header->orphaned, memory_order_acquire);
    return orphaned && !has_more(receiver) ? IPC_E_ORPHANED : IPC_TIMED_OUT;
  }
  uint64_t deadline = ipc_deadline(timeout_ms), slice = IPC_FIRST_SLICE_NS;
  ipc_backoff backoff = ipc_backoff_start(header);
  do {
    if (has_ready(receiver)) return IPC_OK;
  } while (ipc_backoff_pause(&backoff, deadline));
  for (;;) {
    uint32_t seen = ipc_event_prepare(header, IPC_EVENT_DATA);
    if (has_ready(receiver)) return IPC_OK;
    if (!has_more(receiver) && ipc_segment_is_orphaned(segment))
      return has_more(receiver) ? IPC_OK : IPC_E_ORPHANED;
    if (ipc_os_now() >= deadline) return IPC_TIMED_OUT;
    ipc_event_sleep(header, IPC_EVENT_DATA, seen, deadline, has_more(receiver) ? slice : IPC_SLICE_NS);
    if (has_ready(receiver)) return IPC_OK;
    end_loan_of_dead(receiver);
    slice = IPC_SLICE_NS;
  }
}

static inline int32_t next_or_wait(ipc_receiver *receiver, int32_t timeout_ms, ipc_record_copy *record,
                                   const uint8_t **bytes) {
  for (;;) {
    int32_t units = next(receiver, record, bytes);
    if (IPC_LIKELY(units != IPC_TIMED_OUT)) return units;
    int32_t status = wait_for_data(receiver, timeout_ms);
    if (status != IPC_OK) return status;
  }
}

int32_t ipc_receiver_recv(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  int32_t units = next_or_wait(receiver, timeout_ms, &record, &bytes);
  if (IPC_UNLIKELY(units < 0)) return units;
  if (IPC_UNLIKELY(record.length > capacity)) return IPC_E_BUFFER_TOO_SMALL;
  if (record.length) memcpy(target, bytes, record.length);
  advance(receiver, (uint32_t)units);
  return (int32_t)record.length;
}

int32_t ipc_receiver_next_length(ipc_receiver *receiver) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  int32_t units = next(receiver, &record, &bytes);
  return units < 0 ? units : (int32_t)record.length;
}

int32_t ipc_receiver_peek(ipc_receiver *receiver, uint32_t *spans, uint32_t max, int32_t timeout_ms) {
  if (max == 0) return 0;
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  int32_t units = next_or_wait(receiver, timeout_ms, &record, &bytes);
  if (units < 0) return units;
  uint32_t position = receiver->position, count = 0;
  for (;;) {
    if (record.kind == IPC_RECORD_MESSAGE) {
      spans[2 * count] = (position & (receiver->capacity_units - 1)) * IPC_UNIT + (uint32_t)sizeof(ipc_record);
      spans[2 * count + 1] = record.length;
      count++;
    }
    position += (uint32_t)units;
    if (count == max || position == receiver->head) return (int32_t)count;
    units = (int32_t)ipc_ring_read(receiver->segment.body, receiver->capacity_units, position, receiver->head, &record);
    /* The messages before a loan, or before damage (which the next call reports), can be handed out. */
    if (units == 0 || record.kind == IPC_RECORD_LOAN) return (int32_t)count;
  }
}

int32_t ipc_receiver_consume(ipc_receiver *receiver, uint32_t count) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  for (uint32_t i = 0; i < count; i++) {
    int32_t units = next(receiver, &record, &bytes);
    if (units < 0) return units == IPC_TIMED_OUT ? IPC_E_INVALID_ARGUMENT : units;
    advance(receiver, (uint32_t)units);
  }
  return IPC_OK;
}

const void *ipc_receiver_ring(const ipc_receiver *receiver) { return receiver->segment.body; }

uint32_t ipc_receiver_capacity(const ipc_receiver *receiver) { return receiver->segment.capacity; }

ipc_mapping *ipc_receiver_hold_mapping(ipc_receiver *receiver) { return ipc_mapping_hold(&receiver->segment); }
