#include "died_inside.h"

#include "layout_hash.h"

static uint32_t died_load(const _Atomic uint32_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }

/* Of a semaphore: how many permits its dead holders had. Closed handles have released theirs. */
static uint32_t died_with_permits(const ipc_segment *segment) {
  uint32_t permits = died_load(&segment->header->permits);
  return segment->robust && permits < segment->initial ? segment->initial - permits : 0;
}

bool ipc_died_inside(const ipc_segment *segment) {
  const ipc_header *header = segment->header;
  /* Killed while it marked the lock unusable: no handle enters that lock, and a new segment replaces it. */
  if (died_load(&header->unusable)) return false;
  switch (segment->kind) {
    case IPC_MUTEX: return died_load(&header->claim) != 0;
    case IPC_RWLOCK: return died_load(&header->writing) != 0;
    case IPC_SEMAPHORE: return died_with_permits(segment) > 0;
    default: return false;
  }
}

bool ipc_died_inside_unfinished(const ipc_header *header, uint32_t kind) {
  if (header->version != IPC_LAYOUT_VERSION || header->layout_hash != ipc_layout_hash()) return false;
  return (kind == IPC_MUTEX && died_load(&header->claim) == IPC_CLAIM_ABANDONED) ||
         (kind == IPC_RWLOCK && died_load(&header->writing) == IPC_CLAIM_ABANDONED);
}

void ipc_died_inside_keep(const ipc_segment *segment) {
  ipc_header *header = segment->header;
  _Atomic uint32_t *word = segment->kind == IPC_MUTEX ? &header->claim : &header->writing;
  atomic_store_explicit(word, IPC_CLAIM_ABANDONED, memory_order_relaxed);
  /* release: killed after it, this process leaves the word */
  atomic_store_explicit(&header->magic, 0, memory_order_release);
}

void ipc_died_inside_inherit(const ipc_segment *segment) {
  ipc_header *header = segment->header;
  uint32_t permits = died_with_permits(segment);
  if (permits > 0) {
    /* In this order: killed in between, this process leaves permits that are counted twice, not some that never are. */
    atomic_fetch_add_explicit(&header->recovered, permits, memory_order_relaxed);
    atomic_store_explicit(&header->permits, segment->initial, memory_order_release);
  }
  atomic_store_explicit(&header->unusable, 0, memory_order_relaxed);
  /* In a reader-writer lock, `writing` says that its owner died. */
  atomic_store_explicit(&header->claim, segment->kind == IPC_MUTEX ? IPC_CLAIM_ABANDONED : 0, memory_order_release);
}
