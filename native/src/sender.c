#include <stdlib.h>

#include "codec.h"
#include "fragments.h"
#include "open.h"
#include "orphan.h"
#include "sender_write.h"

/* The slot of the route's sender; NULL: it has just left. */
static const ipc_slot *sender_present(const ipc_segment *segment) {
  return ipc_slots_find_sender(segment, atomic_load_explicit(&segment->header->claim, memory_order_relaxed));
}

static bool sender_is_of_this_process(const ipc_slot *slot) {
  return atomic_load_explicit(&slot->owner, memory_order_relaxed) == ipc_os_self();
}

/* Such a sender cannot leave while its thread sleeps in a wait for that. */
static bool sender_is_of_this_thread(const ipc_slot *slot) {
  return sender_is_of_this_process(slot) &&
         atomic_load_explicit(&slot->thread, memory_order_relaxed) == ipc_os_thread();
}

static int32_t sender_fail_has_sender(ipc_failure *failure, const ipc_slot *present) {
  *failure = (ipc_failure){.code = IPC_E_HAS_SENDER};
  if (present) {
    failure->pid = (int32_t)atomic_load_explicit(&present->pid, memory_order_relaxed);
    failure->found = sender_is_of_this_thread(present) ? 2 : sender_is_of_this_process(present);
  }
  return IPC_E_HAS_SENDER;
}

static void sender_free(ipc_segment *segment) {
  ipc_sender *sender = (ipc_sender *)segment;
  ipc_segment_close(segment);
  free(sender->stage);
  free(sender->loans);
  free(sender);
}

/*
 * `may_wait`: the sender of a route is opened although there is another one. It has a slot, so the segment stays when
 * the other one leaves, but not the claim. With is_only false its sends wait for the claim, like those of a channel's
 * sender, and its close leaves the claim alone.
 */
static ipc_sender *sender_open(const char *prefix, const char *name, const ipc_options *options, bool may_wait,
                               ipc_failure *failure) {
  int32_t lock;
  ipc_sender *sender = ipc_segment_open_endpoint(sizeof *sender, true, prefix, name, options, &lock, failure);
  if (!sender) return NULL;
  ipc_segment *segment = &sender->segment;
  segment->free_endpoint = sender_free;
  int32_t index = ipc_slots_join_sender(segment);
  if (index >= 0) {
    sender->slot = &segment->senders[index];
    sender->instance = atomic_load_explicit(&sender->slot->instance, memory_order_relaxed);
    sender->capacity_units = segment->capacity / IPC_UNIT;
    sender->max_record = ipc_ring_max_record(segment->capacity);
    sender->lease_bytes = segment->kind == IPC_QUEUE ? (uint32_t)sizeof(ipc_lease) : 0;
    sender->max_record -= sender->lease_bytes;
    sender->needs_slow_path = segment->kind == IPC_QUEUE || segment->overflow == IPC_DROP_OLDEST;
    sender->waits = segment->overflow == IPC_BLOCK;
    sender->needs_receivers = !sender->needs_slow_path;
    uint32_t pid = 0;
    sender->is_only =
        segment->kind == IPC_ROUTE && ipc_claim_take_over(segment, &segment->header->claim, sender->instance, &pid);
    if (sender->is_only || segment->kind != IPC_ROUTE || may_wait) {
      ipc_codec_set(segment);
      ipc_os_unlock(lock);
      return sender;
    }
    sender_fail_has_sender(failure, sender_present(segment));
    ipc_slots_withdraw(segment, sender->slot);
  } else {
    failure->code = index;
    failure->wanted = segment->max_senders;
  }
  ipc_os_unlock(lock);
  sender_free(segment);
  return NULL;
}

ipc_sender *ipc_sender_open(const char *prefix, const char *name, const ipc_options *options, ipc_failure *failure) {
  return sender_open(prefix, name, options, false, failure);
}

ipc_sender *ipc_sender_open_successor(const char *prefix, const char *name, const ipc_options *options,
                                      ipc_failure *failure) {
  return sender_open(prefix, name, options, true, failure);
}

/*
 * Without the name lock: the claim is taken by a swap from 0 or from the number of a dead sender, which no open and no
 * other successor can win as well. acquire in it pairs with the release of the sender that left: head is its last.
 */
int32_t ipc_sender_take_over(ipc_sender *sender, int32_t timeout_ms, ipc_failure *failure) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  *failure = (ipc_failure){0};
  if (segment->mapping->is_forked) return failure->code = IPC_E_FORKED;
  uint64_t deadline = 0;
  while (segment->kind == IPC_ROUTE && !sender->is_only) {
    uint32_t seen = ipc_event_prepare(header, IPC_EVENT_PEERS), pid = 0;
    if (ipc_segment_is_orphaned(segment)) return failure->code = ipc_segment_result(segment, IPC_E_ORPHANED);
    sender->is_only = ipc_claim_take_over(segment, &header->claim, sender->instance, &pid);
    if (sender->is_only) break;
    const ipc_slot *present = sender_present(segment);
    if (timeout_ms == 0 || (present && sender_is_of_this_thread(present)))
      return sender_fail_has_sender(failure, present);
    if (deadline == 0) deadline = ipc_deadline(timeout_ms);
    if (ipc_os_now() >= deadline) return sender_fail_has_sender(failure, present);
    /* A signal does not end it: an open that fails for a signal that has nothing to do with it would end programs. */
    ipc_event_sleep(header, IPC_EVENT_PEERS, seen, deadline, IPC_SLICE_NS);
  }
  return failure->code = ipc_segment_result(segment, IPC_OK);
}

