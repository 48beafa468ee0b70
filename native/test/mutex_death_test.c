/* mutex_death_test.c - owners and waiters are stopped or killed, also at random and at every call. */
#include "mutex_fixture.h"

static void die_holding(void *unused) {
  (void)unused;
  CHECK_EQ(ipc_mutex_lock(must_handle(mutex), -1), IPC_OK);
  atomic_fetch_add(&shared->ready, 1);
  pause();
}

/* No other handle had it open: the next open creates it again, and its lock still reports the death. */
static void the_next_owner_learns_of_a_death(void) {
  shared = test_shared(sizeof *shared);
  for (int keeps = 0; keeps < 2; keeps++) {
    test_worker owner = test_start(TEST_PROCESS, die_holding, NULL);
    test_await(&shared->ready, (uint32_t)keeps + 1);
    test_kill(owner);
    hooks.keep_names = keeps; /* it is created again in the same file */
    ipc_handle *it = must_handle(mutex), *other = must_handle(mutex);
    CHECK_EQ(ipc_mutex_lock(it, 0), IPC_OWNER_DIED);
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
    CHECK_EQ(ipc_mutex_lock(other, 0), IPC_OK);
    CHECK_EQ(ipc_mutex_unlock(other), IPC_OK);
    hooks.keep_names = false;
    ipc_handle_close(it);
    ipc_handle_close(other);
  }
}

/* What the thread leaves open is lost on purpose: AddressSanitizer need not see it. */
static ipc_handle *lost[2];

static void lock_and_end(void *unused) {
  (void)unused;
  ipc_handle **place = lost[0] ? &lost[1] : &lost[0];
  *place = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(*place, 0), IPC_OK);
}

static void the_end_of_a_thread_counts_like_that_of_a_process(void) {
  ipc_handle *it = must_handle(mutex);
  for (int form = TEST_PROCESS; form <= TEST_THREAD; form++) {
    test_finish(test_start((test_form)form, lock_and_end, NULL));
    double started = test_ms();
    CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OWNER_DIED);
    check_within_a_second(started);
    CHECK_EQ(ipc_handle_count(it), 1);
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  }
  ipc_handle_close(it);
}

static void a_stopped_holder_keeps_the_mutex_and_a_killed_one_loses_it(void) {
  for (int way = 0; way < 3; way++) {
    ipc_handle *it = must_handle(mutex);
    test_worker holder = start_locker(-1);
    test_await(&shared->ready, 1);
    test_stop(holder);
    if (way == 0) CHECK_EQ(ipc_mutex_lock(it, 500), IPC_TIMED_OUT); /* it has looked at least once */
    if (way > 0) ipc_handle_poll(it);
    CHECK_EQ(ipc_mutex_lock(it, 0), IPC_TIMED_OUT);
    test_kill(holder); /* a zombie now */
    double started = test_ms();
    int32_t status;
    if (way == 1) test_reap(holder);
    if (way == 2)
      while ((status = ipc_mutex_lock(it, 0)) == IPC_TIMED_OUT)
        check_within_a_second(started); /* a try notices it, too */
    else
      status = ipc_mutex_lock(it, -1);
    CHECK_EQ(status, IPC_OWNER_DIED);
    check_within_a_second(started);
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
    CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
    ipc_handle_close(it);
    atomic_store(&shared->ready, 0);
  }
}

/* It is notified and does nothing about it: the next in line must not wait for it. */
static void a_stopped_or_killed_waiter_blocks_no_other(void) {
  for (int killed = 0; killed < 2; killed++) {
    ipc_handle *it = must_handle(mutex);
    waker mine = open_waker();
    CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
    test_worker first = start_locker(-1);
    await_waits(it, 1);
    test_worker second = start_locker(-1);
    await_waits(it, 2);
    if (killed)
      test_kill(first);
    else
      test_stop(first);
    double started = test_ms();
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
    test_await(&shared->ready, 1);
    check_within_a_second(started);
    CHECK_EQ(shared->answer, IPC_OK);
    if (!killed) test_continue(first);
    atomic_store(&shared->go, 1);
    if (killed)
      test_reap(first);
    else
      test_finish(first);
    test_finish(second);
    atomic_store(&shared->go, 0);
    atomic_store(&shared->ready, 0);
    ipc_handle_poll(it);
    CHECK_EQ(it->segment.header->waiting, 0); /* the dead one's wait is out of the table */
    ipc_handle_close(it);
    close_waker(&mine);
  }
}

