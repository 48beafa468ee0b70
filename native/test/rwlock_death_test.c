/* rwlock_death_test.c - readers and writers are stopped or killed, inside and while they wait, also at random. */
#include "rwlock_fixture.h"

static void the_death_of_a_waiting_writer_is_not_reported(void) {
  ipc_handle *it = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);
  test_worker waiter = start_locker(WRITE);
  while (atomic_load(&it->segment.header->claim) == 0) test_pause();
  test_kill(waiter);
  ipc_handle *other = must_handle(rwlock);
  double started = test_ms();
  CHECK_EQ(ipc_rwlock_lock_shared(other, -1), IPC_OK);
  check_within_a_second(started);
  ipc_handle_close(it);
  CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(other, -1, 0), IPC_OK);
  ipc_handle_close(other);
}

/* The holder reads or writes; the handle after it does either as well. */
static void check_a_dead_holder(uintptr_t holders, uintptr_t mine, int way) {
  ipc_handle *it = must_handle(rwlock);
  test_worker holder = start_locker(holders);
  test_await(&shared->ready, 1);
  ipc_handle *behind = must_handle(rwlock); /* so that the dead one's place stays among those that are looked at */
  test_stop(holder);
  if (way == 0) CHECK_EQ(mine == READ ? ipc_rwlock_lock_shared(it, 450) : ipc_rwlock_lock(it, 450, 0), IPC_TIMED_OUT);
  test_kill(holder);
  if (way == 1) test_reap(holder);
  double started = test_ms();
  int32_t status;
  do {
    const int32_t timeout = way == 2 ? 0 : -1;
    status = mine == READ ? ipc_rwlock_lock_shared(it, timeout) : ipc_rwlock_lock(it, timeout, 0);
    check_within_a_second(started);
  } while (status == IPC_TIMED_OUT);
  CHECK_EQ(status, holders == READ ? IPC_OK : IPC_OWNER_DIED);
  CHECK_EQ(mine == READ ? ipc_rwlock_unlock_shared(it) : ipc_rwlock_unlock(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(it, -1, 0), holders == WRITE && mine == READ ? IPC_OWNER_DIED : IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_OK);
  ipc_handle_close(it);
  ipc_handle_close(behind);
  atomic_store(&shared->ready, 0);
}

static void a_stopped_holder_keeps_the_lock_and_a_killed_one_loses_it(void) {
  for (int way = 0; way < 3; way++) {
    check_a_dead_holder(READ, WRITE, way);
    check_a_dead_holder(WRITE, READ, way);
    check_a_dead_holder(WRITE, WRITE, way);
  }
}

/* Stopped in the wait queue, before the others: it does not block those that need not wait for it. */
static void a_stopped_or_killed_waiter_blocks_no_other(void) {
  for (int way = 0; way < 4; way++) {
    ipc_handle *it = must_handle(rwlock);
    CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_OK);
    test_worker first = start_locker(way & 2 ? READ : WRITE);
    await_waits(it, 1);
    test_worker second = start_locker(way & 2 ? WRITE : READ);
    await_waits(it, 2);
    test_stop(first);
    if (way & 1) test_kill(first);
    double started = test_ms();
    CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
    test_await(&shared->ready, 1);
    check_within_a_second(started);
    CHECK_EQ(shared->answer, IPC_OK);
    atomic_store(&shared->go, 1);
    test_finish(second);
    if (way & 1) {
      test_reap(first);
    } else {
      test_continue(first);
      test_finish(first);
    }
    atomic_store(&shared->go, 0);
    atomic_store(&shared->ready, 0);
    ipc_handle_close(it);
  }
}

static uint32_t random_state;

static void mend(int32_t status) {
  if (shared->first == shared->second) return;
  CHECK_EQ(status, IPC_OWNER_DIED);
  shared->second = shared->first;
  atomic_fetch_add(&shared->mended, 1);
}

