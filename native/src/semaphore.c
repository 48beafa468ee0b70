/*
 * The permits of a semaphore that is not robust are one word, and every change to it is one compare-and-swap.
 *
 * In a robust one, `held` in the slot of each handle says how many permits it holds, and `permits` is what that leaves
 * of `initial`. Both change under the claim. A process killed between the two changes, or while it holds permits, is
 * found by the handles that wait or try: they count again.
 */
#include "libipc/semaphore.h"

#include "claim_lock.h"
#include "handle_state.h"
#include "orphan.h"

/* Longer than any holder of the claim needs unless it is stopped, or loses its processor. */
static const uint64_t CLAIM_PATIENCE_NS = 5000000, RELEASE_PATIENCE_NS = 5000000000u;

static uint32_t semaphore_load(const _Atomic uint32_t *word) {
  return atomic_load_explicit(word, memory_order_relaxed);
}

static bool semaphore_is_robust(const ipc_handle *semaphore) { return semaphore->segment.robust; }

static bool semaphore_claim(ipc_handle *semaphore) {
  _Atomic uint32_t *claim = &semaphore->segment.header->claim;
  uint32_t pid;
  return ipc_claim_try_lock(claim, semaphore->instance) ||
         ipc_claim_lock_slow(&semaphore->segment, claim, semaphore->instance, ipc_os_now() + CLAIM_PATIENCE_NS) ||
         ipc_claim_take_over(&semaphore->segment, claim, semaphore->instance, &pid);
}

/* Passes a full fence. */
static void semaphore_release_claim(ipc_handle *semaphore) {
  ipc_claim_unlock(&semaphore->segment.header->claim);
  ipc_event_notify(&semaphore->segment, IPC_EVENT_CLAIM_FREE);
}

/* How many permits the handles that have slots leave free. */
static uint32_t semaphore_count_free(const ipc_segment *segment) {
  uint32_t free = segment->initial;
  for (uint32_t i = 0; i < segment->max_receivers; i++) {
    const ipc_slot *slot = &segment->receivers[i];
    if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) continue;
    uint32_t held = semaphore_load(&slot->held);
    free -= held < free ? held : free;
  }
  return free;
}

/* Frees the permits that no live handle holds. */
static void semaphore_recover(ipc_handle *semaphore) {
  ipc_header *header = semaphore->segment.header;
  ipc_slots_evict_dead(&semaphore->segment);
  if (!semaphore_claim(semaphore)) return;
  uint32_t free = semaphore_count_free(&semaphore->segment), before = semaphore_load(&header->permits);
  /* In this order: killed in between, this process leaves permits that are counted twice, not some that never are. */
  if (free > before) atomic_fetch_add_explicit(&header->recovered, free - before, memory_order_relaxed);
  atomic_store_explicit(&header->permits, free, memory_order_relaxed); /* the claim orders it */
  semaphore_release_claim(semaphore);
  if (free > before) ipc_waits_notify_after_fence(&semaphore->segment, IPC_WAIT_ACQUIRE, free - before);
}

static int32_t semaphore_take_robust(ipc_handle *semaphore) {
  ipc_header *header = semaphore->segment.header;
  if (semaphore_load(&header->permits) == 0 || !semaphore_claim(semaphore)) return IPC_TIMED_OUT;
  uint32_t permits = semaphore_load(&header->permits);
  bool is_there = permits > 0;
  if (is_there) {
    _Atomic uint32_t *held = &semaphore->slot->held; /* no other handle writes it */
    atomic_store_explicit(held, semaphore_load(held) + 1, memory_order_relaxed);
    atomic_store_explicit(&header->permits, permits - 1, memory_order_relaxed);
  }
  semaphore_release_claim(semaphore);
  return is_there ? IPC_OK : IPC_TIMED_OUT;
}

static inline bool semaphore_swap(_Atomic uint32_t *word, uint32_t *permits) {
  /* acquire pairs with the swap in semaphore_release_plain: what was done before that release is seen */
  return atomic_compare_exchange_weak_explicit(word, permits, *permits - 1, memory_order_acquire, memory_order_relaxed);
}

static int32_t semaphore_take_plain(ipc_handle *semaphore) {
  _Atomic uint32_t *word = &semaphore->segment.header->permits;
  uint32_t permits = semaphore_load(word);
  while (permits > 0)
    if (semaphore_swap(word, &permits)) return IPC_OK;
  return IPC_TIMED_OUT;
}

static int32_t semaphore_attempt(ipc_handle *semaphore) {
  int32_t status = ipc_handle_check(semaphore);
  if (status != IPC_OK) return status;
  return semaphore_is_robust(semaphore) ? semaphore_take_robust(semaphore) : semaphore_take_plain(semaphore);
}

static int32_t semaphore_attempt_and_reap(ipc_handle *semaphore) {
  if (ipc_segment_is_orphaned(&semaphore->segment)) return ipc_segment_result(&semaphore->segment, IPC_E_ORPHANED);
  if (semaphore_is_robust(semaphore)) semaphore_recover(semaphore);
  return semaphore_attempt(semaphore);
}

static const ipc_lock_wait semaphore_wait = {IPC_WAIT_ACQUIRE, semaphore_attempt, semaphore_attempt_and_reap};

