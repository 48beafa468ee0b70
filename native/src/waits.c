#include "waits.h"

#include "event.h"
#include "libipc/status.h"

enum { TICKET_SHIFT = 2 };

static uint32_t waits_load(const _Atomic uint32_t *word) { return atomic_load_explicit(word, memory_order_relaxed); }

static uint32_t waits_tag_of(uint32_t state) { return state & IPC_WAIT_TAGS; }

/* Tickets have 30 bits and go round; what waits at the same time is close together. */
static bool waits_is_older(uint32_t state, uint32_t other) {
  return (int32_t)((state & ~(uint32_t)IPC_WAIT_TAGS) - (other & ~(uint32_t)IPC_WAIT_TAGS)) < 0;
}

static uint32_t waits_new_ticket(ipc_header *header) {
  return atomic_fetch_add_explicit(&header->next_ticket, 1, memory_order_relaxed) << TICKET_SHIFT;
}

static uint32_t waits_entries_used(const ipc_segment *segment) {
  /* acquire pairs with the release in waits_raise_entries_used */
  uint32_t used = atomic_load_explicit(&segment->header->wait_entries_used, memory_order_acquire);
  return used < segment->max_waits ? used : segment->max_waits;
}

static void waits_raise_entries_used(ipc_header *header, uint32_t used) {
  uint32_t before = waits_load(&header->wait_entries_used);
  while (before < used && !atomic_compare_exchange_weak_explicit(&header->wait_entries_used, &before, used,
                                                                 memory_order_release, memory_order_relaxed))
    continue;
}

