/* memory_wait_test.c - waiting for words in shared memory. */
#include "memory_fixture.h"

typedef struct board {
  _Atomic uint32_t ready, go, stop, woken, order[CROWD], rounds[16];
  _Atomic int32_t answer;
} board;

static board *shared;

static int32_t enter(ipc_handle *it, uint32_t offset, uint32_t expected, const waker *by) {
  ipc_failure failure;
  int32_t wait = ipc_memory_enter(it, offset, expected, by ? by->number[0] : 0, by ? by->number[1] : 0, &failure);
  CHECK_GE(wait, 0);
  CHECK_EQ(failure.code, 0);
  return wait;
}

static void waits_on_words_are_woken_one_by_one(void) {
  ipc_failure failure;
  waker mine = open_waker();
  ipc_handle *it = must_handle(of(4096)), *other = must_handle(of(4096));
  int32_t waits[4];
  for (int i = 0; i < 3; i++) waits[i] = enter(it, 16, 0, NULL);
  waits[3] = enter(other, 20, 0, &mine);
  CHECK_EQ(ipc_memory_wake(other, 12, 10), 0);
  CHECK_EQ(ipc_memory_wake(other, 16, 0), 0);
  CHECK_EQ(ipc_memory_wake(other, 16, 2), 2);
  CHECK_EQ(ipc_handle_sleep(it, waits[0], 0), IPC_OK);
  CHECK_EQ(ipc_handle_sleep(it, waits[1], 0), IPC_OK);
  CHECK_EQ(ipc_handle_sleep(it, waits[2], 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_memory_wake(other, 16, UINT32_MAX), 1);
  CHECK_EQ(ipc_handle_leave(it, waits[2]), 1);
  CHECK_EQ(rings(&mine), 0);
  CHECK_EQ(ipc_memory_wake(it, 20, 1), 1);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_handle_sleep(other, waits[3], -1), IPC_OK);
  CHECK_EQ(ipc_memory_enter(it, 16, 1, 0, 0, &failure), IPC_NOT_EQUAL);
  const uint32_t none[] = {1, 2, 3, 4093, 4094, 4096, 4100, UINT32_MAX, UINT32_MAX - 3};
  for (int i = 0; i < 9; i++) CHECK_EQ(ipc_memory_enter(it, none[i], 0, 0, 0, &failure), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(it->segment.header->waiting, 0);
  CHECK_EQ(ipc_handle_leave(it, enter(it, 4092, 0, NULL)), 0); /* the last one */
  grow(other, 9001);
  CHECK_EQ(ipc_handle_leave(it, enter(it, 8996, 0, NULL)), 0);                     /* mapped when it is needed */
  CHECK_EQ(ipc_memory_enter(it, 9000, 0, 0, 0, &failure), IPC_E_INVALID_ARGUMENT); /* half a word */
  ipc_handle_close(it);
  ipc_handle_close(other);
  close_waker(&mine);
}

static ipc_handle *it_now, *other_now;

static _Atomic uint32_t *word_now;

/* Between the two a wake-up came that this one took, although the word had changed before: another is owed it. */
static void a_wait_that_finds_the_word_changed_passes_its_wake_up_on(void) {
  ipc_failure failure;
  waker mine = open_waker();
  ipc_handle *it = must_handle(of(64));
  int32_t wait = enter(it, 0, 0, &mine);
  /* The table's first free place is left notified by an exchange with what enter would store: no such moment without
   * luck. */
  CHECK_EQ(ipc_memory_enter(it, 0, 1, 0, 0, &failure), IPC_NOT_EQUAL);
  CHECK_EQ(count_waits(it, IPC_WAIT_WAITING), 1);
  CHECK_EQ(rings(&mine), 0);
  CHECK_EQ(ipc_handle_leave(it, wait), 0);
  ipc_handle_close(it);
  close_waker(&mine);
}

static void change_it_late(const char *call) {
  if (strcmp(call, "wait") != 0) return;
  hooks.before = NULL;
  atomic_store(word_now, 1);
  CHECK_EQ(ipc_memory_wake(other_now, 4, 1), 1);
}

static void a_wake_up_just_before_the_sleep_is_seen(void) {
  it_now = must_handle(of(64));
  other_now = must_handle(of(64));
  ipc_mapping *mapping = must_map(other_now);
  word_now = (_Atomic uint32_t *)(bytes_of(mapping) + 4);
  hooks.patient = true;
  hooks.before = change_it_late;
  CHECK_EQ(ipc_handle_sleep(it_now, enter(it_now, 4, 0, NULL), -1), IPC_OK);
  ipc_mapping_release(mapping);
  ipc_handle_close(it_now);
  ipc_handle_close(other_now);
}

/* A mutex made from a word: 0 free, 1 taken, 2 taken and waited for. */
typedef struct own_lock {
  _Atomic uint32_t word;
  uint32_t padding;
  uint64_t first, second;
} own_lock;

static void lock_own(own_lock *lock, ipc_handle *it, uint32_t offset, const waker *by) {
  ipc_failure failure;
  uint32_t seen = 0;
  if (atomic_compare_exchange_strong_explicit(&lock->word, &seen, 1, memory_order_acquire, memory_order_relaxed))
    return;
  while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0) {
    int32_t wait = ipc_memory_enter(it, offset, 2, by ? by->number[0] : 0, by ? by->number[1] : 0, &failure);
    if (wait == IPC_NOT_EQUAL) continue;
    CHECK_GE(wait, 0);
    if (by)
      while (ipc_handle_sleep(it, wait, 0) == IPC_TIMED_OUT) await_signal(by);
    else
      CHECK_EQ(ipc_handle_sleep(it, wait, -1), IPC_OK);
  }
}

