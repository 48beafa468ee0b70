/*
 * receiver_read.h - how a receiver finds the next record, waits for one, and moves past it.
 *
 * The common case is in line: a message in the run of records that is known to be published.
 */
#ifndef LIBIPC_RECEIVER_READ_H
#define LIBIPC_RECEIVER_READ_H

#include "receiver_state.h"

/*
 * Every call that reads begins and ends with these. Where overflow is drop-oldest, what was copied must be checked
 * afterwards, which ipc_receiver_recv() does not do in line; the same holds for observers. So head is position between
 * two calls, and the known run is kept aside.
 */
static inline void ipc_receiver_enter(ipc_receiver *receiver) {
  if (receiver->is_overrun) receiver->head = receiver->run_head;
}

static inline void ipc_receiver_leave(ipc_receiver *receiver) {
  if (!receiver->is_overrun) return;
  receiver->run_head = receiver->head;
  receiver->head = receiver->position;
}

/* Counts a lease that has ended, if it has, and answers what the call returns. */
static inline int32_t ipc_receiver_end_lease(ipc_receiver *receiver, int32_t status) {
  if (status == IPC_OK) receiver->leases--;
  return status == IPC_OK ? status : ipc_segment_result(&receiver->segment, status);
}

/* Publishes our position to senders. Everything before it has been read. */
void ipc_receiver_publish(ipc_receiver *receiver);

/* Like ipc_receiver_next(), for any record: skips padding, puts fragments together, and reports a loan and damage. */
int32_t ipc_receiver_next_of_any(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes);

/*
 * Waits for a record: IPC_OK, IPC_TIMED_OUT, or IPC_E_ORPHANED when nothing more can come. What comes need not be a
 * message, or not for us: *until is 0 at first, then the moment when all waits for one message end.
 */
int32_t ipc_receiver_wait_for_data(ipc_receiver *receiver, int32_t timeout_ms, uint64_t *until);

/* Looks for dead peers and a lost name, if it did not do so a moment ago. */
void ipc_receiver_poll_segment(ipc_receiver *receiver);

/*
 * Moves past a record. The position is published lazily, so that senders do not fight for its cache line: when the run
 * of records known to us ends, every eighth of the ring, and when a sender has asked.
 */
static inline void ipc_receiver_advance(ipc_receiver *receiver, uint32_t units) {
  receiver->position += units;
  if (IPC_UNLIKELY(
          receiver->position == receiver->head || receiver->position - receiver->published >= receiver->quota ||
          atomic_load_explicit(&receiver->segment.header->event_flags[IPC_EVENT_SPACE].wanted, memory_order_relaxed)))
    ipc_receiver_publish(receiver);
}

/*
 * The same where senders do not wait for us. The position of an observer is for people, see list.h. That of another
 * receiver where overflow is drop-oldest is for senders that wait until their messages were read; see read_point.c.
 */
static inline void ipc_receiver_advance_of_overrun(ipc_receiver *receiver, uint32_t units) {
  receiver->passed += units;
  receiver->position += units;
  bool is_due = receiver->position == receiver->head || receiver->position - receiver->published >= receiver->quota;
  if (receiver->segment.overflow == IPC_DROP_OLDEST) {
    if (is_due ||
        atomic_load_explicit(&receiver->segment.header->event_flags[IPC_EVENT_SPACE].wanted, memory_order_relaxed))
      ipc_receiver_publish(receiver);
    return;
  }
  if (!is_due) return;
  receiver->published = receiver->position;
  atomic_store_explicit(&receiver->slot->position, receiver->position, memory_order_relaxed);
}

/* Moves past a message that has been received, or is passed over. */
static inline void ipc_receiver_advance_message(ipc_receiver *receiver, uint32_t units) {
  receiver->number++;
  if (receiver->is_overrun)
    ipc_receiver_advance_of_overrun(receiver, units);
  else
    ipc_receiver_advance(receiver, units);
}

/* Sets what looks at head need, once the ring's size is known. */
void ipc_receiver_start_looks(ipc_receiver *receiver);

/*
 * Loads head, when the run known so far is used up. True: there is a record at position.
 *
 * Under load it pauses first. Without that, two processors exchange the cache lines of head and of the position for
 * each record, which takes longer than all else; after a pause the look finds many records. It pauses only after
 * several looks that each found a little at once, it stops when a look finds nothing, or one record in spite of the
 * pause, and where the endpoints outnumber the processors it never begins. So a message that comes to an idle receiver,
 * or long after the one before it, arrives as soon as without pauses.
 */
bool ipc_receiver_look(ipc_receiver *receiver);

/* Whether there is a record at position. */
static inline bool ipc_receiver_has_more(ipc_receiver *receiver) {
  return IPC_LIKELY(receiver->position != receiver->head) || ipc_receiver_look(receiver);
}

/*
 * Finds the next message without waiting. Its units (> 0) if there is one: *record
 * is its header and *bytes its payload. IPC_TIMED_OUT: the ring is empty, or a loan
 * that is still being written comes next. The common case alone is inlined.
 */
static inline int32_t ipc_receiver_next(ipc_receiver *receiver, ipc_record_copy *record, const uint8_t **bytes) {
  if (IPC_UNLIKELY(!ipc_receiver_has_more(receiver))) return IPC_TIMED_OUT;
  uint32_t units =
      ipc_ring_read(receiver->segment.body, receiver->capacity_units, receiver->position, receiver->head, record);
  if (IPC_UNLIKELY(units == 0 || record->kind != IPC_RECORD_MESSAGE))
    return ipc_receiver_next_of_any(receiver, record, bytes);
  *bytes = ipc_ring_at(receiver->segment.body, receiver->capacity_units, receiver->position) + sizeof(ipc_record);
  return (int32_t)units;
}

static inline int32_t ipc_receiver_next_or_wait(ipc_receiver *receiver, int32_t timeout_ms, ipc_record_copy *record,
                                                const uint8_t **bytes) {
  for (uint64_t until = 0;;) {
    int32_t units = ipc_receiver_next(receiver, record, bytes);
    if (IPC_LIKELY(units != IPC_TIMED_OUT)) return units;
    int32_t status = ipc_receiver_wait_for_data(receiver, timeout_ms, &until);
    if (status != IPC_OK) return status;
  }
}

#endif
