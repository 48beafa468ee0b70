/*
 * waits.h - who waits in what has no ring, in order; each is woken on its own.
 *
 * A table of waits. One that is in it is woken by whoever changes what it waits for, the
 * one that came first before the others, a thread in the system as well as an event loop.
 *
 *   waiter                                     notifier
 *   1 waiting += 1, state = ticket, WAITING    1 change the condition
 *   2 full fence                               2 full fence
 *   3 condition holds? then leave              3 if waiting: the oldest that is WAITING: state = NOTIFIED
 *   4 sleep while state == ticket, WAITING     4 wake it
 *
 * Invariant: nobody sleeps on while its condition holds and nobody has been notified in its
 * stead. The two fences order (1, 3) of the one against (1, 3) of the other (Dekker). The
 * step to NOTIFIED is one compare-and-swap on a word with a ticket in it, so a notification
 * goes to exactly one wait, and never to a later one in the same place of the table.
 *
 * Whoever is notified takes the duty over: it gets what it waited for, or waits again in its
 * old place of the order, or leaves and passes the notification on. If it is killed before
 * that, the others notice by themselves: nobody sleeps longer than IPC_SLICE_NS without
 * looking again.
 *
 * A killed waiter leaves its wait in the table until its handle's place is taken from it.
 * `waiting` may stay too high then, which costs notifiers a look at the table.
 */
#ifndef LIBIPC_WAITS_H
#define LIBIPC_WAITS_H

#include "segment.h"

enum ipc_wait_tag { IPC_WAIT_IDLE, IPC_WAIT_WAITING, IPC_WAIT_NOTIFIED, IPC_WAIT_TAGS = 3 };

/* What locks, semaphores and conditions wait for; in shared memory the offset of a word, divided by 4. */
enum ipc_wait_what { IPC_WAIT_ACQUIRE = 0, IPC_WAIT_READERS = 1 };
#define IPC_WAIT_ANY UINT32_MAX

/* Waiter, steps 1 and 2: the index of the wait, or IPC_E_TOO_MANY_WAITS. `waker` is 0 for a thread that will sleep. */
int32_t ipc_waits_enter(ipc_segment *segment, uint32_t instance, uint32_t what, uint64_t waker);

/* Steps 1 and 2 again, in the old place of the order, by a wait that was notified and could not make use of it. */
void ipc_waits_renew(ipc_segment *segment, int32_t wait);

/* Step 4: for at most `slice` ns and not past `deadline`. */
void ipc_waits_sleep(ipc_segment *segment, int32_t wait, uint64_t deadline, uint64_t slice);

bool ipc_waits_is_notified(const ipc_segment *segment, int32_t wait);

/* Takes a wait out of the table. True: it had been notified, and who leaves without what it waited for notifies
 * another. */
bool ipc_waits_leave(ipc_segment *segment, int32_t wait);

/* Notifies the `count` that have waited longest, of those there were at the call; answers how many there were. A full
 * fence has been passed. */
uint32_t ipc_waits_notify_some(ipc_segment *segment, uint32_t what, uint32_t count);

/* Notifies all; IPC_WAIT_ANY: whatever they wait for. */
uint32_t ipc_waits_notify_all(ipc_segment *segment, uint32_t what);

/* Takes the waits of a dead handle out. What had been notified is made good by header.deaths, and by who looks at
 * locks. */
void ipc_waits_forget(ipc_segment *segment, uint32_t instance);

/* Takes the waits of a handle out that is closed, and notifies others where they had been. */
void ipc_waits_leave_all(ipc_segment *segment, uint32_t instance);

/* Notifier, steps 2 to 4. */
static inline uint32_t ipc_waits_notify(ipc_segment *segment, uint32_t what, uint32_t count) {
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence in ipc_waits_enter */
  if (atomic_load_explicit(&segment->header->waiting, memory_order_relaxed) == 0) return 0;
  return ipc_waits_notify_some(segment, what, count);
}

#endif
