/* handle_state.h - what the files that make up a handle share. */
#ifndef LIBIPC_HANDLE_STATE_H
#define LIBIPC_HANDLE_STATE_H

#include "event.h"
#include "libipc/handle.h"
#include "paced_check.h"
#include "slots.h"
#include "wait_history.h"
#include "waits.h"

/* The two waits that an event loop may have on a lock. */
enum { ARMED_LOCK, ARMED_SHARED, ARMED_COUNT };

/* An attempt to acquire. IPC_TIMED_OUT: the handle has to wait. */
typedef int32_t ipc_attempt(ipc_handle *handle);

/* One thing that a handle can wait for. */
typedef struct ipc_lock_wait {
  uint32_t what; /* ipc_wait_what */
  ipc_attempt *attempt;
  ipc_attempt *attempt_and_reap; /* the same, but it also looks for dead owners: after each slice */
} ipc_lock_wait;

/*
 * What handle.c and handle_open.c must know about a kind of lock. They call it through this table, so that they depend
 * on no kind. NULL: nothing to do.
 */
typedef struct ipc_lock_kind {
  /*
   * Whether another handle could acquire now, after this one did: a second permit is free, of which only this handle
   * was notified, or a reader went past a free claim. Then the notification is passed on.
   */
  bool (*is_available)(const ipc_handle *handle);
  void (*cancel)(ipc_handle *handle);  /* gives up an acquisition that is half done, when the handle is disarmed */
  void (*abandon)(ipc_handle *handle); /* what happens to the lock if the handle is closed while it holds it */
  bool waits_for_event; /* an event loop waits for IPC_EVENT_DATA with the slot of the handle, and not in the wait queue
                         */
} ipc_lock_kind;

extern const ipc_lock_kind ipc_mutex_kind, ipc_semaphore_kind, ipc_rwlock_kind, ipc_signal_kind, ipc_latest_kind;

struct ipc_handle {
  ipc_segment segment; /* first: see ipc_segment_open_endpoint() */
  ipc_slot *slot;
  uint32_t instance;
  int32_t armed[ARMED_COUNT]; /* waits, or -1 */
  ipc_paced_check name_check; /* whether the segment still has its name: for attempts that always succeed */
  ipc_wait_history history;   /* of the waits that block the thread */
  bool is_next;               /* of a reader-writer lock: it has the queued lock, and readers are still inside */
  uint32_t next_id;           /* of a Signal: the id that it takes first */
  uint64_t reaped_at;         /* when an attempt that does not wait last looked for dead owners */
  ipc_mapping *memory;        /* of shared memory, as large as it was when last needed; NULL */
  uint64_t seen;              /* of a latest value: the version that this handle has got or set last */
  const ipc_lock_kind *kind;
};

/*
 * Waits for `lock` until an attempt returns something else than IPC_TIMED_OUT. *deadline is 0 until a wait has begun,
 * then the moment when it ends.
 */
int32_t ipc_handle_wait_for(ipc_handle *handle, const ipc_lock_wait *lock, int32_t timeout_ms, uint64_t *deadline);

/* Whether an attempt that does not wait should look for dead owners now: every 0.4 s. */
bool ipc_handle_is_time_to_reap(ipc_handle *handle);

/* Takes the wait out of the table that the handle was armed for: it has what it waited for. */
void ipc_handle_got(ipc_handle *handle, int which);

/* Looks for a lost name, if it is time for that. */
void ipc_handle_check_name(ipc_handle *handle);

/* IPC_OK, or why no handle can lock any more. */
static inline int32_t ipc_handle_check(ipc_handle *handle) {
  const ipc_header *header = handle->segment.header;
  handle->name_check.calls_to_clock--;
  if (IPC_UNLIKELY(ipc_paced_check_is_clock_due(&handle->name_check))) ipc_handle_check_name(handle);
  if (IPC_UNLIKELY(atomic_load_explicit(&header->orphaned, memory_order_relaxed)))
    return ipc_segment_result(&handle->segment, IPC_E_ORPHANED);
  if (IPC_UNLIKELY(atomic_load_explicit(&header->unusable, memory_order_relaxed))) return IPC_E_UNUSABLE;
  return IPC_OK;
}

#endif
