/*
 * The permits of a semaphore that is not robust are one word, and every change to it one
 * compare-and-swap.
 *
 * Of a robust one each handle's `held` says how many it holds, and `permits` is what that
 * leaves of `initial`. Both change under the claim lock. Who is killed between the two, or
 * holding permits, is found by whoever waits, or comes: it counts anew.
 */
#include "libipc/semaphore.h"

#include "claim_lock.h"
#include "handle_state.h"

/* Longer than any holder of the claim needs unless it is stopped, or loses its processor. */
static const uint64_t CLAIM_PATIENCE_NS = 5000000, RELEASE_PATIENCE_NS = 5000000000u;

static uint32_t load(const _Atomic uint32_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }

static bool is_robust(const ipc_handle *semaphore) { return semaphore->segment.robust; }

static void notify(ipc_handle *semaphore, uint32_t count) {
  ipc_waits_notify(&semaphore->segment, IPC_WAIT_ACQUIRE, count);
}

static bool lock(ipc_handle *semaphore) {
  _Atomic uint32_t *claim = &semaphore->segment.header->claim;
  uint32_t pid;
  return ipc_claim_try_lock(claim, semaphore->instance) ||
         ipc_claim_lock_slow(&semaphore->segment, claim, semaphore->instance, ipc_os_now() + CLAIM_PATIENCE_NS) ||
         ipc_claim_take_over(&semaphore->segment, claim, semaphore->instance, &pid);
}

static void unlock(ipc_handle *semaphore) {
  ipc_claim_unlock(&semaphore->segment.header->claim);
  ipc_event_notify(&semaphore->segment, IPC_EVENT_CLAIM_FREE);
}

/* What the handles in their places leave of all permits. */
static uint32_t count_free(const ipc_segment *segment) {
  uint32_t free = segment->initial;
  for (uint32_t i = 0; i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    uint32_t held = load(&slot->held);
    free -= held < free ? held : free;
  }
  return free;
}

/* Gives back what nobody alive holds. */
static void recover(ipc_handle *semaphore) {
  ipc_header *header = semaphore->segment.header;
  ipc_slots_evict_dead(&semaphore->segment);
  if (!lock(semaphore)) return;
  uint32_t free = count_free(&semaphore->segment), before = load(&header->permits);
  atomic_store_explicit(&header->permits, free, memory_order_relaxed);
  if (free > before) atomic_fetch_add_explicit(&header->recovered, free - before, memory_order_relaxed);
  unlock(semaphore);
  if (free > before) notify(semaphore, free - before);
}

static int32_t take_robust(ipc_handle *semaphore) {
  ipc_header *header = semaphore->segment.header;
  if (load(&header->permits) == 0 || !lock(semaphore)) return IPC_TIMED_OUT;
  uint32_t permits = load(&header->permits);
  bool is_there = permits > 0;
  if (is_there) {
    atomic_fetch_add_explicit(&semaphore->slot->held, 1, memory_order_relaxed);
    atomic_store_explicit(&header->permits, permits - 1, memory_order_relaxed);
  }
  unlock(semaphore);
  return is_there ? IPC_OK : IPC_TIMED_OUT;
}

static int32_t take(ipc_handle *semaphore) {
  _Atomic uint32_t *word = &semaphore->segment.header->permits;
  uint32_t permits = load(word);
  while (permits > 0) /* acquire pairs with the release in release: what was done before it is seen */
    if (atomic_compare_exchange_weak_explicit(word, &permits, permits - 1, memory_order_acquire, memory_order_relaxed))
      return IPC_OK;
  return IPC_TIMED_OUT;
}

static int32_t attempt(ipc_handle *semaphore) {
  int32_t status = ipc_handle_check(semaphore);
  if (status != IPC_OK) return status;
  return is_robust(semaphore) ? take_robust(semaphore) : take(semaphore);
}

static int32_t attempt_and_reap(ipc_handle *semaphore) {
  if (ipc_segment_is_orphaned(&semaphore->segment)) return ipc_segment_result(&semaphore->segment, IPC_E_ORPHANED);
  if (is_robust(semaphore)) recover(semaphore);
  return attempt(semaphore);
}

int32_t ipc_semaphore_acquire(ipc_handle *semaphore, int32_t timeout_ms) {
  uint64_t deadline = 0;
  int32_t status = attempt(semaphore);
  if (status == IPC_TIMED_OUT && timeout_ms != 0)
    status = ipc_handle_wait_for(semaphore, IPC_WAIT_ACQUIRE, attempt, attempt_and_reap, timeout_ms, &deadline);
  else if (status == IPC_TIMED_OUT && ipc_handle_is_time_to_reap(semaphore))
    status = attempt_and_reap(semaphore);
  if (status == IPC_OK && semaphore->armed[ARMED_LOCK] >= 0) ipc_handle_got(semaphore, ARMED_LOCK);
  return ipc_segment_result(&semaphore->segment, status);
}

static int32_t release_robust(ipc_handle *semaphore, uint32_t count) {
  if (load(&semaphore->slot->held) < count) return IPC_E_NOT_OWNER;
  /* It should not fail for somebody who is stopped; but a damaged claim may name one who will never give it back. */
  uint64_t deadline = 0;
  while (!lock(semaphore)) {
    uint64_t now = ipc_os_now();
    if (deadline == 0) deadline = now + RELEASE_PATIENCE_NS;
    if (now >= deadline) return IPC_E_BUSY;
  }
  atomic_fetch_sub_explicit(&semaphore->slot->held, count, memory_order_relaxed);
  atomic_fetch_add_explicit(&semaphore->segment.header->permits, count, memory_order_relaxed);
  unlock(semaphore);
  notify(semaphore, count);
  return IPC_OK;
}

static int32_t release(ipc_handle *semaphore, uint32_t count) {
  _Atomic uint32_t *word = &semaphore->segment.header->permits;
  uint32_t permits = load(word);
  do {
    if (count > IPC_MAX_PERMITS || permits > IPC_MAX_PERMITS - count) return IPC_E_OVERFLOW;
  } while (!atomic_compare_exchange_weak_explicit(word, &permits, permits + count, memory_order_release,
                                                  memory_order_relaxed));
  notify(semaphore, count);
  return IPC_OK;
}

int32_t ipc_semaphore_release(ipc_handle *semaphore, uint32_t count) {
  if (count == 0) return IPC_E_INVALID_ARGUMENT;
  return ipc_segment_result(&semaphore->segment,
                            is_robust(semaphore) ? release_robust(semaphore, count) : release(semaphore, count));
}

uint32_t ipc_semaphore_permits(const ipc_handle *semaphore) { return load(&semaphore->segment.header->permits); }

uint32_t ipc_semaphore_recovered(const ipc_handle *semaphore) { return load(&semaphore->segment.header->recovered); }

void ipc_semaphore_abandon(ipc_handle *semaphore) {
  uint32_t held = load(&semaphore->slot->held);
  if (is_robust(semaphore) && held > 0) ipc_semaphore_release(semaphore, held);
}
