/*
 * meeting.h - two threads that do one thing each at very nearly the same moment, over
 * and over: the way to see a missing fence, whose window is a few nanoseconds.
 */
#ifndef LIBIPC_TEST_MEETING_H
#define LIBIPC_TEST_MEETING_H

#include "cpu.h"
#include "worker.h"

typedef struct meeting {
  _Alignas(128) _Atomic uint32_t arrived;
} meeting;

/*
 * Rounds go on for so long, not for a fixed number: with a processor each they take a
 * microsecond, on a busy machine the two take turns on one and a round costs milliseconds.
 */
enum { MEETING_MS = 400 * TEST_SCALE };

/* The n-th time that both are here, both go on. */
static inline void meet(meeting *at, uint32_t n) {
  atomic_fetch_add(&at->arrived, 1);
  for (uint32_t spins = 0; atomic_load_explicit(&at->arrived, memory_order_acquire) < 2 * n; spins++)
    if (spins < 2000)
      ipc_cpu_relax();
    else
      ipc_os_yield();
}

/* A different little delay each time, so that the two sides slide past each other. */
static inline void meeting_stagger(uint32_t *seed, uint32_t most) {
  for (uint32_t n = test_random(seed) % most; n; n--) atomic_signal_fence(memory_order_seq_cst);
}

#endif
