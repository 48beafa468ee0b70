#include "open_segments.h"

#include <pthread.h>

#include "event.h"

/* A flag and no mutex: a signal handler can try it without waiting. It is held for some stores only. */
static atomic_flag guard = ATOMIC_FLAG_INIT;
static ipc_segment *first;

static pthread_key_t thread_end;
static bool can_see_thread_ends;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Set once, before the first open; relaxed: what orders the open orders them. */
static _Atomic bool endpoints_end, views_end; /* with their thread */

/* For all endpoints of a thread: an event loop may wait for the end of its Worker. */
static const uint64_t THREAD_END_NS = 500000000;

/* acquire pairs with the release in open_segments_unlock: the list is as its last holder left it */
static void open_segments_lock(void) {
  while (atomic_flag_test_and_set_explicit(&guard, memory_order_acquire)) ipc_os_yield();
}

static void open_segments_unlock(void) { atomic_flag_clear_explicit(&guard, memory_order_release); }

/* Under the guard. */
static void open_segments_delist(ipc_segment *segment) {
  if (segment->open.next) segment->open.next->open.previous = segment->open.previous;
  if (segment->open.previous)
    segment->open.previous->open.next = segment->open.next;
  else
    first = segment->open.next;
  segment->open.slot = NULL;
}

static void open_segments_mark_dead(ipc_segment *segment) {
  ipc_slot *slot = segment->open.slot;
  uint64_t self = ipc_os_self();
  if (atomic_load_explicit(&slot->instance, memory_order_relaxed) != segment->open.instance) return;
  /* A swap: the slot is another's by now if this endpoint was taken for dead. release: what this thread did is seen. */
  atomic_compare_exchange_strong_explicit(&slot->owner, &self, 0, memory_order_release, memory_order_relaxed);
  ipc_event_notify(segment, IPC_EVENT_PEERS);
  ipc_event_notify(segment, IPC_EVENT_SPACE);
}

/* Marks what the thread has open as dead, and takes it out of the list. Returns it as a list. */
static ipc_segment *open_segments_take_out(uint32_t thread) {
  ipc_segment *ended = NULL;
  open_segments_lock();
  for (ipc_segment *segment = first, *next; segment; segment = next) {
    next = segment->open.next;
    if (segment->open.thread != thread) continue;
    open_segments_mark_dead(segment);
    open_segments_delist(segment);
    segment->open.next = ended;
    ended = segment;
  }
  open_segments_unlock();
  return ended;
}

/*
 * Runs in the thread that ends. Without a binding that says otherwise its endpoints stay allocated: their owner may
 * still close them, to no effect on others.
 */
static void open_segments_end_thread(void *ignored) {
  (void)ignored;
  uint32_t thread = ipc_os_thread();
  ipc_segment *ended = open_segments_take_out(thread);
  if (!atomic_load_explicit(&endpoints_end, memory_order_relaxed)) return;
  uint64_t deadline = ipc_os_now() + THREAD_END_NS;
  for (ipc_segment *next; ended; ended = next) {
    next = ended->open.next;
    uint64_t now = ipc_os_now();
    if (ended->name_lock_and_1) ipc_os_unlock(ended->name_lock_and_1 - 1); /* terminated while it held the lock */
    ended->open.leave_as_dead(ended, ended->open.instance, now < deadline ? deadline - now : 0);
    ended->free_endpoint(ended);
  }
  if (atomic_load_explicit(&views_end, memory_order_relaxed)) ipc_mapping_end_thread(thread);
}

/* The lock may be another thread's, which the child does not have; and the child has no endpoints. */
static void open_segments_forget_in_child(void) {
  first = NULL;
  open_segments_unlock();
}

static void open_segments_start(void) {
  can_see_thread_ends = pthread_key_create(&thread_end, open_segments_end_thread) == 0;
  pthread_atfork(open_segments_lock, open_segments_unlock, open_segments_forget_in_child);
}

void ipc_open_segments_add(ipc_segment *segment, ipc_slot *slot,
                           void leave_as_dead(ipc_segment *segment, uint32_t instance, uint64_t patience_ns)) {
  pthread_once(&once, open_segments_start);
  if (can_see_thread_ends) pthread_setspecific(thread_end, &first); /* any value but NULL: the destructor runs */
  segment->open.slot = slot;
  segment->open.leave_as_dead = leave_as_dead;
  segment->open.instance = atomic_load_explicit(&slot->instance, memory_order_relaxed);
  segment->open.thread = atomic_load_explicit(&slot->thread, memory_order_relaxed);
  open_segments_lock();
  segment->open.previous = NULL;
  segment->open.next = first;
  if (first) first->open.previous = segment;
  first = segment;
  open_segments_unlock();
}

void ipc_open_segments_remove(ipc_segment *segment) {
  open_segments_lock();
  /* In a forked child the list is empty, and the entry is the parent's. */
  if (segment->open.slot && !segment->mapping->is_forked) open_segments_delist(segment);
  open_segments_unlock();
}

bool ipc_open_segments_try_each(ipc_open_segment_visitor *visit, ipc_open_segment_visitor *again, void *context) {
  enum { ATTEMPTS = 1000 };
  for (int attempt = 0; atomic_flag_test_and_set_explicit(&guard, memory_order_acquire); attempt++) {
    if (attempt == ATTEMPTS) return false;
    ipc_os_yield();
  }
  for (ipc_segment *segment = first; segment; segment = segment->open.next) visit(segment, context);
  for (ipc_segment *segment = first; segment; segment = segment->open.next) again(segment, context);
  return true;
}

void ipc_process_forget(void) {
  open_segments_lock();
  /* What is open stays alive until the kernel ends the process: its file is removed later, as after a kill. */
  if (!first) ipc_os_forget_identity();
  open_segments_unlock();
}

void ipc_process_adopt_threads(int32_t views_end_too) {
  atomic_store_explicit(&endpoints_end, true, memory_order_relaxed);
  atomic_store_explicit(&views_end, views_end_too != 0, memory_order_relaxed);
}

void ipc_process_adopt_reset_handlers(void) { ipc_os_adopt_reset_handlers(); }

__attribute__((destructor)) static void open_segments_end_process(void) { ipc_process_forget(); }
