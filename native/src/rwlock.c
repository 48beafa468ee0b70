/*
 * A writer takes the queued lock (queued_lock.h), which keeps others out, and waits until the readers inside have left.
 * A reader says in its own slot that it is inside, and checks whether the queued lock is taken:
 *
 *   reader                          writer
 *   1 held = 1                      1 claim = instance
 *   2 full fence                    2 full fence
 *   3 claim == 0? inside            3 no slot has held > 0? inside
 *     else held = 0, take the
 *     queued lock, held = 1,
 *     release the queued lock
 *
 * Invariant: a writer is never inside together with another handle. The fences order (1, 3) of the one against (1, 3)
 * of the other: one of them sees the other, and it is the reader that gives way. All waiters are in the one wait queue
 * of the queued lock, so neither side starves.
 *
 * `writing` is the instance of the writer inside. If it dies there, `writing` stays: every handle that locks gets
 * IPC_OWNER_DIED, until a writer has unlocked.
 */
#include "libipc/rwlock.h"

#include "orphan.h"
#include "queued_lock.h"
#include "slot_owner.h"

static uint32_t rwlock_held(const ipc_slot *slot) { return atomic_load_explicit(&slot->held, memory_order_relaxed); }

/* With the queued lock, which keeps new readers out: IPC_OK when all readers have left. */
static int32_t rwlock_attempt(ipc_handle *lock) {
  const ipc_segment *segment = &lock->segment;
  int32_t status = ipc_handle_check(lock);
  if (status != IPC_OK) return status;
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in rwlock_enter_shared */
  uint32_t used = atomic_load_explicit(&segment->header->receiver_slots_used, memory_order_acquire);
  for (uint32_t i = 0; i < used && i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    /* acquire pairs with the release in rwlock_set_held: its reads come before what the writer writes */
    if (atomic_load_explicit(&slot->held, memory_order_acquire) > 0) return IPC_TIMED_OUT;
  }
  return IPC_OK;
}

/* Whether all readers inside are dead: their slots may stay for a while, if another process has the name lock. */
static bool rwlock_all_readers_are_dead(const ipc_segment *segment) {
  for (uint32_t i = 0; i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) != 0 &&
        atomic_load_explicit(&slot->held, memory_order_acquire) > 0 && ipc_slot_owner_is_alive(slot))
      return false;
  }
  return true;
}

static int32_t rwlock_attempt_and_reap(ipc_handle *lock) {
  ipc_slots_evict_dead(&lock->segment);
  if (ipc_segment_is_orphaned(&lock->segment)) return ipc_segment_result(&lock->segment, IPC_E_ORPHANED);
  int32_t status = rwlock_attempt(lock);
  return status == IPC_TIMED_OUT && rwlock_all_readers_are_dead(&lock->segment) ? IPC_OK : status;
}

/* The queued lock was taken or released: an event loop that is armed waits for something else from now on, with its old
 * ticket. */
static void rwlock_set_next(ipc_handle *lock, bool is_next) {
  int32_t armed = lock->armed[ARMED_LOCK];
  lock->is_next = is_next;
  /* A fence follows: in rwlock_attempt, or in ipc_queued_lock_release. A wait that is notified was signalled, and tries
   * again anyway. */
  if (armed >= 0)
    atomic_store_explicit(&lock->segment.waits[armed].what, is_next ? IPC_WAIT_READERS : IPC_WAIT_ACQUIRE,
                          memory_order_relaxed);
}

static void rwlock_cancel_write(ipc_handle *lock) {
  if (!lock->is_next) return;
  rwlock_set_next(lock, false);
  ipc_queued_lock_release(lock);
}

static int32_t rwlock_enter_exclusive(ipc_handle *lock) {
  ipc_header *header = lock->segment.header;
  uint32_t last = atomic_load_explicit(&header->writing, memory_order_relaxed); /* the queued lock ordered it */
  lock->is_next = false;
  atomic_store_explicit(&header->writing, lock->instance, memory_order_relaxed);
  atomic_thread_fence(
      memory_order_release); /* a handle that sees a half-done change of the writer sees that the writer is inside */
  if (lock->armed[ARMED_LOCK] >= 0) ipc_handle_got(lock, ARMED_LOCK);
  return last == 0 ? IPC_OK : IPC_OWNER_DIED;
}

/* Whether another handle of this thread reads: a wait that blocks the thread would never end. */
static bool rwlock_is_read_by_this_thread(const ipc_handle *lock) {
  const ipc_segment *segment = &lock->segment;
  for (uint32_t i = 0; i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) != 0 && rwlock_held(slot) > 0 &&
        ipc_slot_owner_is_this_thread(slot))
      return true;
  }
  return false;
}

static const ipc_lock_wait rwlock_readers_wait = {IPC_WAIT_READERS, rwlock_attempt, rwlock_attempt_and_reap};

int32_t ipc_rwlock_lock(ipc_handle *lock, int32_t timeout_ms, int32_t keep) {
  uint64_t deadline = 0;
  bool was_next = lock->is_next;
  /* Also as the next writer, unless a task has made it that: it would wait for its own readers. */
  if (rwlock_held(lock->slot) > 0 && keep != IPC_KEEP_FOR_TASK) return IPC_E_DEADLOCK;
  if (!was_next) {
    int32_t status = ipc_queued_lock_take(lock, timeout_ms, &deadline);
    if (status < 0) return ipc_segment_result(&lock->segment, status);
    rwlock_set_next(lock, true);
  }
  int32_t status =
      timeout_ms == 0 && ipc_handle_is_time_to_reap(lock) ? rwlock_attempt_and_reap(lock) : rwlock_attempt(lock);
  if (status == IPC_TIMED_OUT && timeout_ms != 0)
    status = rwlock_is_read_by_this_thread(lock)
                 ? IPC_E_DEADLOCK
                 : ipc_handle_wait_for(lock, &rwlock_readers_wait, timeout_ms, &deadline);
  if (status == IPC_OK) return ipc_segment_result(&lock->segment, rwlock_enter_exclusive(lock));
  if (status != IPC_TIMED_OUT || (keep == IPC_KEEP_NOTHING && !was_next)) rwlock_cancel_write(lock);
  return ipc_segment_result(&lock->segment, status);
}

