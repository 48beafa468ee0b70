#include "libipc/memory.h"

#include "handle_state.h"
#include "name_lock.h"
#include "orphan.h"

/* The memory itself is mapped apart from the header. */
static int32_t memory_result(const ipc_handle *memory, int32_t status) {
  if (memory->memory && atomic_load_explicit(&memory->memory->damage.found, memory_order_relaxed)) return IPC_E_CORRUPT;
  return ipc_segment_result(&memory->segment, status);
}

double ipc_memory_byte_length(const ipc_handle *memory) {
  if (memory_result(memory, IPC_OK) != IPC_OK) return 0;
  return (double)atomic_load_explicit(&memory->segment.header->memory_bytes, memory_order_acquire);
}

ipc_mapping *ipc_memory_map(ipc_handle *memory, ipc_failure *failure) {
  *failure = (ipc_failure){.code = ipc_segment_result(&memory->segment, IPC_OK)};
  if (failure->code != IPC_OK) return NULL;
  uint64_t bytes = atomic_load_explicit(&memory->segment.header->memory_bytes, memory_order_acquire);
  failure->code = memory_result(memory, IPC_OK);
  if (failure->code != IPC_OK) return NULL;
  if (memory->memory->bytes < bytes) {
    int32_t lock = ipc_segment_lock(&memory->segment, IPC_NAME_LOCK_PATIENCE_NS);
    if (lock < 0) {
      failure->code = memory_result(memory, lock);
      return NULL;
    }
    ipc_mapping *mapping = ipc_segment_map_memory(&memory->segment, lock, failure);
    ipc_os_unlock(lock);
    if (!mapping) return NULL;
    ipc_mapping_close(memory->memory);
    memory->memory = mapping;
  }
  atomic_fetch_add_explicit(&memory->memory->holds, 1, memory_order_relaxed);
  return memory->memory;
}

int32_t ipc_memory_grow(ipc_handle *memory, double bytes, ipc_failure *failure) {
  *failure = (ipc_failure){0};
  if (!(bytes >= 1 && bytes <= (double)IPC_MAX_MEMORY)) return failure->code = IPC_E_INVALID_ARGUMENT;
  int32_t status = memory_result(memory, IPC_OK);
  /* It never shrinks: a length below what is mapped is damage, and following it would take the memory from under all
   * views. */
  if (status == IPC_OK && ipc_memory_byte_length(memory) < (double)memory->memory->bytes) status = IPC_E_CORRUPT;
  if (status == IPC_OK) status = ipc_segment_grow_memory(&memory->segment, (uint64_t)bytes, failure);
  return failure->code = memory_result(memory, status);
}

int32_t ipc_memory_unlink(ipc_handle *memory) {
  int32_t lock = ipc_segment_lock(&memory->segment, IPC_NAME_LOCK_PATIENCE_NS);
  if (lock < 0) return lock == IPC_E_ORPHANED ? IPC_OK : lock;
  bool removed = ipc_segment_unlink(&memory->segment);
  ipc_os_unlock(lock);
  return removed ? IPC_OK : IPC_E_PERMISSION;
}

static _Atomic uint32_t *memory_word_at(ipc_handle *memory, uint32_t offset, ipc_failure *failure) {
  *failure = (ipc_failure){.code = ipc_segment_result(&memory->segment, IPC_E_INVALID_ARGUMENT)};
  if (failure->code == IPC_E_FORKED) return NULL;
  if (offset % 4 != 0) return NULL;
  if (offset + (uint64_t)4 > memory->memory->bytes) {
    ipc_mapping *mapping = ipc_memory_map(memory, failure);
    if (!mapping) return NULL;
    ipc_mapping_release(mapping); /* the handle's own hold remains */
    failure->code = IPC_E_INVALID_ARGUMENT;
    if (offset + (uint64_t)4 > mapping->bytes) return NULL;
  }
  failure->code = IPC_OK;
  return (_Atomic uint32_t *)((uint8_t *)memory->memory->address + offset);
}

int32_t ipc_memory_enter(ipc_handle *memory, uint32_t offset, uint32_t expected, uint32_t low, uint32_t high,
                         ipc_failure *failure) {
  ipc_segment *segment = &memory->segment;
  _Atomic uint32_t *word = memory_word_at(memory, offset, failure);
  if (!word) return failure->code;
  uint64_t waker = (uint64_t)high << 32 | low;
  int32_t wait = ipc_waits_enter(segment, memory->instance, offset / 4, waker);
  if (wait == IPC_E_TOO_MANY_WAITS && ipc_slots_evict_dead(segment))
    wait = ipc_waits_enter(segment, memory->instance, offset / 4, waker);
  if (wait < 0) return failure->code = memory_result(memory, wait);
  /* After the fence in ipc_waits_enter: a process that changes the word from now on, and then wakes, finds the wait. */
  if (atomic_load_explicit(word, memory_order_acquire) == expected) return memory_result(memory, wait);
  if (ipc_waits_leave(segment, wait)) ipc_waits_notify(segment, offset / 4, 1);
  return memory_result(memory, IPC_NOT_EQUAL);
}

int32_t ipc_memory_wake(ipc_handle *memory, uint32_t offset, uint32_t count) {
  return memory_result(memory, (int32_t)ipc_waits_notify(&memory->segment, offset / 4, count));
}