/* Not inlined: the caller would save registers before the swap, also where it does not come here. */
static __attribute__((noinline)) int32_t semaphore_acquire_slow(ipc_handle *semaphore, int32_t timeout_ms) {
  uint64_t deadline = 0;
  int32_t status = semaphore_attempt(semaphore);
  if (status == IPC_TIMED_OUT && timeout_ms != 0)
    status = ipc_handle_wait_for(semaphore, &semaphore_wait, timeout_ms, &deadline);
  else if (status == IPC_TIMED_OUT && ipc_handle_is_time_to_reap(semaphore))
    status = semaphore_attempt_and_reap(semaphore);
  if (status == IPC_OK && semaphore->armed[ARMED_LOCK] >= 0) ipc_handle_got(semaphore, ARMED_LOCK);
  return ipc_segment_result(&semaphore->segment, status);
}

/*
 * Whether there is nothing to do but to take a permit. Reads only: a store before the swap would make the swap wait for
 * it. The check of the name is due at one of these calls in the end.
 */
static bool semaphore_is_simple(const ipc_handle *semaphore) {
  const ipc_header *header = semaphore->segment.header;
  return !semaphore_is_robust(semaphore) && !ipc_paced_check_is_clock_due(&semaphore->name_check) &&
         semaphore->armed[ARMED_LOCK] < 0 && semaphore_load(&header->orphaned) == 0 &&
         semaphore_load(&header->unusable) == 0;
}

int32_t ipc_semaphore_acquire(ipc_handle *semaphore, int32_t timeout_ms) {
  if (IPC_LIKELY(semaphore_is_simple(semaphore))) {
    _Atomic uint32_t *word = &semaphore->segment.header->permits;
    uint32_t permits = semaphore_load(word);
    if (IPC_LIKELY(permits > 0 && semaphore_swap(word, &permits))) {
      semaphore->name_check.calls_to_clock--;
      return ipc_segment_result(&semaphore->segment, IPC_OK);
    }
  }
  return semaphore_acquire_slow(semaphore, timeout_ms);
}

/* Under the claim of a robust one. */
static void semaphore_add_permits(ipc_header *header, uint32_t count) {
  atomic_store_explicit(&header->permits, semaphore_load(&header->permits) + count, memory_order_relaxed);
}

static __attribute__((noinline)) int32_t semaphore_release_robust(ipc_handle *semaphore, uint32_t count) {
  _Atomic uint32_t *held = &semaphore->slot->held;
  if (semaphore_load(held) < count) return IPC_E_NOT_OWNER;
  /* It should not fail because a process is stopped; but a damaged claim may name a process that never releases it. */
  uint64_t deadline = 0;
  while (!semaphore_claim(semaphore)) {
    uint64_t now = ipc_os_now();
    if (deadline == 0) deadline = now + RELEASE_PATIENCE_NS;
    if (now >= deadline) return IPC_E_BUSY;
  }
  atomic_store_explicit(held, semaphore_load(held) - count, memory_order_relaxed);
  semaphore_add_permits(semaphore->segment.header, count);
  semaphore_release_claim(semaphore);
  ipc_waits_notify_after_fence(&semaphore->segment, IPC_WAIT_ACQUIRE, count);
  return IPC_OK;
}

static int32_t semaphore_release_plain(ipc_handle *semaphore, uint32_t count) {
  _Atomic uint32_t *word = &semaphore->segment.header->permits;
  uint32_t permits = semaphore_load(word);
  do {
    if (count > IPC_MAX_PERMITS || permits > IPC_MAX_PERMITS - count) return IPC_E_OVERFLOW;
    /* seq_cst: release, and see ipc_waits_notify_of_store */
  } while (!atomic_compare_exchange_weak_explicit(word, &permits, permits + count, memory_order_seq_cst,
                                                  memory_order_relaxed));
  ipc_waits_notify_of_store(&semaphore->segment, IPC_WAIT_ACQUIRE, count);
  return IPC_OK;
}

int32_t ipc_semaphore_release(ipc_handle *semaphore, uint32_t count) {
  if (count == 0) return IPC_E_INVALID_ARGUMENT;
  return ipc_segment_result(&semaphore->segment, semaphore_is_robust(semaphore)
                                                     ? semaphore_release_robust(semaphore, count)
                                                     : semaphore_release_plain(semaphore, count));
}

uint32_t ipc_semaphore_permits(const ipc_handle *semaphore) {
  return semaphore_load(&semaphore->segment.header->permits);
}

uint32_t ipc_semaphore_recovered(const ipc_handle *semaphore) {
  return semaphore_load(&semaphore->segment.header->recovered);
}

static void semaphore_abandon(ipc_handle *semaphore) {
  uint32_t held = semaphore_load(&semaphore->slot->held);
  if (semaphore_is_robust(semaphore) && held > 0) ipc_semaphore_release(semaphore, held);
}

static bool semaphore_is_available(const ipc_handle *semaphore) { return ipc_semaphore_permits(semaphore) > 0; }

const ipc_lock_kind ipc_semaphore_kind = {.is_available = semaphore_is_available, .abandon = semaphore_abandon};
