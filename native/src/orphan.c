#include "orphan.h"

#include <errno.h>

#include "event.h"
#include "waits.h"

void ipc_segment_mark_orphaned(ipc_segment *segment) {
  if (!segment->receivers) return; /* unfinished: nothing ever joined it, and nothing in it can be trusted */
  uint32_t named = 0;              /* truncated stays truncated */
  atomic_compare_exchange_strong_explicit(&segment->header->orphaned, &named, 1, memory_order_release,
                                          memory_order_relaxed);
  for (int event = 0; event < IPC_EVENT_COUNT; event++) ipc_event_notify(segment, (enum ipc_event_index)event);
  /* Shared memory stays usable without its name. */
  if (segment->kind != IPC_MEMORY) ipc_waits_notify_all(segment, IPC_WAIT_ANY);
}

bool ipc_segment_unlink(ipc_segment *segment) {
  bool removed = ipc_os_unlink(segment->key) == 0;
  ipc_segment_mark_orphaned(segment);
  return removed;
}

/* Zeroed or made smaller by a stranger, also where no process has touched a missing page. */
static bool orphan_is_damaged(const ipc_segment *segment, const ipc_os_file *file) {
  return file->size < segment->mapping->bytes ||
         atomic_load_explicit(&segment->header->magic, memory_order_relaxed) != IPC_MAGIC;
}

bool ipc_segment_is_orphaned(ipc_segment *segment) {
  _Atomic uint32_t *there = &segment->header->orphaned;
  if (atomic_load_explicit(there, memory_order_acquire)) return true;
  ipc_os_file file; /* not opened: it may be another user's by now */
  int error = ipc_os_stat_key(segment->key, &file);
  bool orphaned = error == -ENOENT || (error == 0 && file.inode != segment->inode);
  if (error == 0 && !orphaned && orphan_is_damaged(segment, &file)) {
    atomic_store_explicit(there, IPC_TRUNCATED, memory_order_release);
    orphaned = true;
  }
  if (orphaned) ipc_segment_mark_orphaned(segment);
  return orphaned;
}
