/* semaphore_test.c - never more inside than there are permits; of a robust one, the dead give theirs back. */
#include "libipc/semaphore.h"

#include "handles.h"
#include "libipc/list.h"

enum { ROBUST = 1, PLAIN = 2 };

static ipc_options of(uint32_t robust, uint32_t permits) {
  return (ipc_options){.kind = IPC_SEMAPHORE, .robust = robust, .initial = permits + 1};
}

typedef struct board {
  _Atomic uint32_t ready, go, stop, most, died_inside, order[CROWD], taken, next, waits, rounds[16];
  _Atomic int32_t inside, answer;
} board;
static board *shared;
static ipc_options options_now;

static int32_t try_to_acquire(ipc_handle *it) { return ipc_semaphore_acquire(it, 0); }

static void take_permits(void *argument) {
  bool mixed = argument != NULL;
  ipc_handle *it = must_handle(options_now);
  waker mine = open_waker();
  uint32_t how = mixed ? it->instance : 0;
  for (uint32_t i = 0; i < TURNS_EACH; i++) {
    int32_t status;
    if (how % 4 == 3)
      status = get_by_events(it, IPC_WAIT_FOR_LOCK, try_to_acquire, &mine);
    else if (how % 4 == 2)
      while ((status = ipc_semaphore_acquire(it, 1)) == IPC_TIMED_OUT) continue;
    else
      status = ipc_semaphore_acquire(it, -1);
    CHECK_EQ(status, IPC_OK);
    CHECK_EQ(ipc_handle_armed(it), 0);
    CHECK_LE(atomic_fetch_add(&shared->inside, 1) + 1, (int32_t)options_now.initial - 1);
    if (i % 64 == 0) ipc_os_yield();
    atomic_fetch_sub(&shared->inside, 1);
    CHECK_EQ(ipc_semaphore_release(it, 1), IPC_OK);
  }
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_handle_close(it);
  close_waker(&mine);
}

static void check_permits(test_form form, uint32_t robust, uint32_t permits, bool patient, void *mixed) {
  test_worker workers[CROWD];
  shared = test_shared(sizeof *shared);
  hooks.patient = patient;
  options_now = of(robust, permits);
  ipc_handle *it = must_handle(options_now);
  for (int i = 0; i < CROWD; i++) workers[i] = test_start(form, take_permits, mixed);
  test_await(&shared->ready, CROWD);
  CHECK_EQ(ipc_semaphore_permits(it), permits);
  CHECK_EQ(ipc_semaphore_recovered(it), 0);
  CHECK_EQ(it->segment.header->waiting, 0);
  atomic_store(&shared->go, 1);
  for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
  CHECK_EQ(ipc_semaphore_permits(it), permits);
  ipc_handle_close(it);
}
static void processes_take_permits(void) { check_permits(TEST_PROCESS, PLAIN, 3, true, NULL); }
static void threads_take_permits(void) { check_permits(TEST_THREAD, PLAIN, 3, true, NULL); }
static void sleepers_and_event_loops_mix(void) { check_permits(TEST_PROCESS, PLAIN, 2, true, &shared); }
static void processes_take_robust_permits(void) { check_permits(TEST_PROCESS, ROBUST, 3, true, NULL); }
static void threads_take_robust_permits(void) { check_permits(TEST_THREAD, ROBUST, 3, true, NULL); }
static void robust_sleepers_and_event_loops_mix(void) { check_permits(TEST_PROCESS, ROBUST, 2, true, &shared); }

static void free_permits_cost_no_call(void) {
  for (uint32_t robust = ROBUST; robust <= PLAIN; robust++) {
    ipc_handle *it = must_handle(of(robust, 2));
    hooks.before = count_call;
    for (int i = 0; i < 1000; i++) {
      CHECK_EQ(ipc_semaphore_acquire(it, i % 3 - 1), IPC_OK);
      CHECK_EQ(ipc_semaphore_release(it, 1), IPC_OK);
    }
    hooks.before = NULL;
    CHECK_EQ(calls_made, 0);
    ipc_handle_close(it);
  }
}

