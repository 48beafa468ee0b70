#include "libipc/condition.h"

#include "queued_lock.h"

int32_t ipc_condition_enter(ipc_handle *condition, uint32_t low, uint32_t high) {
  ipc_segment *segment = &condition->segment;
  int32_t status = ipc_handle_check(condition);
  if (status != IPC_OK) return ipc_segment_result(segment, status);
  uint64_t waker = (uint64_t)high << 32 | low;
  int32_t wait = ipc_waits_enter(segment, condition->instance, IPC_WAIT_ACQUIRE, waker);
  if (wait == IPC_E_TOO_MANY_WAITS && ipc_slots_evict_dead(segment))
    wait = ipc_waits_enter(segment, condition->instance, IPC_WAIT_ACQUIRE, waker);
  return ipc_segment_result(segment, wait);
}

int32_t ipc_condition_wait(ipc_handle *condition, ipc_handle *mutex, int32_t timeout_ms) {
  if (!ipc_queued_lock_is_held(mutex)) return ipc_segment_result(&condition->segment, IPC_E_NOT_OWNER);
  int32_t wait = ipc_condition_enter(condition, 0, 0);
  if (wait < 0) return ipc_segment_result(&condition->segment, wait);
  ipc_mutex_unlock(mutex);
  int32_t status = ipc_handle_sleep(condition, wait, timeout_ms);
  if (status == IPC_TIMED_OUT && ipc_handle_leave(condition, wait)) status = IPC_OK;
  int32_t locked = ipc_mutex_lock(mutex, -1);
  return ipc_segment_result(&condition->segment, locked == IPC_OK ? status : locked);
}

int32_t ipc_condition_notify(ipc_handle *condition) {
  return ipc_segment_result(&condition->segment, (int32_t)ipc_waits_notify(&condition->segment, IPC_WAIT_ACQUIRE, 1));
}

int32_t ipc_condition_notify_all(ipc_handle *condition) {
  return ipc_segment_result(&condition->segment, (int32_t)ipc_waits_notify_all(&condition->segment, IPC_WAIT_ACQUIRE));
}
