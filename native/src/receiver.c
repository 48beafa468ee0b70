#include "receiver_read.h"

#include <stdlib.h>

#include "codec.h"
#include "dead_letter.h"
#include "failure.h"
#include "latest.h"
#include "letters.h"
#include "open.h"
#include "overrun.h"
#include "queue.h"
#include "segment_options.h"

static void receiver_free(ipc_segment *segment) {
  ipc_receiver *receiver = (ipc_receiver *)segment;
  ipc_assembly_clear(&receiver->assembly);
  free(receiver->assembly.spare);
  ipc_segment_close(segment);
  free(receiver);
}

ipc_receiver *ipc_receiver_open(const char *prefix, const char *name, const ipc_options *given, ipc_failure *failure) {
  int32_t lock;
  ipc_options own, *options = &own; /* the caller's may have fewer fields */
  *failure = (ipc_failure){0};
  if (ipc_segment_options_read(options, given, failure) != IPC_OK) return NULL;
  if (options->dead_letter[0] && strncmp(options->dead_letter, name, IPC_MAX_NAME) == 0) {
    ipc_failure_set_option(failure, IPC_E_INVALID_ARGUMENT, IPC_OPTION_DEAD_LETTER, 0, 0);
    return NULL;
  }
  ipc_receiver *receiver = ipc_segment_open_endpoint(sizeof *receiver, true, prefix, name, options, &lock, failure);
  if (!receiver) return NULL;
  ipc_segment *segment = &receiver->segment;
  segment->free_endpoint = receiver_free;
  bool is_observer = options->lossy != 0;
  int32_t index = ipc_slots_join_receiver(segment, options->from_oldest != 0, is_observer);
  if (index >= 0) ipc_codec_set(segment);
  if (index >= 0) ipc_dead_letter_set(segment, options);
  ipc_os_unlock(lock);
  if (index < 0) {
    failure->code = index;
    failure->wanted = segment->max_receivers;
    receiver_free(segment);
    return NULL;
  }
  receiver->slot = &segment->receivers[index];
  receiver->instance = atomic_load_explicit(&receiver->slot->instance, memory_order_relaxed);
  receiver->capacity_units = segment->capacity / IPC_UNIT;
  receiver->quota = receiver->capacity_units / 8;
  ipc_receiver_start_looks(receiver);
  receiver->position = atomic_load_explicit(&receiver->slot->position, memory_order_relaxed);
  receiver->head = receiver->published = receiver->position;
  receiver->is_queue = segment->kind == IPC_QUEUE;
  receiver->is_overrun = is_observer || segment->overflow == IPC_DROP_OLDEST;
  if (receiver->is_overrun) ipc_overrun_start(receiver, options->from_oldest != 0);
  receiver->run_head = receiver->position;
  receiver->prefetch = options->prefetch ? options->prefetch : UINT32_MAX;
  receiver->permissions = options->permissions;
  strcpy(receiver->prefix, prefix);
  strcpy(receiver->name, name);
  if (ipc_letters_open(receiver, failure) == IPC_OK) return receiver;
  ipc_receiver_close(receiver);
  return NULL;
}

void ipc_receiver_close(ipc_receiver *receiver) {
  if (!receiver) return;
  if (receiver->leases) ipc_queue_recover(&receiver->segment, receiver->instance, receiver->instance);
  ipc_letters_close(receiver);
  /* A sender that waits for it is to know what it has read. If we were taken for dead, the slot may be another one's.
   */
  if (!receiver->is_queue && receiver->published != receiver->position &&
      atomic_load_explicit(&receiver->slot->instance, memory_order_relaxed) == receiver->instance)
    ipc_receiver_publish(receiver);
  ipc_slots_leave(&receiver->segment, receiver->slot, receiver->instance);
  receiver_free(&receiver->segment);
}

/* ipc_queue_take() of what is for receivers: what is for another queue is moved there first. */
static int32_t receiver_take(ipc_receiver *receiver, int32_t most, uint32_t *offset, uint32_t *length) {
  int32_t status;
  while (IPC_UNLIKELY((status = ipc_queue_take(&receiver->segment, receiver->instance, most, offset, length)) ==
                      IPC_QUEUE_MOVE)) {
    status = ipc_letters_settle(receiver, *offset);
    if (status == IPC_OK) continue;
    receiver->leases++; /* it could not be put back: the close does that */
    return status;
  }
  return status;
}

/*
 * A queue's take, with its wait. A receiver that never finds it empty must notice what
 * the dead held too.
 */