int32_t ipc_waits_enter(ipc_segment *segment, uint32_t instance, uint32_t what, uint64_t waker) {
  ipc_header *header = segment->header;
  ipc_event_admit(segment, waker);
  for (uint32_t i = 0; i < segment->max_waits; i++) {
    ipc_wait_entry *wait = &segment->waits[i];
    uint32_t free = 0;
    /* First: the entry of a process that is killed here must be found by ipc_waits_forget. */
    waits_raise_entries_used(header, i + 1);
    /* acquire pairs with the release of the handle that freed it: its last stores here come before ours */
    if (waits_load(&wait->instance) != 0 ||
        !atomic_compare_exchange_strong_explicit(&wait->instance, &free, instance, memory_order_acquire,
                                                 memory_order_relaxed))
      continue;
    atomic_store_explicit(&wait->what, what, memory_order_relaxed);
    atomic_store_explicit(&wait->waker, waker, memory_order_relaxed);
    atomic_store_explicit(&wait->since, ipc_asleep_since(), memory_order_relaxed);
    atomic_store_explicit(&wait->deaths, waits_load(&header->deaths), memory_order_relaxed);
    /* Counted before it is WAITING and for longer: killed in between, `waiting` is too high, never too low. */
    atomic_fetch_add_explicit(&header->waiting, 1, memory_order_relaxed);
    /* release: a notifier that sees it WAITING sees what it waits for, and its waker */
    atomic_store_explicit(&wait->state, waits_new_ticket(header) | IPC_WAIT_WAITING, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence before a notifier reads `waiting` */
    return (int32_t)i;
  }
  return IPC_E_TOO_MANY_WAITS;
}

void ipc_waits_renew(ipc_segment *segment, int32_t wait) {
  _Atomic uint32_t *state = &segment->waits[wait].state;
  uint32_t ticket = waits_load(state) & ~(uint32_t)IPC_WAIT_TAGS;
  atomic_store_explicit(state, ticket | IPC_WAIT_WAITING, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst); /* as in ipc_waits_enter */
}

bool ipc_waits_is_notified(const ipc_segment *segment, int32_t wait) {
  /*
   * acquire pairs with the release in waits_notify: the change behind the notification is seen. A damaged state counts
   * as notified: no thread may sleep in it, because none would be woken.
   */
  return waits_tag_of(atomic_load_explicit(&segment->waits[wait].state, memory_order_acquire)) != IPC_WAIT_WAITING;
}

bool ipc_waits_sleep(ipc_segment *segment, int32_t wait, uint64_t deadline, uint64_t slice) {
  _Atomic uint32_t *state = &segment->waits[wait].state;
  uint32_t seen = waits_load(state);
  return waits_tag_of(seen) == IPC_WAIT_WAITING && ipc_sleep_on(state, seen, deadline, slice);
}

static void waits_uncount(ipc_header *header) { atomic_fetch_sub_explicit(&header->waiting, 1, memory_order_relaxed); }

bool ipc_waits_leave(ipc_segment *segment, int32_t wait) {
  ipc_wait_entry *it = &segment->waits[wait];
  uint32_t state = atomic_exchange_explicit(&it->state, IPC_WAIT_IDLE, memory_order_acquire);
  waits_uncount(segment->header);
  atomic_store_explicit(&it->instance, 0, memory_order_release);
  return waits_tag_of(state) == IPC_WAIT_NOTIFIED;
}

/*
 * Takes one wait of a dead handle out; several may do so at the same time, and a notifier may notify it meanwhile. Its
 * state is swapped, not stored: the ticket in it says that it is still this wait's. The instance is read again after
 * the state (acquire): if it is the same, the state was not yet a later wait's, since that one stores its instance
 * first.
 */
static void waits_forget_one(ipc_segment *segment, ipc_wait_entry *wait, uint32_t instance) {
  for (;;) {
    uint32_t state = atomic_load_explicit(&wait->state, memory_order_acquire);
    if (atomic_load_explicit(&wait->instance, memory_order_acquire) != instance) return;
    /* IDLE: killed before it was counted, or after it was counted out, or just between. */
    if (waits_tag_of(state) == IPC_WAIT_IDLE) break;
    if (atomic_compare_exchange_strong_explicit(&wait->state, &state, IPC_WAIT_IDLE, memory_order_relaxed,
                                                memory_order_relaxed)) {
      waits_uncount(segment->header);
      break;
    }
  }
  atomic_compare_exchange_strong_explicit(&wait->instance, &instance, 0, memory_order_release, memory_order_relaxed);
}

void ipc_waits_forget(ipc_segment *segment, uint32_t instance) {
  for (uint32_t i = 0, used = waits_entries_used(segment); i < used; i++)
    if (atomic_load_explicit(&segment->waits[i].instance, memory_order_acquire) == instance)
      waits_forget_one(segment, &segment->waits[i], instance);
}

void ipc_waits_leave_all(ipc_segment *segment, uint32_t instance) {
  for (uint32_t i = 0, used = waits_entries_used(segment); i < used; i++) {
    ipc_wait_entry *wait = &segment->waits[i];
    if (waits_load(&wait->instance) != instance) continue;
    uint32_t what = waits_load(&wait->what);
    if (ipc_waits_leave(segment, (int32_t)i)) ipc_waits_notify(segment, what, 1);
  }
}

/* Notifies a wait if it is still the one whose state was seen. */
static bool waits_notify(ipc_wait_entry *wait, uint32_t seen) {
  uint64_t waker = atomic_load_explicit(&wait->waker, memory_order_relaxed);
  uint32_t notified = (seen & ~(uint32_t)IPC_WAIT_TAGS) | IPC_WAIT_NOTIFIED;
  /* release: see ipc_waits_is_notified. The waker was its own, else this fails. */
  if (!atomic_compare_exchange_strong_explicit(&wait->state, &seen, notified, memory_order_release,
                                               memory_order_relaxed))
    return false;
  if (waker)
    ipc_os_signal(waker);
  else
    ipc_os_wake_all(&wait->state);
  return true;
}

/*
 * Whether a state that was seen is that of a wait for `what` that did not begin just now: otherwise waits that are
 * notified and wait again could keep a notifier busy for ever. A ticket that seems to be far ahead of `end` has waited
 * through half a round of the tickets.
 */
static bool waits_is_meant(const ipc_wait_entry *wait, uint32_t state, uint32_t what, uint32_t end) {
  enum { JUST_NOW = 1 << 20 };
  uint32_t since_end = ((state & ~(uint32_t)IPC_WAIT_TAGS) - end) >> TICKET_SHIFT;
  return waits_tag_of(state) == IPC_WAIT_WAITING && since_end >= JUST_NOW &&
         (what == IPC_WAIT_ANY || waits_load(&wait->what) == what);
}

uint32_t ipc_waits_notify_some(ipc_segment *segment, uint32_t what, uint32_t count) {
  /* A wait that begins later, or again, has seen the change. */
  uint32_t end = waits_load(&segment->header->next_ticket) << TICKET_SHIFT, notified = 0;
  while (notified < count) {
    ipc_wait_entry *oldest = NULL;
    uint32_t oldest_state = 0;
    for (uint32_t i = 0, used = waits_entries_used(segment); i < used; i++) {
      ipc_wait_entry *wait = &segment->waits[i];
      uint32_t state = atomic_load_explicit(&wait->state, memory_order_acquire);
      if (!waits_is_meant(wait, state, what, end) || (oldest && !waits_is_older(state, oldest_state))) continue;
      oldest = wait;
      oldest_state = state;
    }
    if (!oldest) break;
    notified += waits_notify(oldest, oldest_state);
  }
  return notified;
}

/*
 * Not inlined: the caller would save registers before its store, also where nothing waits. The fence comes before the
 * search: what a waiter stored besides `waiting` is seen, too.
 */
uint32_t ipc_waits_notify_waiting(ipc_segment *segment, uint32_t what, uint32_t count) {
  return ipc_waits_notify(segment, what, count);
}

uint32_t ipc_waits_notify_all(ipc_segment *segment, uint32_t what) {
  atomic_thread_fence(memory_order_seq_cst); /* pairs with the fence in ipc_waits_enter */
  uint32_t end = waits_load(&segment->header->next_ticket) << TICKET_SHIFT, notified = 0;
  for (uint32_t i = 0, used = waits_entries_used(segment); i < used; i++) {
    ipc_wait_entry *wait = &segment->waits[i];
    uint32_t state = atomic_load_explicit(&wait->state, memory_order_acquire);
    notified += waits_is_meant(wait, state, what, end) && waits_notify(wait, state);
  }
  return notified;
}
