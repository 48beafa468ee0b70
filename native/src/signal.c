/*
 * `pending` in the slot of a handle has a bit for each id that others have notified and its owner has not taken. Others
 * only set bits, by an atomic or. The owner only clears bits, one at a time, by an atomic and.
 *
 * Invariant: after a notification of an id has returned, each handle that listened before the call has the id pending,
 * or takes it later than the notifier set the bit. And no owner continues to sleep while one of its bits is set.
 *
 *   notifier                                        owner
 *   1 bits of the slots |= ids                      1 event flag = 1, or its slot is armed and then flag = 1
 *   2 if the event flag: ipc_event_wake()           2 full fence
 *                                                   3 a bit is set? then take it, and do not sleep
 *                                                   4 sleep
 *
 * Proof. (a) No bit is lost: both sides change a word by one atomic instruction each, and the owner clears only a bit
 * that it returns. A bit that is set again after that is a new notification. (b) No wake-up is lost: steps 1 and 2 of
 * the notifier are sequentially consistent, so its load comes before the owner's fence in their single order, and then
 * the owner sees the bit in step 3; or after it, and then the notifier sees the flag, and event.h continues. (c) An id
 * carries everything before its notifications: all changes of the word are read-modify-writes, so they are one release
 * sequence, and the acquire of the owner pairs with each of them.
 *
 * Killed anywhere. A notifier leaves bits in some slots, and perhaps owners that were not woken: these look again after
 * a slice at the latest (event.h). An owner leaves a slot that is emptied like any other; bits that are set in it later
 * are cleared when the slot is taken. A notifier that was stopped after it read the instance of a slot may set a bit of
 * the next owner: its call has not returned, so that handle was opened during a notification, and may get it or not.
 *
 * There is no lock, and no loop that waits for another process: neither side can be delayed by one that is stopped.
 */
#include "libipc/signal.h"

#include "handle_state.h"

static uint32_t signal_load(const _Atomic uint32_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }

static uint32_t signal_slots_used(const ipc_segment *segment) {
  /* acquire pairs with the release when a slot above is taken */
  uint32_t used = atomic_load_explicit(&segment->header->receiver_slots_used, memory_order_acquire);
  return used < segment->max_receivers ? used : segment->max_receivers;
}

static void signal_set(_Atomic uint32_t *word, uint32_t bits) {
  /* seq_cst: release for the owner's acquire, and see (b) */
  if (bits) atomic_fetch_or_explicit(word, bits, memory_order_seq_cst);
}

static int32_t signal_notify_slots(ipc_handle *signal, uint32_t low, uint32_t high) {
  ipc_segment *segment = &signal->segment;
  int32_t notified = 0;
  for (uint32_t i = 0, used = signal_slots_used(segment); i < used; i++) {
    ipc_slot *slot = &segment->receivers[i];
    /* acquire pairs with the release of the instance: `observer` is that of this owner, and `pending` was cleared */
    uint32_t instance = atomic_load_explicit(&slot->instance, memory_order_acquire);
    if (instance == 0 || instance == signal->instance || signal_load(&slot->observer) != 0) continue;
    signal_set(&slot->pending[0], low);
    signal_set(&slot->pending[1], high);
    notified++;
  }
  return notified;
}

/* Notices dead listeners and a lost name, every 0.4 s: a process that only notifies has no other occasion to. */
static void signal_check(ipc_handle *signal) {
  signal->name_check.calls_to_clock--;
  if (IPC_UNLIKELY(ipc_paced_check_is_clock_due(&signal->name_check)) &&
      ipc_paced_check_read_clock(&signal->name_check) && ipc_paced_check_begin(&signal->name_check))
    ipc_handle_poll(signal);
}

static int32_t signal_orphaned(const ipc_handle *signal) {
  return atomic_load_explicit(&signal->segment.header->orphaned, memory_order_acquire) ? IPC_E_ORPHANED : IPC_TIMED_OUT;
}

