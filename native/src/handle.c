#include "handle_state.h"

#include <stdlib.h>
#include <string.h>

#include "libipc/mapping.h"

ipc_handle *ipc_handle_open(const char *prefix, const char *name, const ipc_options *options, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  if (ipc_segment_has_ring(options->kind)) {
    *failure = (ipc_failure){.code = IPC_E_INVALID_ARGUMENT, .found = options->kind};
    return NULL;
  }
  ipc_handle *handle = calloc(1, sizeof *handle);
  if (!handle) {
    failure->code = IPC_E_NO_SPACE;
    return NULL;
  }
  int32_t lock = ipc_segment_open(&handle->segment, prefix, name, options, failure);
  if (lock < 0) {
    free(handle);
    return NULL;
  }
  int32_t index = ipc_slots_join_handle(&handle->segment);
  if (index < 0) {
    *failure = (ipc_failure){.code = index, .wanted = handle->segment.max_receivers};
  } else if (handle->segment.kind == IPC_MEMORY) {
    /* At once: whoever has it open keeps it, whatever becomes of the name. */
    handle->memory = ipc_segment_map_memory(&handle->segment, lock, failure);
    if (!handle->memory) {
      ipc_slots_withdraw(&handle->segment, &handle->segment.receivers[index]);
      index = failure->code;
    }
  }
  ipc_os_unlock(lock);
  if (index < 0) {
    ipc_segment_close(&handle->segment);
    free(handle);
    return NULL;
  }
  handle->slot = &handle->segment.receivers[index];
  handle->instance = atomic_load_explicit(&handle->slot->instance, memory_order_relaxed);
  for (int i = 0; i < ARMED_COUNT; i++) handle->armed[i] = -1;
  return handle;
}

void ipc_handle_close(ipc_handle *handle) {
  if (!handle) return;
  ipc_segment *segment = &handle->segment;
  ipc_handle_disarm(handle, IPC_WAIT_FOR_LOCK | IPC_WAIT_FOR_SHARED);
  if (segment->kind == IPC_MUTEX) ipc_mutex_abandon(handle);
  if (segment->kind == IPC_SEMAPHORE) ipc_semaphore_abandon(handle);
  if (segment->kind == IPC_RWLOCK) ipc_rwlock_abandon(handle);
  ipc_waits_leave_all(segment, handle->instance);
  ipc_slots_leave(segment, handle->slot, handle->instance);
  if (handle->memory) ipc_mapping_release(handle->memory);
  ipc_segment_close(segment);
  free(handle);
}

int32_t ipc_handle_count(ipc_handle *handle) {
  ipc_segment *segment = &handle->segment;
  int32_t count = 0;
  for (uint32_t i = 0; i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    count += ipc_os_alive(atomic_load_explicit(&slot->owner, memory_order_relaxed));
  }
  return count;
}

bool ipc_handle_is_time_to_reap(ipc_handle *handle) {
  uint64_t now = ipc_os_now();
  if (now - handle->reaped_at < IPC_SLICE_NS) return false;
  handle->reaped_at = now;
  return true;
}

/*
 * Whether there is something to get for others after this handle has got it: a second permit, of which only this one
 * was notified; or the turn, past which a reader came in without taking it. A notification for that is not its own to
 * keep.
 */
static bool handle_leaves_some(const ipc_handle *handle) {
  const ipc_header *header = handle->segment.header;
  if (handle->segment.kind == IPC_SEMAPHORE) return atomic_load_explicit(&header->permits, memory_order_relaxed) > 0;
  return atomic_load_explicit(&header->claim, memory_order_relaxed) == 0;
}

int32_t ipc_handle_wait_for(ipc_handle *handle, uint32_t what, ipc_attempt *attempt, ipc_attempt *attempt_and_reap,
                            int32_t timeout_ms, uint64_t *deadline) {
  ipc_segment *segment = &handle->segment;
  int32_t status = attempt(handle);
  if (status != IPC_TIMED_OUT)
    return status; /* a writer that finds no reader inside has not waited, nor read the clock */
  if (*deadline == 0) *deadline = ipc_deadline(timeout_ms);
  ipc_backoff backoff = ipc_backoff_start(segment->header);
  /* An attempt may have to wait for a lock of the library's own, and then this would go on long past the deadline. */
  while (status == IPC_TIMED_OUT && ipc_backoff_pause(&backoff, *deadline) &&
         (*deadline == IPC_FOREVER || ipc_os_now() < *deadline))
    status = attempt(handle);
  if (status != IPC_TIMED_OUT) return status;
  int32_t wait = ipc_waits_enter(segment, handle->instance, what, 0);
  if (wait < 0) return wait;
  uint64_t slice = IPC_FIRST_SLICE_NS;
  while ((status = attempt(handle)) == IPC_TIMED_OUT && ipc_os_now() < *deadline) {
    ipc_waits_sleep(segment, wait, *deadline, slice);
    if (ipc_waits_is_notified(segment, wait)) {
      ipc_waits_renew(segment, wait);
      continue;
    }
    slice = IPC_SLICE_NS;
    status = attempt_and_reap(handle);
    if (status != IPC_TIMED_OUT) break;
  }
  bool notified = ipc_waits_leave(segment, wait);
  if (notified && (status < 0 || handle_leaves_some(handle))) ipc_waits_notify(segment, what, 1);
  return status;
}