static bool rwlock_is_writer(const ipc_handle *lock) { return ipc_queued_lock_is_held(lock) && !lock->is_next; }

int32_t ipc_rwlock_unlock(ipc_handle *lock) {
  if (!rwlock_is_writer(lock)) return ipc_segment_result(&lock->segment, IPC_E_NOT_OWNER);
  /* Killed between these two: the work was done, and the next owner does not get IPC_OWNER_DIED. */
  atomic_store_explicit(&lock->segment.header->writing, 0, memory_order_release);
  ipc_queued_lock_release(lock);
  return ipc_segment_result(&lock->segment, IPC_OK);
}

int32_t ipc_rwlock_mark_unusable(ipc_handle *lock) {
  if (!rwlock_is_writer(lock)) return ipc_segment_result(&lock->segment, IPC_E_NOT_OWNER);
  atomic_store_explicit(&lock->segment.header->unusable, 1, memory_order_relaxed);
  /* No handle enters any more, so no owner died inside. release: a handle that sees 0 sees `unusable` */
  atomic_store_explicit(&lock->segment.header->writing, 0, memory_order_release);
  ipc_claim_unlock(&lock->segment.header->claim);
  ipc_waits_notify_all(&lock->segment, IPC_WAIT_ANY);
  return ipc_segment_result(&lock->segment, IPC_OK);
}

static void rwlock_set_held(ipc_handle *lock, uint32_t count) {
  atomic_store_explicit(&lock->slot->held, count, memory_order_release);
}

static void rwlock_leave_shared(ipc_handle *lock) {
  rwlock_set_held(lock, 0);
  ipc_waits_notify(&lock->segment, IPC_WAIT_READERS, 1);
}

static int32_t rwlock_enter_shared(ipc_handle *lock, int32_t timeout_ms) {
  const ipc_header *header = lock->segment.header;
  uint32_t held = rwlock_held(lock->slot);
  rwlock_set_held(lock, held + 1);
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the one in rwlock_attempt */
  /* acquire pairs with the release of the last writer: what it wrote is seen */
  if (IPC_LIKELY(atomic_load_explicit(&header->claim, memory_order_acquire) == 0)) return IPC_OK;
  if (held > 0) {
    rwlock_set_held(lock, held);
    return timeout_ms == 0 ? IPC_TIMED_OUT : IPC_E_DEADLOCK;
  }
  rwlock_leave_shared(lock);
  /*
   * This handle has the queued lock, as the writer inside or as the next one. If as the next one, another task of this
   * thread is to be waited for.
   */
  if (ipc_queued_lock_is_held(lock)) return lock->is_next && timeout_ms == 0 ? IPC_TIMED_OUT : IPC_E_DEADLOCK;
  uint64_t deadline = 0;
  int32_t status = ipc_queued_lock_take(lock, timeout_ms, &deadline);
  if (status < 0) return status;
  rwlock_set_held(lock, 1);
  ipc_queued_lock_release(lock);
  return IPC_OK;
}

int32_t ipc_rwlock_lock_shared(ipc_handle *lock, int32_t timeout_ms) {
  int32_t status = rwlock_enter_shared(lock, timeout_ms);
  if (IPC_UNLIKELY(status != IPC_OK)) return ipc_segment_result(&lock->segment, status);
  int32_t usability = ipc_handle_check(lock);
  if (IPC_UNLIKELY(usability != IPC_OK)) {
    ipc_rwlock_unlock_shared(lock);
    return ipc_segment_result(&lock->segment, usability);
  }
  if (IPC_UNLIKELY(lock->armed[ARMED_SHARED] >= 0)) ipc_handle_got(lock, ARMED_SHARED);
  bool was_left = atomic_load_explicit(&lock->segment.header->writing, memory_order_relaxed) != 0;
  return ipc_segment_result(&lock->segment, was_left ? IPC_OWNER_DIED : IPC_OK);
}

int32_t ipc_rwlock_unlock_shared(ipc_handle *lock) {
  uint32_t held = rwlock_held(lock->slot);
  if (held == 0) return ipc_segment_result(&lock->segment, IPC_E_NOT_OWNER);
  if (held > 1)
    rwlock_set_held(lock, held - 1);
  else
    rwlock_leave_shared(lock);
  return ipc_segment_result(&lock->segment, IPC_OK);
}

int32_t ipc_rwlock_held(const ipc_handle *lock) {
  return rwlock_is_writer(lock) ? -1 : (int32_t)rwlock_held(lock->slot);
}

static void rwlock_abandon(ipc_handle *lock) {
  rwlock_cancel_write(lock);
  if (rwlock_held(lock->slot) > 0) rwlock_leave_shared(lock);
  if (ipc_queued_lock_is_held(lock))
    ipc_queued_lock_release(lock); /* `writing` stays: the next owners get IPC_OWNER_DIED */
}

static bool rwlock_is_available(const ipc_handle *lock) { return ipc_queued_lock_is_available(lock); }

const ipc_lock_kind ipc_rwlock_kind = {
    .is_available = rwlock_is_available, .cancel = rwlock_cancel_write, .abandon = rwlock_abandon};
