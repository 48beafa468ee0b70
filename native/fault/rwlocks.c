/* rwlocks.c - four actors that read and write under one reader-writer lock. */
#include "libipc/rwlock.h"
#include "lock_scenario.h"

static int32_t try_rwlock(ipc_handle *lock) { return ipc_rwlock_lock(lock, 0, IPC_KEEP_QUEUE_POSITION); }
static int32_t try_shared(ipc_handle *lock) { return ipc_rwlock_lock_shared(lock, 0); }

static int32_t lock_alone(ipc_handle *lock) {
  if (plan()->how == EVENTS) return DO(by_events(lock, IPC_WAIT_FOR_LOCK, try_rwlock));
  return DO(ipc_rwlock_lock(lock, -1, IPC_KEEP_NOTHING));
}

static int32_t lock_shared(ipc_handle *lock) {
  if (plan()->how == EVENTS) return DO(by_events(lock, IPC_WAIT_FOR_SHARED, try_shared));
  return DO(ipc_rwlock_lock_shared(lock, -1));
}

/* A writer is inside: no reader is inside, except a reader that died there. */
static void check_no_readers(void) {
  for (uint32_t i = A; i <= LAST; i++) {
    bool is_dead = (now->armed[0].actor == i && atomic_load(&now->armed[0].is_struck) && is_struck()) ||
                   (now->armed[1].actor == i && atomic_load(&now->armed[1].is_struck));
    if (atomic_load(&ledger()->shared[i]) && !is_dead) FAIL("%s reads beside a writer", playing->cast[i]);
  }
}

static void read_once(ipc_handle *lock, uint32_t round) {
  int32_t status = lock_shared(lock);
  CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
  atomic_store(&ledger()->shared[fault_actor], 1);
  if (status == IPC_OK) {
    CHECK_EQ(ledger()->counter, ledger()->counter_copy);
    if (atomic_load(&ledger()->inside))
      FAIL("a writer is inside beside a reader, or it died there and the reader did not get IPC_OWNER_DIED");
  }
  /* Once more, if that can be had at once. */
  if (round % 2 == 0 && ipc_rwlock_lock_shared(lock, 0) >= 0) CHECK_EQ(ipc_rwlock_unlock_shared(lock), IPC_OK);
  if (round < 3) LIKELY_AFTER(10, is_waited_for(lock));
  atomic_store(&ledger()->shared[fault_actor], 0);
  CHECK_EQ(DO(ipc_rwlock_unlock_shared(lock)), IPC_OK);
}

static void write_once(ipc_handle *lock, uint32_t round) {
  step(ENTERING);
  int32_t status = lock_alone(lock);
  check_no_readers();
  check_entered(status);
  if (round < 3) LIKELY_AFTER(10, is_waited_for(lock));
  check_leaving();
  CHECK_EQ(DO(ipc_rwlock_unlock(lock)), IPC_OK);
  step(OUTSIDE);
}

static void run_rwlock(uint32_t actor) {
  ipc_handle *lock = open_it();
  meet_others();
  for (uint32_t round = 0; round < ROUNDS; round++) {
    if (plan()->gives_up && round % 3 == 1) {
      /* Has the claim, waits for readers, and leaves the wait queue. */
      if (actor % 2)
        cancel_wait(lock, IPC_WAIT_FOR_SHARED, try_shared, ipc_rwlock_unlock_shared);
      else
        cancel_wait(lock, IPC_WAIT_FOR_LOCK, try_rwlock, ipc_rwlock_unlock);
    } else if (plan()->gives_up && round % 3 == 2 && actor == B) {
      step(ENTERING);
      int32_t status = DO(ipc_rwlock_lock(lock, 2, IPC_KEEP_NOTHING));
      if (status >= 0) {
        check_entered(status);
        check_leaving();
        CHECK_EQ(ipc_rwlock_unlock(lock), IPC_OK);
      }
      step(OUTSIDE);
    } else if (plan()->closes && round == 3) {
      if (actor == A) {
        step(ENTERING);
        check_entered(lock_alone(lock));
        atomic_fetch_add(&ledger()->closings, 1);
      } else {
        int32_t status = lock_shared(lock);
        CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
      }
      lock = exchange(lock);
    } else if ((round + actor) % 2) {
      read_once(lock, round);
    } else {
      write_once(lock, round);
    }
  }
  if (actor == LAST) {
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
    /* If a writer died and no writer came after it, this one still gets IPC_OWNER_DIED. */
    check_entered(DO(ipc_rwlock_lock(lock, WAIT_LIMIT_MS, IPC_KEEP_NOTHING)));
    check_leaving();
    CHECK_EQ(ipc_rwlock_unlock(lock), IPC_OK);
    CHECK_EQ(ipc_handle_count(lock), 1);
  }
  close_it(lock);
}

const scenario rwlock_scenarios[] = {
    {.name = "rwlock", CAST_OF(run_rwlock, .kind = IPC_RWLOCK), PLAN(0)},
    {.name = "rwlock, event loops", CAST_OF(run_rwlock, .kind = IPC_RWLOCK), PLAN(.how = EVENTS, .gives_up = true)},
    {.name = "rwlock, given up", CAST_OF(run_rwlock, .kind = IPC_RWLOCK), PLAN(.gives_up = true)},
    {.name = "rwlock, closed", CAST_OF(run_rwlock, .kind = IPC_RWLOCK), PLAN(.closes = true)},
    {.name = "rwlock, heir of a writer",
     CAST_OF(run_rwlock, .kind = IPC_RWLOCK),
     PLAN(0),
     .first = {A, "ipc_rwlock_unlock store", 1}},
    {.name = "rwlock, heir of a reader",
     CAST_OF(run_rwlock, .kind = IPC_RWLOCK),
     PLAN(0),
     .first = {B, "set_held store", 2}},
    {.name = NULL}};
