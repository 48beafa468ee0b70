/* signal_test.c - notifications, waits for them, and what killed and stopped handles leave. */
#include "libipc/signal.h"
#include "handles.h"
#include "libipc/list.h"

enum { NOTIFIERS = 4, LISTENERS = 4, ROUNDS = 4000 * TEST_SCALE, SLEEPS = 1000 * TEST_SCALE, EACH_ACKNOWLEDGED = 16 };

typedef struct board {
  _Atomic uint32_t ready, go, stop, rounds[16];
  _Atomic int32_t answer;
  _Atomic uint32_t value[NOTIFIERS], seen[LISTENERS][NOTIFIERS];
} board;

static board *shared;

static ipc_options of(uint32_t notify_only) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_SIGNAL, .notify_only = notify_only};
}

static ipc_handle *listener(void) { return must_handle(of(0)); }
static ipc_handle *notifier(void) { return must_handle(of(1)); }

static int32_t attempt(ipc_handle *it) { return ipc_signal_wait(it, 0); }

static int32_t notify(ipc_handle *it, uint32_t id) {
  return ipc_signal_notify(it, id < 32 ? 1u << id : 0, id < 32 ? 0 : 1u << (id - 32));
}

static void each_other_handle_gets_each_id_once(void) {
  ipc_handle *it = listener(), *other = listener(), *third = notifier();
  for (uint32_t id = 0; id < IPC_SIGNAL_IDS; id++) {
    CHECK_EQ(notify(third, id), 2);
    CHECK_EQ(attempt(it), id);
    CHECK_EQ(attempt(it), IPC_TIMED_OUT);
    CHECK_EQ(attempt(other), id);
    CHECK_EQ(attempt(other), IPC_TIMED_OUT);
    CHECK_EQ(notify(it, id), 1); /* not itself, nor one that only notifies */
    CHECK_EQ(attempt(it), IPC_TIMED_OUT);
    CHECK_EQ(attempt(other), id);
  }
  for (int i = 0; i < 1000; i++) CHECK_EQ(notify(third, 9), 2); /* before it is taken: one */
  CHECK_EQ(attempt(it), 9);
  CHECK_EQ(attempt(it), IPC_TIMED_OUT);
  CHECK_EQ(notify(third, 9), 2);
  CHECK_EQ(attempt(it), 9);
  CHECK_EQ(ipc_signal_wait(it, 20), IPC_TIMED_OUT);
  CHECK_EQ(attempt(other), 9);
  CHECK_EQ(attempt(other), IPC_TIMED_OUT);
  CHECK_EQ(attempt(third), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_signal_wait(third, 1000), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_signal_notify(third, 0, 0), IPC_E_INVALID_ARGUMENT);
  ipc_handle_close(it);
  ipc_handle_close(other);
  CHECK_EQ(notify(third, 0), 0);
  ipc_handle_close(third);
}

