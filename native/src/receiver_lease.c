#include "receiver_lease.h"

int32_t ipc_receiver_take(ipc_receiver *receiver, int32_t timeout_ms, uint32_t *lease) {
  if (!receiver->is_queue) return IPC_E_INVALID_ARGUMENT;
  if (IPC_UNLIKELY(receiver->leases >= receiver->prefetch))
    return ipc_segment_result(&receiver->segment, timeout_ms == 0 ? IPC_TIMED_OUT : IPC_E_DEADLOCK);
  int32_t status = ipc_receiver_take_or_wait(receiver, INT32_MAX, timeout_ms, &lease[0], &lease[1]);
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
