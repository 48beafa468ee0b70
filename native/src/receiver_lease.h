/* receiver_lease.h - how a receiver of a queue takes messages. In line: each receive of a queue comes here. */
#ifndef LIBIPC_RECEIVER_LEASE_H
#define LIBIPC_RECEIVER_LEASE_H

#include "letters.h"
#include "queue.h"
#include "receiver_read.h"

/*
 * Of a queue: ipc_queue_take() of what is for receivers; what is for another queue is moved there first. The caller
 * counts the lease.
 */
static inline int32_t ipc_receiver_take_now(ipc_receiver *receiver, int32_t most, uint32_t *offset, uint32_t *length) {
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
 * The same with its wait; it counts the lease. A receiver that never finds the queue empty notices here what dead
 * receivers hold.
 */
static inline int32_t ipc_receiver_take_or_wait(ipc_receiver *receiver, int32_t most, int32_t timeout_ms,
                                                uint32_t *offset, uint32_t *length) {
  for (uint64_t until = 0;;) {
    ipc_receiver_poll_segment(receiver);
    int32_t status = ipc_receiver_take_now(receiver, most, offset, length);
    if (status == IPC_OK) receiver->leases++;
    if (status != IPC_TIMED_OUT) return status;
    status = ipc_receiver_wait_for_data(receiver, timeout_ms, &until);
    if (status != IPC_OK) return status;
  }
}

#endif
