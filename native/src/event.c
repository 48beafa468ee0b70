#include "event.h"

enum {
  SPIN_ROUNDS = 150, /* of 1 to 10 pauses: some 20 µs in all, where there is another processor */
  YIELD_ROUNDS = 64  /* idle machine: about 30 µs; busy machine: the others run that often */
};

/* Signals the wakers of the slots that are armed for the event. One notifier takes each bit. */
static void event_signal_slots(ipc_slot *slots, uint32_t count, uint32_t bit) {
  for (uint32_t i = 0; i < count; i++) {
    if (!(atomic_load_explicit(&slots[i].armed, memory_order_relaxed) & bit)) continue;
    /* acquire pairs with the release in ipc_event_arm: the waker is there */
    if (atomic_fetch_and_explicit(&slots[i].armed, ~bit, memory_order_acquire) & bit)
      ipc_os_signal(atomic_load_explicit(&slots[i].waker, memory_order_relaxed));
  }
}

static uint32_t event_slots_used(const _Atomic uint32_t *word, uint32_t most) {
  uint32_t value = atomic_load_explicit(word, memory_order_acquire);
  return value < most ? value : most;
}

static bool event_is_reading_awaited(const ipc_segment *segment) {
  uint32_t used = event_slots_used(&segment->header->sender_slots_used, segment->max_senders);
  for (uint32_t i = 0; i < used; i++) {
    const ipc_slot *slot = &segment->senders[i];
    if (atomic_load_explicit(&slot->armed, memory_order_relaxed) & IPC_AWAITS_READING &&
        atomic_load_explicit(&slot->instance, memory_order_relaxed) != 0)
      return true;
  }
  return false;
}

/*
 * Clears IPC_WANTED_ALWAYS when no sender needs it any more: the sender that does not wait any more leaves this to the
 * next notifier, and so does one that was killed. `seen` was loaded from the flag with acquire.
 *
 * Invariant: the flag has IPC_WANTED_ALWAYS from ipc_event_want_always() until that sender clears the bit of its slot.
 * A sender sets that bit first, then the flag, with a number of its own. If `seen` is from after that, acquire shows
 * the bit here. If it is from before, the swap fails, or comes before the sender sets the flag.
 */
static void event_drop_always(const ipc_segment *segment, _Atomic uint32_t *wanted, uint32_t seen) {
  if (!event_is_reading_awaited(segment))
    atomic_compare_exchange_strong_explicit(wanted, &seen, 0, memory_order_relaxed, memory_order_relaxed);
}

void ipc_event_want_always(ipc_header *header, ipc_slot *slot, uint32_t number) {
  enum { OTHERS = IPC_WANTED_BY_SLEEPERS | IPC_WANTED_BY_WAKERS };
  _Atomic uint32_t *wanted = &header->event_flags[IPC_EVENT_SPACE].wanted;
  atomic_fetch_or_explicit(&slot->armed, IPC_AWAITS_READING, memory_order_relaxed);
  uint32_t before = atomic_load_explicit(wanted, memory_order_relaxed);
  /* release pairs with the acquire in ipc_event_wake: a notifier that sees the flag sees the bit of the slot */
  while (!atomic_compare_exchange_strong_explicit(wanted, &before,
                                                  (before & OTHERS) | IPC_WANTED_ALWAYS | number * IPC_WANTED_NUMBER,
                                                  memory_order_release, memory_order_relaxed)) {
  }
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence before a notifier reads the flag */
}

void ipc_event_wake(ipc_segment *segment, enum ipc_event_index event) {
  ipc_header *header = segment->header;
  /*
   * The change elects one of several notifiers; its wake covers the changes of the others. acquire pairs with the
   * release in ipc_event_arm: a slot that is armed is seen to be.
   */
  const uint32_t taken = IPC_WANTED_BY_SLEEPERS | IPC_WANTED_BY_WAKERS;
  uint32_t wanted = atomic_fetch_and_explicit(&header->event_flags[event].wanted, ~taken, memory_order_acquire);
  if (wanted & IPC_WANTED_ALWAYS) event_drop_always(segment, &header->event_flags[event].wanted, wanted & ~taken);
  /* Without sleepers, the word only counts: a waiter that is about to sleep on it checks its condition once more. */
  if (wanted & taken) atomic_fetch_add_explicit(&header->event_words[event].value, 1, memory_order_release);
  if (wanted & IPC_WANTED_BY_SLEEPERS) ipc_os_wake_all(&header->event_words[event].value);
  if (wanted & IPC_WANTED_BY_WAKERS) {
    event_signal_slots(segment->receivers, event_slots_used(&header->receiver_slots_used, segment->max_receivers),
                       1u << event);
    event_signal_slots(segment->senders, event_slots_used(&header->sender_slots_used, segment->max_senders),
                       1u << event);
  }
}