static int handle_which_of(uint32_t wait) { return wait & IPC_WAIT_FOR_SHARED ? ARMED_SHARED : ARMED_LOCK; }

int32_t ipc_handle_arm(ipc_handle *handle, uint32_t wait, uint32_t low, uint32_t high) {
  ipc_segment *segment = &handle->segment;
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
  if (notified && handle_leaves_some(handle)) ipc_waits_notify(&handle->segment, IPC_WAIT_ACQUIRE, 1);
}

void ipc_handle_disarm(ipc_handle *handle, uint32_t wait) {
  for (int which = 0; which < ARMED_COUNT; which++) {
    if (!(wait & (which == ARMED_LOCK ? IPC_WAIT_FOR_LOCK : IPC_WAIT_FOR_SHARED)) || handle->armed[which] < 0) continue;
    bool notified = ipc_waits_leave(&handle->segment, handle->armed[which]);
    handle->armed[which] = -1;
    if (notified) ipc_waits_notify(&handle->segment, IPC_WAIT_ACQUIRE, 1);
  }
  if (wait & IPC_WAIT_FOR_LOCK) ipc_rwlock_cancel_write(handle);
}

int32_t ipc_handle_armed(const ipc_handle *handle) {
  int32_t armed = 0;
  for (int which = 0; which < ARMED_COUNT; which++)
    if (handle->armed[which] >= 0 && !ipc_waits_is_notified(&handle->segment, handle->armed[which]))
      armed |= which == ARMED_LOCK ? IPC_WAIT_FOR_LOCK : IPC_WAIT_FOR_SHARED;
  return armed;
}

void ipc_handle_poll(ipc_handle *handle) {
  ipc_slots_evict_dead(&handle->segment);
  ipc_segment_is_orphaned(&handle->segment);
}

static bool handle_owns_wait(const ipc_handle *handle, int32_t wait) {
  return wait >= 0 && (uint32_t)wait < handle->segment.max_waits &&
         atomic_load_explicit(&handle->segment.waits[wait].instance, memory_order_relaxed) == handle->instance;
}

/* IPC_OK: it was notified, or somebody has died who may have been notified in its stead. */
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

int32_t ipc_handle_sleep(ipc_handle *handle, int32_t wait, int32_t timeout_ms) {
  ipc_segment *segment = &handle->segment;
  if (!handle_owns_wait(handle, wait)) return ipc_segment_result(segment, IPC_E_INVALID_ARGUMENT);
  uint64_t deadline = timeout_ms == 0 ? 0 : ipc_deadline(timeout_ms), slice = IPC_FIRST_SLICE_NS;
  ipc_backoff backoff = ipc_backoff_start(segment->header);
  for (;;) {
    int32_t status = handle_wait_status(handle, wait);
    if (status != IPC_TIMED_OUT) {
      ipc_waits_leave(segment, wait);
      return ipc_segment_result(segment, status);
    }
    if (timeout_ms == 0) return ipc_segment_result(segment, IPC_TIMED_OUT);
    if (ipc_backoff_pause(&backoff, deadline)) continue;
    if (ipc_os_now() >= deadline) return ipc_segment_result(segment, IPC_TIMED_OUT);
    ipc_waits_sleep(segment, wait, deadline, slice);
    if (handle_wait_status(handle, wait) != IPC_TIMED_OUT) continue;
    slice = IPC_SLICE_NS;
    ipc_handle_poll(handle);
  }
}

int32_t ipc_handle_leave(ipc_handle *handle, int32_t wait) {
  return handle_owns_wait(handle, wait) && ipc_waits_leave(&handle->segment, wait);
}
