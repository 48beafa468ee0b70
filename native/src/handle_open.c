#include <stdlib.h>

#include "codec.h"
#include "handle_state.h"
#include "libipc/mapping.h"
#include "open.h"
#include "slot_owner.h"

static const ipc_lock_kind handle_no_lock = {0};

static const ipc_lock_kind *const handle_kinds[IPC_KINDS] = {
    [IPC_MUTEX] = &ipc_mutex_kind,   [IPC_CONDITION] = &handle_no_lock, [IPC_SEMAPHORE] = &ipc_semaphore_kind,
    [IPC_RWLOCK] = &ipc_rwlock_kind, [IPC_MEMORY] = &handle_no_lock,    [IPC_SIGNAL] = &ipc_signal_kind,
    [IPC_LATEST] = &ipc_latest_kind};

static void handle_free(ipc_segment *segment) {
  ipc_handle *handle = (ipc_handle *)segment;
  if (handle->memory) ipc_mapping_close(handle->memory);
  ipc_segment_close(segment);
  free(handle);
}

ipc_handle *ipc_handle_open(const char *prefix, const char *name, const ipc_options *options, ipc_failure *failure) {
  int32_t lock;
  ipc_handle *handle = ipc_segment_open_endpoint(sizeof *handle, false, prefix, name, options, &lock, failure);
  if (!handle) return NULL;
  handle->segment.free_endpoint = handle_free;
  int32_t index = ipc_slots_join_handle(&handle->segment, handle->segment.only_notifies);
  if (index < 0) {
    *failure = (ipc_failure){.code = index, .wanted = handle->segment.max_receivers};
  } else if (handle->segment.kind == IPC_LATEST) {
    ipc_codec_set(&handle->segment);
    if (handle->segment.keeps) atomic_store_explicit(&handle->segment.header->kept, 1, memory_order_relaxed);
  } else if (handle->segment.kind == IPC_MEMORY) {
    /* At once: a handle that is open keeps the memory, whatever becomes of the name. */
    handle->memory = ipc_segment_map_memory(&handle->segment, lock, failure);
    if (!handle->memory) {
      ipc_slots_withdraw(&handle->segment, &handle->segment.receivers[index]);
      index = failure->code;
    }
  }
  ipc_os_unlock(lock);
  if (index < 0) {
    handle_free(&handle->segment);
    return NULL;
  }
  handle->slot = &handle->segment.receivers[index];
  handle->instance = atomic_load_explicit(&handle->slot->instance, memory_order_relaxed);
  handle->kind = handle_kinds[handle->segment.kind];
  handle->name_check.checked_at = ipc_os_now_coarse();
  for (int i = 0; i < ARMED_COUNT; i++) handle->armed[i] = -1;
  return handle;
}

void ipc_handle_close(ipc_handle *handle) {
  if (!handle) return;
  ipc_segment *segment = &handle->segment;
  ipc_handle_disarm(handle, IPC_WAIT_FOR_LOCK | IPC_WAIT_FOR_SHARED);
  if (handle->kind->abandon) handle->kind->abandon(handle);
  ipc_waits_leave_all(segment, handle->instance);
  ipc_slots_leave(segment, handle->slot, handle->instance);
  handle_free(segment);
}

int32_t ipc_handle_count(ipc_handle *handle) {
  ipc_segment *segment = &handle->segment;
  int32_t count = 0;
  for (uint32_t i = 0; i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    count += ipc_slot_owner_is_alive(slot);
  }
  return count;
}
