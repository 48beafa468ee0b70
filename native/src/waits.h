/*
 * waits.h - the wait queue of a lock, semaphore, condition or memory; each wait is woken on its own.
 *
 * A table of waits. A process that changes what a wait is for wakes it, the oldest wait first, whether it is a thread
 * that sleeps or an event loop.
 *
 *   waiter                                     notifier
 *   1 waiting += 1, state = ticket, WAITING    1 change the condition
 *   2 full fence                               2 full fence
 *   3 condition holds? then leave              3 if waiting: the oldest that is WAITING: state = NOTIFIED
 *   4 sleep while state == ticket, WAITING     4 wake it
 *
 * Invariant: no wait continues while its condition holds and no other wait has been notified in its stead. The two
 * fences order (1, 3) of the one against (1, 3) of the other (Dekker). The step to NOTIFIED is one compare-and-swap on
 * a word with a ticket in it, so a notification goes to exactly one wait, and never to a later one in the same entry of
 * the table.
 *
 * A wait that is notified takes over a duty: its handle gets what it waited for, or waits again with its old ticket, or
 * leaves and passes the notification on. If its process is killed before that, the others notice by themselves: no
 * thread sleeps longer than IPC_SLICE_NS without trying again.
 *
 * A killed waiter leaves its wait in the table until its handle's slot is emptied. `waiting` may stay too high then,
 * which costs notifiers a search of the table.
 */
#ifndef LIBIPC_WAITS_H
#define LIBIPC_WAITS_H

#include "cpu.h"
#include "segment.h"

enum ipc_wait_tag { IPC_WAIT_IDLE, IPC_WAIT_WAITING, IPC_WAIT_NOTIFIED, IPC_WAIT_TAGS = 3 };

/* What locks, semaphores and conditions wait for; in shared memory the offset of a word, divided by 4. */
enum ipc_wait_what { IPC_WAIT_ACQUIRE = 0, IPC_WAIT_READERS = 1, IPC_WAIT_CHANGE = 2 /* of a latest value */ };
#define IPC_WAIT_ANY UINT32_MAX

/* Waiter, steps 1 and 2: the index of the wait, or IPC_E_TOO_MANY_WAITS. `waker` is 0 for a thread that will sleep. */
int32_t ipc_waits_enter(ipc_segment *segment, uint32_t instance, uint32_t what, uint64_t waker);

/* Steps 1 and 2 again, with the old ticket, for a wait that was notified and could not make use of it. */
void ipc_waits_renew(ipc_segment *segment, int32_t wait);

/* Step 4: for at most `slice` ns and not past `deadline`. True: end early, as after ipc_event_sleep. */
bool ipc_waits_sleep(ipc_segment *segment, int32_t wait, uint64_t deadline, uint64_t slice);

bool ipc_waits_is_notified(const ipc_segment *segment, int32_t wait);

/*
 * Takes a wait out of the table. True: it had been notified; if its handle leaves without what it waited for, it
 * notifies another wait.
 */
bool ipc_waits_leave(ipc_segment *segment, int32_t wait);

/*
 * Notifies the `count` oldest waits, of those there were at the call; returns how many there were. A full fence has
 * been passed.
 */
uint32_t ipc_waits_notify_some(ipc_segment *segment, uint32_t what, uint32_t count);

/* Notifies all; IPC_WAIT_ANY: whatever they wait for. */
uint32_t ipc_waits_notify_all(ipc_segment *segment, uint32_t what);

/*
 * Takes the waits of a dead handle out; any process, at any time. A notification that is lost with them is made good by
 * header.deaths, and by the attempts of the handles that wait for locks.
 */
void ipc_waits_forget(ipc_segment *segment, uint32_t instance);

/* Takes the waits of a handle out that is closed, and notifies others where they had been. */
void ipc_waits_leave_all(ipc_segment *segment, uint32_t instance);

/* Notifier, steps 3 and 4: a full fence has been passed since the change. */
static inline uint32_t ipc_waits_notify_after_fence(ipc_segment *segment, uint32_t what, uint32_t count) {
  if (IPC_LIKELY(atomic_load_explicit(&segment->header->waiting, memory_order_relaxed) == 0)) return 0;
  return ipc_waits_notify_some(segment, what, count);
}

/* Notifier, steps 2 to 4. */
static inline uint32_t ipc_waits_notify(ipc_segment *segment, uint32_t what, uint32_t count) {
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence in ipc_waits_enter */
  return ipc_waits_notify_after_fence(segment, what, count);
}

/* The slow half of ipc_waits_notify_of_store. */
uint32_t ipc_waits_notify_waiting(ipc_segment *segment, uint32_t what, uint32_t count);

/*
 * Notifier, steps 2 to 4, after a change that was one sequentially consistent store or swap of the word that the
 * waiters check. That and the load here take part in the single order of all such accesses and fences: either the fence
 * in ipc_waits_enter comes before the load, and `waiting` is seen, or it comes after the store, and the waiter sees the
 * change. Where nothing waits, this costs one load.
 */
static inline uint32_t ipc_waits_notify_of_store(ipc_segment *segment, uint32_t what, uint32_t count) {
  if (IPC_LIKELY(atomic_load_explicit(&segment->header->waiting, memory_order_seq_cst) == 0)) return 0;
  return ipc_waits_notify_waiting(segment, what, count);
}

#endif
