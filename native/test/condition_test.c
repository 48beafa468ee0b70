/* condition_test.c - each notification ends one wait, the oldest, and none is lost. */
#include "libipc/condition.h"

#include "handles.h"
#include "libipc/list.h"
#include "queued_lock.h"

static const ipc_options mutex_options = {.struct_size = sizeof(ipc_options), .kind = IPC_MUTEX};

enum { ROOM = 7, ITEMS = TURNS / 4 };

/* A buffer that holds little: producers wait for space, consumers for items, on a condition each. */
typedef struct board {
  _Atomic uint32_t ready, go, stop, waits, order[CROWD], next, rounds[16], told;
  _Atomic int32_t answer;
  uint32_t items[ROOM], first, count, produced, consumed; /* the mutex orders all of these */
  uint8_t seen[ITEMS];
  bool open;
} board;
static board *shared;

static ipc_handle *open_named(const char *name, ipc_options options) {
  ipc_failure failure;
  ipc_handle *handle = ipc_handle_open(test_prefix, name, &options, &failure);
  if (!handle) FAIL("a handle could not open: %d", failure.code);
  return handle;
}

typedef struct monitor {
  ipc_handle *mutex, *space, *items;
  waker mine;
  bool by_events;
} monitor;

static monitor open_monitor(void) {
  return (monitor){open_named(test_name, mutex_options),
                   open_named("space", (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CONDITION}),
                   open_named("items", (ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CONDITION}),
                   open_waker(), false};
}

static void close_monitor(monitor *it) {
  ipc_handle_close(it->mutex);
  ipc_handle_close(it->space);
  ipc_handle_close(it->items);
  close_waker(&it->mine);
}

/* What ipc_condition_wait does, by an event loop that has nothing but its rings to go by. */
static void wait_by_events(monitor *it, ipc_handle *condition) {
  int32_t wait = ipc_condition_enter(condition, it->mine.number[0], it->mine.number[1]);
  CHECK_GE(wait, 0);
  CHECK_EQ(ipc_mutex_unlock(it->mutex), IPC_OK);
  while (ipc_handle_sleep(condition, wait, 0) == IPC_TIMED_OUT) await_signal(&it->mine);
  CHECK_EQ(ipc_mutex_lock(it->mutex, -1), IPC_OK);
}

static void wait_for(monitor *it, ipc_handle *condition, uint32_t how) {
  if (it->by_events)
    wait_by_events(it, condition);
  else if (how % 8 == 0) /* a waiter that cancels must pass its notification on */
    CHECK_GE(ipc_condition_wait(condition, it->mutex, 0), IPC_TIMED_OUT);
  else
    CHECK_EQ(ipc_condition_wait(condition, it->mutex, -1), IPC_OK);
}

static void produce(void *by_events) {
  monitor it = open_monitor();
  it.by_events = by_events != NULL;
  for (uint32_t i = 0;; i++) {
    CHECK_EQ(ipc_mutex_lock(it.mutex, -1), IPC_OK);
    for (uint32_t n = 1; shared->count == ROOM; n++) wait_for(&it, it.space, i + n);
    if (shared->produced == ITEMS) break;
    shared->items[(shared->first + shared->count++) % ROOM] = shared->produced++;
    CHECK_LE(ipc_condition_notify(it.items), 1);
    CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
  }
  CHECK_GE(ipc_condition_notify_all(it.items), 0);
  CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
  close_monitor(&it);
}

static void consume(void *by_events) {
  monitor it = open_monitor();
  it.by_events = by_events != NULL;
  for (uint32_t i = 0;; i++) {
    CHECK_EQ(ipc_mutex_lock(it.mutex, -1), IPC_OK);
    for (uint32_t n = 1; shared->count == 0 && shared->consumed < ITEMS; n++) wait_for(&it, it.items, i + n);
    if (shared->count == 0) break;
    uint32_t item = shared->items[shared->first];
    shared->first = (shared->first + 1) % ROOM;
    shared->count--;
    CHECK_EQ(item, shared->consumed);
    CHECK_EQ(shared->seen[item]++, 0);
    if (++shared->consumed == ITEMS) ipc_condition_notify_all(it.items);
    CHECK_LE(ipc_condition_notify(it.space), 1);
    CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
  }
  CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
  close_monitor(&it);
}