static void unlock_own(own_lock *lock, ipc_handle *it, uint32_t offset) {
  if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2) CHECK_LE(ipc_memory_wake(it, offset, 1), 1);
}

static void take_turns(void *by_events) {
  enum { OFFSET = 64 };
  ipc_handle *it = must_handle(of(200));
  ipc_mapping *mapping = must_map(it);
  own_lock *lock = (own_lock *)(void *)(bytes_of(mapping) + OFFSET);
  waker mine = open_waker();
  for (uint32_t i = 0; i < TURNS_EACH; i++) {
    lock_own(lock, it, OFFSET, by_events ? &mine : NULL);
    uint64_t before = lock->first++;
    if (i % 64 == 0) ipc_os_yield();
    CHECK_EQ(lock->second, before);
    lock->second++;
    unlock_own(lock, it, OFFSET);
  }
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  if (it->instance == 1) CHECK_EQ(lock->first, TURNS_EACH * CROWD);
  ipc_mapping_release(mapping);
  ipc_handle_close(it);
  close_waker(&mine);
}

static void check_own_mutex(test_form form) {
  test_worker workers[CROWD];
  shared = test_shared(sizeof *shared);
  hooks.patient = true;
  for (int i = 0; i < CROWD; i++) workers[i] = test_start(form, take_turns, i % 4 == 3 ? &shared : NULL);
  test_await(&shared->ready, CROWD);
  ipc_handle *it = must_handle(of(200));
  CHECK_EQ(it->segment.header->waiting, 0);
  atomic_store(&shared->go, 1);
  for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
  ipc_handle_close(it);
}

static void processes_build_a_mutex(void) { check_own_mutex(TEST_PROCESS); }

static void threads_build_a_mutex(void) { check_own_mutex(TEST_THREAD); }

static void sleep_on_a_word(void *offset) {
  ipc_failure failure;
  ipc_handle *it = must_handle(of(4096));
  ipc_mapping *mapping = must_map(it);
  _Atomic uint32_t *word = (_Atomic uint32_t *)(bytes_of(mapping) + (uintptr_t)offset);
  while (atomic_load(word) == 0) {
    int32_t wait = ipc_memory_enter(it, (uint32_t)(uintptr_t)offset, 0, 0, 0, &failure);
    if (wait >= 0) CHECK_EQ(ipc_handle_sleep(it, wait, -1), IPC_OK);
    atomic_fetch_add(&shared->rounds[0], 1);
  }
  atomic_fetch_add(&shared->woken, 1);
  ipc_mapping_release(mapping);
  ipc_handle_close(it);
}

/* A dead waiter may have been woken instead: each sleeper checks again, whatever word it waits for. */
static void a_killed_sleeper_does_not_keep_its_wake_up(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(of(4096));
  ipc_mapping *mapping = must_map(it);
  test_worker first = test_start(TEST_PROCESS, sleep_on_a_word, (void *)40);
  await_waits(it, 1);
  test_worker second = test_start(TEST_PROCESS, sleep_on_a_word, (void *)40);
  await_waits(it, 2);
  test_kill(first);
  atomic_store((_Atomic uint32_t *)(bytes_of(mapping) + 40), 1);
  CHECK_EQ(ipc_memory_wake(it, 40, 1), 1);
  double started = test_ms();
  test_await(&shared->woken, 1);
  check_within_a_second(started);
  test_finish(second);
  CHECK_EQ(it->segment.header->waiting, 0);
  ipc_mapping_release(mapping);
  ipc_handle_close(it);
}

static void fill_the_table(void *unused) {
  (void)unused;
  ipc_options two = of(64);
  two.max_receivers = 2;
  ipc_handle *it = must_handle(two);
  for (int i = 0; i < 2 * IPC_WAITS_PER_HANDLE; i++) enter(it, 0, 0, NULL);
  atomic_store(&shared->ready, 1);
  test_idle();
}

static void waits_of_dead_handles_free_their_entries(void) {
  ipc_failure failure;
  shared = test_shared(sizeof *shared);
  ipc_options two = of(64);
  two.max_receivers = 2;
  ipc_handle *it = must_handle(two);
  test_worker worker = test_start(TEST_PROCESS, fill_the_table, NULL);
  test_await(&shared->ready, 1);
  CHECK_EQ(ipc_memory_enter(it, 0, 0, 0, 0, &failure), IPC_E_TOO_MANY_WAITS);
  test_kill(worker);
  CHECK_EQ(enter(it, 0, 0, NULL), 0);
  CHECK_EQ(it->segment.header->waiting, 1);
  ipc_handle_close(it);
}

TEST_MAIN(TEST_CASE(waits_on_words_are_woken_one_by_one),
          TEST_CASE(a_wait_that_finds_the_word_changed_passes_its_wake_up_on),
          TEST_CASE(a_wake_up_just_before_the_sleep_is_seen), TEST_CASE(processes_build_a_mutex),
          TEST_CASE(threads_build_a_mutex), TEST_CASE(a_killed_sleeper_does_not_keep_its_wake_up),
          TEST_CASE(waits_of_dead_handles_free_their_entries))
