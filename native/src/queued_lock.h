/*
 * queued_lock.h - the claim word of a header as a lock with a wait queue: a mutex, and what the writers of a
 * reader-writer lock, and readers that find a writer, pass one by one.
 *
 * As in claim_lock.h the word is the instance of the owner, and the instance of a dead owner is swapped for one's own.
 * The two differ in waiting: here exactly one waiter is woken when the lock is released.
 */
#ifndef LIBIPC_QUEUED_LOCK_H
#define LIBIPC_QUEUED_LOCK_H

#include "claim_lock.h"
#include "handle_state.h"

/* IPC_OK; IPC_OWNER_DIED: taken over; IPC_TIMED_OUT, or why it cannot be had. See ipc_handle_wait_for for the deadline.
 */
int32_t ipc_queued_lock_take_slow(ipc_handle *handle, int32_t timeout_ms, uint64_t *deadline);

static inline int32_t ipc_queued_lock_take(ipc_handle *handle, int32_t timeout_ms, uint64_t *deadline) {
  /* acquire pairs with the release in ipc_queued_lock_release: what the last owner wrote is seen */
  if (IPC_LIKELY(ipc_claim_try_lock(&handle->segment.header->claim, handle->instance))) return IPC_OK;
  return ipc_queued_lock_take_slow(handle, timeout_ms, deadline);
}

static inline bool ipc_queued_lock_is_held(const ipc_handle *handle) {
  return atomic_load_explicit(&handle->segment.header->claim, memory_order_relaxed) == handle->instance;
}

/* See ipc_lock_kind. */
static inline bool ipc_queued_lock_is_available(const ipc_handle *handle) {
  return atomic_load_explicit(&handle->segment.header->claim, memory_order_relaxed) == 0;
}

static inline void ipc_queued_lock_release(ipc_handle *handle) {
  ipc_claim_unlock_for_waiters(&handle->segment.header->claim);
  ipc_waits_notify_of_store(&handle->segment, IPC_WAIT_ACQUIRE, 1);
}

#endif
