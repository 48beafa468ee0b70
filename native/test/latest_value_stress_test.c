/* latest_value_stress_test.c - no value is torn, whatever the speed of the writers; writers and readers are killed. */
#include "buffers.h"
#include "handles.h"
#include "view.h"

enum { READERS = TEST_SCALE > 1 ? 64 : 16, LONGEST = 3000 };

static const ipc_options latest = {
    .struct_size = sizeof(ipc_options), .kind = IPC_LATEST, .size = LONGEST, .max_receivers = READERS + 4};

typedef struct meeting {
  _Atomic uint32_t ready, stop, gets, pinned;
} meeting;

static meeting *shared;

/* All bytes of a value follow from its first word, also its length. */
static uint32_t fill(uint8_t *value, uint32_t seed) {
  uint32_t length = 8 + seed % (LONGEST - 8);
  memcpy(value, &seed, 4);
  for (uint32_t i = 4; i < length; i++) value[i] = (uint8_t)(seed * 31 + i);
  return length;
}

static void check(const uint8_t *value, int32_t length) {
  uint32_t seed;
  CHECK_GE(length, 8);
  memcpy(&seed, value, 4);
  CHECK_EQ(length, 8 + seed % (LONGEST - 8));
  for (int32_t i = 4; i < length; i++)
    if (value[i] != (uint8_t)(seed * 31 + (uint32_t)i)) FAIL("byte %d of a value of %d is another one's", i, length);
}

static void set_without_end(void *unused) {
  (void)unused;
  static _Thread_local uint8_t value[LONGEST];
  ipc_handle *it = must_handle(latest);
  uint32_t seed = it->instance * 2654435761u;
  atomic_fetch_add(&shared->ready, 1);
  while (!atomic_load(&shared->stop)) CHECK_EQ(ipc_latest_set(it, value, fill(value, test_random(&seed)), -1), IPC_OK);
  ipc_handle_close(it);
}

static void get_without_end(void *unused) {
  (void)unused;
  uint8_t value[LONGEST];
  ipc_handle *it = must_handle(latest);
  double version = 0;
  atomic_fetch_add(&shared->ready, 1);
  while (!atomic_load(&shared->stop)) {
    int32_t length = ipc_latest_get(it, value, sizeof value);
    check(value, length);
    CHECK_GE(ipc_latest_seen(it), version);
    version = ipc_latest_seen(it);
    atomic_fetch_add(&shared->gets, 1);
    if (it->segment.header->pinning) atomic_store(&shared->pinned, 1);
  }
  ipc_handle_close(it);
}

static void run_many(test_form form) {
  shared = test_shared(sizeof *shared);
  uint8_t value[LONGEST];
  ipc_handle *it = must_handle(latest);
  CHECK_EQ(ipc_latest_set(it, value, fill(value, 1), -1), IPC_OK);
  it->segment.header->buffers = 2; /* the writers come round to a reader's buffer at their second set */
  test_worker writers[2], readers[READERS];
  for (int i = 0; i < READERS; i++) readers[i] = test_start(form, get_without_end, NULL);
  for (int i = 0; i < 2; i++) writers[i] = test_start(form, set_without_end, NULL);
  test_await(&shared->ready, READERS + 2);
  uint32_t before = atomic_load(&shared->gets);
  test_await(&shared->gets, before + 2000 * TEST_SCALE);
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < READERS; i++) test_finish(readers[i]);
  for (int i = 0; i < 2; i++) test_finish(writers[i]);
  CHECK_LE(it->segment.header->buffers, ipc_buffer_count(latest.max_receivers));
  CHECK_EQ(it->segment.header->pinning, 0);
  ipc_handle_close(it);
  CHECK(!view_exists(test_prefix, test_name, IPC_LATEST));
}

static void processes_get_no_torn_value(void) { run_many(TEST_PROCESS); }
static void threads_get_no_torn_value(void) { run_many(TEST_THREAD); }

/* One process after another is killed while it sets or gets at full speed; the others get whole values, and can set. */
static void kills_tear_nothing(void) {
  enum { CREW = 4, KILLS = 20 * TEST_SCALE };
  shared = test_shared(sizeof *shared);
  uint8_t value[LONGEST];
  uint32_t seed = 12345;
  ipc_handle *it = must_handle(latest);
  CHECK_EQ(ipc_latest_set(it, value, fill(value, 1), -1), IPC_OK);
  test_worker crew[CREW];
  for (int i = 0; i < CREW; i++) crew[i] = test_start(TEST_PROCESS, i % 2 ? set_without_end : get_without_end, NULL);
  for (uint32_t killed = 0; killed < KILLS; killed++) {
    uint32_t which = test_random(&seed) % CREW;
    test_await(&shared->ready, CREW + killed);
    nanosleep(&(struct timespec){.tv_nsec = test_random(&seed) % 3000000}, NULL);
    test_kill(crew[which]);
    test_reap(crew[which]);
    check(value, ipc_latest_get(it, value, sizeof value));
    double started = test_ms();
    CHECK_EQ(ipc_latest_set(it, value, fill(value, test_random(&seed)), -1), IPC_OK);
    check_within_a_second(started);
    check(value, ipc_latest_get(it, value, sizeof value));
    crew[which] = test_start(TEST_PROCESS, which % 2 ? set_without_end : get_without_end, NULL);
  }
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < CREW; i++) test_finish(crew[i]);
  ipc_handle_close(it);
  CHECK(!view_exists(test_prefix, test_name, IPC_LATEST));
}

TEST_MAIN(TEST_CASE(processes_get_no_torn_value), TEST_CASE(threads_get_no_torn_value), TEST_CASE(kills_tear_nothing))
