/*
 * event.c - sleeping and waking (event.h): a thread on the wait word, or an event loop that arms its slot.
 *
 * Invariant: a waiter that sleeps is woken after the change that it waits for, and then finds it.
 *
 * config threads -DSLEEPERS=2 -DNOTIFIERS=2 threads on the word
 * config loop -DSLEEPERS=1 -DNOTIFIERS=2 -DLOOPS=1 and an event loop, whose signal is counted
 */
#include "harness.h"

#ifndef LOOPS
#define LOOPS 0
#endif

static model_segment shared;
static ipc_segment segment;
static _Atomic uint32_t changed;

static bool is_changed(void) { return atomic_load_explicit(&changed, memory_order_acquire) != 0; }

static void *sleeper(void *unused) {
  uint32_t seen = ipc_event_prepare(&shared.header, IPC_EVENT_DATA);
  if (is_changed()) return unused;
  ipc_event_sleep(&shared.header, IPC_EVENT_DATA, seen, IPC_FOREVER, IPC_SLICE_NS);
  /* What the library's waiters do after a sleep: steps 1 to 4 again. The word that woke this one is acquired here. */
  ipc_event_prepare(&shared.header, IPC_EVENT_DATA);
  CHECK(is_changed());
  return unused;
}

static void *loop(void *unused) {
  const uint64_t waker = 1;
  ipc_event_arm(&segment, &shared.slots[0], 1u << IPC_EVENT_DATA, waker);
  if (is_changed()) return unused;
  while (atomic_load_explicit(&model_signals[waker], memory_order_acquire) == 0) ipc_os_yield();
  CHECK(is_changed());
  return unused;
}

static void *notifier(void *unused) {
  atomic_fetch_add_explicit(&changed, 1, memory_order_release);
  ipc_event_notify(&segment, IPC_EVENT_DATA);
  return unused;
}

static void begin(void) {
  CLEAR(shared);
  CLEAR(segment);
  CLEAR(changed);
  model_clear_deaths();
  model_join_ring(&shared, &segment, IPC_ROUTE, NULL, 4, 1, 1);
  model_start_ring(&shared, 4, 1, 1);
}

int main(void) {
  MODEL_LOOP {
    model_thread threads[SLEEPERS + LOOPS + NOTIFIERS];
    int count = 0;
    begin();
    for (int i = 0; i < SLEEPERS; i++) MODEL_START(&threads[count++], sleeper, NULL);
    for (int i = 0; i < LOOPS; i++) MODEL_START(&threads[count++], loop, NULL);
    for (int i = 0; i < NOTIFIERS; i++) MODEL_START(&threads[count++], notifier, NULL);
    for (int i = 0; i < count; i++) MODEL_JOIN(threads[i]);
  }
  return 0;
}