static void ids_are_taken_in_turn(void) {
  ipc_handle *it = listener(), *other = listener();
  CHECK_EQ(ipc_signal_notify(other, UINT32_MAX, UINT32_MAX), 1);
  for (int32_t id = 0; id < IPC_SIGNAL_IDS; id++) CHECK_EQ(attempt(it), id);
  CHECK_EQ(attempt(it), IPC_TIMED_OUT);
  /* An id that is always notified again keeps no other one waiting. */
  CHECK_EQ(ipc_signal_notify(other, 1u << 5 | 1u << 31, 1u | 1u << 31), 1);
  static const int32_t order[] = {5, 31, 32, 63, 5, 31, 32, 63};
  for (int i = 0; i < 8; i++) {
    CHECK_EQ(attempt(it), order[i]);
    CHECK_EQ(ipc_signal_notify(other, 1u << 5 | 1u << 31, 1u | 1u << 31), 1);
  }
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void a_handle_listens_from_its_open_on(void) {
  ipc_handle *other = notifier();
  CHECK_EQ(notify(other, 3), 0);
  ipc_handle *it = listener();
  CHECK_EQ(attempt(it), IPC_TIMED_OUT); /* not what came before */
  CHECK_EQ(notify(other, 4), 1);
  CHECK_EQ(ipc_signal_wait(it, -1), 4);
  CHECK_EQ(notify(other, 5), 1);
  ipc_handle_close(it);
  it = listener(); /* in the slot of the last one */
  CHECK_EQ(attempt(it), IPC_TIMED_OUT);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void only_signals_only_notify(void) {
  ipc_failure failure;
  for (uint32_t kind = IPC_MUTEX; kind < IPC_KINDS; kind++) {
    const ipc_options options = {.struct_size = sizeof options,
                                 .kind = kind,
                                 .size = kind == IPC_MEMORY ? 4096 : 0,
                                 .notify_only = kind == IPC_SIGNAL ? 2 : 1};
    CHECK(!try_handle(options, &failure));
    CHECK_EQ(failure.code, IPC_E_INVALID_ARGUMENT);
  }
}

static ipc_handle *other_now;

static void notify_just_before_the_sleep(const char *call) {
  if (strcmp(call, "wait") != 0) return;
  hooks.before = NULL;
  CHECK_EQ(notify(other_now, 40), 1);
}

static void a_notification_just_before_the_sleep_is_seen(void) {
  ipc_handle *it = listener();
  other_now = listener();
  hooks.patient = true;
  hooks.before = notify_just_before_the_sleep;
  CHECK_EQ(ipc_signal_wait(it, -1), 40);
  ipc_handle_close(it);
  ipc_handle_close(other_now);
}

static void notify_and_clear(const char *call) {
  ipc_failure failure;
  if (strcmp(call, "wait") != 0) return;
  notify_just_before_the_sleep(call);
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_SIGNAL, &failure), IPC_OK);
}

/* The waiter finds both when it wakes: it takes the id first. */
static void what_was_notified_before_the_name_was_removed_is_taken(void) {
  ipc_handle *it = listener();
  other_now = listener();
  hooks.patient = true;
  hooks.before = notify_and_clear;
  CHECK_EQ(ipc_signal_wait(it, -1), 40);
  CHECK_EQ(ipc_signal_wait(it, -1), IPC_E_ORPHANED);
  ipc_handle_close(it);
  ipc_handle_close(other_now);
}

static void event_loops_are_signalled_once(void) {
  waker mine = open_waker(), others = open_waker();
  ipc_handle *it = listener(), *other = listener(), *third = notifier();
  CHECK_EQ(ipc_handle_armed(it), 0);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  arm(other, IPC_WAIT_FOR_LOCK, &others);
  CHECK_EQ(ipc_handle_armed(it), IPC_WAIT_FOR_LOCK);
  CHECK_EQ(notify(third, 1), 2);
  CHECK_EQ(notify(third, 2), 2);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(rings(&others), 1);
  CHECK_EQ(ipc_handle_armed(it), 0);
  CHECK_EQ(attempt(it), 1);
  CHECK_EQ(attempt(it), 2);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(attempt(it), IPC_TIMED_OUT);
  ipc_handle_disarm(it, IPC_WAIT_FOR_LOCK);
  CHECK_EQ(notify(third, 3), 2);
  CHECK_EQ(rings(&mine) + rings(&others), 0);
  CHECK_EQ(attempt(it), 3);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  ipc_handle_close(it);
  CHECK_EQ(notify(third, 3), 1);
  CHECK_EQ(rings(&mine), 0);
  ipc_handle_close(other);
  ipc_handle_close(third);
  close_waker(&mine);
  close_waker(&others);
}

static void wait_and_tell(void *timeout_ms) {
  ipc_handle *it = listener();
  atomic_fetch_add(&shared->ready, 1);
  atomic_store(&shared->answer, ipc_signal_wait(it, (int32_t)(intptr_t)timeout_ms));
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_handle_close(it);
}

