#include "receiver_lease.h"

#include <stdlib.h>

#include "latest.h"
#include "overrun.h"

/* No message of a queue is longer. */
static int32_t receiver_most(uint32_t capacity) { return capacity < INT32_MAX ? (int32_t)capacity : INT32_MAX; }

static int32_t receiver_recv_of_queue(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  uint32_t offset = 0, length = 0;
  int32_t status = ipc_receiver_take_or_wait(receiver, receiver_most(capacity), timeout_ms, &offset, &length);
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

/*
 * Copies what receiver_find_or_wait() finds. What was overwritten meanwhile is lost, and the next one is received. In
 * line, so that each caller has its own copy for one value of `newest`: that saves 2 ns of 28.
 */
static inline __attribute__((always_inline)) int32_t receiver_recv_found(ipc_receiver *receiver, bool newest,
                                                                         void *target, uint32_t capacity,
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
    int32_t status = ipc_receiver_take_now(receiver, -1, &offset, &length);
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

int32_t ipc_receiver_recv_latest(ipc_receiver *receiver, void *target, uint32_t capacity, int32_t timeout_ms) {
  if (receiver->is_queue) return IPC_E_INVALID_ARGUMENT;
  ipc_assembly_lend_target(&receiver->assembly, target, capacity);
  ipc_receiver_enter(receiver);
  int32_t length = receiver_recv_found(receiver, true, target, capacity, timeout_ms);
  ipc_receiver_leave(receiver);
  ipc_assembly_give_target_back(&receiver->assembly);
  return ipc_segment_result(&receiver->segment, length);
}
