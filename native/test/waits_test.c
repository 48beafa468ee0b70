/* waits_test.c - waits are woken in order, one by one, once for each notification; and no wake-up is lost. */
#include "waits.h"

#include "handles.h"
#include "meeting.h"

static const ipc_options condition = {.struct_size = sizeof(ipc_options), .kind = IPC_CONDITION};

/* Where tickets go round: their 30 bits, the sign of a difference, and the counter's 32 bits. */
static const uint32_t starts[] = {0, (1u << 29) - 2, (1u << 30) - 2, (1u << 31) - 2, UINT32_MAX - 1};
enum { STARTS = sizeof starts / sizeof starts[0] };

static ipc_handle *open_at(uint32_t ticket) {
  ipc_handle *handle = must_handle(condition);
  atomic_store(&handle->segment.header->next_ticket, ticket);
  return handle;
}

static int32_t enter(ipc_handle *handle, uint32_t what) {
  int32_t wait = ipc_waits_enter(&handle->segment, handle->instance, what, 0);
  CHECK_GE(wait, 0);
  return wait;
}

static bool is_notified(const ipc_handle *handle, int32_t wait) {
  return ipc_waits_is_notified(&handle->segment, wait);
}

static void oldest_comes_first(void) {
  for (int i = 0; i < STARTS; i++) {
    ipc_handle *it = open_at(starts[i]);
    ipc_segment *segment = &it->segment;
    int32_t order[4], first = enter(it, 0), second = enter(it, 0);
    order[1] = enter(it, 0);
    order[0] = second;
    CHECK(!ipc_waits_leave(segment, first));
    order[2] = enter(it, 0); /* younger, at a lower place of the table */
    order[3] = enter(it, 0);
    CHECK_EQ(order[2], first);
    CHECK_EQ(segment->header->waiting, 4);
    for (int n = 0; n < 4; n++) {
      CHECK_EQ(ipc_waits_notify(segment, 0, 1), 1);
      for (int m = 0; m < 4; m++) CHECK_EQ(is_notified(it, order[m]), m <= n);
    }
    CHECK_EQ(ipc_waits_notify(segment, 0, 1), 0);
    for (int n = 0; n < 4; n++) CHECK(ipc_waits_leave(segment, order[n]));
    CHECK_EQ(segment->header->waiting, 0);
    ipc_handle_close(it);
  }
}

/* A wait that was notified but failed waits again, before all later ones. */
/* However many have begun to wait since: tickets are compared as numbers that go round. */
static void a_wait_outlasts_any_number_of_others(void) {
  ipc_handle *it = must_handle((ipc_options){.struct_size = sizeof(ipc_options), .kind = IPC_CONDITION});
  ipc_segment *segment = &it->segment;
  int32_t wait = ipc_waits_enter(segment, it->instance, IPC_WAIT_ACQUIRE, 0);
  static const uint32_t others[] = {1u << 28, (1u << 29) - 1, 1u << 29, (1u << 29) + 5, 0x3fffffff - (1u << 21)};
  uint32_t first = atomic_load(&segment->header->next_ticket);
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    atomic_store(&segment->header->next_ticket, first + others[i]);
    CHECK_EQ(ipc_waits_notify(segment, IPC_WAIT_ACQUIRE, 1), 1);
    CHECK(ipc_waits_is_notified(segment, wait));
    ipc_waits_renew(segment, wait);
    CHECK_EQ(ipc_waits_notify_all(segment, IPC_WAIT_ACQUIRE), 1);
    ipc_waits_renew(segment, wait);
  }
  ipc_waits_leave(segment, wait);
  ipc_handle_close(it);
}

static void renewed_wait_keeps_its_place(void) {
  for (int i = 0; i < STARTS; i++) {
    ipc_handle *it = open_at(starts[i]);
    ipc_segment *segment = &it->segment;
    int32_t first = enter(it, 0), second = enter(it, 0);
    for (int n = 0; n < 3; n++) {
      CHECK_EQ(ipc_waits_notify(segment, 0, 1), 1);
      CHECK(is_notified(it, first) && !is_notified(it, second));
      ipc_waits_renew(segment, first);
      CHECK(!is_notified(it, first));
    }
    CHECK_EQ(ipc_waits_notify(segment, 0, 2), 2);
    CHECK(is_notified(it, first) && is_notified(it, second));
    ipc_handle_close(it);
  }
}