static test_worker start_waiter(int32_t timeout_ms) {
  shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, wait_and_tell, (void *)(intptr_t)timeout_ms);
  test_await(&shared->ready, 1);
  return worker;
}

static void finish_waiter(test_worker worker, int32_t answer) {
  test_await(&shared->ready, 2);
  CHECK_EQ(shared->answer, answer);
  atomic_store(&shared->go, 1);
  test_finish(worker);
}

static void is_sleeping(const ipc_handle *it) {
  for (uint32_t asleep = 0; !asleep; test_pause()) {
    test_look_after_children();
    for (uint32_t i = 0; i < it->segment.max_receivers; i++) asleep += atomic_load(&it->segment.receivers[i].asleep);
  }
}

static void waits_end_when_the_name_is_cleared(void) {
  ipc_failure failure;
  for (int by_file = 0; by_file < 2; by_file++) {
    ipc_handle *it = listener(), *other = listener();
    hooks.patient = by_file == 0;
    test_worker waiter = start_waiter(-1);
    is_sleeping(it);
    CHECK_EQ(notify(other, 6), 2);
    finish_waiter(waiter, 6);
    waiter = start_waiter(-1);
    is_sleeping(it);
    double started = test_ms();
    if (by_file)
      ipc_os_unlink(it->segment.key);
    else
      CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_SIGNAL, &failure), IPC_OK);
    finish_waiter(waiter, IPC_E_ORPHANED);
    check_within_a_second(started);
    CHECK_EQ(attempt(it), 6); /* it came before */
    CHECK_EQ(attempt(it), IPC_E_ORPHANED);
    CHECK_EQ(notify(it, 1), IPC_E_ORPHANED);
    CHECK_EQ(ipc_signal_wait(it, 10000), IPC_E_ORPHANED);
    ipc_handle_close(it);
    ipc_handle_close(other);
    hooks.patient = false;
  }
}

static void a_name_that_was_removed_is_noticed_by_one_that_only_notifies(void) {
  ipc_handle *it = notifier();
  CHECK_EQ(notify(it, 0), 0);
  ipc_os_unlink(it->segment.key);
  double started = test_ms();
  while (notify(it, 0) != IPC_E_ORPHANED) check_not_hung(started);
  check_within_a_second(started);
  ipc_handle_close(it);
}

static void listen_and_idle(void *unused) {
  (void)unused;
  listener();
  atomic_fetch_add(&shared->ready, 1);
  test_idle();
}

