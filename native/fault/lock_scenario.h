/*
 * lock_scenario.h - what the scenarios of locks and shared memory have in common: plan, ledger, and ways to wait.
 *
 * The ledger shows what a lock must exclude: which actor is inside, and the step of its script that each actor reached.
 * If the victim was killed while its step was INSIDE, the next owner must get IPC_OWNER_DIED; if it was entering or
 * leaving, the next owner may get it.
 */
#ifndef LIBIPC_FAULT_LOCK_SCENARIO_H
#define LIBIPC_FAULT_LOCK_SCENARIO_H

#include <signal.h>
#include <sys/un.h>

#include "common.h"
#include "handle_state.h"
#include "libipc/handle.h"
#include "libipc/rwlock.h"
#include "queued_lock.h"

enum { A, B, C, LAST, ROUNDS = 6, WAIT_LIMIT_MS = 8000 };
enum step { OUTSIDE, ENTERING, INSIDE, LEAVING };
enum how { BLOCKING, EVENTS, TRYING };

typedef struct lock_plan {
  enum how how;
  bool gives_up;      /* waits now and then end before they get anything */
  bool closes;        /* handles are closed with the lock held, and opened again */
  bool other_options; /* all but the first open it with other ones than it has */
} lock_plan;

typedef struct lock_ledger {
  _Atomic uint32_t opened[MAX_ACTORS];
  _Atomic uint32_t step[MAX_ACTORS], shared[MAX_ACTORS];
  _Atomic uint32_t inside;   /* 1 + the actor that holds it alone */
  _Atomic uint32_t told;     /* how often IPC_OWNER_DIED was */
  _Atomic uint32_t closings; /* how often a handle was closed with the lock held */
  _Atomic uint32_t turns, items, taken, lost_item;
  uint64_t counter, counter_copy;
} lock_ledger;

static inline lock_ledger *ledger(void) { return (lock_ledger *)now->ledger; }
static inline const lock_plan *plan(void) { return playing->plan; }
static inline void step(enum step at) { atomic_store(&ledger()->step[fault_actor], at); }

static inline ipc_handle *open_kind(uint32_t kind) {
  ipc_options options = playing->options;
  ipc_failure failure;
  options.kind = kind;
  if (plan()->other_options && fault_actor != A) options.max_receivers = 8;
  if (kind != playing->options.kind) options = (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind};
  ipc_handle *handle = OPEN(ipc_handle_open(fault_prefix, now->name, &options, &failure));
  if (!handle) FAIL("a handle could not open: %d", failure.code);
  return handle;
}

static inline ipc_handle *open_it(void) {
  ipc_handle *handle = open_kind(playing->options.kind);
  atomic_store(&ledger()->opened[fault_actor], 1);
  return handle;
}

static inline void close_it(ipc_handle *handle) { DO((ipc_handle_close(handle), 0)); }

/* Closes a handle, whatever it holds. Another one is opened first: with the last one the name would go. */
static inline ipc_handle *exchange(ipc_handle *handle) {
  ipc_handle *next = open_it();
  close_it(handle);
  step(OUTSIDE);
  return next;
}

/* Otherwise the same actor would always be the first and the last. */
static inline void meet_others(void) {
  for (uint32_t i = A; i <= LAST; i++) LIKELY_AFTER(50, atomic_load(&ledger()->opened[i]) || has_ended(i));
}

/* The last actor to close must not be an actor that left the lock locked: that information is removed with the name. */
static inline void await_last(void) {
  while (!atomic_load(&ledger()->opened[LAST]) && !has_ended(LAST)) a_moment();
}

static inline bool is_waited_for(const ipc_handle *handle) {
  for (uint32_t i = 0; i < 16; i++)
    if ((atomic_load(&handle->segment.waits[i].state) & IPC_WAIT_TAGS) == IPC_WAIT_WAITING) return true;
  return false;
}

/* The victim of the case, or of the scenario, died at this step. */
static inline bool died_at(enum step at) {
  for (uint32_t i = A; i < LAST; i++)
    if (was_killed(i) && atomic_load(&ledger()->step[i]) == at) return true;
  return false;
}

