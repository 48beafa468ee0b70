/* rwlock_test.c - readers share, a writer is alone; errors; unusable, cleared and closed locks. */
#include "rwlock_fixture.h"

static int32_t try_to_write(ipc_handle *it) { return ipc_rwlock_lock(it, 0, IPC_KEEP_FOR_TASK); }

static int32_t try_to_read(ipc_handle *it) { return ipc_rwlock_lock_shared(it, 0); }

static int32_t lock_somehow(ipc_handle *it, bool writes, uint32_t how, const waker *mine) {
  int32_t status;
  if (how % 4 == 3)
    return get_by_events(it, writes ? IPC_WAIT_FOR_LOCK : IPC_WAIT_FOR_SHARED, writes ? try_to_write : try_to_read,
                         mine);
  do {
    const int32_t timeout = how % 4 == 2 ? 1 : -1;
    status = writes ? ipc_rwlock_lock(it, timeout, 0) : ipc_rwlock_lock_shared(it, timeout);
  } while (status == IPC_TIMED_OUT);
  return status;
}

static void write_once(ipc_handle *it, bool yields) {
  CHECK_EQ(ipc_rwlock_held(it), -1);
  CHECK_EQ(shared->readers, 0);
  uint64_t before = shared->first;
  shared->first = before + 1;
  if (yields) ipc_os_yield(); /* let others come while it is held */
  CHECK_EQ(shared->readers, 0);
  CHECK_EQ(shared->second, before);
  shared->second = before + 1;
}

static void read_once(ipc_handle *it, bool yields) {
  CHECK_EQ(ipc_rwlock_held(it), 1);
  atomic_fetch_add(&shared->readers, 1);
  uint64_t before = shared->first;
  if (yields) ipc_os_yield();
  CHECK_EQ(shared->second, before);
  CHECK_EQ(shared->first, before);
  atomic_fetch_sub(&shared->readers, 1);
}

/* Every fourth turn is a writer's. */
static void take_turns(void *argument) {
  bool mixed = argument != NULL;
  ipc_handle *it = must_handle(rwlock);
  waker mine = open_waker();
  for (uint32_t i = 0; i < TURNS_EACH; i++) {
    bool writes = (i + it->instance) % 4 == 0;
    CHECK_EQ(lock_somehow(it, writes, mixed ? it->instance : 0, &mine), IPC_OK);
    CHECK_EQ(ipc_handle_armed(it), 0);
    (writes ? write_once : read_once)(it, i % 64 < 4);
    atomic_fetch_add(&shared->written, writes);
    CHECK_EQ(writes ? ipc_rwlock_unlock(it) : ipc_rwlock_unlock_shared(it), IPC_OK);
  }
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_handle_close(it);
  close_waker(&mine);
}

static void check_exclusion(test_form form, void *mixed) {
  test_worker workers[CROWD];
  shared = test_shared(sizeof *shared);
  hooks.patient = true; /* a lost wake-up would hang */
  ipc_handle *it = must_handle(rwlock);
  for (int i = 0; i < CROWD; i++) workers[i] = test_start(form, take_turns, mixed);
  test_await(&shared->ready, CROWD);
  CHECK_GE(shared->written, TURNS / 5);
  CHECK_EQ(shared->first, shared->written);
  CHECK_EQ(it->segment.header->waiting, 0);
  CHECK_EQ(it->segment.header->claim, 0);
  atomic_store(&shared->go, 1);
  for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
  ipc_handle_close(it);
}

static void processes_read_and_write(void) { check_exclusion(TEST_PROCESS, NULL); }

static void threads_read_and_write(void) { check_exclusion(TEST_THREAD, NULL); }

static void sleepers_and_event_loops_mix(void) { check_exclusion(TEST_PROCESS, &shared); }

static void threads_mix(void) { check_exclusion(TEST_THREAD, &shared); }

