#include "marks.h"

ipc_mark_copy ipc_marks_last(const ipc_header *header) {
  uint64_t count = atomic_load_explicit(&header->mark_count, memory_order_relaxed);
  const ipc_mark *last = &header->marks[(count - 1) % IPC_MARKS];
  return (ipc_mark_copy){atomic_load_explicit(&last->position, memory_order_relaxed),
                         atomic_load_explicit(&last->number, memory_order_relaxed)};
}

void ipc_marks_add(ipc_header *header, uint64_t position, uint64_t number) {
  uint64_t count = atomic_load_explicit(&header->mark_count, memory_order_relaxed);
  if (count && ipc_marks_last(header).position == position) return;
  ipc_mark *mark = &header->marks[count % IPC_MARKS];
  /* release: a reader that sees what follows sees the count that says "this one is about to change"; pairs with
   * ipc_marks_copy */
  atomic_thread_fence(memory_order_release);
  atomic_store_explicit(&mark->position, position, memory_order_relaxed);
  atomic_store_explicit(&mark->number, number, memory_order_relaxed);
  atomic_store_explicit(&header->mark_count, count + 1, memory_order_release);
}

uint32_t ipc_marks_copy(const ipc_header *header, ipc_mark_copy marks[IPC_MARKS]) {
  /* acquire pairs with the release of the count: the marks before it are there */
  uint64_t count = atomic_load_explicit(&header->mark_count, memory_order_acquire);
  uint64_t first = count < IPC_MARKS ? 0 : count - IPC_MARKS + 1;
  for (uint64_t i = first; i < count; i++) {
    const ipc_mark *mark = &header->marks[i % IPC_MARKS];
    marks[i - first] = (ipc_mark_copy){atomic_load_explicit(&mark->position, memory_order_relaxed),
                                       atomic_load_explicit(&mark->number, memory_order_relaxed)};
  }
  atomic_thread_fence(memory_order_acquire); /* pairs with the release fence in ipc_marks_add */
  uint64_t now = atomic_load_explicit(&header->mark_count, memory_order_relaxed);
  /* Mark number now - IPC_MARKS may be changing, those before it have changed. */
  uint64_t kept = now < IPC_MARKS ? 0 : now - IPC_MARKS + 1;
  uint64_t stale = kept > first ? kept - first : 0;
  if (stale >= count - first) return 0;
  for (uint64_t i = stale; i < count - first; i++) marks[i - stale] = marks[i];
  return (uint32_t)(count - first - stale);
}