static void check_buffer(test_form form) {
  test_worker workers[CROWD];
  test_own(test_prefix, "space");
  test_own(test_prefix, "items");
  shared = test_shared(sizeof *shared);
  hooks.patient = true;
  monitor it = open_monitor();
  for (int i = 0; i < CROWD; i++)
    workers[i] = test_start(form, i % 2 ? consume : produce, i >= CROWD - 2 ? &shared : NULL);
  for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
  CHECK_EQ(shared->consumed, ITEMS);
  for (uint32_t i = 0; i < ITEMS; i++) CHECK_EQ(shared->seen[i], 1);
  CHECK_EQ(it.items->segment.header->waiting, 0);
  CHECK_EQ(it.space->segment.header->waiting, 0);
  close_monitor(&it);
}
static void processes_share_a_buffer(void) { check_buffer(TEST_PROCESS); }
static void threads_share_a_buffer(void) { check_buffer(TEST_THREAD); }

/* The case's condition and its mutex have one name. */
static const ipc_options condition_options = {.struct_size = sizeof(ipc_options), .kind = IPC_CONDITION};
typedef struct pair {
  ipc_handle *mutex, *condition;
} pair;

static pair open_pair(void) { return (pair){must_handle(mutex_options), must_handle(condition_options)}; }

static void close_pair(pair it) {
  ipc_handle_close(it.condition);
  ipc_handle_close(it.mutex);
}

static void wait_until_open(void *number) {
  pair it = open_pair();
  CHECK_EQ(ipc_mutex_lock(it.mutex, -1), IPC_OK);
  int32_t status = IPC_OK;
  while (!shared->open && status >= 0) {
    status = ipc_condition_wait(it.condition, it.mutex, -1);
    atomic_fetch_add(&shared->waits, 1);
  }
  atomic_store(&shared->answer, status);
  atomic_store(&shared->order[atomic_load(&shared->next)], (uint32_t)(uintptr_t)number);
  atomic_fetch_add(&shared->next, 1);
  if (ipc_mutex_is_held(it.mutex)) CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
  close_pair(it);
}

static void notified_one_by_one_in_order(void) {
  const uint32_t tickets[] = {0, (1u << 30) - 3, UINT32_MAX - 2};
  hooks.patient = true;
  for (int round = 0; round < 3; round++) {
    test_worker workers[CROWD];
    shared = test_shared(sizeof *shared);
    pair it = open_pair();
    atomic_store(&it.condition->segment.header->next_ticket, tickets[round]);
    CHECK_EQ(ipc_condition_notify(it.condition), 0); /* no wait: it has ended */
    for (uintptr_t i = 0; i < CROWD; i++) {
      workers[i] = test_start(TEST_PROCESS, wait_until_open, (void *)i);
      await_waits(it.condition, (uint32_t)i + 1);
    }
    CHECK_EQ(ipc_mutex_lock(it.mutex, -1), IPC_OK);
    shared->open = true;
    CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
    for (uint32_t i = 0; i < CROWD; i++) {
      if (i == CROWD - 2)
        CHECK_EQ(ipc_condition_notify_all(it.condition), 2);
      else if (i < CROWD - 2)
        CHECK_EQ(ipc_condition_notify(it.condition), 1);
      test_await(&shared->next, i + 1);
      if (i < CROWD - 2) {
        CHECK_EQ(shared->order[i], i);
        CHECK_EQ(shared->waits, i + 1); /* no other wait has ended */
      }
    }
    CHECK_EQ(ipc_condition_notify_all(it.condition), 0);
    for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
    close_pair(it);
  }
}

static void a_wait_needs_the_mutex_and_gets_it_back(void) {
  pair it = open_pair();
  CHECK_EQ(ipc_condition_wait(it.condition, it.mutex, 0), IPC_E_NOT_OWNER);
  CHECK_EQ(it.condition->segment.header->waiting, 0);
  CHECK_EQ(ipc_mutex_lock(it.mutex, 0), IPC_OK);
  double started = test_ms();
  CHECK_EQ(ipc_condition_wait(it.condition, it.mutex, 30), IPC_TIMED_OUT);
  CHECK_GE(test_ms() - started, 30);
  CHECK_EQ(ipc_condition_wait(it.condition, it.mutex, 0), IPC_TIMED_OUT);
  CHECK(ipc_mutex_is_held(it.mutex));
  CHECK_EQ(it.condition->segment.header->waiting, 0);
  CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
  close_pair(it);
}

static ipc_handle *notifier;
static void notify_at_the_deadline(const char *call) {
  if (strcmp(call, "wait") != 0) return;
  hooks.before = NULL;
  hooks.clock_ahead_ns += 10000000000u;
  CHECK_EQ(ipc_condition_notify(notifier), 1);
}

