/* semaphores.c - four actors that acquire and release the permits of one semaphore. */
#include "libipc/semaphore.h"
#include "lock_scenario.h"

static int32_t try_semaphore(ipc_handle *semaphore) { return ipc_semaphore_acquire(semaphore, 0); }

/*
 * The permits that a victim holds of a semaphore that is not robust are lost: there are enough for the others to
 * continue.
 */
static void run_semaphore(uint32_t actor) {
  bool is_robust = playing->options.robust == 1;
  uint32_t permits = playing->options.initial - 1;
  ipc_handle *semaphore = open_it();
  meet_others();
  /* Where an actor dies in every run, the other actors must find it out. */
  for (uint32_t round = 0; round < ROUNDS && !(playing->first.point && actor == LAST); round++) {
    step(ENTERING);
    if (plan()->gives_up && round % 3 == 1) {
      loop_waker mine = open_waker();
      int32_t status = try_semaphore(semaphore);
      if (status == IPC_TIMED_OUT) {
        CHECK_EQ(ipc_handle_arm(semaphore, IPC_WAIT_FOR_LOCK, mine.low, mine.high), IPC_OK);
        status = try_semaphore(semaphore);
      }
      if (status == IPC_TIMED_OUT) LIKELY_AFTER(3, ipc_handle_armed(semaphore) == 0);
      ipc_handle_disarm(semaphore, IPC_WAIT_FOR_LOCK);
      if (status == IPC_OK) CHECK_EQ(DO(ipc_semaphore_release(semaphore, 1)), IPC_OK);
      close(mine.fd);
      ipc_waker_close(mine.low, mine.high);
      continue;
    }
    int32_t status = plan()->how == EVENTS   ? DO(by_events(semaphore, IPC_WAIT_FOR_LOCK, try_semaphore))
                     : plan()->how == TRYING ? DO(by_trying(semaphore, try_semaphore))
                                             : DO(ipc_semaphore_acquire(semaphore, -1));
    CHECK_EQ(status, IPC_OK);
    step(INSIDE);
    atomic_store(&ledger()->shared[actor], 1);
    uint32_t inside = 0;
    for (uint32_t i = A; i <= LAST; i++) inside += atomic_load(&ledger()->shared[i]);
    if (inside > permits + (is_struck() ? 1 : 0)) FAIL("%u are inside with %u permits", inside, permits);
    if (round < 3) LIKELY_AFTER(10, is_waited_for(semaphore));
    atomic_store(&ledger()->shared[actor], 0);
    step(LEAVING);
    if (plan()->closes && round % 2 == 1) {
      semaphore = exchange(semaphore);
      continue;
    }
    CHECK_EQ(DO(ipc_semaphore_release(semaphore, 1)), IPC_OK);
    step(OUTSIDE);
  }
  if (actor == LAST) {
    for (uint32_t i = A; i < LAST; i++)
      while (!has_ended(i)) a_moment();
    /* All are there again: of a robust one those of the dead, too. */
    uint32_t all = permits - (!is_robust && (was_killed(A) || was_killed(B) || was_killed(C)));
    for (uint32_t i = 0; i < all; i++) CHECK_EQ(DO(ipc_semaphore_acquire(semaphore, WAIT_LIMIT_MS)), IPC_OK);
    if (is_robust) CHECK_EQ(ipc_semaphore_acquire(semaphore, 0), IPC_TIMED_OUT);
    CHECK(ipc_semaphore_recovered(semaphore) <= 2);
    CHECK_EQ(DO(ipc_semaphore_release(semaphore, all)), IPC_OK);
    CHECK_EQ(ipc_handle_count(semaphore), 1);
  }
  close_it(semaphore);
}

const scenario semaphore_scenarios[] = {
    {.name = "semaphore", CAST_OF(run_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 3), PLAN(.gives_up = true)},
    {.name = "semaphore, event loops",
     CAST_OF(run_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 3),
     PLAN(.how = EVENTS)},
    {.name = "robust semaphore", CAST_OF(run_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 1, .robust = 1), PLAN(0)},
    {.name = "robust semaphore, event loops",
     CAST_OF(run_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 1, .robust = 1),
     PLAN(.how = EVENTS, .gives_up = true)},
    {.name = "robust semaphore, closed",
     CAST_OF(run_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 2, .robust = 1),
     PLAN(.closes = true)},
    {.name = "robust semaphore, heir",
     CAST_OF(run_semaphore, .kind = IPC_SEMAPHORE, .initial = 1 + 1, .robust = 1),
     PLAN(0),
     .first = {A, "semaphore_add_permits store", 2}},
    {.name = NULL}};