static void a_free_lock_makes_no_system_call(void) {
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_OK); /* the first try checks liveness */
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  hooks.before = count_call;
  for (int i = 0; i < 1000; i++) {
    CHECK_EQ(ipc_rwlock_lock_shared(it, i % 3 - 1), IPC_OK);
    CHECK_EQ(ipc_rwlock_lock_shared(other, i % 3 - 1), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  }
  CHECK_EQ(calls_made, 0);
  for (int i = 0; i < 1000; i++) {
    CHECK_EQ(ipc_rwlock_lock(it, i % 3 - 1, 0), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  }
  hooks.before = NULL;
  CHECK_LE(calls_made, 1000); /* what the time is: no call to the system on any we know */
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void only_owners_unlock(void) {
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_held(it), 0);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_mark_unusable(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_held(it), -1);
  CHECK_EQ(ipc_rwlock_unlock(other), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_E_NOT_OWNER);
  for (int32_t timeout = -1; timeout < 2; timeout++) {
    CHECK_EQ(ipc_rwlock_lock(it, timeout, 0), IPC_E_DEADLOCK);
    CHECK_EQ(ipc_rwlock_lock_shared(it, timeout), IPC_E_DEADLOCK);
    CHECK_EQ(ipc_rwlock_lock(other, timeout, 0), timeout ? IPC_E_DEADLOCK : IPC_TIMED_OUT);
    CHECK_EQ(ipc_rwlock_lock_shared(other, timeout), timeout ? IPC_E_DEADLOCK : IPC_TIMED_OUT);
    CHECK_EQ(ipc_rwlock_held(other), 0);
  }
  CHECK_EQ(ipc_rwlock_held(it), -1);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);
  for (int32_t timeout = -1; timeout < 2; timeout++) CHECK_EQ(ipc_rwlock_lock(it, timeout, 0), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_mark_unusable(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_held(it), 1);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
  CHECK_EQ(it->segment.header->claim, 0);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void a_reader_may_lock_again(void) {
  ipc_handle *it = must_handle(rwlock), *writer = must_handle(rwlock);
  for (int i = 1; i <= 5; i++) {
    CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_OK);
    CHECK_EQ(ipc_rwlock_held(it), i);
  }
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT); /* waits, and keeps new ones out */
  CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 10), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_TIMED_OUT);
  for (int i = 4; i >= 0; i--) {
    CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT);
    CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
    CHECK_EQ(ipc_rwlock_held(it), i);
  }
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock(writer), IPC_OK);
  ipc_handle_close(it);
  ipc_handle_close(writer);
}

static void finish_locker(test_worker worker, int32_t answer) {
  test_await(&shared->ready, 1);
  CHECK_EQ(shared->answer, answer);
  atomic_store(&shared->go, 1);
  test_finish(worker);
  atomic_store(&shared->go, 0);
  atomic_store(&shared->ready, 0);
}

static void waiters_learn_that_it_is_unusable(void) {
  hooks.patient = true;
  for (uintptr_t how = READ; how <= WRITE; how++) {
    ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
    waker mine = open_waker();
    CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_OK);
    test_worker waiter = start_locker(how);
    await_waits(it, 1);
    arm(other, IPC_WAIT_FOR_SHARED, &mine);
    CHECK_EQ(ipc_rwlock_mark_unusable(it), IPC_OK);
    finish_locker(waiter, IPC_E_UNUSABLE);
    CHECK_EQ(rings(&mine), 1);
    for (int32_t timeout = -1; timeout < 2; timeout++) {
      CHECK_EQ(ipc_rwlock_lock(it, timeout, timeout == 0), IPC_E_UNUSABLE);
      CHECK_EQ(ipc_rwlock_lock_shared(other, timeout), IPC_E_UNUSABLE);
      CHECK_EQ(ipc_rwlock_held(other), 0);
    }
    CHECK_EQ(it->segment.header->claim, 0);
    ipc_handle_close(it);
    ipc_handle_close(other);
    other = must_handle(rwlock);
    CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
    ipc_handle_close(other);
    close_waker(&mine);
  }
}

static ipc_handle *owner_now;

static void give_it_up_meanwhile(const char *call) {
  if (strcmp(call, "wake_all") != 0) return;
  hooks.before = NULL;
  CHECK_EQ(ipc_rwlock_mark_unusable(owner_now), IPC_OK);
}

/* A reader that has found the lock usable, and a writer inside, comes in only after that writer has given it up. */
static void an_entering_reader_learns_that_it_is_unusable(void) {
  ipc_handle *it = must_handle(rwlock);
  owner_now = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock(owner_now, 0, 0), IPC_OK);
  int32_t wait =
      ipc_waits_enter(&it->segment, it->instance, IPC_WAIT_READERS, 0); /* a wait that is notified on the way */
  hooks.before = give_it_up_meanwhile;
  CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_E_UNUSABLE);
  CHECK(!hooks.before);
  CHECK_EQ(ipc_rwlock_held(it), 0);
  ipc_waits_leave(&it->segment, wait);
  ipc_handle_close(it);
  ipc_handle_close(owner_now);
}

