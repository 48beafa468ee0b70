/* semaphore_test.c - permits, robust and not; waiters, errors, removed names. */
#include "semaphore_fixture.h"

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

static void free_permits_make_no_system_call(void) {
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
    ipc_handle *it = must_handle(of(robust, 3)),
               *other = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE});
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

static void it_starts_with_the_initial_permits(void) {
  const ipc_options all[] = {{.struct_size = sizeof(ipc_options), .kind = IPC_SEMAPHORE},
                             of(PLAIN, 0),
                             of(ROBUST, 0),
                             of(PLAIN, IPC_MAX_PERMITS),
                             of(ROBUST, 9)};
  const uint32_t permits[] = {1, 0, 0, IPC_MAX_PERMITS, 9};
  for (int i = 0; i < 5; i++) {
    ipc_handle *it = must_handle(all[i]);
    CHECK_EQ(ipc_semaphore_permits(it), permits[i]);
    CHECK_EQ(ipc_semaphore_acquire(it, 0), permits[i] ? IPC_OK : IPC_TIMED_OUT);
    ipc_handle_close(it);
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
  /* Three at once: each takes what there is, and a process that sees more notifies the next, so they may be any of
   * those left.
   */
  for (uint32_t i = 3; i < 6; i++) CHECK_GE(shared->order[i], 3);
  CHECK_LE(shared->waits, CROWD + 4); /* a sleep may end early for any reason */
  await_waits(it, 2);
  CHECK_EQ(ipc_semaphore_release(it, IPC_MAX_PERMITS), IPC_OK);
  atomic_store(&shared->go, 1);
  for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
  ipc_handle_close(it);
}

static void event_loops_are_signalled_in_order(void) {
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

/* Two permits came, and both notifications went to the waiter that needs a single permit: the other is for the next. */
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

/* The sleeper polls, and there are two permits: one without a notification, and one that it was notified of. */
static void release_in_the_wait(const char *call) {
  static bool has_slept;
  has_slept |= strcmp(call, "wait") == 0;
  if (!has_slept || strcmp(call, "stat_key") != 0) return; /* before that, it may be the check of a free attempt */
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
  CHECK_EQ(ipc_semaphore_acquire(it, TEST_PATIENCE_MS), IPC_OK);
  CHECK_EQ(ipc_semaphore_permits(it), 1);
  CHECK_EQ(rings(&last_waker), 1);
  ipc_handle_close(it);
  ipc_handle_close(owner_now);
  ipc_handle_close(last_in_line);
  close_waker(&last_waker);
}

TEST_MAIN(TEST_CASE(processes_take_permits), TEST_CASE(threads_take_permits), TEST_CASE(sleepers_and_event_loops_mix),
          TEST_CASE(processes_take_robust_permits), TEST_CASE(threads_take_robust_permits),
          TEST_CASE(robust_sleepers_and_event_loops_mix), TEST_CASE(free_permits_make_no_system_call),
          TEST_CASE(permits_are_counted), TEST_CASE(it_starts_with_the_initial_permits),
          TEST_CASE(waiters_learn_that_it_was_cleared), TEST_CASE(a_removed_name_is_noticed),
          TEST_CASE(as_many_are_woken_as_there_are_permits), TEST_CASE(event_loops_are_signalled_in_order),
          TEST_CASE(a_second_notification_goes_to_the_next),
          TEST_CASE(a_sleeper_that_takes_another_permit_passes_its_notification_on))
