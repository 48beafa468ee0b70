#include "handle_state.h"

#include "orphan.h"

bool ipc_handle_is_time_to_reap(ipc_handle *handle) {
  uint64_t now = ipc_os_now();
  if (now - handle->reaped_at < IPC_SLICE_NS) return false;
  handle->reaped_at = now;
  return true;
}

/* See ipc_lock_kind. A notification that came for another handle as well is passed on. */
static bool handle_is_available(const ipc_handle *handle) {
  return !handle->kind->is_available || handle->kind->is_available(handle);
}

int32_t ipc_handle_wait_for(ipc_handle *handle, const ipc_lock_wait *lock, int32_t timeout_ms, uint64_t *deadline) {
  ipc_segment *segment = &handle->segment;
  int32_t status = lock->attempt(handle);
  /* A writer that finds no reader inside has not waited, and has not read the clock. */
  if (status != IPC_TIMED_OUT) return status;
  if (*deadline == 0) *deadline = ipc_deadline(timeout_ms);
  ipc_wait_pauses pauses = ipc_wait_pauses_start(&handle->history, segment->header);
  /* An attempt may have to wait for a lock of the library's own, and then this would go on long past the deadline. */
  while (status == IPC_TIMED_OUT && ipc_wait_pauses_next(&pauses, *deadline) &&
         (*deadline == IPC_FOREVER || ipc_os_now() < *deadline))
    status = lock->attempt(handle);
  ipc_wait_pauses_end(&pauses, status != IPC_TIMED_OUT);
  if (status != IPC_TIMED_OUT) return status;
  int32_t wait = ipc_waits_enter(segment, handle->instance, lock->what, 0);
  if (wait < 0) return wait;
  uint64_t slice = IPC_FIRST_SLICE_NS;
  while ((status = lock->attempt(handle)) == IPC_TIMED_OUT && ipc_os_now() < *deadline) {
    if (ipc_waits_sleep(segment, wait, *deadline, slice)) *deadline = IPC_PASSED;
    if (ipc_waits_is_notified(segment, wait)) {
      ipc_waits_renew(segment, wait);
      continue;
    }
    slice = IPC_SLICE_NS;
    status = lock->attempt_and_reap(handle);
    if (status != IPC_TIMED_OUT) break;
  }
  bool notified = ipc_waits_leave(segment, wait);
  if (notified && (status < 0 || handle_is_available(handle))) ipc_waits_notify(segment, lock->what, 1);
  return status;
}

static int handle_which_of(uint32_t wait) { return wait & IPC_WAIT_FOR_SHARED ? ARMED_SHARED : ARMED_LOCK; }

int32_t ipc_handle_arm(ipc_handle *handle, uint32_t wait, uint32_t low, uint32_t high) {
  ipc_segment *segment = &handle->segment;
  if (handle->kind->waits_for_event) {
    ipc_event_arm(segment, handle->slot, 1u << IPC_EVENT_DATA, (uint64_t)high << 32 | low);
    return ipc_segment_result(segment, IPC_OK);
  }
  int which = handle_which_of(wait);
  uint32_t what = which == ARMED_LOCK && handle->is_next ? IPC_WAIT_READERS : IPC_WAIT_ACQUIRE;
  int32_t armed = handle->armed[which];
  if (armed < 0)
    handle->armed[which] = ipc_waits_enter(segment, handle->instance, what, (uint64_t)high << 32 | low);
  else if (ipc_waits_is_notified(segment, armed))
    ipc_waits_renew(segment, armed);
  return ipc_segment_result(segment, handle->armed[which] < 0 ? handle->armed[which] : IPC_OK);
}

void ipc_handle_got(ipc_handle *handle, int which) {
  if (handle->armed[which] < 0) return;
  bool notified = ipc_waits_leave(&handle->segment, handle->armed[which]);
  handle->armed[which] = -1;
  if (notified && handle_is_available(handle)) ipc_waits_notify(&handle->segment, IPC_WAIT_ACQUIRE, 1);
}

void ipc_handle_disarm(ipc_handle *handle, uint32_t wait) {
  if (handle->kind->waits_for_event)
    atomic_fetch_and_explicit(&handle->slot->armed, ~(1u << IPC_EVENT_DATA), memory_order_relaxed);
  for (int which = 0; which < ARMED_COUNT; which++) {
    if (!(wait & (which == ARMED_LOCK ? IPC_WAIT_FOR_LOCK : IPC_WAIT_FOR_SHARED)) || handle->armed[which] < 0) continue;
    bool notified = ipc_waits_leave(&handle->segment, handle->armed[which]);
    handle->armed[which] = -1;
    if (notified) ipc_waits_notify(&handle->segment, IPC_WAIT_ACQUIRE, 1);
  }
  if (wait & IPC_WAIT_FOR_LOCK && handle->kind->cancel) handle->kind->cancel(handle);
}