static void work_until_stopped(void *number) {
  uint32_t index = (uint32_t)(uintptr_t)number;
  ipc_handle *it = must_handle(rwlock);
  random_state = index * 2654435761u + 1 + atomic_fetch_add(&shared->next, 1) * 7919;
  while (!atomic_load(&shared->stop)) {
    bool writes = test_random(&random_state) % 3 == 0;
    const int32_t timeout = index == 1 ? 25 : -1;
    int32_t status = writes ? ipc_rwlock_lock(it, timeout, 0) : ipc_rwlock_lock_shared(it, timeout);
    if (status == IPC_TIMED_OUT) continue;
    CHECK_GE(status, 0);
    if (status == IPC_OWNER_DIED) atomic_fetch_add(&shared->told, 1);
    bool dies = index >= 2 && test_random(&random_state) % 64 == 0;
    if (writes) {
      mend(status);
      shared->first++;
      if (dies) {
        atomic_fetch_add(&shared->died_torn, 1);
        raise(SIGKILL);
      }
      if (test_random(&random_state) % 16 == 0) ipc_os_yield();
      shared->second++;
    } else {
      uint64_t first = shared->first;
      if (dies) raise(SIGKILL);
      if (test_random(&random_state) % 16 == 0) ipc_os_yield();
      if (status == IPC_OK) CHECK_EQ(shared->second, first);
      CHECK_EQ(shared->first, first);
    }
    CHECK_EQ(writes ? ipc_rwlock_unlock(it) : ipc_rwlock_unlock_shared(it), IPC_OK);
    atomic_fetch_add(&shared->rounds[index], 1);
  }
  ipc_handle_close(it);
}

enum { KILLS = 250 * TEST_SCALE };

static void readers_and_writers_are_killed_at_random(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(rwlock);
  kill_at_random(32, KILLS, work_until_stopped, shared->rounds, &shared->stop);
  mend(ipc_rwlock_lock(it, -1, 0));
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  CHECK_GE(shared->mended, shared->died_torn);
  CHECK_GE(shared->told, shared->died_torn);
  ipc_handle_close(it);
}

static void live_a_life(void *unused) {
  (void)unused;
  hooks.before = die_at_last_call;
  ipc_handle *it = must_handle(rwlock);
  for (int i = 0; i < 3; i++) {
    if (ipc_rwlock_lock(it, 30, 0) >= 0) {
      mend(IPC_OWNER_DIED);
      shared->first++;
      shared->second++;
      ipc_rwlock_unlock(it);
    }
    if (ipc_rwlock_lock_shared(it, 30) >= 0) ipc_rwlock_unlock_shared(it);
  }
  ipc_rwlock_lock(it, 0, 1);
  ipc_handle_close(it);
  hooks.before = NULL;
}

static void keep_locking(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(rwlock);
  for (uint32_t i = 0; !atomic_load(&shared->stop); i++) {
    int32_t status = i % 2 ? ipc_rwlock_lock(it, -1, 0) : ipc_rwlock_lock_shared(it, -1);
    CHECK_GE(status, 0);
    for (int n = 0; n < 20; n++) ipc_os_yield();
    if (status == IPC_OK) CHECK_EQ(shared->first, shared->second);
    CHECK_EQ(i % 2 ? ipc_rwlock_unlock(it) : ipc_rwlock_unlock_shared(it), IPC_OK);
    atomic_fetch_add(&shared->rounds[0], 1);
  }
  ipc_handle_close(it);
}

static void a_death_at_every_call_is_survived(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(rwlock);
  test_worker survivor = test_start(TEST_PROCESS, keep_locking, NULL);
  for (uint32_t n = 0, finished = 0; finished < 1 && n < 400; n++) {
    calls_left = n;
    finished += test_survived(test_start(TEST_PROCESS, live_a_life, NULL));
    double started = test_ms();
    test_await(&shared->rounds[0], atomic_load(&shared->rounds[0]) + 4);
    check_within_a_second(started);
  }
  atomic_store(&shared->stop, 1);
  test_finish(survivor);
  CHECK_GE(ipc_rwlock_lock(it, 1000, 0), 0);
  ipc_handle_close(it);
}

static void die_writing(void *unused) {
  (void)unused;
  CHECK_EQ(ipc_rwlock_lock(must_handle(rwlock), -1, 0), IPC_OK);
  atomic_fetch_add(&shared->ready, 1);
  pause();
}

/* No other handle had it open: the next open creates it again, and its lock still reports the death, to readers too. */
static void the_next_owner_learns_of_a_death(void) {
  shared = test_shared(sizeof *shared);
  test_worker owner = test_start(TEST_PROCESS, die_writing, NULL);
  test_await(&shared->ready, 1);
  test_kill(owner);
  ipc_handle *it = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);
  ipc_handle_close(it);
}

TEST_MAIN(TEST_CASE(the_next_owner_learns_of_a_death), TEST_CASE(the_death_of_a_waiting_writer_is_not_reported),
          TEST_CASE(a_stopped_holder_keeps_the_lock_and_a_killed_one_loses_it),
          TEST_CASE(a_stopped_or_killed_waiter_blocks_no_other), TEST_CASE(readers_and_writers_are_killed_at_random),
          TEST_CASE(a_death_at_every_call_is_survived))