static void permits_are_counted(void) {
  for (uint32_t robust = ROBUST; robust <= PLAIN; robust++) {
    ipc_handle *it = must_handle(of(robust, 3)), *other = must_handle((ipc_options){.kind = IPC_SEMAPHORE});
    for (uint32_t left = 3; left > 0; left--) {
      CHECK_EQ(ipc_semaphore_permits(other), left);
      CHECK_EQ(ipc_semaphore_acquire(left == 1 ? other : it, -1), IPC_OK);
    }
    CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_TIMED_OUT);
    double started = test_ms();
    CHECK_EQ(ipc_semaphore_acquire(it, 30), IPC_TIMED_OUT);
    CHECK_GE(test_ms() - started, 30);
    CHECK_EQ(it->segment.header->waiting, 0);
    CHECK_EQ(ipc_semaphore_release(it, 0), IPC_E_INVALID_ARGUMENT);
    if (robust == ROBUST) {
      CHECK_EQ(ipc_semaphore_release(it, 3), IPC_E_NOT_OWNER);
      CHECK_EQ(ipc_semaphore_release(it, UINT32_MAX), IPC_E_NOT_OWNER);
      CHECK_EQ(ipc_semaphore_permits(it), 0);
      CHECK_EQ(ipc_semaphore_release(it, 2), IPC_OK);
      CHECK_EQ(ipc_semaphore_release(it, 1), IPC_E_NOT_OWNER);
      CHECK_EQ(ipc_semaphore_permits(it), 2);
      CHECK_EQ(ipc_semaphore_release(other, 1), IPC_OK);
      CHECK_EQ(ipc_semaphore_permits(it), 3);
    } else {
      CHECK_EQ(ipc_semaphore_release(it, 5), IPC_OK); /* more than it took: others may do so, too */
      CHECK_EQ(ipc_semaphore_permits(it), 5);
      CHECK_EQ(ipc_semaphore_release(it, IPC_MAX_PERMITS - 4), IPC_E_OVERFLOW);
      CHECK_EQ(ipc_semaphore_release(it, UINT32_MAX), IPC_E_OVERFLOW);
      CHECK_EQ(ipc_semaphore_permits(it), 5);
      CHECK_EQ(ipc_semaphore_release(it, IPC_MAX_PERMITS - 5), IPC_OK);
      CHECK_EQ(ipc_semaphore_permits(it), IPC_MAX_PERMITS);
      CHECK_EQ(ipc_semaphore_release(other, 1), IPC_E_OVERFLOW);
    }
    CHECK_EQ(ipc_semaphore_recovered(it), 0);
    ipc_handle_close(it);
    ipc_handle_close(other);
  }
}

static void it_begins_with_what_was_asked(void) {
  const ipc_options all[] = {
      {.kind = IPC_SEMAPHORE}, of(PLAIN, 0), of(ROBUST, 0), of(PLAIN, IPC_MAX_PERMITS), of(ROBUST, 9)};
  const uint32_t permits[] = {1, 0, 0, IPC_MAX_PERMITS, 9};
  for (int i = 0; i < 5; i++) {
    ipc_handle *it = must_handle(all[i]);
    CHECK_EQ(ipc_semaphore_permits(it), permits[i]);
    CHECK_EQ(ipc_semaphore_acquire(it, 0), permits[i] ? IPC_OK : IPC_TIMED_OUT);
    ipc_handle_close(it);
  }
}

/* Acquires, tells the answer, and stays as it is until it is told to go on. */
static void acquire_and_tell(void *timeout_ms) {
  ipc_handle *it = must_handle(options_now);
  atomic_store(&shared->answer, ipc_semaphore_acquire(it, (int32_t)(intptr_t)timeout_ms));
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_handle_close(it);
}

static test_worker start_taker(int32_t timeout_ms) {
  shared = test_shared(sizeof *shared);
  return test_start(TEST_PROCESS, acquire_and_tell, (void *)(intptr_t)timeout_ms);
}

static void finish_taker(test_worker worker, int32_t answer) {
  test_await(&shared->ready, 1);
  CHECK_EQ(shared->answer, answer);
  atomic_store(&shared->go, 1);
  test_finish(worker);
}

static void close_gives_back_what_a_robust_one_holds(void) {
  hooks.patient = true;
  for (uint32_t robust = ROBUST; robust <= PLAIN; robust++) {
    options_now = of(robust, 2);
    ipc_handle *it = must_handle(options_now), *other = must_handle(options_now);
    for (int i = 0; i < 2; i++) CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_OK);
    test_worker waiter = start_taker(robust == ROBUST ? -1 : 10);
    if (robust == ROBUST) await_waits(it, 1);
    ipc_handle_close(it);
    finish_taker(waiter, robust == ROBUST ? IPC_OK : IPC_TIMED_OUT);
    CHECK_EQ(ipc_semaphore_permits(other), robust == ROBUST ? 2 : 0);
    CHECK_EQ(ipc_semaphore_recovered(other), 0); /* it did not die */
    ipc_handle_close(other);
  }
}

