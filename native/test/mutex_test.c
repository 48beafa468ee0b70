/* mutex_test.c - one owner at a time; timeouts and errors; unusable, cleared and closed mutexes. */
#include "mutex_fixture.h"

static void change(uint32_t by, bool yields) {
  shared->inside = by;
  uint64_t before = shared->first;
  shared->first = before + 1;
  if (yields) ipc_os_yield(); /* let others come while it is held */
  CHECK_EQ(shared->second, before);
  shared->second = before + 1;
  CHECK_EQ(shared->inside, by);
}

static int32_t try_to_lock(ipc_handle *it) { return ipc_mutex_lock(it, 0); }

static int32_t lock_somehow(ipc_handle *it, uint32_t how, const waker *mine) {
  int32_t status;
  if (how % 4 == 3) return get_by_events(it, IPC_WAIT_FOR_LOCK, try_to_lock, mine);
  if (how % 4 == 2) {
    while ((status = ipc_mutex_lock(it, 1)) == IPC_TIMED_OUT) continue;
    return status;
  }
  return ipc_mutex_lock(it, -1);
}

static void take_turns(void *argument) {
  bool mixed = argument != NULL;
  ipc_handle *it = must_handle(mutex);
  waker mine = open_waker();
  for (uint32_t i = 0; i < TURNS_EACH; i++) {
    CHECK_EQ(lock_somehow(it, mixed ? it->instance : 0, &mine), IPC_OK);
    CHECK(ipc_mutex_is_held(it));
    CHECK_EQ(ipc_handle_armed(it), 0);
    change(it->instance, i % 64 == 0);
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
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
  ipc_handle *it = must_handle(mutex);
  for (int i = 0; i < CROWD; i++) workers[i] = test_start(form, take_turns, mixed);
  test_await(&shared->ready, CROWD);
  CHECK_EQ(shared->first, TURNS_EACH * CROWD);
  CHECK_EQ(it->segment.header->waiting, 0);
  atomic_store(&shared->go, 1);
  for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
  CHECK_EQ(ipc_handle_count(it), 1);
  ipc_handle_close(it);
}

static void processes_exclude_each_other(void) { check_exclusion(TEST_PROCESS, NULL); }

static void threads_exclude_each_other(void) { check_exclusion(TEST_THREAD, NULL); }

static void sleepers_and_event_loops_mix(void) { check_exclusion(TEST_PROCESS, &shared); }

static void threads_mix(void) { check_exclusion(TEST_THREAD, &shared); }

static void a_free_mutex_makes_no_system_call(void) {
  ipc_handle *it = must_handle(mutex), *other = must_handle(mutex);
  double started = test_ms();
  hooks.before = count_call;
  for (int i = 0; i < 1000; i++) {
    ipc_handle *by = i % 2 ? it : other;
    CHECK_EQ(ipc_mutex_lock(by, i % 3 - 1), IPC_OK);
    CHECK_EQ(ipc_mutex_unlock(by), IPC_OK);
  }
  atomic_store(&it->segment.header->waiting, 1); /* as a killed waiter leaves it: a look at the table, no call */
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  hooks.before = NULL;
  CHECK_EQ(calls_made, 0);
  check_name_checks(started, 2);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void only_the_owner_unlocks(void) {
  ipc_handle *it = must_handle(mutex), *other = must_handle(mutex);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_mutex_mark_unusable(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_mutex_lock(it, 0), IPC_OK);
  CHECK(ipc_mutex_is_held(it) && !ipc_mutex_is_held(other));
  CHECK_EQ(ipc_mutex_unlock(other), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_mutex_mark_unusable(other), IPC_E_NOT_OWNER);
  for (int32_t timeout = -1; timeout < 2; timeout++) CHECK_EQ(ipc_mutex_lock(it, timeout), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_mutex_lock(other, -1), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_mutex_lock(other, 10), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_mutex_lock(other, 0), IPC_TIMED_OUT); /* another task of this thread may give it back */
  CHECK(ipc_mutex_is_held(it));
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_mutex_lock(other, -1), IPC_OK);
  CHECK_EQ(ipc_mutex_unlock(other), IPC_OK);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void finish_locker(test_worker worker, int32_t answer) {
  test_await(&shared->ready, 1);
  CHECK_EQ(shared->answer, answer);
  atomic_store(&shared->go, 1);
  test_finish(worker);
  atomic_store(&shared->go, 0);
  atomic_store(&shared->ready, 0);
}

static void lock_and_publish_status_in_thread(void *unused) {
  (void)unused;
  lock_and_publish_status((void *)(intptr_t)50);
}

static void timeouts_are_kept(void) {
  ipc_handle *it = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  double started = test_ms();
  finish_locker(start_locker(50), IPC_TIMED_OUT);
  CHECK_GE(test_ms() - started, 50);
  finish_locker(start_locker(0), IPC_TIMED_OUT);
  finish_locker(test_start(TEST_THREAD, lock_and_publish_status_in_thread, NULL),
                IPC_TIMED_OUT); /* not this thread's */
  CHECK_EQ(it->segment.header->waiting, 0);
  test_worker waiter = start_locker(-1);
  await_waits(it, 1);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  finish_locker(waiter, IPC_OK);
  ipc_handle_close(it);
}

static void waiters_learn_that_it_is_unusable(void) {
  hooks.patient = true;
  ipc_handle *it = must_handle(mutex), *other = must_handle(mutex);
  waker mine = open_waker();
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  test_worker waiter = start_locker(-1);
  await_waits(it, 1);
  arm(other, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_mutex_mark_unusable(it), IPC_OK);
  CHECK_EQ(rings(&mine), 1);
  finish_locker(waiter, IPC_E_UNUSABLE);
  for (int32_t timeout = -1; timeout < 2; timeout++) {
    CHECK_EQ(ipc_mutex_lock(it, timeout), IPC_E_UNUSABLE);
    CHECK_EQ(ipc_mutex_lock(other, timeout), IPC_E_UNUSABLE);
  }
  CHECK(!ipc_mutex_is_held(it) && !ipc_mutex_is_held(other));
  CHECK_EQ(ipc_mutex_unlock(it), IPC_E_NOT_OWNER);
  ipc_handle_close(it);
  it = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_E_UNUSABLE); /* until all have closed it */
  ipc_handle_close(it);
  ipc_handle_close(other);
  it = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  ipc_handle_close(it);
  close_waker(&mine);
}

static void waiters_learn_that_it_was_cleared(void) {
  hooks.patient = true;
  ipc_failure failure;
  ipc_handle *it = must_handle(mutex), *other = must_handle(mutex);
  waker mine = open_waker();
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  test_worker waiter = start_locker(-1);
  await_waits(it, 1);
  arm(other, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_MUTEX, &failure), IPC_OK);
  CHECK_EQ(rings(&mine), 1);
  finish_locker(waiter, IPC_E_ORPHANED);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  for (int32_t timeout = -1; timeout < 2; timeout++) CHECK_EQ(ipc_mutex_lock(other, timeout), IPC_E_ORPHANED);
  CHECK(!ipc_mutex_is_held(other));
  ipc_handle_close(it);
  ipc_handle_close(other);
  close_waker(&mine);
}

