/*
 * Runs in a signal handler, on any thread, between any two instructions of any other code of the library. So it takes
 * no lock without giving up after a while, allocates nothing, and makes system calls only:
 *
 *   openat, unlinkat, fstat, close, flock, fcntl, gettid: bare system calls, none keeps state in the C library;
 *   futex, sched_yield, clock_gettime: the same;
 *   ipc_os_remove_own_identity, ipc_os_alive_without_waiting: of these only, see identity.c;
 *   ipc_segment_lock: of these only, and gives up at the deadline;
 *   atomics and memcpy: lock-free.
 *
 * The other threads of the process still run until the signal is raised again. So nothing here may let other processes
 * believe that this one is dead while such a thread has something open: they would take over a lock that it holds.
 * `thread` = 0 in a slot says only "does not count as a user of the name any more", and is asked only here. The
 * identity file goes at the end, if this thread has opened all there is, since it does not go on, or if nothing is left
 * of it.
 *
 * Several processes may end at once, by one Ctrl-C. Each takes the name lock, stores `thread` = 0 in its slots and then
 * looks for slots of others; the last one finds none and removes the file.
 *
 * What stays, as after a kill: a lock that one of the threads holds, since its next owner must learn of it; a segment
 * whose name lock could not be had in time, since the signal came during an open or a close of the name or its holder
 * is stopped; everything if the signal came while the list of open segments was being changed by this thread.
 */
#include "ending.h"

#include "claim_lock.h"
#include "died_inside.h"
#include "open_segments.h"
#include "slot_owner.h"

static const uint64_t ENDING_NS = 100000000; /* for all: a process that ends must not be seen to hang */

typedef struct ending {
  uint64_t deadline;
  bool is_alone; /* this thread has opened all that is open */
  bool is_all_removed;
} ending;

static void ending_look_for_threads(ipc_segment *segment, void *context) {
  ending *it = context;
  it->is_alone &= segment->open.thread == ipc_os_thread();
}

static bool ending_is_user(const ipc_slot *slot) {
  if (atomic_load_explicit(&slot->instance, memory_order_acquire) == 0) return false;
  uint64_t owner = atomic_load_explicit(&slot->owner, memory_order_relaxed);
  return owner != 0 && owner != ipc_os_self() && atomic_load_explicit(&slot->thread, memory_order_relaxed) != 0 &&
         ipc_os_alive_without_waiting(owner);
}

/* Under the name lock. */
static bool ending_has_users(const ipc_segment *segment) {
  for (uint32_t i = 0; i < segment->max_receivers; i++)
    if (ending_is_user(&segment->receivers[i])) return true;
  for (uint32_t i = 0; i < segment->max_senders; i++)
    if (ending_is_user(&segment->senders[i])) return true;
  return false;
}

/* Other threads of this process may still lock: then they must not do so in a file that has no name any more. */
static bool ending_shut(const ending *it, const ipc_segment *segment) {
  bool is_lock = segment->kind == IPC_MUTEX || segment->kind == IPC_RWLOCK;
  return it->is_alone || !is_lock || ipc_claim_try_lock(&segment->header->claim, segment->open.instance);
}

static void ending_leave(ipc_segment *segment, void *context) {
  ending *it = context;
  uint64_t now = ipc_os_now();
  int32_t fd = ipc_segment_lock(segment, now < it->deadline ? it->deadline - now : 0);
  atomic_store_explicit(&segment->open.slot->thread, 0, memory_order_relaxed); /* the name lock orders */
  if (fd == IPC_E_ORPHANED) return;
  if (fd < 0 || ending_has_users(segment) || ipc_died_inside(segment) || ipc_segment_is_kept(segment) ||
      !ending_shut(it, segment) || ipc_os_unlink(segment->key) != 0)
    it->is_all_removed = false;
  else
    atomic_store_explicit(&segment->header->orphaned, 1, memory_order_release); /* no user sleeps who would be woken */
  if (fd >= 0) ipc_os_unlock(fd);
}

static void ending_run(void) {
  ending it = {.deadline = ipc_os_now() + ENDING_NS, .is_alone = true, .is_all_removed = true};
  if (!ipc_open_segments_try_each(ending_look_for_threads, ending_leave, &it)) return;
  if (it.is_alone || it.is_all_removed) ipc_os_remove_own_identity();
}

void ipc_ending_watch(void) { ipc_os_watch_ending(ending_run); }