static void each_is_notified_of_what_it_waits_for(void) {
  ipc_handle *it = open_at(0);
  ipc_segment *segment = &it->segment;
  int32_t acquire = enter(it, IPC_WAIT_ACQUIRE), readers = enter(it, IPC_WAIT_READERS), word = enter(it, 1000);
  CHECK_EQ(ipc_waits_notify(segment, 999, 10), 0);
  CHECK_EQ(ipc_waits_notify(segment, 1000, 0), 0);
  CHECK_EQ(ipc_waits_notify(segment, 1000, UINT32_MAX), 1);
  CHECK(is_notified(it, word) && !is_notified(it, acquire) && !is_notified(it, readers));
  CHECK_EQ(ipc_waits_notify_all(segment, IPC_WAIT_READERS), 1);
  CHECK(is_notified(it, readers) && !is_notified(it, acquire));
  CHECK_EQ(ipc_waits_notify_all(segment, IPC_WAIT_ANY), 1); /* a notified wait is not counted again */
  CHECK(is_notified(it, acquire));
  CHECK(ipc_waits_leave(segment, readers));
  readers = enter(it, IPC_WAIT_READERS);
  CHECK(!is_notified(it, readers)); /* nothing is left of the waiter that used the entry before */
  CHECK(!ipc_waits_leave(segment, readers));
  ipc_handle_close(it);
}

static ipc_handle *current;
static int32_t late;

static void enter_late(const char *call) {
  if (strcmp(call, "wake_all") != 0 || late >= 0) return;
  late = enter(current, 0);
}

/* Who comes while others are being notified has seen the change: it is not among those there were. */
static void who_comes_later_is_not_notified(void) {
  for (int i = 0; i < 2 * STARTS; i++) {
    current = open_at(starts[i / 2]);
    int32_t gap = enter(current, 0), first = enter(current, 0);
    ipc_waits_leave(&current->segment, gap);
    late = -1;
    hooks.before = enter_late;
    /* In the gap it is passed by, behind it, it is seen. */
    int32_t filler = i % 4 < 2 ? -1 : enter(current, 0);
    uint32_t count = i % 2 ? ipc_waits_notify_all(&current->segment, 0) : ipc_waits_notify(&current->segment, 0, 9);
    CHECK_EQ(count, filler < 0 ? 1 : 2);
    hooks.before = NULL;
    CHECK(is_notified(current, first) && !is_notified(current, late));
    ipc_handle_close(current);
  }
}

static void table_has_an_end(void) {
  ipc_options small = condition;
  small.max_receivers = 1;
  ipc_handle *it = must_handle(small);
  for (int i = 0; i < IPC_WAITS_PER_HANDLE; i++) CHECK_EQ(enter(it, 0), i);
  CHECK_EQ(ipc_waits_enter(&it->segment, it->instance, 0, 0), IPC_E_TOO_MANY_WAITS);
  CHECK_EQ(it->segment.header->waiting, IPC_WAITS_PER_HANDLE);
  CHECK_EQ(ipc_waits_notify_all(&it->segment, 0), IPC_WAITS_PER_HANDLE);
  CHECK(ipc_waits_leave(&it->segment, 2));
  CHECK_EQ(enter(it, 0), 2);
  ipc_handle_close(it);
}

static void only_its_own_are_forgotten(void) {
  ipc_handle *it = must_handle(condition), *other = must_handle(condition);
  ipc_header *header = it->segment.header;
  int32_t mine = enter(it, 0), others = enter(other, 0), notified = enter(it, 7);
  CHECK_EQ(ipc_waits_notify(&it->segment, 7, 1), 1);
  ipc_waits_forget(&it->segment, it->instance);
  CHECK_EQ(header->waiting, 1);
  CHECK_EQ(it->segment.waits[mine].instance, 0);
  CHECK_EQ(it->segment.waits[notified].instance, 0);
  CHECK_EQ(it->segment.waits[others].instance, other->instance);
  CHECK_EQ(ipc_waits_notify(&it->segment, 0, 9), 1);
  CHECK(is_notified(other, others));
  /* Killed as soon as it had the place, or just before it would have given it back: not counted. */
  atomic_store(&it->segment.waits[mine].instance, it->instance);
  ipc_waits_forget(&it->segment, it->instance);
  CHECK_EQ(header->waiting, 1);
  CHECK_EQ(it->segment.waits[mine].instance, 0);
  ipc_handle_close(other);
  CHECK_EQ(header->waiting, 0); /* a close takes its waits along */
  ipc_handle_close(it);
}

/* What others have written there is not followed out of the table. */
static void wild_limits_are_not_followed(void) {
  const uint32_t wild[] = {UINT32_MAX, 1u << 31, 1 + 64 * IPC_WAITS_PER_HANDLE};
  for (int i = 0; i < 3; i++) {
    ipc_handle *it = must_handle(condition);
    int32_t wait = enter(it, 0);
    atomic_store(&it->segment.header->wait_entries_used, wild[i]);
    CHECK_EQ(ipc_waits_notify(&it->segment, 0, UINT32_MAX), 1);
    CHECK_EQ(ipc_waits_notify_all(&it->segment, IPC_WAIT_ANY), 0);
    CHECK(is_notified(it, wait));
    ipc_waits_forget(&it->segment, it->instance);
    CHECK_EQ(it->segment.header->waiting, 0);
    ipc_handle_close(it);
  }
}