/* No notification is sent: a waiting or trying handle finds by itself that the name is gone. */
static void a_removed_name_is_noticed(void) {
  ipc_handle *it = must_handle(mutex), *other = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  test_worker waiter = start_locker(-1);
  await_waits(it, 1);
  double started = test_ms();
  ipc_os_unlink(it->segment.key);
  finish_locker(waiter, IPC_E_ORPHANED);
  check_within_a_second(started);
  CHECK_EQ(ipc_mutex_lock(other, 0), IPC_E_ORPHANED);
  ipc_handle_close(it);
  ipc_handle_close(other);
  it = must_handle(mutex);
  other = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  CHECK_EQ(ipc_mutex_lock(other, 0), IPC_TIMED_OUT);
  ipc_os_unlink(it->segment.key);
  started = test_ms();
  while (ipc_mutex_lock(other, 0) == IPC_TIMED_OUT) check_not_hung(started);
  check_within_a_second(started);
  CHECK_EQ(ipc_mutex_lock(other, 0), IPC_E_ORPHANED);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

/* It is reported at once (`patient` waits would hang), and once. */
static void close_while_it_is_held(void) {
  hooks.patient = true;
  ipc_handle *it = must_handle(mutex), *other = must_handle(mutex), *third = must_handle(mutex);
  waker mine = open_waker();
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  test_worker waiter = start_locker(-1);
  await_waits(it, 1);
  ipc_handle_close(it);
  finish_locker(waiter, IPC_OWNER_DIED);
  CHECK_EQ(ipc_mutex_lock(other, 0), IPC_OK);
  arm(third, IPC_WAIT_FOR_LOCK, &mine);
  ipc_handle_close(other);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_mutex_lock(third, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_mutex_unlock(third), IPC_OK);
  CHECK_EQ(ipc_mutex_lock(third, -1), IPC_OK);
  other = must_handle(mutex);
  ipc_handle_close(third);
  CHECK_EQ(ipc_mutex_lock(other, -1), IPC_OWNER_DIED); /* with a time-out, too */
  ipc_handle_close(other);
  close_waker(&mine);
}

TEST_MAIN(TEST_CASE(processes_exclude_each_other), TEST_CASE(threads_exclude_each_other),
          TEST_CASE(sleepers_and_event_loops_mix), TEST_CASE(threads_mix), TEST_CASE(a_free_mutex_makes_no_system_call),
          TEST_CASE(only_the_owner_unlocks), TEST_CASE(timeouts_are_kept), TEST_CASE(waiters_learn_that_it_is_unusable),
          TEST_CASE(waiters_learn_that_it_was_cleared), TEST_CASE(a_removed_name_is_noticed),
          TEST_CASE(close_while_it_is_held))
