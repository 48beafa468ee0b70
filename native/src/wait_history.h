/*
 * wait_history.h - a backoff that leaves out what did not help at the last waits of a handle.
 *
 * A wait on a lock first spins, then yields, then sleeps (event.h). Spinning helps if the other process runs on another
 * processor, and only delays it if both share one. Yielding helps if the other process is next on this processor. If
 * programs between them compute for milliseconds, a process that yields waits behind them, and one that sleeps is woken
 * before them. Which of these holds changes with the load of the machine, so each handle learns it: after a phase that
 * did not help, the next wait leaves it out; after the second such phase in a row the next three do; after k of them
 * 2^k - 1, at most MOST_SKIPPED. A phase that helps is in every wait again.
 */
#ifndef LIBIPC_WAIT_HISTORY_H
#define LIBIPC_WAIT_HISTORY_H

#include "event.h"

/* Of one phase. Zeros: it is in every wait. */
typedef struct ipc_phase_history {
  uint8_t failures; /* in a row */
  uint8_t skips;    /* so many waits still leave it out */
} ipc_phase_history;

/* Of one handle, so of one thread. */
typedef struct ipc_wait_history {
  ipc_phase_history spins, yields;
} ipc_wait_history;

/* The pauses of one wait. */
typedef struct ipc_wait_pauses {
  ipc_wait_history *history;
  ipc_backoff backoff;
  bool spins, yields;    /* whether the wait has this phase */
  uint64_t yields_since; /* 0: it has not yielded */
} ipc_wait_pauses;

ipc_wait_pauses ipc_wait_pauses_start(ipc_wait_history *history, const ipc_header *header);

/* As ipc_backoff_pause(). */
bool ipc_wait_pauses_next(ipc_wait_pauses *pauses, uint64_t deadline);

/* After the last pause. Records what helped: the phase in which the wait was over, if it was. */
void ipc_wait_pauses_end(const ipc_wait_pauses *pauses, bool is_over);

/*
 * What the last waits of a receiver learned: whether a wait pauses before it sleeps. A pause that ends in sleep costs
 * some 50 µs of the processor. The peer that this process has just woken must also start on another processor, which
 * takes it longer: with both sides asleep before each message, a round trip takes 65 µs with pauses, and 40 without.
 * So after the second wait in a row that ended asleep the next one sleeps at once, after the third the next three, and
 * then the next seven. A wait that ends while it pauses makes all waits pause again: a receiver that becomes busy
 * sleeps seven times at most.
 *
 * Zeros: every wait pauses.
 */
typedef struct ipc_sleep_history {
  uint8_t sleeps;  /* in a row, of waits that paused first */
  uint8_t at_once; /* so many waits still sleep without a pause */
} ipc_sleep_history;

/* At the start of a wait: whether it pauses. */
bool ipc_sleep_history_pauses(ipc_sleep_history *history);

/* After the pauses of a wait. */
void ipc_sleep_history_record(ipc_sleep_history *history, bool asleep);

#endif