static int32_t receiver_take_or_wait(ipc_receiver *receiver, int32_t most, int32_t timeout_ms, uint32_t *offset,
                                     uint32_t *length) {
  for (uint64_t until = 0;;) {
    ipc_receiver_poll_segment(receiver);
    int32_t status = receiver_take(receiver, most, offset, length);
    if (status == IPC_OK) receiver->leases++;
    if (status != IPC_TIMED_OUT) return status;
    status = ipc_receiver_wait_for_data(receiver, timeout_ms, &until);
    if (status != IPC_OK) return status;
  }
}

/* No message of a queue is longer. */
static int32_t receiver_most(uint32_t capacity) { return capacity < INT32_MAX ? (int32_t)capacity : INT32_MAX; }

static int32_t receiver_recv_of_queue(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  uint32_t offset = 0, length = 0;
  int32_t status = receiver_take_or_wait(receiver, receiver_most(capacity), timeout_ms, &offset, &length);
  if (status != IPC_OK) return status;
  if (length) memcpy(target, receiver->segment.body + offset, length);
  ipc_receiver_end_lease(receiver, ipc_queue_done(&receiver->segment, receiver->instance, offset));
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

/* The next message, or the newest one, where senders do not wait for us or messages are passed over; waits for it. */
static int32_t receiver_find_or_wait(ipc_receiver *receiver, bool newest, int32_t timeout_ms, uint64_t *until,
                                     ipc_record_copy *record, const uint8_t **bytes) {
  for (;;) {
    int32_t units = (newest ? ipc_receiver_next_latest : ipc_receiver_next_of_any)(receiver, record, bytes);
    if (units != IPC_TIMED_OUT) return units;
    int32_t status = ipc_receiver_wait_for_data(receiver, timeout_ms, until);
    if (status != IPC_OK) return status;
  }
}

/* Copies what receiver_find_or_wait() finds. What was overwritten meanwhile is lost, and the next one is received. */
static int32_t receiver_recv_found(ipc_receiver *receiver, bool newest, void *target, uint32_t capacity,
                                   int32_t timeout_ms) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  for (uint64_t until = 0;;) {
    int32_t units = receiver_find_or_wait(receiver, newest, timeout_ms, &until, &record, &bytes);
    if (units < 0) return units;
    if (record.length > capacity) return IPC_E_BUFFER_TOO_SMALL;
    if (record.kind == IPC_RECORD_FRAGMENT) {
      receiver_finish_into(receiver, target, bytes, record.length);
    } else {
      ipc_assembly_give_target_back(&receiver->assembly);
      ipc_ring_copy_out(target, bytes, record.length);
      if (receiver->is_overrun && ipc_overrun_found(receiver)) continue;
    }
    ipc_receiver_advance_message(receiver, (uint32_t)units);
    return (int32_t)record.length;
  }
}

/* The common path of receivers that senders wait for: nothing is overwritten while it is copied. */
static int32_t receiver_recv_of_any(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  int32_t units = ipc_receiver_next_or_wait(receiver, timeout_ms, &record, &bytes);
  if (units < 0) return units;
  if (record.length > capacity) return IPC_E_BUFFER_TOO_SMALL;
  if (record.kind == IPC_RECORD_FRAGMENT) {
    receiver_finish_into(receiver, target, bytes, record.length);
  } else {
    ipc_assembly_give_target_back(&receiver->assembly);
    if (record.length) memcpy(target, bytes, record.length);
  }
  ipc_receiver_advance(receiver, (uint32_t)units);
  return (int32_t)record.length;
}

static __attribute__((noinline)) int32_t receiver_recv_any(ipc_receiver *receiver, void *target, uint32_t capacity,
                                                           int32_t timeout_ms) {
  if (receiver->is_queue) return receiver_recv_of_queue(receiver, target, capacity, timeout_ms);
  ipc_assembly_lend_target(&receiver->assembly, target, capacity);
  ipc_receiver_enter(receiver);
  int32_t length = receiver->is_overrun ? receiver_recv_found(receiver, false, target, capacity, timeout_ms)
                                        : receiver_recv_of_any(receiver, target, capacity, timeout_ms);
  ipc_receiver_leave(receiver);
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
  ipc_receiver_advance(receiver, units);
  return ipc_segment_result(&receiver->segment, (int32_t)record.length);
}

int32_t ipc_receiver_next_length(ipc_receiver *receiver) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  if (receiver->is_queue) {
    uint32_t length = 0;
    uint32_t offset;
    int32_t status = receiver_take(receiver, -1, &offset, &length);
    if (status == IPC_E_BUFFER_TOO_SMALL) return ipc_segment_result(&receiver->segment, (int32_t)length);
    return ipc_segment_result(&receiver->segment, status);
  }
  ipc_receiver_enter(receiver);
  int32_t units = ipc_receiver_next_of_any(receiver, &record, &bytes);
  ipc_receiver_leave(receiver);
  return ipc_segment_result(&receiver->segment, units < 0 ? units : (int32_t)record.length);
}

