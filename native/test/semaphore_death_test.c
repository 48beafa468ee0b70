/* semaphore_death_test.c - permits of closed and killed handles, also at random and at every call. */
#include "semaphore_fixture.h"

static void a_close_releases_robust_permits(void) {
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

/* The dead. */
static void permits_of_dead_handles_come_back(void) {
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
      while ((status = ipc_semaphore_acquire(it, 0)) == IPC_TIMED_OUT) check_not_hung(started);
    else
      status = ipc_semaphore_acquire(it, way == 3 ? 450 : -1);
    check_within_a_second(started);
    CHECK_EQ(status, way == 3 ? IPC_TIMED_OUT : IPC_OK); /* without robust it is lost */
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

/* A handle that recovers permits of the dead signals waits in event loops. */
static void recovered_permits_signal_waiters(void) {
  shared = test_shared(sizeof *shared);
  options_now = of(ROBUST, 2);
  waker mine = open_waker();
  ipc_handle *it = must_handle(options_now), *other = must_handle(options_now);
  test_worker holder = test_start(TEST_PROCESS, acquire_all, NULL);
  test_await(&shared->ready, 1);
  arm(other, IPC_WAIT_FOR_LOCK, &mine);
  test_kill(holder);
  CHECK_EQ(ipc_semaphore_acquire(it, 0), IPC_OK); /* a first try checks liveness */
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_semaphore_acquire(other, 0), IPC_OK);
  CHECK_EQ(ipc_semaphore_recovered(it), 2);
  ipc_handle_close(it);
  ipc_handle_close(other);
  close_waker(&mine);
}

/* Notified, and stopped: another handle takes the permit within a second, because none holds it. */
static void a_stopped_or_killed_waiter_blocks_no_other(void) {
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

enum { KILLS = 250 * TEST_SCALE, PERMITS = 4 };

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
  shared = test_shared(sizeof *shared);
  options_now = of(ROBUST, PERMITS);
  ipc_handle *it = must_handle(options_now);
  kill_at_random(32, KILLS, work_until_stopped, shared->rounds, &shared->stop);
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

TEST_MAIN(TEST_CASE(a_close_releases_robust_permits), TEST_CASE(permits_of_dead_handles_come_back),
          TEST_CASE(recovered_permits_signal_waiters), TEST_CASE(a_stopped_or_killed_waiter_blocks_no_other),
          TEST_CASE(holders_and_waiters_are_killed_at_random), TEST_CASE(a_death_at_every_call_is_survived))