int32_t ipc_signal_notify(ipc_handle *signal, uint32_t low, uint32_t high) {
  ipc_segment *segment = &signal->segment;
  if ((low | high) == 0) return ipc_segment_result(segment, IPC_E_INVALID_ARGUMENT);
  if (signal_orphaned(signal) == IPC_E_ORPHANED) return ipc_segment_result(segment, IPC_E_ORPHANED);
  int32_t notified = signal_notify_slots(signal, low, high);
  /* seq_cst: see (b). Where nothing was set, nothing has to be woken. */
  if (notified > 0 &&
      atomic_load_explicit(&segment->header->event_flags[IPC_EVENT_DATA].wanted, memory_order_seq_cst) != 0)
    ipc_event_wake(segment, IPC_EVENT_DATA);
  /* Afterwards: to ask the system about each listener may take longer than all the rest. */
  signal_check(signal);
  return ipc_segment_result(segment, notified);
}

/* The first pending id from `next_id` on, which goes round. */
static int32_t signal_take(ipc_handle *signal) {
  _Atomic uint32_t *pending = signal->slot->pending;
  uint64_t bits = (uint64_t)signal_load(&pending[1]) << 32 | signal_load(&pending[0]);
  if (bits == 0) return IPC_TIMED_OUT;
  uint32_t from = signal->next_id;
  uint64_t turned = from == 0 ? bits : bits >> from | bits << (64 - from);
  uint32_t id = (from + (uint32_t)__builtin_ctzll(turned)) % IPC_SIGNAL_IDS;
  /* acquire: see (c) */
  atomic_fetch_and_explicit(&pending[id / 32], ~(1u << id % 32), memory_order_acquire);
  signal->next_id = (id + 1) % IPC_SIGNAL_IDS;
  return (int32_t)id;
}

/* What was notified before the name was removed is still taken. */
static int32_t signal_attempt(ipc_handle *signal) {
  int32_t id = signal_take(signal);
  return id >= 0 ? id : signal_orphaned(signal);
}

static int32_t signal_wait_until(ipc_handle *signal, uint64_t deadline) {
  ipc_segment *segment = &signal->segment;
  int32_t id = IPC_TIMED_OUT;
  ipc_wait_pauses pauses = ipc_wait_pauses_start(&signal->history, segment->header);
  while (id == IPC_TIMED_OUT && ipc_wait_pauses_next(&pauses, deadline)) id = signal_attempt(signal);
  ipc_wait_pauses_end(&pauses, id != IPC_TIMED_OUT);
  uint64_t slice = IPC_FIRST_SLICE_NS;
  while (id == IPC_TIMED_OUT && ipc_os_now() < deadline) {
    uint32_t seen = ipc_event_prepare(segment->header, IPC_EVENT_DATA);
    if ((id = signal_attempt(signal)) != IPC_TIMED_OUT) break;
    atomic_store_explicit(&signal->slot->asleep, 1, memory_order_relaxed);
    if (ipc_event_sleep(segment->header, IPC_EVENT_DATA, seen, deadline, slice)) deadline = IPC_PASSED;
    atomic_store_explicit(&signal->slot->asleep, 0, memory_order_relaxed);
    if ((id = signal_attempt(signal)) != IPC_TIMED_OUT) break;
    slice = IPC_SLICE_NS;
    if (!ipc_handle_is_time_to_reap(signal)) continue;
    ipc_handle_poll(signal);
    id = signal_attempt(signal);
  }
  return id;
}

int32_t ipc_signal_wait(ipc_handle *signal, int32_t timeout_ms) {
  ipc_segment *segment = &signal->segment;
  int32_t id = signal_take(signal);
  if (IPC_UNLIKELY(id < 0)) {
    if (signal_load(&signal->slot->observer) != 0) return ipc_segment_result(segment, IPC_E_INVALID_ARGUMENT);
    signal_check(signal);
    id = signal_attempt(signal);
    if (id == IPC_TIMED_OUT && timeout_ms != 0) id = signal_wait_until(signal, ipc_deadline(timeout_ms));
  }
  return ipc_segment_result(segment, id);
}

const ipc_lock_kind ipc_signal_kind = {.waits_for_event = true};
