#include "claim_lock.h"

#include "record_count.h"
#include "slots.h"

/*
 * The dead owner may have been killed while it published a message of another queue: whether it did so shows in head,
 * until the claim's next owner moves that. See moves.h. Killed in here, the next one does the same again.
 */
static void claim_finish_move(ipc_header *header) {
  uint32_t open = atomic_load_explicit(&header->move_open, memory_order_relaxed);
  uint32_t head = (uint32_t)atomic_load_explicit(&header->head, memory_order_relaxed);
  if (open == 0) return;
  bool is_published = head != atomic_load_explicit(&header->move_at, memory_order_relaxed);
  if (open <= IPC_MOVES && !is_published)
    atomic_store_explicit(&header->moves[open - 1].mover, 0, memory_order_relaxed);
  atomic_store_explicit(&header->move_open, 0, memory_order_relaxed);
}

bool ipc_claim_take_over(ipc_segment *segment, _Atomic uint32_t *claim, uint32_t instance, uint32_t *pid) {
  uint32_t owner = atomic_load_explicit(claim, memory_order_relaxed);
  /* Our own number, though we do not hold the claim: damage. No other process would ever release it. */
  if (owner != 0 && owner != instance && ipc_slots_is_alive(segment, owner, pid)) return false;
  if (!atomic_compare_exchange_strong_explicit(claim, &owner, instance, memory_order_acquire, memory_order_relaxed))
    return false;
  if (owner == 0 || claim != &segment->header->claim) return true;
  if (segment->kind == IPC_QUEUE)
    claim_finish_move(segment->header);
  else
    ipc_record_count_again(segment);
  return true;
}

bool ipc_claim_lock_slow(ipc_segment *segment, _Atomic uint32_t *claim, uint32_t instance, uint64_t deadline) {
  ipc_header *header = segment->header;
  /*
   * Its owner, if it runs, needs some 20 ns, so even a call that does not wait spins that long. A call that waits does
   * better to yield when the processors are busy: the claim then changes its owner after long runs, not after each
   * message.
   */
  for (int i = 0; i < 32 && deadline == 0; i++) {
    ipc_cpu_relax();
    if (atomic_load_explicit(claim, memory_order_relaxed) == 0 && ipc_claim_try_lock(claim, instance)) return true;
  }
  ipc_backoff backoff = ipc_backoff_start(header);
  uint64_t slice = IPC_FIRST_SLICE_NS;
  for (;;) {
    /* Read before the swap: a failed swap would take the line from the owner. */
    do {
      if (atomic_load_explicit(claim, memory_order_relaxed) == 0 && ipc_claim_try_lock(claim, instance)) return true;
    } while (ipc_backoff_pause(&backoff, deadline));
    if (ipc_os_now() >= deadline) return false;
    uint32_t seen = ipc_event_prepare(header, IPC_EVENT_CLAIM_FREE);
    if (atomic_load_explicit(claim, memory_order_relaxed) == 0) continue;
    if (ipc_event_sleep(header, IPC_EVENT_CLAIM_FREE, seen, deadline, slice)) deadline = IPC_PASSED;
    uint32_t pid;
    if (ipc_claim_take_over(segment, claim, instance, &pid)) return true;
    slice = IPC_SLICE_NS;
  }
}