static void waiters_learn_that_it_was_cleared(void) {
  hooks.patient = true;
  for (uintptr_t how = READ; how <= WRITE; how++)
    for (int inside = READ; inside <= WRITE; inside++) {
      if (how == READ && inside == READ) continue;
      ipc_failure failure;
      ipc_handle *it = must_handle(rwlock);
      CHECK_EQ(inside == READ ? ipc_rwlock_lock_shared(it, -1) : ipc_rwlock_lock(it, -1, 0), IPC_OK);
      test_worker waiter = start_locker(how);
      await_waits(it, 1);
      CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_RWLOCK, &failure), IPC_OK);
      finish_locker(waiter, IPC_E_ORPHANED);
      CHECK_EQ(inside == READ ? ipc_rwlock_unlock_shared(it) : ipc_rwlock_unlock(it), IPC_OK);
      CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_E_ORPHANED);
      CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_E_ORPHANED);
      CHECK_EQ(it->segment.header->claim, 0);
      ipc_handle_close(it);
    }
}

static void a_removed_name_is_noticed(void) {
  for (int inside = READ; inside <= WRITE; inside++) {
    ipc_handle *it = must_handle(rwlock);
    CHECK_EQ(inside == READ ? ipc_rwlock_lock_shared(it, -1) : ipc_rwlock_lock(it, -1, 0), IPC_OK);
    test_worker waiter = start_locker(WRITE);
    await_waits(it, 1);
    double started = test_ms();
    ipc_os_unlink(it->segment.key);
    finish_locker(waiter, IPC_E_ORPHANED);
    check_within_a_second(started);
    ipc_handle_close(it);
  }
}

/* At once: `patient` waits would hang. Every lock reports that a writer left inside, until a writer has unlocked. */
static void close_while_it_is_held(void) {
  hooks.patient = true;
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock), *third = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_OK);
  test_worker waiter = start_locker(READ);
  await_waits(it, 1);
  ipc_handle_close(it);
  finish_locker(waiter, IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_lock_shared(other, -1), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_lock_shared(third, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_unlock_shared(third), IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(other, 0, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_unlock(other), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(third, 0), IPC_OK);
  waiter = start_locker(WRITE); /* a reader that closes */
  await_waits(third, 1);
  ipc_handle_close(third);
  finish_locker(waiter, IPC_OK);
  ipc_handle_close(other);
}

/* What others have written there is not followed out of the table of places. */
static void a_damaged_wait_entries_used_is_not_followed(void) {
  const uint32_t wild[] = {65, 1000, 1u << 31, UINT32_MAX};
  ipc_handle *it = must_handle(rwlock);
  for (int i = 0; i < 4; i++) {
    for (uint32_t n = 0; n < it->segment.max_waits; n++)
      memset(&it->segment.waits[n], 0xff, sizeof it->segment.waits[n]);
    atomic_store(&it->segment.header->receiver_slots_used, wild[i]);
    CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  }
  ipc_handle_close(it);
}

static void a_writer_does_not_wait_for_its_own_thread(void) {
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_TIMED_OUT); /* a task may */
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);    /* it does not keep others out */
  ipc_handle_close(it);
  ipc_handle_close(other);
}

TEST_MAIN(TEST_CASE(a_writer_does_not_wait_for_its_own_thread), TEST_CASE(processes_read_and_write),
          TEST_CASE(threads_read_and_write), TEST_CASE(sleepers_and_event_loops_mix), TEST_CASE(threads_mix),
          TEST_CASE(a_free_lock_makes_no_system_call), TEST_CASE(only_owners_unlock),
          TEST_CASE(a_reader_may_lock_again), TEST_CASE(waiters_learn_that_it_is_unusable),
          TEST_CASE(an_entering_reader_learns_that_it_is_unusable), TEST_CASE(waiters_learn_that_it_was_cleared),
          TEST_CASE(a_removed_name_is_noticed), TEST_CASE(close_while_it_is_held),
          TEST_CASE(a_damaged_wait_entries_used_is_not_followed))