static void waiters_learn_that_it_was_cleared(void) {
  hooks.patient = true;
  for (uint32_t robust = ROBUST; robust <= PLAIN; robust++) {
    ipc_failure failure;
    options_now = of(robust, 1);
    ipc_handle *it = must_handle(options_now);
    CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_OK);
    test_worker waiter = start_taker(-1);
    await_waits(it, 1);
    CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_SEMAPHORE, &failure), IPC_OK);
    finish_taker(waiter, IPC_E_ORPHANED);
    CHECK_EQ(ipc_semaphore_release(it, 1), IPC_OK);
    for (int32_t timeout = -1; timeout < 2; timeout++) CHECK_EQ(ipc_semaphore_acquire(it, timeout), IPC_E_ORPHANED);
    ipc_handle_close(it);
  }
}

static void a_removed_name_is_noticed(void) {
  options_now = of(PLAIN, 0);
  ipc_handle *it = must_handle(options_now);
  test_worker waiter = start_taker(-1);
  await_waits(it, 1);
  double started = test_ms();
  ipc_os_unlink(it->segment.key);
  finish_taker(waiter, IPC_E_ORPHANED);
  check_within_a_second(started);
  ipc_handle_close(it);
}

static void count_waits_begun(const char *call) {
  if (strcmp(call, "wait") == 0) atomic_fetch_add(&shared->waits, 1);
}

static void wait_in_line(void *number) {
  ipc_handle *it = must_handle(options_now);
  hooks.before = count_waits_begun;
  CHECK_EQ(ipc_semaphore_acquire(it, -1), IPC_OK);
  atomic_store(&shared->order[atomic_fetch_add(&shared->taken, 1)], (uint32_t)(uintptr_t)number);
  atomic_fetch_add(&shared->next, 1);
  test_await(&shared->go, 1); /* keeps its permit */
  hooks.before = NULL;
  ipc_handle_close(it);
}

static void as_many_are_woken_as_there_are_permits(void) {
  hooks.patient = true;
  shared = test_shared(sizeof *shared);
  test_worker workers[CROWD];
  options_now = of(PLAIN, 0);
  ipc_handle *it = must_handle(options_now);
  atomic_store(&it->segment.header->next_ticket, UINT32_MAX - 2);
  for (uint32_t i = 0; i < CROWD; i++) {
    workers[i] = test_start(TEST_PROCESS, wait_in_line, (void *)(uintptr_t)i);
    await_waits(it, i + 1);
    test_await(&shared->waits, i + 1);
  }
  for (uint32_t i = 0; i < 3; i++) {
    CHECK_EQ(ipc_semaphore_release(it, 1), IPC_OK);
    test_await(&shared->next, i + 1);
    CHECK_EQ(shared->order[i], i);
  }
  CHECK_EQ(ipc_semaphore_release(it, 3), IPC_OK);
  test_await(&shared->next, 6);
  /* Three at once: each takes what there is, and one that sees more tells the next, so they may be any of those left.
   */
  for (uint32_t i = 3; i < 6; i++) CHECK_GE(shared->order[i], 3);
  CHECK_LE(shared->waits, CROWD + 4); /* a sleep may end early for any reason */
  await_waits(it, 2);
  CHECK_EQ(ipc_semaphore_release(it, IPC_MAX_PERMITS), IPC_OK);
  atomic_store(&shared->go, 1);
  for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
  ipc_handle_close(it);
}

