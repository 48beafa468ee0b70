/* mutexes.c - four actors that lock one mutex in turn. */
#include "lock_scenario.h"

static int32_t try_mutex(ipc_handle *mutex) { return ipc_mutex_lock(mutex, 0); }

static int32_t lock_mutex(ipc_handle *mutex) {
  if (plan()->how == EVENTS) return DO(by_events(mutex, IPC_WAIT_FOR_LOCK, try_mutex));
  if (plan()->how == TRYING) return DO(by_trying(mutex, try_mutex));
  return DO(ipc_mutex_lock(mutex, -1));
}

static void run_mutex(uint32_t actor) {
  ipc_handle *mutex = open_it();
  meet_others();
  for (uint32_t round = 0; round < ROUNDS; round++) {
    step(ENTERING);
    if (plan()->gives_up && round % 3 == 1) {
      cancel_wait(mutex, IPC_WAIT_FOR_LOCK, try_mutex, ipc_mutex_unlock);
      continue;
    }
    check_entered(lock_mutex(mutex));
    if (round < 4) LIKELY_AFTER(10, is_waited_for(mutex));
    if (plan()->closes && round % 2 == 1) {
      atomic_fetch_add(&ledger()->closings, 1);
      mutex = exchange(mutex);
      continue;
    }
    check_leaving();
    CHECK_EQ(DO(ipc_mutex_unlock(mutex)), IPC_OK);
    step(OUTSIDE);
  }
  if (actor != LAST) {
    await_last();
    close_it(mutex);
    return;
  }
  for (uint32_t i = A; i < LAST; i++)
    while (!has_ended(i)) a_moment();
  int32_t status = DO(ipc_mutex_lock(mutex, WAIT_LIMIT_MS));
  check_entered(status);
  /* Once for each death, and for each handle that was closed with the lock held. */
  uint32_t told = atomic_load(&ledger()->told), closings = atomic_load(&ledger()->closings);
  CHECK(told >= closings + (died_at(INSIDE) && !plan()->closes));
  CHECK(told <= closings + 2);
  check_leaving();
  CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
  CHECK_EQ(ipc_handle_count(mutex), 1);
  close_it(mutex);
}

const scenario mutex_scenarios[] = {
    {.name = "mutex", CAST_OF(run_mutex, .kind = IPC_MUTEX), PLAN(0)},
    {.name = "mutex, event loops", CAST_OF(run_mutex, .kind = IPC_MUTEX), PLAN(.how = EVENTS, .gives_up = true)},
    {.name = "mutex, tries", CAST_OF(run_mutex, .kind = IPC_MUTEX), PLAN(.how = TRYING)},
    {.name = "mutex, closed", CAST_OF(run_mutex, .kind = IPC_MUTEX), PLAN(.closes = true)},
    {.name = "mutex, heir",
     CAST_OF(run_mutex, .kind = IPC_MUTEX),
     PLAN(0),
     .first = {A, "ipc_claim_unlock_for_waiters (mutex.c) store", 2}},
    {.name = "mutex, heir of a wait",
     CAST_OF(run_mutex, .kind = IPC_MUTEX),
     PLAN(0),
     .first = {A, " ipc_sleep_on wait", 1}},
    {.name = "mutex, heir of a notification",
     CAST_OF(run_mutex, .kind = IPC_MUTEX),
     PLAN(.how = EVENTS),
     .first = {A, "ipc_waits_leave exchange", 1}},
    {.name = NULL}};
