/* handle_state.h - what the files that make up a handle share. */
#ifndef LIBIPC_HANDLE_STATE_H
#define LIBIPC_HANDLE_STATE_H

#include "event.h"
#include "libipc/handle.h"
#include "slots.h"
#include "waits.h"

/* The two waits that an event loop may have on a lock. */
enum { ARMED_LOCK, ARMED_SHARED, ARMED_COUNT };

struct ipc_handle {
  ipc_segment segment;
  ipc_slot *slot;
  uint32_t instance;
  int32_t armed[ARMED_COUNT]; /* waits, or -1 */
  bool is_next;               /* of a reader-writer lock: the turn is ours, and readers are still inside */
  uint64_t reaped_at;         /* when a try that does not wait last looked for dead owners */
  ipc_mapping *memory;        /* of shared memory, as large as it was when last needed; NULL */
};

/* Tries what is waited for: IPC_TIMED_OUT means that it has to wait. */
typedef int32_t ipc_attempt(ipc_handle *handle);

/*
 * Waits in line for `what` until attempt answers something else; `attempt_and_reap` is the attempt that also notices
 * the dead, made whenever a slice is over. *deadline is 0 until a wait has begun, then when it ends.
 */
int32_t ipc_handle_wait_for(ipc_handle *handle, uint32_t what, ipc_attempt *attempt, ipc_attempt *attempt_and_reap,
                            int32_t timeout_ms, uint64_t *deadline);

/* Whether a try that does not wait should look for the dead: now and then. */
bool ipc_handle_is_time_to_reap(ipc_handle *handle);

/* What it was armed for has been got. */
void ipc_handle_got(ipc_handle *handle, int which);

/* IPC_OK, or why nobody can lock any more. */
static inline int32_t ipc_handle_check(const ipc_handle *handle) {
  const ipc_header *header = handle->segment.header;
  if (IPC_UNLIKELY(atomic_load_explicit(&header->orphaned, memory_order_relaxed)))
    return ipc_segment_result(&handle->segment, IPC_E_ORPHANED);
  if (IPC_UNLIKELY(atomic_load_explicit(&header->unusable, memory_order_relaxed))) return IPC_E_UNUSABLE;
  return IPC_OK;
}

/* What a handle that is closed does with what it holds; of the kind that it is. */
void ipc_mutex_abandon(ipc_handle *mutex);
void ipc_semaphore_abandon(ipc_handle *semaphore);
void ipc_rwlock_abandon(ipc_handle *lock);

/* Gives up being the next writer. */
void ipc_rwlock_cancel_write(ipc_handle *lock);

#endif