static void event_loops_are_rung_in_line(void) {
  for (uint32_t robust = ROBUST; robust <= PLAIN; robust++) {
    waker mine = open_waker(), others = open_waker();
    ipc_handle *owner = must_handle(of(robust, 1)), *it = must_handle(of(robust, 1)),
               *other = must_handle(of(robust, 1));
    CHECK_EQ(ipc_semaphore_acquire(owner, 0), IPC_OK);
    arm(it, IPC_WAIT_FOR_LOCK, &mine);
    arm(other, IPC_WAIT_FOR_LOCK, &others);
    CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_TIMED_OUT);
    CHECK_EQ(ipc_semaphore_release(owner, 1), IPC_OK);
    CHECK_EQ(rings(&mine), 1);
    CHECK_EQ(rings(&others), 0);
    ipc_handle_disarm(it, IPC_WAIT_FOR_LOCK);
    CHECK_EQ(rings(&others), 1);
    CHECK_EQ(ipc_semaphore_acquire(other, 0), IPC_OK);
    CHECK_EQ(ipc_semaphore_release(other, 1), IPC_OK);
    CHECK_EQ(rings(&mine), 0);
    CHECK_EQ(it->segment.header->waiting, 0);
    ipc_handle_close(it);
    ipc_handle_close(other);
    ipc_handle_close(owner);
    close_waker(&mine);
    close_waker(&others);
  }
}

/* Two permits came, and both notifications went to the one that needs a single one: the other is for the next. */
static void a_second_notification_goes_to_the_next(void) {
  for (uint32_t robust = ROBUST; robust <= PLAIN; robust++) {
    waker mine = open_waker(), others = open_waker();
    ipc_handle *owner = must_handle(of(robust, 2)), *it = must_handle(of(robust, 2)),
               *other = must_handle(of(robust, 2));
    for (int i = 0; i < 2; i++) CHECK_EQ(ipc_semaphore_acquire(owner, 0), IPC_OK);
    arm(it, IPC_WAIT_FOR_LOCK, &mine);
    arm(other, IPC_WAIT_FOR_LOCK, &others);
    CHECK_EQ(ipc_semaphore_release(owner, 1), IPC_OK);
    CHECK_EQ(rings(&mine), 1);
    arm(it, IPC_WAIT_FOR_LOCK, &mine); /* rung: armed again, then it tries */
    CHECK_EQ(ipc_semaphore_release(owner, 1), IPC_OK);
    CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_OK);
    CHECK_EQ(rings(&others), 1);
    CHECK_EQ(ipc_semaphore_acquire(other, 0), IPC_OK);
    ipc_handle_close(it);
    ipc_handle_close(other);
    ipc_handle_close(owner);
    close_waker(&mine);
    close_waker(&others);
  }
}

static ipc_handle *owner_now, *last_in_line;
static waker last_waker;

/* The sleeper looks around, and there are two permits: one that nobody was notified of, and one that is told to it. */
static void release_in_the_wait(const char *call) {
  if (strcmp(call, "stat_key") != 0) return;
  hooks.before = NULL;
  arm(last_in_line, IPC_WAIT_FOR_LOCK, &last_waker);
  atomic_fetch_add(&owner_now->segment.header->permits, 1);
  CHECK_EQ(ipc_semaphore_release(owner_now, 1), IPC_OK);
  CHECK_EQ(rings(&last_waker), 0);
}

static void a_sleeper_that_takes_another_permit_passes_its_notification_on(void) {
  ipc_handle *it = must_handle(of(PLAIN, 0));
  owner_now = must_handle(of(PLAIN, 0));
  last_in_line = must_handle(of(PLAIN, 0));
  last_waker = open_waker();
  hooks.before = release_in_the_wait;
  CHECK_EQ(ipc_semaphore_acquire(it, 5000), IPC_OK);
  CHECK_EQ(ipc_semaphore_permits(it), 1);
  CHECK_EQ(rings(&last_waker), 1);
  ipc_handle_close(it);
  ipc_handle_close(owner_now);
  ipc_handle_close(last_in_line);
  close_waker(&last_waker);
}

/* The dead. */
static void the_permits_of_the_dead_come_back(void) {
  for (int way = 0; way < 4; way++) {
    options_now = of(way == 3 ? PLAIN : ROBUST, 1);
    ipc_handle *it = must_handle(options_now), *other = must_handle(options_now);
    test_worker holder = start_taker(-1);
    test_await(&shared->ready, 1);
    test_stop(holder);
    if (way == 0) CHECK_EQ(ipc_semaphore_acquire(it, 500), IPC_TIMED_OUT); /* stopped is not dead */
    test_kill(holder);
    double started = test_ms();
    int32_t status = IPC_TIMED_OUT;
    if (way == 1) test_reap(holder);
    if (way == 2)
      while ((status = ipc_semaphore_acquire(it, 0)) == IPC_TIMED_OUT) check_within_a_second(started);
    else
      status = ipc_semaphore_acquire(it, way == 3 ? 450 : -1);
    check_within_a_second(started);
    CHECK_EQ(status, way == 3 ? IPC_TIMED_OUT : IPC_OK); /* of one that is not robust it is gone */
    CHECK_EQ(ipc_semaphore_recovered(other), way == 3 ? 0 : 1);
    if (way < 3) CHECK_EQ(ipc_semaphore_release(it, 1), IPC_OK);
    CHECK_EQ(ipc_semaphore_permits(other), way == 3 ? 0 : 1);
    ipc_handle_close(it);
    ipc_handle_close(other);
  }
}

