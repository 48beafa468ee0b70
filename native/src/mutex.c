#include "libipc/mutex.h"

#include "queued_lock.h"

int32_t ipc_mutex_lock(ipc_handle *mutex, int32_t timeout_ms) {
  uint64_t deadline = 0;
  int32_t status = ipc_queued_lock_take(mutex, timeout_ms, &deadline);
  if (IPC_UNLIKELY(status < 0)) return ipc_segment_result(&mutex->segment, status);
  int32_t usability = ipc_handle_check(mutex);
  if (IPC_UNLIKELY(usability != IPC_OK)) {
    ipc_queued_lock_release(mutex);
    return ipc_segment_result(&mutex->segment, usability);
  }
  if (IPC_UNLIKELY(mutex->armed[ARMED_LOCK] >= 0)) ipc_handle_got(mutex, ARMED_LOCK);
  return ipc_segment_result(&mutex->segment, status);
}

int32_t ipc_mutex_unlock(ipc_handle *mutex) {
  if (IPC_UNLIKELY(!ipc_queued_lock_is_held(mutex))) return ipc_segment_result(&mutex->segment, IPC_E_NOT_OWNER);
  ipc_queued_lock_release(mutex);
  return ipc_segment_result(&mutex->segment, IPC_OK);
}

int32_t ipc_mutex_mark_unusable(ipc_handle *mutex) {
  if (!ipc_queued_lock_is_held(mutex)) return ipc_segment_result(&mutex->segment, IPC_E_NOT_OWNER);
  atomic_store_explicit(&mutex->segment.header->unusable, 1, memory_order_relaxed);
  ipc_claim_unlock(&mutex->segment.header->claim);
  ipc_waits_notify_all(&mutex->segment, IPC_WAIT_ANY);
  return ipc_segment_result(&mutex->segment, IPC_OK);
}

static void mutex_abandon(ipc_handle *mutex) {
  if (!ipc_queued_lock_is_held(mutex)) return;
  atomic_store_explicit(&mutex->segment.header->claim, IPC_CLAIM_ABANDONED, memory_order_release);
  ipc_waits_notify(&mutex->segment, IPC_WAIT_ACQUIRE, 1);
}

int32_t ipc_mutex_is_held(const ipc_handle *mutex) { return ipc_queued_lock_is_held(mutex); }

static bool mutex_is_available(const ipc_handle *mutex) { return ipc_queued_lock_is_available(mutex); }

const ipc_lock_kind ipc_mutex_kind = {.is_available = mutex_is_available, .abandon = mutex_abandon};
