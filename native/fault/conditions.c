/* conditions.c - two actors produce items, two wait for them on a condition. */
#include "libipc/condition.h"
#include "lock_scenario.h"

/* Items go from two to two; the waiting ones wait on a condition, and the last one ends it. */
static void run_condition(uint32_t actor) {
  ipc_handle *mutex = open_kind(IPC_MUTEX), *condition = open_it();
  meet_others();
  bool is_producer = actor == A || actor == LAST;
  for (uint32_t round = 0; is_producer && round < ROUNDS; round++) {
    int32_t status = DO(ipc_mutex_lock(mutex, -1));
    CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
    atomic_fetch_add(&ledger()->items, 1);
    if (round < 4) LIKELY_AFTER(5, is_waited_for(condition));
    CHECK_EQ(DO(ipc_mutex_unlock(mutex)), IPC_OK);
    if (round % 3 == 2)
      DO(ipc_condition_notify_all(condition));
    else
      DO(ipc_condition_notify(condition));
  }
  reach(1);
  if (actor == LAST) {
    await_stage(A, 1);
    /* All is taken but what the dead one was at. */
    uint64_t begun = fault_begin("items are taken");
    while (atomic_load(&ledger()->taken) + 1 < atomic_load(&ledger()->items)) a_moment();
    fault_end("items are taken", begun);
    int32_t status = DO(ipc_mutex_lock(mutex, -1));
    CHECK(status >= 0);
    atomic_store(&ledger()->told, 1);
    CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
    CHECK(DO(ipc_condition_notify_all(condition)) >= 0);
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
    /* The file of a mutex stays for its next owner if the last one died inside. */
    CHECK(ipc_mutex_lock(mutex, -1) >= 0);
    CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
  }
  for (bool over = is_producer; !over;) {
    int32_t status = DO(ipc_mutex_lock(mutex, -1));
    CHECK(status == IPC_OK || status == IPC_OWNER_DIED);
    while (atomic_load(&ledger()->items) == atomic_load(&ledger()->taken) && !atomic_load(&ledger()->told)) {
      if (plan()->how == BLOCKING) {
        status = DO(ipc_condition_wait(condition, mutex, plan()->gives_up ? 20 : -1));
        CHECK(status >= 0 || (plan()->gives_up && status == IPC_TIMED_OUT));
      } else {
        /* As an event loop waits. */
        static loop_waker mine;
        if (!mine.fd) mine = open_waker();
        int32_t wait = ipc_condition_enter(condition, mine.low, mine.high);
        CHECK(wait >= 0);
        CHECK_EQ(ipc_mutex_unlock(mutex), IPC_OK);
        while ((status = ipc_handle_sleep(condition, wait, 0)) == IPC_TIMED_OUT &&
               !(plan()->gives_up && atomic_load(&ledger()->told)))
          if (!await_signal(mine)) ipc_handle_poll(condition);
        if (status == IPC_TIMED_OUT) ipc_handle_leave(condition, wait);
        status = DO(ipc_mutex_lock(mutex, -1));
        CHECK(status >= 0);
      }
    }
    over = atomic_load(&ledger()->told);
    if (atomic_load(&ledger()->items) > atomic_load(&ledger()->taken)) atomic_fetch_add(&ledger()->taken, 1);
    CHECK_EQ(DO(ipc_mutex_unlock(mutex)), IPC_OK);
  }
  close_it(condition);
  close_it(mutex);
}

const scenario condition_scenarios[] = {
    {.name = "condition, heir of a notification",
     CAST_OF(run_condition, .kind = IPC_CONDITION),
     PLAN(0),
     .survivors = 1 << C,
     .first = {B, "ipc_waits_leave exchange", 1}},
    {.name = "condition", CAST_OF(run_condition, .kind = IPC_CONDITION), PLAN(0)},
    {.name = "condition, event loops", CAST_OF(run_condition, .kind = IPC_CONDITION), PLAN(.how = EVENTS)},
    {.name = "condition, given up", CAST_OF(run_condition, .kind = IPC_CONDITION), PLAN(.gives_up = true)},
    {.name = NULL}};