/* The wait's time is over, and it was notified: then it was notified. */
static void a_notification_that_comes_with_the_deadline_counts(void) {
  pair it = open_pair();
  notifier = must_handle(condition_options);
  CHECK_EQ(ipc_mutex_lock(it.mutex, 0), IPC_OK);
  hooks.before = notify_at_the_deadline;
  CHECK_EQ(ipc_condition_wait(it.condition, it.mutex, TEST_PATIENCE_MS), IPC_OK);
  ipc_handle_close(notifier);
  close_pair(it);
}

static void parts_of_a_wait(void) {
  ipc_handle *it = must_handle(condition_options), *other = must_handle(condition_options);
  waker mine = open_waker();
  int32_t first = ipc_condition_enter(it, 0, 0), second = ipc_condition_enter(it, mine.number[0], mine.number[1]);
  CHECK_EQ(ipc_handle_sleep(it, first, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_handle_sleep(it, first, 5), IPC_TIMED_OUT);
  CHECK_EQ(ipc_handle_sleep(other, first, 0), IPC_E_INVALID_ARGUMENT); /* not its own */
  CHECK_EQ(ipc_handle_leave(other, first), 0);
  for (int32_t none = -1; none <= 4096; none += 4097) CHECK_EQ(ipc_handle_sleep(it, none, -1), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_handle_leave(it, INT32_MAX), 0);
  CHECK_EQ(ipc_condition_notify(other), 1);
  CHECK_EQ(rings(&mine), 0);
  CHECK_EQ(ipc_handle_sleep(it, first, 0), IPC_OK);
  CHECK_EQ(ipc_handle_sleep(it, first, 0), IPC_E_INVALID_ARGUMENT); /* it is over */
  CHECK_EQ(ipc_condition_notify(other), 1);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_handle_leave(it, second), 1); /* had been notified all the same */
  CHECK_EQ(ipc_handle_leave(it, second), 0);
  second = ipc_condition_enter(it, 0, 0);
  CHECK_EQ(ipc_handle_leave(it, second), 0);
  CHECK_EQ(it->segment.header->waiting, 0);
  ipc_handle_close(it);
  ipc_handle_close(other);
  close_waker(&mine);
}

static void enter_until_full(void *count) {
  ipc_options two = condition_options;
  two.max_receivers = 2;
  ipc_handle *it = must_handle(two);
  for (uintptr_t i = 0; i < (uintptr_t)count; i++) CHECK_GE(ipc_condition_enter(it, 0, 0), 0);
  atomic_store(&shared->ready, 1);
  test_idle();
}

static void the_waits_of_the_dead_make_room(void) {
  shared = test_shared(sizeof *shared);
  ipc_options two = condition_options;
  two.max_receivers = 2;
  ipc_handle *it = must_handle(two), *mutex = must_handle(mutex_options);
  test_worker worker = test_start(TEST_PROCESS, enter_until_full, (void *)(uintptr_t)(2 * IPC_WAITS_PER_HANDLE));
  test_await(&shared->ready, 1);
  CHECK_EQ(ipc_condition_enter(it, 0, 0), IPC_E_TOO_MANY_WAITS);
  CHECK_EQ(ipc_mutex_lock(mutex, 0), IPC_OK);
  CHECK_EQ(ipc_condition_wait(it, mutex, 0), IPC_E_TOO_MANY_WAITS);
  CHECK(ipc_mutex_is_held(mutex));
  test_kill(worker);
  for (int i = 0; i < 2 * IPC_WAITS_PER_HANDLE; i++) CHECK_EQ(ipc_condition_enter(it, 0, 0), i);
  CHECK_EQ(it->segment.header->waiting, 2 * IPC_WAITS_PER_HANDLE);
  CHECK_EQ(ipc_handle_sleep(it, 0, 0), IPC_TIMED_OUT); /* it died before this wait began */
  CHECK_EQ(ipc_condition_enter(it, 0, 0), IPC_E_TOO_MANY_WAITS);
  ipc_handle_close(it);
  ipc_handle_close(mutex);
}

static test_worker start_waiter(const pair *it, uintptr_t number) {
  if (!shared) shared = test_shared(sizeof *shared);
  uint32_t before = count_waits(it->condition, IPC_WAIT_WAITING);
  test_worker worker = test_start(TEST_PROCESS, wait_until_open, (void *)number);
  await_waits(it->condition, before + 1);
  return worker;
}