static void nobody_sleeps_past_its_deadline_or_once_notified(void) {
  ipc_handle *it = must_handle(condition);
  int32_t wait = enter(it, 0);
  double started = test_ms();
  ipc_waits_sleep(&it->segment, wait, ipc_os_now() + 5000000, IPC_FOREVER);
  ipc_waits_sleep(&it->segment, wait, IPC_FOREVER, 5000000);
  check_not_hung(started);
  ipc_waits_sleep(&it->segment, wait, 1, IPC_FOREVER);
  CHECK_EQ(ipc_waits_notify(&it->segment, 0, 1), 1);
  ipc_waits_sleep(&it->segment, wait, IPC_FOREVER, IPC_FOREVER);
  CHECK(ipc_waits_leave(&it->segment, wait));
  ipc_handle_close(it);
}

typedef struct board {
  meeting starts, ends;
  bool is_over;
  _Alignas(128) _Atomic uint32_t flag;
  _Alignas(128) _Atomic uint32_t ready, go, woken;
} board;
static board *shared;

static void change_and_notify(void *argument) {
  ipc_handle *it = argument;
  uint32_t seed = 1;
  for (uint32_t round = 1;; round++) {
    meet(&shared->starts, round);
    if (shared->is_over) break;
    meeting_stagger(&seed, 200);
    atomic_store_explicit(&shared->flag, round, memory_order_relaxed);
    ipc_waits_notify(&it->segment, 0, 1);
    meet(&shared->ends, round);
  }
}

/* Dekker: one of the two sees what the other has done, or this sleeps for ever. */
static void no_wake_up_is_lost(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(condition);
  test_worker worker = test_start(TEST_THREAD, change_and_notify, it);
  uint32_t seed = 2;
  double end = test_ms() + MEETING_MS;
  for (uint32_t round = 1;; round++) {
    shared->is_over = test_ms() > end;
    meet(&shared->starts, round);
    if (shared->is_over) break;
    meeting_stagger(&seed, 200);
    int32_t wait = enter(it, 0);
    while (atomic_load_explicit(&shared->flag, memory_order_relaxed) != round) {
      ipc_waits_sleep(&it->segment, wait, IPC_FOREVER, IPC_FOREVER);
      if (is_notified(it, wait)) CHECK_EQ(atomic_load_explicit(&shared->flag, memory_order_relaxed), round);
    }
    ipc_waits_leave(&it->segment, wait);
    meet(&shared->ends, round);
  }
  test_finish(worker);
  CHECK_EQ(it->segment.header->waiting, 0);
  ipc_handle_close(it);
}

/* Enters and leaves, over and over: what the table and its count look like afterwards is checked. */
static void come_and_go(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(condition);
  for (int i = 0; i < 2000 * TEST_SCALE; i++) {
    int32_t wait = enter(it, 0);
    if (i % 8 == 0) ipc_os_yield();
    if (i % 4 == 0) ipc_waits_notify(&it->segment, 0, 1);
    if (is_notified(it, wait)) ipc_waits_renew(&it->segment, wait);
    if (ipc_waits_leave(&it->segment, wait)) atomic_fetch_add(&shared->woken, 1);
  }
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_handle_close(it);
}

static void check_table_under_load(test_form form) {
  shared = test_shared(sizeof *shared);
  test_worker workers[4];
  ipc_handle *it = open_at(UINT32_MAX - 100);
  for (int i = 0; i < 4; i++) workers[i] = test_start(form, come_and_go, NULL);
  test_await(&shared->ready, 4);
  CHECK_EQ(it->segment.header->waiting, 0);
  CHECK_EQ(count_waits(it, IPC_WAIT_IDLE), it->segment.max_waits);
  for (uint32_t i = 0; i < it->segment.max_waits; i++) CHECK_EQ(it->segment.waits[i].instance, 0);
  CHECK_LE(it->segment.header->wait_entries_used, 5);
  atomic_store(&shared->go, 1);
  for (int i = 0; i < 4; i++) test_finish(workers[i]);
  ipc_handle_close(it);
}
static void processes_come_and_go(void) { check_table_under_load(TEST_PROCESS); }
static void threads_come_and_go(void) { check_table_under_load(TEST_THREAD); }

TEST_MAIN(TEST_CASE(oldest_comes_first), TEST_CASE(a_wait_outlasts_any_number_of_others),
          TEST_CASE(renewed_wait_keeps_its_place), TEST_CASE(each_is_notified_of_what_it_waits_for),
          TEST_CASE(who_comes_later_is_not_notified), TEST_CASE(table_has_an_end),
          TEST_CASE(only_its_own_are_forgotten), TEST_CASE(wild_limits_are_not_followed),
          TEST_CASE(nobody_sleeps_past_its_deadline_or_once_notified), TEST_CASE(no_wake_up_is_lost),
          TEST_CASE(processes_come_and_go), TEST_CASE(threads_come_and_go))