void *ipc_receiver_take_assembled(ipc_receiver *receiver, uint32_t *length) {
  ipc_record_copy record = {0};
  const uint8_t *bytes = NULL;
  if (receiver->is_queue) return NULL;
  ipc_receiver_enter(receiver);
  int32_t units = ipc_receiver_next_of_any(receiver, &record, &bytes);
  bool is_ours = units > 0 && record.kind == IPC_RECORD_FRAGMENT;
  if (is_ours) {
    *length = record.length;
    ipc_assembly_finish(&receiver->assembly, true);
    ipc_receiver_advance_message(receiver, (uint32_t)units);
  }
  ipc_receiver_leave(receiver);
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
  uint64_t until = 0;
  if (target) ipc_assembly_lend_target(&receiver->assembly, target, capacity);
  ipc_receiver_enter(receiver);
  int32_t units = receiver->is_overrun ? receiver_find_or_wait(receiver, false, timeout_ms, &until, &record, &bytes)
                                       : ipc_receiver_next_or_wait(receiver, timeout_ms, &record, &bytes);
  ipc_receiver_leave(receiver);
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
    int32_t units = ipc_receiver_next(receiver, &record, &bytes);
    if (units < 0)
      return ipc_segment_result(&receiver->segment, units == IPC_TIMED_OUT ? IPC_E_INVALID_ARGUMENT : units);
    if (receiver->assembly.whole) return IPC_E_INVALID_ARGUMENT; /* not one that was peeked at */
    ipc_receiver_advance(receiver, (uint32_t)units);
  }
  return ipc_segment_result(&receiver->segment, IPC_OK);
}

int32_t ipc_receiver_take(ipc_receiver *receiver, int32_t timeout_ms, uint32_t *lease) {
  if (!receiver->is_queue) return IPC_E_INVALID_ARGUMENT;
  if (IPC_UNLIKELY(receiver->leases >= receiver->prefetch))
    return ipc_segment_result(&receiver->segment, timeout_ms == 0 ? IPC_TIMED_OUT : IPC_E_DEADLOCK);
  int32_t status = receiver_take_or_wait(receiver, INT32_MAX, timeout_ms, &lease[0], &lease[1]);
  if (status == IPC_OK) lease[2] = ipc_queue_attempts(&receiver->segment, lease[0]);
  return ipc_segment_result(&receiver->segment, status);
}

int32_t ipc_receiver_done(ipc_receiver *receiver, uint32_t offset) {
  int32_t status = ipc_receiver_end_lease(receiver, ipc_queue_done(&receiver->segment, receiver->instance, offset));
  return ipc_segment_result(&receiver->segment, status);
}

int32_t ipc_receiver_retry(ipc_receiver *receiver, uint32_t offset) {
  return ipc_receiver_retry_after(receiver, offset, 0);
}

int32_t ipc_receiver_retry_after(ipc_receiver *receiver, uint32_t offset, uint32_t delay_ms) {
  if (delay_ms > IPC_MAX_DELAY_MS) return IPC_E_INVALID_ARGUMENT;
  int32_t status =
      ipc_receiver_end_lease(receiver, ipc_queue_retry(&receiver->segment, receiver->instance, offset, delay_ms));
  return ipc_segment_result(&receiver->segment, status);
}

int32_t ipc_receiver_next_due(const ipc_receiver *receiver) {
  return receiver->is_queue ? ipc_queue_next_due(&receiver->segment) : -1;
}

int32_t ipc_receiver_recv_latest(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  if (receiver->is_queue) return IPC_E_INVALID_ARGUMENT;
  ipc_assembly_lend_target(&receiver->assembly, target, capacity);
  ipc_receiver_enter(receiver);
  int32_t length = receiver_recv_found(receiver, true, target, capacity, timeout_ms);
  ipc_receiver_leave(receiver);
  ipc_assembly_give_target_back(&receiver->assembly);
  return ipc_segment_result(&receiver->segment, length);
}

double ipc_receiver_skipped(const ipc_receiver *receiver) { return (double)receiver->skipped; }

double ipc_receiver_lost(const ipc_receiver *receiver) { return (double)receiver->lost; }

const void *ipc_receiver_ring(const ipc_receiver *receiver) { return receiver->segment.body; }

uint32_t ipc_receiver_stamped(const ipc_receiver *receiver) { return receiver->segment.stamped; }

uint32_t ipc_receiver_capacity(const ipc_receiver *receiver) { return receiver->segment.capacity; }

ipc_mapping *ipc_receiver_hold_mapping(ipc_receiver *receiver) { return ipc_mapping_hold(&receiver->segment); }