static void waiters_learn_that_it_was_cleared(void) {
  ipc_failure failure;
  hooks.patient = true;
  pair it = open_pair();
  test_worker waiter = start_waiter(&it, 0);
  waker mine = open_waker();
  int32_t wait = ipc_condition_enter(it.condition, mine.number[0], mine.number[1]);
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_CONDITION, &failure), IPC_OK);
  test_finish(waiter);
  CHECK_EQ(rings(&mine), 1);
  CHECK_GE(ipc_handle_sleep(it.condition, wait, 0), IPC_E_ORPHANED);
  CHECK_EQ(ipc_handle_leave(it.condition, wait), 0);
  CHECK_EQ(ipc_condition_enter(it.condition, 0, 0), IPC_E_ORPHANED);
  CHECK_EQ(ipc_mutex_lock(it.mutex, 0), IPC_OK);
  CHECK_EQ(ipc_condition_wait(it.condition, it.mutex, -1), IPC_E_ORPHANED);
  CHECK(ipc_mutex_is_held(it.mutex));
  close_pair(it);
  close_waker(&mine);
}

static void a_removed_name_is_noticed(void) {
  pair it = open_pair();
  test_worker waiter = start_waiter(&it, 0);
  ipc_os_unlink(it.condition->segment.key);
  double started = test_ms();
  test_await(&shared->next, 1);
  check_within_a_second(started);
  test_finish(waiter);
  CHECK_EQ(shared->answer, IPC_E_ORPHANED);
  close_pair(it);
}

/* The mutex's fate is the answer, and it is not held. */
static void the_mutex_is_given_up_meanwhile(void) {
  hooks.patient = true;
  pair it = open_pair();
  test_worker waiter = start_waiter(&it, 0);
  CHECK_EQ(ipc_mutex_lock(it.mutex, -1), IPC_OK);
  CHECK_EQ(ipc_mutex_mark_unusable(it.mutex), IPC_OK);
  CHECK_EQ(ipc_condition_notify(it.condition), 1);
  test_finish(waiter);
  CHECK_EQ(shared->answer, IPC_E_UNUSABLE);
  close_pair(it);
}

static void the_mutex_owner_dies_meanwhile(void) {
  hooks.patient = true;
  pair it = open_pair();
  test_worker waiter = start_waiter(&it, 0);
  CHECK_EQ(ipc_mutex_lock(it.mutex, -1), IPC_OK);
  shared->open = true;
  CHECK_EQ(ipc_condition_notify(it.condition), 1);
  ipc_handle_close(it.mutex);
  test_finish(waiter);
  CHECK_EQ(shared->answer, IPC_OWNER_DIED);
  ipc_handle_close(it.condition);
}

/* The notified waiter may be dead: then all other waits end and check again. */
static void killed_waiter_does_not_keep_its_notification(void) {
  for (int notified_first = 0; notified_first < 2; notified_first++) {
    shared = test_shared(sizeof *shared);
    pair it = open_pair();
    test_worker first = start_waiter(&it, 0), second = start_waiter(&it, 1);
    shared->open = true;
    test_stop(first);
    if (notified_first) CHECK_EQ(ipc_condition_notify(it.condition), 1);
    test_kill(first);
    if (!notified_first) CHECK_EQ(ipc_condition_notify(it.condition), 1); /* goes to the dead one */
    double started = test_ms();
    test_await(&shared->next, 1);
    check_within_a_second(started);
    CHECK_EQ(shared->order[0], 1);
    test_reap(first);
    test_finish(second);
    CHECK_EQ(it.condition->segment.header->waiting, 0);
    close_pair(it);
  }
}

/* It is alive: the notification is its own, and a second one goes to the next. */
static void closed_waiter_passes_its_notification_on(void) {
  pair it = open_pair();
  ipc_handle *other = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CONDITION});
  int32_t first = ipc_condition_enter(other, 0, 0), second = ipc_condition_enter(it.condition, 0, 0);
  CHECK_GE(first, 0);
  CHECK_EQ(ipc_condition_notify(it.condition), 1);
  CHECK_EQ(ipc_handle_sleep(it.condition, second, 0), IPC_TIMED_OUT);
  ipc_handle_close(other);
  CHECK_EQ(ipc_handle_sleep(it.condition, second, 0), IPC_OK);
  close_pair(it);
}