/* Kill tests: `first` and `second` differ while an owner works; a later owner that finds them different must have got
 * IPC_OWNER_DIED. */
static uint32_t random_state;

static void mend(int32_t status) {
  if (shared->first == shared->second) return;
  CHECK_EQ(status, IPC_OWNER_DIED);
  shared->second = shared->first;
  atomic_fetch_add(&shared->mended, 1);
}

static void work_until_stopped(void *number) {
  uint32_t index = (uint32_t)(uintptr_t)number;
  ipc_handle *it = must_handle(mutex);
  waker mine = open_waker();
  bool is_victim = index >= 2;
  random_state = index * 2654435761u + 1;
  for (uint32_t i = 1; !atomic_load(&shared->stop); i++) {
    int32_t status = ipc_mutex_lock(it, index == 1 ? 25 : -1);
    if (status == IPC_TIMED_OUT) continue;
    CHECK_GE(status, 0);
    if (status == IPC_OWNER_DIED) atomic_fetch_add(&shared->told, 1);
    mend(status);
    shared->first++;
    if (is_victim && test_random(&random_state) % 64 == 0) {
      atomic_fetch_add(&shared->died_torn, 1);
      raise(SIGKILL);
    }
    if (test_random(&random_state) % 16 == 0) ipc_os_yield();
    shared->second++;
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
    atomic_fetch_add(&shared->rounds[index], 1);
  }
  ipc_handle_close(it);
  close_waker(&mine);
}

enum { KILLS = 250 * TEST_SCALE };

static void holders_and_waiters_are_killed_at_random(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(mutex);
  kill_at_random(32, KILLS, work_until_stopped, shared->rounds, &shared->stop);
  int32_t status = ipc_mutex_lock(it, -1);
  mend(status);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  CHECK_GE(shared->mended, shared->died_torn);
  CHECK_GE(shared->told, shared->died_torn > 0);
  ipc_handle_close(it);
}

static ipc_handle *companion;

static void live_a_life(void *unused) {
  (void)unused;
  hooks.before = die_at_last_call;
  ipc_handle *it = must_handle(mutex);
  ipc_mutex_lock(it, -1);
  CHECK_EQ(shared->first, shared->second);
  shared->first++;
  ipc_mutex_lock(it, 0); /* a deadlock: answered without a call */
  ipc_os_yield();
  shared->second++;
  ipc_mutex_unlock(it); /* wakes the survivor */
  for (int i = 0; i < 3; i++)
    if (ipc_mutex_lock(it, 30) >= 0)
      ipc_mutex_unlock(it); /* the survivor has it for a while: this waits, and is woken */
  ipc_handle_close(it);
  hooks.before = NULL;
}

static void keep_locking(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(mutex);
  while (!atomic_load(&shared->stop)) {
    CHECK_GE(ipc_mutex_lock(it, -1), 0);
    for (int i = 0; i < 20; i++) ipc_os_yield();
    shared->second = shared->first;
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
    atomic_fetch_add(&shared->rounds[0], 1);
  }
  ipc_handle_close(it);
}

/* Death at each single call to the system. */
static void a_death_at_every_call_is_survived(void) {
  shared = test_shared(sizeof *shared);
  companion = must_handle(mutex);
  test_worker survivor = test_start(TEST_PROCESS, keep_locking, NULL);
  for (uint32_t n = 0, finished = 0; finished < 1 && n < 400; n++) {
    calls_left = n;
    test_worker victim = test_start(TEST_PROCESS, live_a_life, NULL);
    finished += test_survived(victim);
    double started = test_ms();
    test_await(&shared->rounds[0], atomic_load(&shared->rounds[0]) + 2);
    check_within_a_second(started);
  }
  atomic_store(&shared->stop, 1);
  test_finish(survivor);
  ipc_handle_poll(companion);
  CHECK_EQ(ipc_handle_count(companion), 1);
  CHECK_EQ(count_waits(companion, IPC_WAIT_IDLE), companion->segment.max_waits);
  ipc_handle_close(companion);
}

TEST_MAIN(TEST_CASE(the_next_owner_learns_of_a_death), TEST_CASE(the_end_of_a_thread_counts_like_that_of_a_process),
          TEST_CASE(a_stopped_holder_keeps_the_mutex_and_a_killed_one_loses_it),
          TEST_CASE(a_stopped_or_killed_waiter_blocks_no_other), TEST_CASE(holders_and_waiters_are_killed_at_random),
          TEST_CASE(a_death_at_every_call_is_survived))
