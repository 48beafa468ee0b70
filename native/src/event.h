/*
 * event.h - sleep until another process changes something; free when nobody sleeps.
 *
 * An event is a flag ("somebody may be asleep") and a wait word (what they sleep on).
 *
 *   waiter                                notifier
 *   1 seen = word                         1 change the condition
 *   2 flag = 1                            2 full fence
 *   3 full fence                          3 if flag: flag = 0, word += 1, wake all
 *   4 condition holds? then do not sleep
 *   5 sleep while word == seen
 *
 * Invariant: no waiter sleeps on while its condition holds. The two fences order
 * (2, 4) against (1, 3): either the waiter sees the change, or the notifier sees
 * the flag (Dekker). The notifier clears the flag before it bumps the word: a waiter
 * whose flag is wiped by that clear read the word before the bump (else it read it
 * after, and its condition with it), so its sleep ends at once or is woken.
 *
 * An event loop cannot sleep on a word. It arms its place instead: the event's bit in
 * `armed`, then the second bit of the flag (steps 1 and 2), and goes on with 3 and 4.
 * Whoever clears the flag looks for armed places, takes each one's bit and sends a
 * datagram to its waker, a socket that the loop polls anyway. One hop: a thread that
 * slept on the word and then woke the loop would cost four times as much (performance.md).
 *
 * A notifier killed between two of its steps leaves a wake-up undone. So nobody
 * sleeps longer than IPC_SLICE_NS without looking again: that bounds recovery, it
 * is not how wake-ups normally arrive.
 */
#ifndef LIBIPC_EVENT_H
#define LIBIPC_EVENT_H

#include "cpu.h"
#include "segment.h"

#define IPC_SLICE_NS 400000000u      /* half of the second in which a death must be noticed, less margin */
#define IPC_FIRST_SLICE_NS 20000000u /* a first look at who is alive comes early */

/* Wakes all that wait for the event. The condition has been changed and a full fence passed. */
void ipc_event_wake(ipc_segment *segment, enum ipc_event_index event);

/* Notifier, steps 2 and 3 where no fence came before. */
static inline void ipc_event_notify(ipc_segment *segment, enum ipc_event_index event) {
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fences in ipc_event_prepare and ipc_event_arm */
  if (IPC_UNLIKELY(atomic_load_explicit(&segment->header->event_flags[event].wanted, memory_order_relaxed)))
    ipc_event_wake(segment, event);
}

/* Waiter, steps 1 to 3: answers what to pass to ipc_event_sleep after step 4. */
uint32_t ipc_event_prepare(ipc_header *header, enum ipc_event_index event);

/*
 * An event loop's steps 1 to 3, for some events (bits 1 << ipc_event_index). It looks at
 * its condition afterwards, and when its waker was rung. Rung once: then arm again.
 */
void ipc_event_arm(ipc_segment *segment, ipc_slot *slot, uint32_t events, uint64_t waker);

/* Waiter, step 5: for at most `slice` ns and not past `deadline` (ipc_os_now() based). */
void ipc_event_sleep(ipc_header *header, enum ipc_event_index event, uint32_t seen, uint64_t deadline, uint64_t slice);

/*
 * Before it sleeps, a waiter spins (a peer on another processor answers within a
 * microsecond; not if the endpoints outnumber the processors) and then yields (on a
 * busy machine the peer needs this processor). Yielding matters more than it looks:
 * while everybody yields, nobody is asleep, so nobody pays for wake-ups, and whoever
 * runs finds a long run of messages or a long stretch of free ring.
 */
typedef struct ipc_backoff {
  uint32_t round;
} ipc_backoff;

ipc_backoff ipc_backoff_start(const ipc_header *header);

/*
 * Pauses a little; false: enough of it, sleep, or the deadline has passed: on a busy
 * machine each yield may take milliseconds.
 */
bool ipc_backoff_pause(ipc_backoff *backoff, uint64_t deadline);

/* The moment `timeout_ms` from now; negative = IPC_FOREVER. */
uint64_t ipc_deadline(int32_t timeout_ms);

#endif
