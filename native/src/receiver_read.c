#include "receiver_read.h"

#include <string.h>

#include "libipc/waker.h"
#include "orphan.h"
#include "overrun.h"
#include "queue.h"

enum {
  LONG_RUN = 8192,     /* units: 64 KiB, some 500 small messages */
  FIRST_PAUSES = 8,    /* some 200 ns: a sender that is not disturbed writes several records meanwhile */
  MOST_PAUSES = 64,    /* some 1.6 µs, the most that a look is late by */
  LEAST_PATIENCE = 8,  /* looks */
  MOST_PATIENCE = 1024 /* then a pause without success costs 0.2 ns a message */
};

void ipc_receiver_start_looks(ipc_receiver *receiver) {
  receiver->long_run = receiver->quota < LONG_RUN ? receiver->quota : LONG_RUN;
  receiver->patience = LEAST_PATIENCE;
}

/* Whether the records from position up to head, `found` units, are one. */
static bool receiver_found_one(const ipc_receiver *receiver, uint32_t found) {
  const ipc_record *record =
      (const ipc_record *)ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
  /* Of an observer it may be anything by now, and is a guess then. */
  return ipc_ring_units(ipc_ring_length_raced(record)) >= found;
}

/* How long to pause before the next look, from the units that this one found. */
static void receiver_adapt_pauses(ipc_receiver *receiver, uint32_t found) {
  if (receiver->pauses == 0) {
    if (found >= receiver->long_run)
      receiver->short_runs = 0;
    else if (++receiver->short_runs >= receiver->patience && ipc_event_may_spin(receiver->segment.header))
      receiver->pauses = FIRST_PAUSES;
    return;
  }
  if (receiver_found_one(receiver, found) || !ipc_event_may_spin(receiver->segment.header)) {
    receiver->pauses = receiver->short_runs = 0;
    if (receiver->patience < MOST_PATIENCE) receiver->patience *= 2;
    return;
  }
  receiver->patience = LEAST_PATIENCE;
  if (found >= receiver->long_run)
    receiver->pauses -= (receiver->pauses + 7) / 8;
  else if (receiver->pauses < MOST_PAUSES)
    receiver->pauses++;
}

bool ipc_receiver_look(ipc_receiver *receiver) {
  for (uint32_t i = 0; i < receiver->pauses; i++) ipc_cpu_relax();
  /* acquire pairs with the sender's release: the records are whole */
  receiver->head = (uint32_t)atomic_load_explicit(&receiver->segment.header->head, memory_order_acquire);
  uint32_t found = receiver->head - receiver->position;
  if (found == 0) {
    receiver->pauses = receiver->short_runs = 0;
    return false;
  }
  receiver_adapt_pauses(receiver, found);
  return true;
}

void ipc_receiver_publish(ipc_receiver *receiver) {
  receiver->published = receiver->position;
  /* release pairs with the acquire in ipc_slots_gate: our reads come before the sender's overwrite */
  atomic_store_explicit(&receiver->slot->position, receiver->position, memory_order_release);
  ipc_event_notify(&receiver->segment, IPC_EVENT_SPACE);
}