int32_t ipc_handle_armed(const ipc_handle *handle) {
  if (handle->kind->waits_for_event)
    return atomic_load_explicit(&handle->slot->armed, memory_order_relaxed) != 0 ? IPC_WAIT_FOR_LOCK : 0;
  int32_t armed = 0;
  for (int which = 0; which < ARMED_COUNT; which++)
    if (handle->armed[which] >= 0 && !ipc_waits_is_notified(&handle->segment, handle->armed[which]))
      armed |= which == ARMED_LOCK ? IPC_WAIT_FOR_LOCK : IPC_WAIT_FOR_SHARED;
  return armed;
}

void ipc_handle_check_name(ipc_handle *handle) {
  if (ipc_paced_check_read_clock(&handle->name_check) && ipc_paced_check_begin(&handle->name_check))
    ipc_segment_is_orphaned(&handle->segment);
}

void ipc_handle_poll(ipc_handle *handle) {
  ipc_slots_evict_dead(&handle->segment);
  ipc_segment_is_orphaned(&handle->segment);
}

static bool handle_owns_wait(const ipc_handle *handle, int32_t wait) {
  return wait >= 0 && (uint32_t)wait < handle->segment.max_waits &&
         atomic_load_explicit(&handle->segment.waits[wait].instance, memory_order_relaxed) == handle->instance;
}

/* IPC_OK: it was notified, or a handle has died that may have been notified in its stead. */
static int32_t handle_wait_status(const ipc_handle *handle, int32_t wait) {
  const ipc_segment *segment = &handle->segment;
  /* Shared memory is as good without its name. */
  if (segment->kind != IPC_MEMORY && atomic_load_explicit(&segment->header->orphaned, memory_order_acquire))
    return ipc_segment_result(segment, IPC_E_ORPHANED);
  uint32_t deaths = atomic_load_explicit(&segment->header->deaths, memory_order_acquire);
  bool is_over = ipc_waits_is_notified(segment, wait) ||
                 atomic_load_explicit(&segment->waits[wait].deaths, memory_order_relaxed) != deaths;
  return is_over ? IPC_OK : IPC_TIMED_OUT;
}

static int32_t handle_wait_until(ipc_handle *handle, int32_t wait, uint64_t deadline) {
  ipc_segment *segment = &handle->segment;
  int32_t status = IPC_TIMED_OUT;
  ipc_wait_pauses pauses = ipc_wait_pauses_start(&handle->history, segment->header);
  while (status == IPC_TIMED_OUT && ipc_wait_pauses_next(&pauses, deadline)) status = handle_wait_status(handle, wait);
  ipc_wait_pauses_end(&pauses, status != IPC_TIMED_OUT);
  uint64_t slice = IPC_FIRST_SLICE_NS;
  while (status == IPC_TIMED_OUT && ipc_os_now() < deadline) {
    if (ipc_waits_sleep(segment, wait, deadline, slice)) deadline = IPC_PASSED;
    status = handle_wait_status(handle, wait);
    if (status != IPC_TIMED_OUT) break;
    slice = IPC_SLICE_NS;
    ipc_handle_poll(handle);
    status = handle_wait_status(handle, wait);
  }
  return status;
}

int32_t ipc_handle_sleep(ipc_handle *handle, int32_t wait, int32_t timeout_ms) {
  ipc_segment *segment = &handle->segment;
  if (!handle_owns_wait(handle, wait)) return ipc_segment_result(segment, IPC_E_INVALID_ARGUMENT);
  int32_t status = handle_wait_status(handle, wait);
  if (status == IPC_TIMED_OUT && timeout_ms != 0) status = handle_wait_until(handle, wait, ipc_deadline(timeout_ms));
  if (status != IPC_TIMED_OUT) ipc_waits_leave(segment, wait);
  return ipc_segment_result(segment, status);
}

int32_t ipc_handle_leave(ipc_handle *handle, int32_t wait) {
  return handle_owns_wait(handle, wait) && ipc_waits_leave(&handle->segment, wait);
}
