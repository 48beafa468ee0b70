#include "queued_lock.h"

#include "orphan.h"
#include "slot_owner.h"

static bool queued_lock_swap(ipc_handle *handle, uint32_t owner) {
  /* acquire: see ipc_queued_lock_take. A dead owner's stores are all visible: its end came after them */
  return atomic_compare_exchange_strong_explicit(&handle->segment.header->claim, &owner, handle->instance,
                                                 memory_order_acquire, memory_order_relaxed);
}

static int32_t queued_lock_attempt(ipc_handle *handle) {
  _Atomic uint32_t *claim = &handle->segment.header->claim;
  int32_t status = ipc_handle_check(handle);
  if (status != IPC_OK) return status;
  /* Read before the swap: a swap that fails would take the cache line from the owner. */
  uint32_t owner = atomic_load_explicit(claim, memory_order_relaxed);
  if ((owner != 0 && owner != IPC_CLAIM_ABANDONED) || !queued_lock_swap(handle, owner)) return IPC_TIMED_OUT;
  return owner == 0 ? IPC_OK : IPC_OWNER_DIED;
}

static int32_t queued_lock_attempt_and_reap(ipc_handle *handle) {
  ipc_segment *segment = &handle->segment;
  _Atomic uint32_t *claim = &segment->header->claim;
  int32_t status = queued_lock_attempt(handle);
  if (status != IPC_TIMED_OUT) return status;
  if (ipc_segment_is_orphaned(segment)) return ipc_segment_result(segment, IPC_E_ORPHANED);
  uint32_t pid, owner = atomic_load_explicit(claim, memory_order_relaxed);
  if (owner == 0 || owner == handle->instance || ipc_slots_is_alive(segment, owner, &pid)) return IPC_TIMED_OUT;
  if (!queued_lock_swap(handle, owner)) return IPC_TIMED_OUT;
  ipc_slots_evict_dead(segment); /* its slot is free for others, and its waits are out of the wait queue */
  return IPC_OWNER_DIED;
}

/* Whether another handle of this thread holds it: a wait that blocks the thread would never end. */
static bool queued_lock_is_held_by_this_thread(const ipc_handle *handle, uint32_t owner) {
  const ipc_segment *segment = &handle->segment;
  uint32_t used = atomic_load_explicit(&segment->header->receiver_slots_used, memory_order_acquire);
  for (uint32_t i = 0; i < used && i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == owner)
      return ipc_slot_owner_is_this_thread(slot);
  }
  return false;
}

static const ipc_lock_wait queued_lock_wait = {IPC_WAIT_ACQUIRE, queued_lock_attempt, queued_lock_attempt_and_reap};

int32_t ipc_queued_lock_take_slow(ipc_handle *handle, int32_t timeout_ms, uint64_t *deadline) {
  uint32_t owner = atomic_load_explicit(&handle->segment.header->claim, memory_order_relaxed);
  if (owner == handle->instance) return IPC_E_DEADLOCK;
  if (timeout_ms == 0)
    return ipc_handle_is_time_to_reap(handle) ? queued_lock_attempt_and_reap(handle) : queued_lock_attempt(handle);
  if (owner != 0 && queued_lock_is_held_by_this_thread(handle, owner)) return IPC_E_DEADLOCK;
  return ipc_handle_wait_for(handle, &queued_lock_wait, timeout_ms, deadline);
}
