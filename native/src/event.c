#include "event.h"

enum {
  SPIN_ROUNDS = 150, /* of 1 to 10 pauses: some 20 µs in all, where there is another processor */
  YIELD_ROUNDS = 64  /* idle machine: about 30 µs; busy machine: as many turns for the others */
};

void ipc_event_wake(ipc_header *header, enum ipc_event_index event) {
  /* The exchange elects one of several notifiers: the others' changes are covered by its wake. */
  if (!atomic_exchange_explicit(&header->event_flags[event].wanted, 0, memory_order_relaxed)) return;
  atomic_fetch_add_explicit(&header->event_words[event].value, 1, memory_order_release);
  ipc_os_wake_all(&header->event_words[event].value);
}

uint32_t ipc_event_prepare(ipc_header *header, enum ipc_event_index event) {
  uint32_t seen = atomic_load_explicit(&header->event_words[event].value, memory_order_acquire);
  atomic_store_explicit(&header->event_flags[event].wanted, 1, memory_order_relaxed);
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence before a notifier reads the flag */
  return seen;
}

void ipc_event_sleep(ipc_header *header, enum ipc_event_index event, uint32_t seen, uint64_t deadline, uint64_t slice) {
  uint64_t now = ipc_os_now();
  if (now >= deadline) return;
  if (deadline - now < slice) slice = deadline - now;
  ipc_os_wait(&header->event_words[event].value, seen, slice);
}

static uint32_t processors(void) {
  static _Atomic uint32_t count; /* racing first calls store the same value */
  uint32_t value = atomic_load_explicit(&count, memory_order_relaxed);
  if (value == 0) {
    value = ipc_os_processors();
    atomic_store_explicit(&count, value, memory_order_relaxed);
  }
  return value;
}

ipc_backoff ipc_backoff_start(const ipc_header *header) {
  uint32_t endpoints = atomic_load_explicit(&header->receiver_count, memory_order_relaxed) +
                       atomic_load_explicit(&header->sender_count, memory_order_relaxed);
  return (ipc_backoff){.round = endpoints <= processors() ? 0 : SPIN_ROUNDS};
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