void ipc_event_arm(ipc_segment *segment, ipc_slot *slot, uint32_t events, uint64_t waker) {
  ipc_event_admit(segment, waker);
  atomic_store_explicit(&slot->waker, waker, memory_order_relaxed);
  /* For people. A poll arms again for what it waits for already: that wait goes on. */
  if (events & IPC_EVENTS_SLEPT_FOR & ~atomic_load_explicit(&slot->armed, memory_order_relaxed))
    atomic_store_explicit(&slot->since, ipc_asleep_since(), memory_order_relaxed);
  atomic_fetch_or_explicit(&slot->armed, events, memory_order_release);
  for (uint32_t event = 0; event < IPC_EVENT_COUNT; event++)
    if (events & 1u << event)
      atomic_fetch_or_explicit(&segment->header->event_flags[event].wanted, IPC_WANTED_BY_WAKERS, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence before a notifier reads the flag */
}

uint32_t ipc_event_prepare(ipc_header *header, enum ipc_event_index event) {
  uint32_t seen = atomic_load_explicit(&header->event_words[event].value, memory_order_acquire);
  atomic_fetch_or_explicit(&header->event_flags[event].wanted, IPC_WANTED_BY_SLEEPERS, memory_order_relaxed);
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence before a notifier reads the flag */
  return seen;
}

bool ipc_sleep_on(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline, uint64_t slice) {
  uint64_t now = ipc_os_now();
  if (now >= deadline) return false;
  uint64_t left = deadline - now;
  /* A call that ends soon needs no signal to end it. */
  if (deadline != IPC_FOREVER && left > IPC_FIRST_SLICE_NS)
    return ipc_os_wait_interruptibly(word, expected, left < slice ? left : slice);
  ipc_os_wait(word, expected, left < slice ? left : slice);
  return false;
}

bool ipc_event_sleep(ipc_header *header, enum ipc_event_index event, uint32_t seen, uint64_t deadline, uint64_t slice) {
  return ipc_sleep_on(&header->event_words[event].value, seen, deadline, slice);
}

static uint32_t event_processors(void) {
  static _Atomic uint32_t count; /* racing first calls store the same value */
  uint32_t value = atomic_load_explicit(&count, memory_order_relaxed);
  if (value == 0) {
    value = ipc_os_processors();
    atomic_store_explicit(&count, value, memory_order_relaxed);
  }
  return value;
}

bool ipc_event_may_spin(const ipc_header *header) {
  uint32_t endpoints = atomic_load_explicit(&header->receiver_count, memory_order_relaxed) +
                       atomic_load_explicit(&header->sender_count, memory_order_relaxed);
  return endpoints <= event_processors();
}

ipc_backoff ipc_backoff_start(const ipc_header *header) {
  return (ipc_backoff){.round = ipc_event_may_spin(header) ? 0 : SPIN_ROUNDS};
}

enum ipc_backoff_phase ipc_backoff_phase_of(const ipc_backoff *backoff) {
  if (backoff->round < SPIN_ROUNDS) return IPC_BACKOFF_SPINS;
  return backoff->round < SPIN_ROUNDS + YIELD_ROUNDS ? IPC_BACKOFF_YIELDS : IPC_BACKOFF_OVER;
}

void ipc_backoff_skip_to(ipc_backoff *backoff, enum ipc_backoff_phase phase) {
  uint32_t round = phase == IPC_BACKOFF_YIELDS ? SPIN_ROUNDS : SPIN_ROUNDS + YIELD_ROUNDS;
  if (phase != IPC_BACKOFF_SPINS && backoff->round < round) backoff->round = round;
}

bool ipc_backoff_pause(ipc_backoff *backoff, uint64_t deadline) {
  uint32_t round = backoff->round;
  if (round == SPIN_ROUNDS + YIELD_ROUNDS) return false;
  if (round >= SPIN_ROUNDS && deadline != IPC_FOREVER && ipc_os_now() >= deadline) return false;
  backoff->round++;
  if (round < SPIN_ROUNDS)
    for (uint32_t i = 0, pauses = 1 + round / 16; i < pauses; i++) ipc_cpu_relax();
  else
    ipc_os_yield();
  return true;
}

uint64_t ipc_deadline(int32_t timeout_ms) {
  return timeout_ms < 0 ? IPC_FOREVER : ipc_os_now() + (uint64_t)timeout_ms * 1000000u;
}
