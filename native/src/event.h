/*
 * event.h - sleep until another process changes something; a notification is free when nothing sleeps.
 *
 * An event is a flag ("a waiter may be asleep") and a wait word (the word that waiters sleep on).
 *
 *   waiter                                notifier
 *   1 seen = word                         1 change the condition
 *   2 flag = 1                            2 full fence
 *   3 full fence                          3 if flag: flag = 0, word += 1, wake all
 *   4 condition holds? then do not sleep
 *   5 sleep while word == seen
 *
 * Invariant: no waiter continues to sleep while its condition holds. The two fences order (2, 4) against (1, 3): either
 * the waiter sees the change, or the notifier sees the flag (Dekker). The notifier clears the flag before it increments
 * the word. Suppose it clears the flag of a waiter: if the waiter read the word before the increment, its sleep returns
 * at once or is woken; if it read the word afterwards, it also sees the changed condition.
 *
 * An event loop cannot sleep on a word. It arms its slot instead: it sets the bit of the event in `armed`, then the
 * second bit of the flag (steps 1 and 2), and continues with 3 and 4. The notifier that clears the flag looks for armed
 * slots, clears the bit of each and sends a datagram to its waker, a socket that the event loop polls anyway. That is
 * one hop: a thread that slept on the word and then woke the event loop would cost four times as much (performance.md).
 *
 * The word also counts: `list()` shows how often an event had to wake a thread or an event loop. So a notifier
 * increments it for event loops, too.
 *
 * The flag of the event `space` has a third bit, and a number above it, which notifiers leave alone while a sender
 * waits until receivers have read: then receivers publish each position, see read_point.c.
 *
 * A notifier killed between two of its steps leaves a wake-up undone. So no waiter sleeps longer than IPC_SLICE_NS
 * without checking its condition again: that bounds recovery. It is not how wake-ups normally arrive.
 */
#ifndef LIBIPC_EVENT_H
#define LIBIPC_EVENT_H

#include "cpu.h"
#include "segment.h"

#define IPC_SLICE_NS 400000000u      /* half of the second in which a death must be noticed, less margin */
#define IPC_FIRST_SLICE_NS 20000000u /* the first check for dead peers comes early */

/* Wakes all that wait for the event. The condition has been changed and a full fence passed. */
void ipc_event_wake(ipc_segment *segment, enum ipc_event_index event);

/* Notifier, steps 2 and 3 where no fence came before. True: a waiter may have been asleep. */
static inline bool ipc_event_notify(ipc_segment *segment, enum ipc_event_index event) {
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fences in ipc_event_prepare and ipc_event_arm */
  if (IPC_LIKELY(!atomic_load_explicit(&segment->header->event_flags[event].wanted, memory_order_relaxed)))
    return false;
  ipc_event_wake(segment, event);
  return true;
}

/* Waiter, steps 1 to 3: answers what to pass to ipc_event_sleep after step 4. */
uint32_t ipc_event_prepare(ipc_header *header, enum ipc_event_index event);

/*
 * Before a waker is published in a segment: lets the users that may write to the segment signal it. Nothing for 0, and
 * for the waker that it was called for last.
 */
static inline void ipc_event_admit(ipc_segment *segment, uint64_t number) {
  if (number == 0 || segment->admitted_waker == number) return;
  segment->admitted_waker = number;
  ipc_os_admit_to_waker(number, &segment->access);
}

/* The events for which an endpoint counts as sleeping: a message, or space. Not for others to join. */
enum { IPC_EVENTS_SLEPT_FOR = 1 << IPC_EVENT_DATA | 1 << IPC_EVENT_SPACE | 1 << IPC_EVENT_CLAIM_FREE };

/*
 * What slots and waits record of when a sleep begins, for people: milliseconds of ipc_os_now(), modulo 2^32, up to 10
 * behind it.
 */
static inline uint32_t ipc_asleep_since(void) { return (uint32_t)(ipc_os_now_coarse() / 1000000u); }

/*
 * Steps 1 to 3 of an event loop, for some events (bits 1 << ipc_event_index). It checks its condition afterwards, and
 * again when its waker was signalled. One arming gives one signal: then arm again.
 */
void ipc_event_arm(ipc_segment *segment, ipc_slot *slot, uint32_t events, uint64_t waker);

/*
 * A sender, with this slot, begins to wait until receivers have read: from now on, and until it clears
 * IPC_AWAITS_READING in `armed`, receivers publish each position. A full fence comes at the end. `number` is another
 * one for each wait that begins: its low 29 bits are compared, and only of waits that begin while a notifier clears the
 * flag.
 */
void ipc_event_want_always(ipc_header *header, ipc_slot *slot, uint32_t number);

/*
 * Waiter, step 5: for at most `slice` ns and not past `deadline` (ipc_os_now() based). True: a signal handler ran
 * meanwhile, and a call with a deadline ends as if that had passed (ipc_os_wait_interruptibly). Calls without one never
 * get true.
 */
bool ipc_event_sleep(ipc_header *header, enum ipc_event_index event, uint32_t seen, uint64_t deadline, uint64_t slice);

/*
 * Before it sleeps, a waiter spins (a peer on another processor answers within a microsecond; not if the endpoints
 * outnumber the processors) and then yields (on a busy machine the peer needs this processor). Yielding matters more
 * than it seems: while all yield, none is asleep, so no notifier pays for wake-ups, and the one that runs finds a long
 * run of messages or a long stretch of free ring.
 */
typedef struct ipc_backoff {
  uint32_t round;
} ipc_backoff;

enum ipc_backoff_phase { IPC_BACKOFF_SPINS, IPC_BACKOFF_YIELDS, IPC_BACKOFF_OVER };

/* What the next pause of a backoff is. */
enum ipc_backoff_phase ipc_backoff_phase_of(const ipc_backoff *backoff);

/* Leaves out what comes before a phase. */
void ipc_backoff_skip_to(ipc_backoff *backoff, enum ipc_backoff_phase phase);

/* Whether each endpoint can have a processor. If not, an endpoint that spins only keeps its peer from running. */
bool ipc_event_may_spin(const ipc_header *header);

ipc_backoff ipc_backoff_start(const ipc_header *header);

/*
 * Pauses a little; false: enough of it, sleep, or the deadline has passed: on a busy
 * machine each yield may take milliseconds.
 */
bool ipc_backoff_pause(ipc_backoff *backoff, uint64_t deadline);

/* The moment `timeout_ms` from now; negative = IPC_FOREVER. */
uint64_t ipc_deadline(int32_t timeout_ms);

/* A deadline that has always passed. */
#define IPC_PASSED 1

/* Sleeps on a word until `deadline`, for at most `slice` ns; see ipc_event_sleep. */
bool ipc_sleep_on(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline, uint64_t slice);

#endif