static void acquire_all(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(options_now);
  while (ipc_semaphore_acquire(it, 0) == IPC_OK) continue;
  atomic_store(&shared->ready, 1);
  test_idle();
}

/* Whoever finds what the dead held tells those who wait in event loops. */
static void who_recovers_permits_rings_for_them(void) {
  shared = test_shared(sizeof *shared);
  options_now = of(ROBUST, 2);
  waker mine = open_waker();
  ipc_handle *it = must_handle(options_now), *other = must_handle(options_now);
  test_worker holder = test_start(TEST_PROCESS, acquire_all, NULL);
  test_await(&shared->ready, 1);
  arm(other, IPC_WAIT_FOR_LOCK, &mine);
  test_kill(holder);
  CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_OK); /* a first try looks around */
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_semaphore_acquire(other, 0), IPC_OK);
  CHECK_EQ(ipc_semaphore_recovered(it), 2);
  ipc_handle_close(it);
  ipc_handle_close(other);
  close_waker(&mine);
}

/* Notified, and stopped: another takes the permit within a second, as nobody has it. */
static void stopped_or_killed_waiter_holds_nobody_up(void) {
  for (int way = 0; way < 4; way++) {
    options_now = of(way & 2 ? ROBUST : PLAIN, 1);
    ipc_handle *it = must_handle(options_now);
    CHECK_EQ(ipc_semaphore_acquire(it, -1), IPC_OK);
    test_worker first = start_taker(-1);
    await_waits(it, 1);
    test_worker second = test_start(TEST_PROCESS, acquire_and_tell, (void *)(intptr_t)-1);
    await_waits(it, 2);
    test_stop(first);
    if (way & 1) test_kill(first);
    double started = test_ms();
    CHECK_EQ(ipc_semaphore_release(it, 1), IPC_OK);
    test_await(&shared->ready, 1);
    check_within_a_second(started);
    atomic_store(&shared->go, 1);
    test_finish(second);
    if (way & 1) {
      test_reap(first);
    } else {
      if (!(way & 2)) CHECK_EQ(ipc_semaphore_release(it, 1), IPC_OK);
      test_continue(first);
      test_finish(first);
    }
    ipc_handle_close(it);
  }
}

static uint32_t random_state;
enum { VICTIMS = 10, KILLS = 250 * TEST_SCALE, PERMITS = 4 };

static void work_until_stopped(void *number) {
  uint32_t index = (uint32_t)(uintptr_t)number;
  ipc_handle *it = must_handle(options_now);
  random_state = index * 2654435761u + 1 + atomic_fetch_add(&shared->next, 1);
  while (!atomic_load(&shared->stop)) {
    int32_t status = ipc_semaphore_acquire(it, index == 1 ? 25 : -1);
    if (status == IPC_TIMED_OUT) continue;
    CHECK_EQ(status, IPC_OK);
    bool second = test_random(&random_state) % 4 == 0 && ipc_semaphore_acquire(it, 0) == IPC_OK;
    if (index >= 2 && test_random(&random_state) % 64 == 0) {
      atomic_fetch_add(&shared->died_inside, 1 + second);
      raise(SIGKILL);
    }
    if (test_random(&random_state) % 16 == 0) ipc_os_yield();
    CHECK_EQ(ipc_semaphore_release(it, 1 + second), IPC_OK);
    atomic_fetch_add(&shared->rounds[index], 1);
  }
  ipc_handle_close(it);
}