static void a_stopped_listener_delays_nobody_and_a_killed_one_is_forgotten(void) {
  enum { MANY = 20000 };
  shared = test_shared(sizeof *shared);
  ipc_handle *it = notifier(), *other = listener();
  test_worker victim = test_start(TEST_PROCESS, listen_and_idle, NULL);
  test_await(&shared->ready, 1);
  test_stop(victim);
  for (uint32_t i = 0; i < MANY; i++) {
    CHECK_EQ(notify(it, i % IPC_SIGNAL_IDS), 2);
    CHECK_EQ(attempt(other), i % IPC_SIGNAL_IDS);
  }
  test_kill(victim);
  double started = test_ms();
  while (notify(it, 0) != 1) check_not_hung(started);
  check_within_a_second(started);
  test_reap(victim);
  CHECK_EQ(attempt(other), 0);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void the_dead_make_room_in_a_full_table(void) {
  ipc_failure failure;
  ipc_options options = of(0);
  options.max_receivers = 3;
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(options), *other = must_handle(options);
  test_worker victim = test_start(TEST_PROCESS, listen_and_idle, NULL);
  test_await(&shared->ready, 1);
  CHECK(!try_handle(options, &failure));
  CHECK_EQ(failure.code, IPC_E_TOO_MANY_HANDLES);
  CHECK_EQ(failure.wanted, 3);
  CHECK_EQ(ipc_signal_notify(it, 7, 0), 2);
  test_kill(victim);
  test_reap(victim);
  ipc_handle *third = must_handle(options);
  CHECK_EQ(attempt(third), IPC_TIMED_OUT); /* not what the dead one had pending */
  CHECK_EQ(notify(it, 63), 2);
  CHECK_EQ(attempt(third), 63);
  ipc_handle_close(it);
  ipc_handle_close(other);
  ipc_handle_close(third);
}

/* ---- No notification is lost ---- */

static uint32_t id_of(uint32_t number) { return number * 16 + 15; }

static void notify_many(void *number) {
  uint32_t n = (uint32_t)(uintptr_t)number, seed = n + 1;
  ipc_handle *it = notifier();
  for (uint32_t round = 1; round <= ROUNDS; round++) {
    atomic_store_explicit(&shared->value[n], round, memory_order_relaxed);
    CHECK_EQ(notify(it, id_of(n)), LISTENERS);
    if (test_random(&seed) % EACH_ACKNOWLEDGED != 0 && round < ROUNDS) continue;
    /* Nothing else wakes the listeners: each must come to know this round. */
    for (uint32_t l = 0; l < LISTENERS; l++)
      for (uint32_t spin = 0; atomic_load_explicit(&shared->seen[l][n], memory_order_relaxed) < round; spin++)
        if (spin > 100) ipc_os_yield();
  }
  ipc_handle_close(it);
}

/* One notifier, whose every notification meets the listeners in another step of falling asleep. */
static void notify_sleepers(void *unused) {
  (void)unused;
  uint32_t seed = 7;
  ipc_handle *it = notifier();
  for (uint32_t round = 1; round <= SLEEPS; round++) {
    for (uint32_t spin = test_random(&seed) % 2000; spin; spin--) ipc_cpu_relax();
    atomic_store_explicit(&shared->value[0], round, memory_order_relaxed);
    CHECK_EQ(notify(it, id_of(0)), LISTENERS);
    for (uint32_t l = 0; l < LISTENERS; l++)
      while (atomic_load_explicit(&shared->seen[l][0], memory_order_relaxed) < round) ipc_os_yield();
  }
  for (uint32_t n = 0; n < NOTIFIERS; n++) atomic_store(&shared->value[n], ROUNDS);
  for (uint32_t n = 0; n < NOTIFIERS; n++) notify(it, id_of(n));
  ipc_handle_close(it);
}

static bool has_all(uint32_t l) {
  for (uint32_t n = 0; n < NOTIFIERS; n++)
    if (atomic_load(&shared->seen[l][n]) < ROUNDS) return false;
  return true;
}

static void listen_to_all(void *number) {
  uint32_t l = (uint32_t)(uintptr_t)number;
  waker mine = open_waker();
  ipc_handle *it = listener();
  atomic_fetch_add(&shared->ready, 1);
  while (!has_all(l)) {
    int32_t id = l % 2 ? get_by_events(it, IPC_WAIT_FOR_LOCK, attempt, &mine) : ipc_signal_wait(it, -1);
    CHECK_GE(id, 0);
    uint32_t n = (uint32_t)id / 16, round = atomic_load_explicit(&shared->value[n], memory_order_relaxed);
    CHECK_EQ(id, id_of(n));
    CHECK_GE(round, atomic_load(&shared->seen[l][n]));
    atomic_store(&shared->seen[l][n], round);
  }
  ipc_handle_close(it);
  close_waker(&mine);
}

static void sleepers_lose_none(void) {
  shared = test_shared(sizeof *shared);
  hooks.patient = true;
  test_worker listeners[LISTENERS];
  for (uintptr_t i = 0; i < LISTENERS; i++) listeners[i] = test_start(TEST_PROCESS, listen_to_all, (void *)i);
  test_await(&shared->ready, LISTENERS);
  test_finish(test_start(TEST_PROCESS, notify_sleepers, NULL));
  for (int i = 0; i < LISTENERS; i++) test_finish(listeners[i]);
}

static void none_is_lost(test_form form) {
  shared = test_shared(sizeof *shared);
  hooks.patient = true; /* a lost wake-up hangs */
  test_worker listeners[LISTENERS], notifiers[NOTIFIERS];
  for (uintptr_t i = 0; i < LISTENERS; i++) listeners[i] = test_start(form, listen_to_all, (void *)i);
  test_await(&shared->ready, LISTENERS);
  for (uintptr_t i = 0; i < NOTIFIERS; i++) notifiers[i] = test_start(form, notify_many, (void *)i);
  for (int i = 0; i < NOTIFIERS; i++) test_finish(notifiers[i]);
  for (int i = 0; i < LISTENERS; i++) test_finish(listeners[i]);
}

static void processes_lose_none(void) { none_is_lost(TEST_PROCESS); }
static void threads_lose_none(void) { none_is_lost(TEST_THREAD); }

/* Two survivors notify each other in turns; victims notify, wait and are killed. */
static void work(void *number) {
  uint32_t n = (uint32_t)(uintptr_t)number;
  ipc_handle *it = listener();
  while (!atomic_load(&shared->stop)) {
    CHECK_GE(notify(it, n), 0);
    /* The other survivor may have taken its last one before this one stops to notify. */
    int32_t id = ipc_signal_wait(it, 100);
    if (id != IPC_TIMED_OUT) CHECK_GE(id, 0);
    if (id >= 0) atomic_fetch_add(&shared->rounds[n], 1);
  }
  ipc_handle_close(it);
}

static void deaths_at_random_moments_delay_nobody(void) {
  shared = test_shared(sizeof *shared);
  kill_at_random(20261128, 100 * TEST_SCALE, work, shared->rounds, &shared->stop);
  ipc_handle *it = listener();
  CHECK_EQ(ipc_handle_count(it), 1);
  CHECK_EQ(notify(it, 0), 0);
  ipc_handle_close(it);
}

static void they_cost_no_system_call_while_nobody_sleeps(void) {
  ipc_handle *it = listener(), *other = listener();
  CHECK_EQ(notify(it, 0), 1);
  CHECK_EQ(attempt(other), 0);
  calls_made = 0;
  hooks.before = count_call;
  double started = test_ms();
  for (int i = 0; i < 10000; i++) {
    CHECK_EQ(notify(it, 1), 1);
    CHECK_EQ(attempt(other), 1);
  }
  hooks.before = NULL;
  /* Every 0.4 s: what dead listeners there are, and whether the name is there. */
  CHECK_LE(calls_made, 40 * ((uint32_t)((test_ms() - started) / 400) + 1));
  ipc_handle_close(it);
  ipc_handle_close(other);
}

TEST_MAIN(TEST_CASE(what_was_notified_before_the_name_was_removed_is_taken),
          TEST_CASE(each_other_handle_gets_each_id_once), TEST_CASE(ids_are_taken_in_turn),
          TEST_CASE(a_handle_listens_from_its_open_on), TEST_CASE(only_signals_only_notify),
          TEST_CASE(a_notification_just_before_the_sleep_is_seen), TEST_CASE(event_loops_are_signalled_once),
          TEST_CASE(waits_end_when_the_name_is_cleared),
          TEST_CASE(a_name_that_was_removed_is_noticed_by_one_that_only_notifies),
          TEST_CASE(a_stopped_listener_delays_nobody_and_a_killed_one_is_forgotten),
          TEST_CASE(the_dead_make_room_in_a_full_table), TEST_CASE(processes_lose_none), TEST_CASE(sleepers_lose_none),
          TEST_CASE(threads_lose_none), TEST_CASE(deaths_at_random_moments_delay_nobody),
          TEST_CASE(they_cost_no_system_call_while_nobody_sleeps))
