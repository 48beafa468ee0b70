/*
 * paced_check.h - something that a busy endpoint or handle checks every IPC_SLICE_NS, without a clock in each call.
 *
 * Reading a clock for each message would cost as much as the message. So the clock is read after some calls only. A
 * call is a publish of a sender (a message, a fragment or a batch), or an attempt to lock.
 *
 * Invariant: at most MOST_CALLS calls lie between a reading of the clock and the call that reads it next. At the rate
 * since the last reading, the next one follows within CLOCK_NS, or at the next call if that comes later. So what keeps
 * its rate checks every IPC_SLICE_NS + CLOCK_NS and the time between two calls. What drops its rate all at once needs
 * up to MOST_CALLS calls.
 */
#ifndef LIBIPC_PACED_CHECK_H
#define LIBIPC_PACED_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* Of one thread. Zeros: the next call reads the clock. */
typedef struct ipc_paced_check {
  int32_t calls_to_clock;
  int32_t interval; /* calls from the last reading to the next */
  uint64_t clock_read_at;
  uint64_t checked_at; /* 0: never */
} ipc_paced_check;

/* Whether this call has to read the clock. */
static inline bool ipc_paced_check_is_clock_due(const ipc_paced_check *it) { return it->calls_to_clock <= 0; }

/* Reads the clock, and sets when to do so again. True: ipc_paced_check_begin() will be true. */
bool ipc_paced_check_read_clock(ipc_paced_check *it);

/* Whether IPC_SLICE_NS have passed since the last check. Then the caller checks, and that counts as the last one. */
bool ipc_paced_check_begin(ipc_paced_check *it);

/* The calls may be far apart from now on: the next one reads the clock. */
static inline void ipc_paced_check_hurry(ipc_paced_check *it) {
  it->interval -= it->calls_to_clock;
  it->calls_to_clock = 0;
}

#endif