void ipc_sender_close(ipc_sender *sender) {
  if (!sender) return;
  if (sender->is_only) ipc_claim_unlock(&sender->segment.header->claim);
  ipc_slots_leave(&sender->segment, sender->slot, sender->instance);
  sender_free(&sender->segment);
}

static int32_t sender_send_large(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms,
                                 bool per_fragment) {
  if (length > ipc_sender_max_message(sender)) return IPC_E_MESSAGE_TOO_LARGE;
  return ipc_fragments_send(sender, bytes, length, timeout_ms, per_fragment);
}

int32_t ipc_sender_send(ipc_sender *sender, const void *bytes, uint32_t length, int32_t timeout_ms) {
  if (IPC_UNLIKELY(length > sender->max_record))
    return ipc_sender_refuse(sender, sender_send_large(sender, bytes, length, timeout_ms, false), 1);
  uint32_t units = ipc_sender_units(sender, length);
  ipc_claimed claimed;
  uint64_t deadline = 0;
  int32_t status = ipc_sender_claim_inline(sender, units, timeout_ms, &deadline, &claimed);
  if (IPC_UNLIKELY(status != IPC_OK)) return ipc_sender_refuse(sender, status, 1);
  uint8_t *at = ipc_sender_at(sender, claimed.at);
  if (IPC_LIKELY(!sender->needs_slow_path))
    ipc_ring_put_message(at, bytes, length);
  else
    ipc_sender_put_slow(sender, at, bytes, length);
  ipc_sender_publish_inline(sender, claimed.at + units, 1);
  return ipc_segment_result(&sender->segment, IPC_OK);
}

int32_t ipc_sender_send_with_progress_timeout(ipc_sender *sender, const void *bytes, uint32_t length,
                                              int32_t progress_timeout_ms) {
  if (length <= sender->max_record) return ipc_sender_send(sender, bytes, length, progress_timeout_ms);
  return ipc_sender_refuse(sender, sender_send_large(sender, bytes, length, progress_timeout_ms, true), 1);
}

int32_t ipc_sender_send_part(ipc_sender *sender, const void *bytes, uint32_t length, uint32_t *offset) {
  if (length > ipc_sender_max_message(sender)) return IPC_E_MESSAGE_TOO_LARGE;
  if (length > sender->max_record)
    return ipc_sender_refuse(sender, ipc_fragments_send_part(sender, bytes, length, offset), 1);
  int32_t status = ipc_sender_send(sender, bytes, length, 0);
  if (status == IPC_OK) *offset = length;
  return status;
}

void ipc_sender_abort_part(ipc_sender *sender) { sender->unfinished = 0; }

const void *ipc_sender_ring(const ipc_sender *sender) { return sender->segment.body; }

uint32_t ipc_sender_stamp(const ipc_sender *sender) { return sender->segment.stamped ? sender->instance : 0; }

uint32_t ipc_sender_capacity(const ipc_sender *sender) { return sender->segment.capacity; }

ipc_mapping *ipc_sender_hold_mapping(ipc_sender *sender) { return ipc_mapping_hold(&sender->segment); }

int32_t ipc_sender_receiver_count(ipc_sender *sender) {
  ipc_sender_check_liveness(sender);
  uint32_t count = atomic_load_explicit(&sender->segment.header->gated_count, memory_order_acquire);
  return (int32_t)(count < sender->segment.max_receivers ? count : sender->segment.max_receivers);
}

int32_t ipc_sender_observer_count(ipc_sender *sender) {
  const ipc_header *header = sender->segment.header;
  ipc_sender_check_liveness(sender);
  /* A count that is stored between the two loads may be seen in one of them only: information for people. */
  uint32_t all = atomic_load_explicit(&header->receiver_count, memory_order_acquire);
  uint32_t gated = atomic_load_explicit(&header->gated_count, memory_order_acquire);
  uint32_t count = all > gated ? all - gated : 0;
  return (int32_t)(count < sender->segment.max_receivers ? count : sender->segment.max_receivers);
}

int32_t ipc_sender_wait_for_receivers(ipc_sender *sender, uint32_t count, int32_t timeout_ms) {
  ipc_segment *segment = &sender->segment;
  ipc_header *header = segment->header;
  uint64_t deadline = 0;
  if (count > segment->max_receivers) return IPC_E_INVALID_ARGUMENT;
  if (segment->mapping->is_forked) return IPC_E_FORKED;
  for (;;) {
    uint32_t seen = ipc_event_prepare(header, IPC_EVENT_PEERS);
    if (atomic_load_explicit(&header->gated_count, memory_order_acquire) >= count) {
      /* A receiver that is counted may have been killed without being noticed yet. */
      if (!ipc_slots_evict_dead(segment)) return ipc_segment_result(segment, IPC_OK);
      continue;
    }
    if (ipc_segment_is_orphaned(segment)) return ipc_segment_result(segment, IPC_E_ORPHANED);
    if (timeout_ms == 0) return ipc_segment_result(segment, IPC_TIMED_OUT);
    if (deadline == 0) deadline = ipc_deadline(timeout_ms);
    if (ipc_os_now() >= deadline) return ipc_segment_result(segment, IPC_TIMED_OUT);
    if (ipc_event_sleep(header, IPC_EVENT_PEERS, seen, deadline, IPC_SLICE_NS)) deadline = IPC_PASSED;
    ipc_slots_evict_dead(segment); /* it also counts receivers that a killed process has counted wrongly */
  }
}

uint32_t ipc_sender_max_message(const ipc_sender *sender) {
  if (sender->segment.kind == IPC_QUEUE) return sender->max_record;
  return sender->segment.overflow == IPC_DROP_OLDEST ? ipc_fragments_max_overwriting(sender) : IPC_MAX_MESSAGE;
}

uint32_t ipc_sender_max_record(const ipc_sender *sender) { return sender->max_record; }