static inline bool is_struck(void) {
  return atomic_load(&now->struck) != 0 && (now->armed[0].signal != SIGSTOP || playing->first.point);
}

/* The lock is held exclusively: no other actor is inside, except an actor that died there. */
static inline void check_entered(int32_t status) {
  uint32_t before = atomic_load(&ledger()->inside);
  if (status == IPC_OWNER_DIED) {
    atomic_fetch_add(&ledger()->told, 1);
    if (!is_struck() && atomic_load(&ledger()->closings) == 0) FAIL("got IPC_OWNER_DIED, but no owner has died");
  } else {
    CHECK_EQ(status, IPC_OK);
    if (before) FAIL("%s is inside, too, or it died there and no owner got IPC_OWNER_DIED", playing->cast[before - 1]);
  }
  atomic_store(&ledger()->inside, fault_actor + 1);
  step(INSIDE);
  if (status == IPC_OWNER_DIED) ledger()->counter = ledger()->counter_copy; /* what was left half done */
  CHECK_EQ(ledger()->counter, ledger()->counter_copy);
  ledger()->counter++;
  atomic_fetch_add(&ledger()->turns, 1);
}

static inline void check_leaving(void) {
  ledger()->counter_copy = ledger()->counter;
  CHECK_EQ(atomic_load(&ledger()->inside), fault_actor + 1);
  atomic_store(&ledger()->inside, 0);
  step(LEAVING);
}

/* As an event loop gets a lock. */
static inline int32_t by_events(ipc_handle *handle, uint32_t wait, ipc_attempt *attempt) {
  static loop_waker mine;
  if (!mine.fd) mine = open_waker();
  for (;;) {
    int32_t status = attempt(handle);
    if (status != IPC_TIMED_OUT) return status;
    CHECK_EQ(ipc_handle_arm(handle, wait, mine.low, mine.high), IPC_OK);
    if ((status = attempt(handle)) != IPC_TIMED_OUT) return status;
    if (ipc_handle_armed(handle) & (int32_t)wait && !await_signal(mine)) ipc_handle_poll(handle);
  }
}

/* Fills the socket with signals: a process that signals it then must use its other way. */
static inline void fill_socket(loop_waker it) {
  struct sockaddr_un address;
  socklen_t length = sizeof address;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  CHECK_EQ(getsockname(it.fd, (struct sockaddr *)&address, &length), 0);
  while (sendto(fd, "", 1, MSG_DONTWAIT, (struct sockaddr *)&address, length) > 0) continue;
  close(fd);
}

/* Waits as an event loop does, and cancels the wait after a short time. */
static inline void cancel_wait(ipc_handle *handle, uint32_t wait, ipc_attempt *attempt,
                               int32_t (*unlock)(ipc_handle *)) {
  loop_waker mine = open_waker();
  fill_socket(mine);
  int32_t status = attempt(handle);
  if (status == IPC_TIMED_OUT) {
    CHECK_EQ(ipc_handle_arm(handle, wait, mine.low, mine.high), IPC_OK);
    status = attempt(handle);
  }
  if (status == IPC_TIMED_OUT) LIKELY_AFTER(3, ipc_handle_armed(handle) == 0);
  ipc_handle_disarm(handle, wait);
  if (status >= 0) {
    if (unlock != ipc_rwlock_unlock_shared && playing->options.kind != IPC_SEMAPHORE) {
      check_entered(status);
      check_leaving();
    }
    CHECK_EQ(unlock(handle), IPC_OK);
  }
  step(OUTSIDE);
  close(mine.fd);
  ipc_waker_close(mine.low, mine.high);
}

static inline int32_t by_trying(ipc_handle *handle, ipc_attempt *attempt) {
  int32_t status;
  while ((status = attempt(handle)) == IPC_TIMED_OUT) a_moment();
  return status;
}

#define CAST_OF(run_, ...)                                    \
  .cast = {"A", "B", "C", "last"}, .victims = 3, .run = run_, \
  .options = {.struct_size = sizeof(ipc_options), __VA_ARGS__}
#define PLAN(...) \
  .plan = &(const lock_plan) { __VA_ARGS__ }

#endif