static void holders_and_waiters_are_killed_at_random(void) {
  uint32_t seed = 20260303;
  shared = test_shared(sizeof *shared);
  options_now = of(ROBUST, PERMITS);
  ipc_handle *it = must_handle(options_now);
  test_worker survivors[2], victims[VICTIMS];
  for (uintptr_t i = 0; i < 2; i++) survivors[i] = test_start(TEST_PROCESS, work_until_stopped, (void *)i);
  for (int killed = 0; killed < KILLS; killed += VICTIMS) {
    for (uintptr_t i = 0; i < VICTIMS; i++) {
      victims[i] = test_start(TEST_PROCESS, work_until_stopped, (void *)(2 + i));
      for (uint32_t spin = test_random(&seed) % 20000; spin; spin--) ipc_cpu_relax();
      if (i >= 3) test_kill(victims[i - 3]);
    }
    for (int i = VICTIMS - 3; i < VICTIMS; i++) test_kill(victims[i]);
    double started = test_ms();
    uint32_t before[2] = {shared->rounds[0], shared->rounds[1]};
    for (int i = 0; i < 2; i++) test_await(&shared->rounds[i], before[i] + 1);
    check_within_a_second(started);
    for (int i = 0; i < VICTIMS; i++) test_reap(victims[i]);
  }
  check_recoveries();
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 2; i++) test_finish(survivors[i]);
  /* Nobody has any: all can be had at once. */
  double started = test_ms();
  for (int i = 0; i < PERMITS; i++) CHECK_EQ(ipc_semaphore_acquire(it, -1), IPC_OK);
  check_within_a_second(started);
  CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_semaphore_release(it, PERMITS), IPC_OK);
  CHECK_EQ(ipc_semaphore_permits(it), PERMITS);
  CHECK_GE(ipc_semaphore_recovered(it), shared->died_inside);
  ipc_handle_close(it);
}

static void live_a_life(void *unused) {
  (void)unused;
  hooks.before = die_at_last_call;
  ipc_handle *it = must_handle(options_now);
  for (int i = 0; i < 3; i++)
    if (ipc_semaphore_acquire(it, 30) == IPC_OK) {
      ipc_os_yield();
      ipc_semaphore_release(it, 1);
    }
  ipc_semaphore_acquire(it, 0);
  ipc_handle_close(it);
  hooks.before = NULL;
}

static void keep_acquiring(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(options_now);
  while (!atomic_load(&shared->stop)) {
    CHECK_EQ(ipc_semaphore_acquire(it, -1), IPC_OK);
    for (int i = 0; i < 20; i++) ipc_os_yield();
    CHECK_EQ(ipc_semaphore_release(it, 1), IPC_OK);
    atomic_fetch_add(&shared->rounds[0], 1);
  }
  ipc_handle_close(it);
}

static void a_death_at_every_call_is_survived(void) {
  shared = test_shared(sizeof *shared);
  options_now = of(ROBUST, 1);
  ipc_handle *it = must_handle(options_now);
  test_worker survivor = test_start(TEST_PROCESS, keep_acquiring, NULL);
  for (uint32_t n = 0, finished = 0; finished < 1 && n < 400; n++) {
    calls_left = n;
    finished += test_survived(test_start(TEST_PROCESS, live_a_life, NULL));
    double started = test_ms();
    test_await(&shared->rounds[0], atomic_load(&shared->rounds[0]) + 2);
    check_within_a_second(started);
  }
  atomic_store(&shared->stop, 1);
  test_finish(survivor);
  CHECK_EQ(ipc_semaphore_acquire(it, 1000), IPC_OK);
  ipc_handle_close(it);
}

TEST_MAIN(TEST_CASE(processes_take_permits), TEST_CASE(threads_take_permits), TEST_CASE(sleepers_and_event_loops_mix),
          TEST_CASE(processes_take_robust_permits), TEST_CASE(threads_take_robust_permits),
          TEST_CASE(robust_sleepers_and_event_loops_mix), TEST_CASE(free_permits_cost_no_call),
          TEST_CASE(permits_are_counted), TEST_CASE(it_begins_with_what_was_asked),
          TEST_CASE(close_gives_back_what_a_robust_one_holds), TEST_CASE(waiters_learn_that_it_was_cleared),
          TEST_CASE(a_removed_name_is_noticed), TEST_CASE(as_many_are_woken_as_there_are_permits),
          TEST_CASE(event_loops_are_rung_in_line), TEST_CASE(a_second_notification_goes_to_the_next),
          TEST_CASE(a_sleeper_that_takes_another_permit_passes_its_notification_on),
          TEST_CASE(the_permits_of_the_dead_come_back), TEST_CASE(who_recovers_permits_rings_for_them),
          TEST_CASE(stopped_or_killed_waiter_holds_nobody_up), TEST_CASE(holders_and_waiters_are_killed_at_random),
          TEST_CASE(a_death_at_every_call_is_survived))