/* Whether there is a record at position that is not a loan still being written. */
static bool receiver_has_ready(ipc_receiver *receiver) {
  if (receiver->is_queue) return ipc_queue_has_some(&receiver->segment, receiver->instance);
  if (!ipc_receiver_has_more(receiver)) return false;
  if (receiver->is_overrun) {
    /* What lies at our position may be anything by now: then we try, which finds out. */
    return !ipc_ring_has_loan_raced(receiver->segment.body, receiver->capacity_units, receiver->position) ||
           receiver->abandoned == receiver->lender || receiver->lender == 0 || ipc_overrun_is_due(receiver);
  }
  const ipc_record *record =
      (const ipc_record *)ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
  return atomic_load_explicit(&record->kind, memory_order_acquire) != IPC_RECORD_LOAN;
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
  if (room && receiver->is_passing &&
      (fragment.instance != receiver->newest_of || fragment.message != receiver->newest)) {
    /* The message ends before the newest one, and is not given out. */
  } else if (room && receiver->is_overrun) {
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

int32_t ipc_receiver_next_of_any(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes) {
  for (;;) {
    if (receiver->is_overrun) ipc_overrun_found(receiver);
    if (!ipc_receiver_has_more(receiver)) return IPC_TIMED_OUT;
    const uint8_t *at = ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
    uint32_t units = (receiver->is_overrun ? ipc_ring_read_raced : ipc_ring_read)(
        receiver->segment.body, receiver->capacity_units, receiver->position, receiver->head, record);
    if (receiver->is_overrun && ipc_overrun_found(receiver)) continue;
    if (units == 0) return ipc_segment_result(&receiver->segment, IPC_E_CORRUPT);
    switch (record->kind) {
      case IPC_RECORD_MESSAGE:
        if (receiver->is_overrun) receiver->lender = 0; /* a loan that has ended */
        *bytes = at + sizeof(ipc_record);
        return (int32_t)units;
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
        if (receiver->is_overrun) {
          if (receiver->abandoned != receiver->lender) return IPC_TIMED_OUT;
          receiver->number++; /* its sender counted it, and nobody will end it */
          break;
        }
        /* Senders that need the space behind us must not wait for us to move on. */
        if (receiver->published != receiver->position) ipc_receiver_publish(receiver);
        return IPC_TIMED_OUT;
      case IPC_RECORD_OWNER:
        receiver->lender = record->length;
        receiver->lent_at = receiver->position + units;
        break;
      default: /* padding; in the place of a loan: a message that was counted, and then cancelled */
        if (receiver->lender != 0 && receiver->lent_at == receiver->position) receiver->number++;
        receiver->lender = 0;
    }
    if (receiver->is_overrun)
      ipc_receiver_advance_of_overrun(receiver, units);
    else
      ipc_receiver_advance(receiver, units);
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
  if (!ipc_receiver_has_more(receiver) || receiver_has_ready(receiver)) return;
  if (receiver->lender == 0 || ipc_slots_is_alive(&receiver->segment, receiver->lender, &pid)) return;
  if (receiver->is_overrun) {
    /* What lies at position may be another record by now, so an observer only passes over the loan. */
    receiver->abandoned = receiver->lender;
    return;
  }
  ipc_record *record = (ipc_record *)ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position);
  atomic_compare_exchange_strong_explicit(&record->kind, &loan, IPC_RECORD_PADDING, memory_order_relaxed,
                                          memory_order_relaxed);
}

static bool receiver_is_empty(ipc_receiver *receiver) {
  const ipc_header *header = receiver->segment.header;
  if (!receiver->is_queue) return !ipc_receiver_has_more(receiver);
  /* Not ipc_queue_has_some(): there is more behind a loan that is still written. */
  return atomic_load_explicit(&header->cursor, memory_order_acquire) ==
         (uint32_t)atomic_load_explicit(&header->head, memory_order_acquire);
}

/*
 * A receiver that never waits must also notice dead peers and a lost name, but it need not ask every time. One that
 * always finds a message does not ask: a sender that sends notices the lost name and marks the segment, and if no
 * sender sends, the receiver has soon read all.
 */
void ipc_receiver_poll_segment(ipc_receiver *receiver) {
  uint64_t now = ipc_os_now();
  if (now - receiver->polled_at < IPC_SLICE_NS) return;
  receiver->polled_at = now;
  receiver_recover(receiver);
  ipc_segment_is_orphaned(&receiver->segment);
}

/* How long to sleep: not past the time of a delayed message. */
static uint64_t receiver_slice(const ipc_receiver *receiver, uint64_t slice) {
  int32_t due = receiver->is_queue ? ipc_queue_next_due(&receiver->segment) : -1;
  if (due < 0) return slice;
  uint64_t left = ((uint64_t)due + 1) * 1000000u;
  return left < slice ? left : slice;
}

/* Pauses until there is a record; false: it is time to sleep. */
static bool receiver_pause(ipc_receiver *receiver, uint64_t deadline) {
  ipc_backoff backoff = ipc_backoff_start(receiver->segment.header);
  do {
    if (!receiver_has_ready(receiver)) continue;
    ipc_sleep_history_record(&receiver->sleeps, false);
    return true;
  } while (ipc_backoff_pause(&backoff, deadline));
  ipc_sleep_history_record(&receiver->sleeps, true);
  return false;
}

int32_t ipc_receiver_wait_for_data(ipc_receiver *receiver, int32_t timeout_ms, uint64_t *until) {
  ipc_segment *segment = &receiver->segment;
  ipc_header *header = segment->header;
  if (*until != 0 && *until != IPC_FOREVER && ipc_os_now() >= *until) return IPC_TIMED_OUT;
  if (*until == 0) *until = timeout_ms == 0 ? 1 : ipc_deadline(timeout_ms); /* 1: always passed */
  if (timeout_ms == 0) {
    ipc_receiver_poll_segment(receiver);
    if (receiver_has_ready(receiver)) return IPC_OK;
    bool orphaned = atomic_load_explicit(&header->orphaned, memory_order_acquire);
    return orphaned && receiver_is_empty(receiver) ? ipc_segment_result(segment, IPC_E_ORPHANED) : IPC_TIMED_OUT;
  }
  uint64_t deadline = *until, slice = IPC_FIRST_SLICE_NS;
  if (ipc_sleep_history_pauses(&receiver->sleeps) && receiver_pause(receiver, deadline)) return IPC_OK;
  for (;;) {
    uint32_t seen = ipc_event_prepare(header, IPC_EVENT_DATA);
    if (receiver_has_ready(receiver)) return IPC_OK;
    if (receiver_is_empty(receiver) && ipc_segment_is_orphaned(segment))
      return receiver_is_empty(receiver) ? ipc_segment_result(segment, IPC_E_ORPHANED) : IPC_OK;
    if (ipc_os_now() >= deadline) return IPC_TIMED_OUT;
    if (slice == IPC_FIRST_SLICE_NS)
      atomic_store_explicit(&receiver->slot->since, ipc_asleep_since(), memory_order_relaxed);
    atomic_store_explicit(&receiver->slot->asleep, 1, memory_order_relaxed);
    uint64_t longest = receiver_is_empty(receiver) ? IPC_SLICE_NS : slice;
    if (ipc_event_sleep(header, IPC_EVENT_DATA, seen, deadline, receiver_slice(receiver, longest)))
      deadline = *until = IPC_PASSED;
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
  ipc_receiver_enter(receiver);
  ipc_receiver_poll_segment(receiver);
  bool orphaned = atomic_load_explicit(&receiver->segment.header->orphaned, memory_order_acquire);
  bool has_ready = receiver_has_ready(receiver);
  ipc_receiver_leave(receiver);
  return changed || orphaned || has_ready;
}
