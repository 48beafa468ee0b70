/* abandoned_locks.c - locks that are marked unusable, or that their only user left locked, or with a permit. */
#include "libipc/rwlock.h"
#include "libipc/semaphore.h"
#include "lock_scenario.h"

/* One marks the lock unusable while others wait for it. */
static void run_unusable(uint32_t actor) {
  bool is_mutex = playing->options.kind == IPC_MUTEX;
  ipc_handle *lock = open_it();
  meet_others();
  int32_t status;
  if (actor == A) {
    status = is_mutex ? DO(ipc_mutex_lock(lock, -1)) : DO(ipc_rwlock_lock(lock, -1, IPC_KEEP_NOTHING));
    CHECK_EQ(status, IPC_OK);
    reach(1);
    LIKELY_AFTER(10, is_waited_for(lock));
    CHECK_EQ(is_mutex ? ipc_mutex_mark_unusable(lock) : ipc_rwlock_mark_unusable(lock), IPC_OK);
    reach(2);
  } else {
    await_stage(A, 1);
    for (;;) {
      status = is_mutex ? DO(ipc_mutex_lock(lock, -1)) : DO(ipc_rwlock_lock(lock, -1, IPC_KEEP_NOTHING));
      if (status == IPC_E_UNUSABLE) break;
      /* A died before it could mark it. */
      CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
      CHECK_EQ(is_mutex ? ipc_mutex_unlock(lock) : ipc_rwlock_unlock(lock), IPC_OK);
      if (has_ended(A)) break;
    }
    if (actor == B && !is_mutex) {
      status = ipc_rwlock_lock_shared(lock, 0);
      if (status >= 0) ipc_rwlock_unlock_shared(lock);
    }
  }
  if (actor == LAST)
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
  close_it(lock);
}

/* A died inside, and no other actor had the name open: the next to lock gets IPC_OWNER_DIED, whichever other actor dies
 * while it opens. */
static void run_left_locked(uint32_t actor) {
  bool is_mutex = playing->options.kind == IPC_MUTEX;
  uint32_t before = actor == LAST ? LAST : actor == A ? A : plan()->other_options && actor == C ? C : B;
  for (uint32_t i = A; i < before; i++)
    while (!has_ended(i)) a_moment();
  ipc_handle *lock = open_it();
  int32_t status = is_mutex ? DO(ipc_mutex_lock(lock, -1)) : DO(ipc_rwlock_lock(lock, -1, IPC_KEEP_NOTHING));
  CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
  atomic_fetch_add(&ledger()->told, status == IPC_OWNER_DIED);
  if (actor == LAST) CHECK(atomic_load(&ledger()->told) > 0);
  CHECK_EQ(is_mutex ? ipc_mutex_unlock(lock) : ipc_rwlock_unlock(lock), IPC_OK);
  close_it(lock);
}

/* A died with a permit, and no other actor had the name open: the next open counts it in `recovered`. */
static void run_left_with_a_permit(uint32_t actor) {
  uint32_t before = actor == LAST ? LAST : actor == A ? A : B;
  for (uint32_t i = A; i < before; i++)
    while (!has_ended(i)) a_moment();
  ipc_handle *semaphore = open_it();
  atomic_fetch_add(&ledger()->told, ipc_semaphore_recovered(semaphore) > 0);
  /* An actor that dies after its open takes the number with it. */
  if (actor == LAST && !was_killed(B) && !was_killed(C)) CHECK(atomic_load(&ledger()->told) > 0);
  uint32_t permits = actor == LAST ? 2 : 1;
  for (uint32_t i = 0; i < permits; i++) CHECK_EQ(DO(ipc_semaphore_acquire(semaphore, -1)), IPC_OK);
  CHECK_EQ(DO(ipc_semaphore_release(semaphore, permits)), IPC_OK);
  close_it(semaphore);
}

const scenario abandoned_lock_scenarios[] = {
    {.name = "robust semaphore, left with a permit",
     CAST_OF(run_left_with_a_permit, .kind = IPC_SEMAPHORE, .initial = 1 + 2, .robust = 1),
     PLAN(0),
     .survivors = 1 << C,
     .first = {A, "release_robust store", 1}},
    {.name = "mutex, unusable", CAST_OF(run_unusable, .kind = IPC_MUTEX), PLAN(0)},
    {.name = "rwlock, unusable", CAST_OF(run_unusable, .kind = IPC_RWLOCK), PLAN(0)},
    {.name = "mutex, left locked",
     CAST_OF(run_left_locked, .kind = IPC_MUTEX),
     PLAN(0),
     .first = {A, "ipc_claim_unlock_for_waiters (mutex.c) store", 1}},
    {.name = "mutex, left locked, other options",
     CAST_OF(run_left_locked, .kind = IPC_MUTEX),
     PLAN(.other_options = true),
     .survivors = 1 << C,
     .first = {A, "ipc_claim_unlock_for_waiters (mutex.c) store", 1}},
    {.name = "rwlock, left locked, other options",
     CAST_OF(run_left_locked, .kind = IPC_RWLOCK),
     PLAN(.other_options = true),
     .survivors = 1 << C,
     .first = {A, "ipc_rwlock_unlock store", 1}},
    {.name = "rwlock, left locked",
     CAST_OF(run_left_locked, .kind = IPC_RWLOCK),
     PLAN(0),
     .first = {A, "ipc_rwlock_unlock store", 1}},
    {.name = NULL}};