static void stopped_waiter_keeps_its_notification(void) {
  shared = test_shared(sizeof *shared);
  pair it = open_pair();
  test_worker first = start_waiter(&it, 0), second = start_waiter(&it, 1);
  shared->open = true;
  test_stop(first);
  CHECK_EQ(ipc_condition_notify(it.condition), 1);
  int32_t wait = ipc_condition_enter(it.condition, 0, 0);
  CHECK_EQ(ipc_handle_sleep(it.condition, wait, 500),
           IPC_TIMED_OUT); /* checks liveness at least once: no handle is dead */
  CHECK_EQ(ipc_handle_leave(it.condition, wait), 0);
  CHECK_EQ(shared->next, 0);
  CHECK_EQ(ipc_condition_notify(it.condition), 1);
  test_await(&shared->next, 1);
  CHECK_EQ(shared->order[0], 1);
  test_continue(first);
  test_finish(first);
  test_finish(second);
  close_pair(it);
}

/* Kill tests: tokens are produced, and a waiter takes each. A dead waiter loses no token. */
static void take_tokens(void *number) {
  uint32_t index = (uint32_t)(uintptr_t)number;
  pair it = open_pair();
  while (!atomic_load(&shared->stop)) {
    CHECK_GE(ipc_mutex_lock(it.mutex, -1), 0);
    while (shared->count == 0 && !atomic_load(&shared->stop))
      CHECK_GE(ipc_condition_wait(it.condition, it.mutex, -1), 0);
    if (shared->count > 0) shared->count--;
    CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
    atomic_fetch_add(&shared->rounds[index], 1);
  }
  close_pair(it);
}

static void make_tokens(const pair *it, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    CHECK_GE(ipc_mutex_lock(it->mutex, -1), 0);
    shared->count++;
    ipc_condition_notify(it->condition);
    CHECK_EQ(ipc_mutex_unlock(it->mutex), IPC_OK);
  }
}

enum { VICTIMS = 10, KILLS = 250 * TEST_SCALE };

static void waiters_are_killed_at_random(void) {
  uint32_t seed = 20260302;
  shared = test_shared(sizeof *shared);
  pair it = open_pair();
  test_worker survivors[2], victims[VICTIMS];
  for (uintptr_t i = 0; i < 2; i++) survivors[i] = test_start(TEST_PROCESS, take_tokens, (void *)i);
  for (int killed = 0; killed < KILLS; killed += VICTIMS) {
    for (uintptr_t i = 0; i < VICTIMS; i++) {
      victims[i] = test_start(TEST_PROCESS, take_tokens, (void *)(2 + i));
      make_tokens(&it, test_random(&seed) % 4);
    }
    for (int i = 0; i < VICTIMS; i++) {
      make_tokens(&it, test_random(&seed) % 4);
      for (uint32_t spin = test_random(&seed) % 5000; spin; spin--) ipc_cpu_relax();
      test_kill(victims[i]);
    }
    /* All that is there is taken by the two. */
    double started = test_ms();
    make_tokens(&it, 2);
    for (bool all = false; !all; test_pause()) {
      CHECK_GE(ipc_mutex_lock(it.mutex, -1), 0);
      all = shared->count == 0;
      CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
      check_not_hung(started);
    }
    check_within_a_second(started);
    for (int i = 0; i < VICTIMS; i++) test_reap(victims[i]);
  }
  CHECK_GE(ipc_mutex_lock(it.mutex, -1), 0);
  atomic_store(&shared->stop, 1);
  ipc_condition_notify_all(it.condition);
  CHECK_EQ(ipc_mutex_unlock(it.mutex), IPC_OK);
  for (int i = 0; i < 2; i++) test_finish(survivors[i]);
  CHECK_EQ(ipc_handle_count(it.condition), 1);
  close_pair(it);
}

TEST_MAIN(TEST_CASE(processes_share_a_buffer), TEST_CASE(threads_share_a_buffer),
          TEST_CASE(notified_one_by_one_in_order), TEST_CASE(a_wait_needs_the_mutex_and_gets_it_back),
          TEST_CASE(a_notification_that_comes_with_the_deadline_counts), TEST_CASE(parts_of_a_wait),
          TEST_CASE(the_waits_of_the_dead_make_room), TEST_CASE(waiters_learn_that_it_was_cleared),
          TEST_CASE(a_removed_name_is_noticed), TEST_CASE(the_mutex_is_given_up_meanwhile),
          TEST_CASE(the_mutex_owner_dies_meanwhile), TEST_CASE(killed_waiter_does_not_keep_its_notification),
          TEST_CASE(closed_waiter_passes_its_notification_on), TEST_CASE(stopped_waiter_keeps_its_notification),
          TEST_CASE(waiters_are_killed_at_random))
