/* mutex_test.c - one at a time, in line, and whoever dies with it holds nobody up. */
#include "libipc/mutex.h"

#include "handles.h"
#include "libipc/list.h"
#include "queued_lock.h"

static const ipc_options mutex = {.kind = IPC_MUTEX};

typedef struct board {
  _Atomic uint32_t ready, go, stop, told, died_torn, mended, waits, order[CROWD], next;
  _Atomic int32_t answer;
  _Atomic uint32_t rounds[32];
  uint64_t first, second; /* not atomic: the mutex is what orders them; equal when it is free */
  uint32_t inside;
} board;
static board *shared;

static void change(uint32_t by, bool yields) {
  shared->inside = by;
  uint64_t before = shared->first;
  shared->first = before + 1;
  if (yields) ipc_os_yield(); /* let others come while it is held */
  CHECK_EQ(shared->second, before);
  shared->second = before + 1;
  CHECK_EQ(shared->inside, by);
}

static void die_holding(void *unused) {
  (void)unused;
  CHECK_EQ(ipc_mutex_lock(must_handle(mutex), -1), IPC_OK);
  atomic_fetch_add(&shared->ready, 1);
  pause();
}

/* Nobody else had it open: the next to open it makes it anew, and is told all the same. */
static void who_comes_after_a_death_is_told(void) {
  shared = test_shared(sizeof *shared);
  for (int keeps = 0; keeps < 2; keeps++) {
    test_worker owner = test_start(TEST_PROCESS, die_holding, NULL);
    test_await(&shared->ready, (uint32_t)keeps + 1);
    test_kill(owner);
    hooks.keep_names = keeps; /* it is made anew in the same file */
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

static void free_mutex_costs_no_call(void) {
  ipc_handle *it = must_handle(mutex), *other = must_handle(mutex);
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
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void owner_alone_gives_it_back(void) {
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

/* Locks, tells the answer, and stays as it is: to be killed, stopped, or told to go on. */
static void lock_and_tell(void *timeout_ms) {
  ipc_handle *it = must_handle(mutex);
  atomic_store(&shared->answer, ipc_mutex_lock(it, (int32_t)(intptr_t)timeout_ms));
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  if (ipc_mutex_is_held(it)) CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  ipc_handle_close(it);
}

static test_worker start_locker(int32_t timeout_ms) {
  if (!shared) shared = test_shared(sizeof *shared);
  return test_start(TEST_PROCESS, lock_and_tell, (void *)(intptr_t)timeout_ms);
}

static void finish_locker(test_worker worker, int32_t answer) {
  test_await(&shared->ready, 1);
  CHECK_EQ(shared->answer, answer);
  atomic_store(&shared->go, 1);
  test_finish(worker);
  atomic_store(&shared->go, 0);
  atomic_store(&shared->ready, 0);
}

static void lock_and_tell_as_thread(void *unused) {
  (void)unused;
  lock_and_tell((void *)(intptr_t)50);
}

static void time_outs_are_kept(void) {
  ipc_handle *it = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  double started = test_ms();
  finish_locker(start_locker(50), IPC_TIMED_OUT);
  CHECK_GE(test_ms() - started, 50);
  finish_locker(start_locker(0), IPC_TIMED_OUT);
  finish_locker(test_start(TEST_THREAD, lock_and_tell_as_thread, NULL), IPC_TIMED_OUT); /* not this thread's */
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

/* Nobody tells: whoever waits, or tries, sees for itself that the name is gone. */
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
  while (ipc_mutex_lock(other, 0) == IPC_TIMED_OUT) check_within_a_second(started);
  CHECK_EQ(ipc_mutex_lock(other, 0), IPC_E_ORPHANED);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

/* It is told at once: `patient` waits would hang. And told once. */
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

/* What the thread leaves open is lost on purpose: AddressSanitizer need not see it. */
static ipc_handle *lost[2];
static void lock_and_end(void *unused) {
  (void)unused;
  ipc_handle **place = lost[0] ? &lost[1] : &lost[0];
  *place = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(*place, 0), IPC_OK);
}

static void a_thread_that_ends_is_as_dead_as_a_process(void) {
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

static void stopped_holder_keeps_it_killed_holder_loses_it(void) {
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
static void stopped_or_killed_waiter_holds_nobody_up(void) {
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

static void count_waits_begun(const char *call) {
  if (strcmp(call, "wait") == 0) atomic_fetch_add(&shared->waits, 1);
}

static void wait_in_line(void *number) {
  ipc_handle *it = must_handle(mutex);
  hooks.before = count_waits_begun;
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  atomic_store(&shared->order[atomic_fetch_add(&shared->next, 1)], (uint32_t)(uintptr_t)number);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  hooks.before = NULL;
  ipc_handle_close(it);
}

/* One unlock wakes one, the one that came first. All together would sleep 8 + 7 + 6 + … times. */
static void they_are_woken_in_line_and_one_by_one(void) {
  const uint32_t tickets[] = {0, (1u << 30) - 3, UINT32_MAX - 2};
  hooks.patient = true;
  for (int round = 0; round < 3; round++) {
    shared = test_shared(sizeof *shared);
    test_worker workers[CROWD];
    ipc_handle *it = must_handle(mutex);
    atomic_store(&it->segment.header->next_ticket, tickets[round]);
    CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
    for (uint32_t i = 0; i < CROWD; i++) {
      workers[i] = test_start(TEST_PROCESS, wait_in_line, (void *)(uintptr_t)i);
      await_waits(it, i + 1);
      test_await(&shared->waits, i + 1);
    }
    CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
    for (uint32_t i = 0; i < CROWD; i++) test_finish(workers[i]);
    for (uint32_t i = 0; i < CROWD; i++) CHECK_EQ(shared->order[i], i);
    CHECK_LE(shared->waits, CROWD + 2); /* a sleep may end early for any reason */
    ipc_handle_close(it);
  }
}

static void event_loops_are_rung_in_line(void) {
  waker mine = open_waker(), others = open_waker();
  ipc_handle *owner = must_handle(mutex), *it = must_handle(mutex), *other = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(owner, 0), IPC_OK);
  CHECK_EQ(ipc_mutex_lock(it, 0), IPC_TIMED_OUT);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  arm(other, IPC_WAIT_FOR_LOCK, &others);
  arm(it, IPC_WAIT_FOR_LOCK, &mine); /* stays where it is */
  CHECK_EQ(ipc_handle_armed(it), IPC_WAIT_FOR_LOCK);
  CHECK_EQ(ipc_mutex_lock(it, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_handle_armed(it), IPC_WAIT_FOR_LOCK); /* a try in vain changes nothing */
  CHECK_EQ(ipc_mutex_unlock(owner), IPC_OK);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(rings(&others), 0);
  CHECK_EQ(ipc_handle_armed(it), 0);
  CHECK_EQ(ipc_mutex_lock(owner, 0), IPC_OK); /* overtakes */
  arm(it, IPC_WAIT_FOR_LOCK, &mine);          /* in its old place */
  CHECK_EQ(ipc_mutex_unlock(owner), IPC_OK);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(rings(&others), 0);
  CHECK_EQ(ipc_mutex_lock(it, 0), IPC_OK);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  CHECK_EQ(rings(&mine), 0);
  CHECK_EQ(rings(&others), 1);
  CHECK_EQ(ipc_mutex_lock(owner, 0), IPC_OK);
  arm(other, IPC_WAIT_FOR_LOCK, &others);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_mutex_unlock(owner), IPC_OK);
  CHECK_EQ(rings(&others), 1);
  ipc_handle_disarm(other, IPC_WAIT_FOR_LOCK); /* it was its turn, and it gives it on */
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_mutex_lock(it, 0), IPC_OK);
  arm(other, IPC_WAIT_FOR_LOCK, &others);
  ipc_handle_disarm(other, IPC_WAIT_FOR_SHARED);
  CHECK_EQ(ipc_handle_armed(other), IPC_WAIT_FOR_LOCK);
  ipc_handle_disarm(other, IPC_WAIT_FOR_LOCK);
  CHECK_EQ(ipc_handle_armed(other), 0);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  CHECK_EQ(rings(&others), 0);
  CHECK_EQ(it->segment.header->waiting, 0);
  /* One that was rung is closed. */
  CHECK_EQ(ipc_mutex_lock(owner, 0), IPC_OK);
  arm(other, IPC_WAIT_FOR_LOCK, &others);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_mutex_unlock(owner), IPC_OK);
  ipc_handle_close(other);
  CHECK_EQ(rings(&mine), 1);
  ipc_handle_close(it);
  ipc_handle_close(owner);
  close_waker(&mine);
  close_waker(&others);
}

static ipc_handle *owner_now;
static void unlock_late(const char *call) {
  if (strcmp(call, "wait") != 0) return;
  hooks.before = NULL;
  CHECK_EQ(ipc_mutex_unlock(owner_now), IPC_OK);
}

/* Another thread's, and given back when the waiter has looked for the last time before it sleeps. */
static void waiter_that_is_about_to_sleep_is_woken(void) {
  ipc_handle *it = must_handle(mutex);
  owner_now = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(owner_now, 0), IPC_OK);
  atomic_store(&owner_now->slot->owner, 1); /* or it would be a deadlock */
  hooks.patient = true;
  hooks.before = unlock_late;
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  ipc_handle_close(it);
  ipc_handle_close(owner_now);
}

static ipc_handle *last_in_line;
static waker last_waker;
static void unlock_at_the_deadline(const char *call) {
  if (strcmp(call, "wait") != 0) return;
  hooks.before = NULL;
  arm(last_in_line, IPC_WAIT_FOR_LOCK, &last_waker);
  CHECK_EQ(ipc_mutex_unlock(owner_now), IPC_OK);
  CHECK_EQ(rings(&last_waker), 0); /* the sleeper was notified */
  CHECK_EQ(ipc_mutex_lock(owner_now, 0), IPC_OK);
  hooks.clock_ahead_ns += 10000000000u;
}

/* Its notification is not lost with it: it finds the mutex taken again, and its time over. */
static void who_gives_up_passes_its_notification_on(void) {
  ipc_handle *it = must_handle(mutex);
  owner_now = must_handle(mutex);
  last_in_line = must_handle(mutex);
  last_waker = open_waker();
  CHECK_EQ(ipc_mutex_lock(owner_now, 0), IPC_OK);
  atomic_store(&owner_now->slot->owner, 1);
  hooks.before = unlock_at_the_deadline;
  CHECK_EQ(ipc_mutex_lock(it, 5000), IPC_TIMED_OUT);
  CHECK_EQ(it->segment.header->waiting, 1);
  CHECK(!hooks.before);
  /* It waited once more in its place, saw its time to be over, and left without a notification. */
  CHECK_EQ(rings(&last_waker), 0);
  CHECK_EQ(ipc_mutex_unlock(owner_now), IPC_OK);
  CHECK_EQ(rings(&last_waker), 1);
  ipc_handle_close(it);
  ipc_handle_close(last_in_line);
  ipc_handle_close(owner_now);
  close_waker(&last_waker);
}

static int waits_begun;
static void overtake_once(const char *call) {
  if (strcmp(call, "wait") != 0) return;
  if (++waits_begun == 1) {
    arm(last_in_line, IPC_WAIT_FOR_LOCK, &last_waker);
    CHECK_EQ(ipc_mutex_unlock(owner_now), IPC_OK);
    CHECK_EQ(ipc_mutex_lock(owner_now, 0), IPC_OK);
  } else {
    hooks.before = NULL;
    CHECK_EQ(ipc_mutex_unlock(owner_now), IPC_OK);
  }
  CHECK_EQ(rings(&last_waker), 0);
}

/* Woken in vain, since somebody was faster: it is still before those who came after it. */
static void an_overtaken_sleeper_keeps_its_place(void) {
  ipc_handle *it = must_handle(mutex);
  owner_now = must_handle(mutex);
  last_in_line = must_handle(mutex);
  last_waker = open_waker();
  CHECK_EQ(ipc_mutex_lock(owner_now, 0), IPC_OK);
  atomic_store(&owner_now->slot->owner, 1);
  hooks.patient = true;
  hooks.before = overtake_once;
  CHECK_EQ(ipc_mutex_lock(it, -1), IPC_OK);
  CHECK_EQ(waits_begun, 2);
  CHECK_EQ(rings(&last_waker), 0);
  CHECK_EQ(ipc_mutex_unlock(it), IPC_OK);
  CHECK_EQ(rings(&last_waker), 1);
  ipc_handle_close(it);
  ipc_handle_close(last_in_line);
  ipc_handle_close(owner_now);
  close_waker(&last_waker);
}

/* Kill tests: `first` and `second` differ while somebody is at work; who finds them so must have been told. */
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

enum { VICTIMS = 10, KILLS = 250 * TEST_SCALE };

static void holders_and_waiters_are_killed_at_random(void) {
  uint32_t seed = 20260301;
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(mutex);
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

TEST_MAIN(TEST_CASE(who_comes_after_a_death_is_told), TEST_CASE(processes_exclude_each_other),
          TEST_CASE(threads_exclude_each_other), TEST_CASE(sleepers_and_event_loops_mix), TEST_CASE(threads_mix),
          TEST_CASE(free_mutex_costs_no_call), TEST_CASE(owner_alone_gives_it_back), TEST_CASE(time_outs_are_kept),
          TEST_CASE(waiters_learn_that_it_is_unusable), TEST_CASE(waiters_learn_that_it_was_cleared),
          TEST_CASE(a_removed_name_is_noticed), TEST_CASE(close_while_it_is_held),
          TEST_CASE(a_thread_that_ends_is_as_dead_as_a_process),
          TEST_CASE(stopped_holder_keeps_it_killed_holder_loses_it),
          TEST_CASE(stopped_or_killed_waiter_holds_nobody_up), TEST_CASE(they_are_woken_in_line_and_one_by_one),
          TEST_CASE(event_loops_are_rung_in_line), TEST_CASE(waiter_that_is_about_to_sleep_is_woken),
          TEST_CASE(who_gives_up_passes_its_notification_on), TEST_CASE(an_overtaken_sleeper_keeps_its_place),
          TEST_CASE(holders_and_waiters_are_killed_at_random), TEST_CASE(a_death_at_every_call_is_survived))
