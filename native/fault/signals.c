/* signals.c - four actors that notify one another and wait for it. */
#include "libipc/signal.h"
#include "lock_scenario.h"

static int32_t try_signal(ipc_handle *signal) { return ipc_signal_wait(signal, 0); }

/* An id says who notified; what that actor had written before is seen. */
static void note(int32_t id, uint32_t *seen) {
  if (id == IPC_TIMED_OUT) return;
  uint32_t actor = (uint32_t)id % 32;
  if (id < 0 || actor > LAST) FAIL("%d is not an id that was notified", id);
  uint32_t value = atomic_load(&ledger()->shared[actor]);
  if (value < seen[actor]) FAIL("%u of actor %u comes after %u", value, actor, seen[actor]);
  seen[actor] = value;
}

static void wait_as_an_event_loop(ipc_handle *signal, uint32_t *seen) {
  loop_waker mine = open_waker();
  int32_t id = try_signal(signal);
  if (id == IPC_TIMED_OUT) {
    CHECK_EQ(ipc_handle_arm(signal, IPC_WAIT_FOR_LOCK, mine.low, mine.high), IPC_OK);
    id = try_signal(signal);
  }
  if (id == IPC_TIMED_OUT) LIKELY_AFTER(3, ipc_handle_armed(signal) == 0);
  ipc_handle_disarm(signal, IPC_WAIT_FOR_LOCK);
  note(id, seen);
  close(mine.fd);
  ipc_waker_close(mine.low, mine.high);
}

/* All that a survivor notified is taken by the last actor, and the dead are counted no more. */
static void take_all(ipc_handle *signal, uint32_t *seen) {
  int32_t id;
  for (uint32_t i = A; i < LAST; i++)
    while (!has_ended(i)) note(DO(ipc_signal_wait(signal, 5)), seen);
  while ((id = DO(try_signal(signal))) != IPC_TIMED_OUT) note(id, seen);
  for (uint32_t i = A; i < LAST; i++)
    if (!was_killed(i)) CHECK_EQ(seen[i], ROUNDS);
  uint64_t begun = fault_begin("notify until the dead are noticed");
  while (ipc_signal_notify(signal, 1, 0) != 0) a_moment();
  fault_end("notify until the dead are noticed", begun);
  CHECK_EQ(ipc_handle_count(signal), 1);
}

static void run_signal(uint32_t actor) {
  uint32_t seen[LAST + 1] = {0};
  ipc_handle *signal = open_it();
  meet_others();
  await_last(); /* what was notified before it listened, it does not get */
  for (uint32_t round = 1; round <= ROUNDS; round++) {
    atomic_store(&ledger()->shared[actor], round);
    int32_t notified = DO(ipc_signal_notify(signal, 1u << actor, 1u << actor));
    if (notified < 0 || notified > LAST) FAIL("%d handles were notified", notified);
    if (plan()->how == EVENTS || round % 3 == 0)
      wait_as_an_event_loop(signal, seen);
    else
      for (uint32_t i = 0; i < 3; i++) note(DO(ipc_signal_wait(signal, 4)), seen);
  }
  if (actor == LAST) take_all(signal, seen);
  close_it(signal);
}

const scenario signal_scenarios[] = {
    {.name = "signal", CAST_OF(run_signal, .kind = IPC_SIGNAL), PLAN(0)},
    {.name = "signal, event loops", CAST_OF(run_signal, .kind = IPC_SIGNAL), PLAN(.how = EVENTS)},
    {.name = NULL}};
