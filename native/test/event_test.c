/* event_test.c - no wake-up is lost, and a notification costs no system call when no thread sleeps. */
#include "event.h"
#include "wait_history.h"

#include "interpose.h"
#include "meeting.h"
#include "worker.h"

typedef struct board {
  ipc_segment segment; /* without endpoints */
  ipc_header header;
  _Atomic uint32_t turn[2], done;
} board;

static board *new_board(void) {
  board *shared = test_shared(sizeof *shared);
  shared->segment.header = &shared->header;
  return shared;
}

static uint32_t wakes; /* calls that would have gone to the system */

static void count_wakes(const char *call) {
  if (strcmp(call, "wake_all") == 0) wakes++;
}

static void notify_is_free_when_nobody_sleeps(void) {
  board *shared = new_board();
  hooks.before = count_wakes;
  for (int event = 0; event < IPC_EVENT_COUNT; event++) {
    ipc_event_notify(&shared->segment, event);
    CHECK_EQ(shared->header.event_words[event].value, 0);
  }
  CHECK_EQ(wakes, 0);
}

static void notify_clears_the_flag_and_moves_the_word(void) {
  board *shared = new_board();
  hooks.before = count_wakes;
  uint32_t seen = ipc_event_prepare(&shared->header, IPC_EVENT_SPACE);
  CHECK_EQ(seen, 0);
  CHECK_EQ(shared->header.event_flags[IPC_EVENT_SPACE].wanted, 1);
  ipc_event_notify(&shared->segment, IPC_EVENT_DATA); /* another event: nothing */
  CHECK_EQ(wakes, 0);
  ipc_event_notify(&shared->segment, IPC_EVENT_SPACE);
  ipc_event_notify(&shared->segment, IPC_EVENT_SPACE); /* the second has no thread to wake */
  CHECK_EQ(wakes, 1);
  CHECK_EQ(shared->header.event_flags[IPC_EVENT_SPACE].wanted, 0);
  CHECK_EQ(shared->header.event_words[IPC_EVENT_SPACE].value, seen + 1);
  ipc_event_sleep(&shared->header, IPC_EVENT_SPACE, seen, IPC_FOREVER, IPC_FOREVER); /* missed it: does not sleep */
}

static void word_wraps(void) {
  board *shared = new_board();
  atomic_store(&shared->header.event_words[IPC_EVENT_DATA].value, UINT32_MAX);
  uint32_t seen = ipc_event_prepare(&shared->header, IPC_EVENT_DATA);
  ipc_event_notify(&shared->segment, IPC_EVENT_DATA);
  CHECK_EQ(shared->header.event_words[IPC_EVENT_DATA].value, 0);
  ipc_event_sleep(&shared->header, IPC_EVENT_DATA, seen, IPC_FOREVER, IPC_FOREVER);
}

static void sleep_ends_by_slice_and_deadline(void) {
  board *shared = new_board();
  uint32_t seen = ipc_event_prepare(&shared->header, IPC_EVENT_DATA);
  ipc_event_sleep(&shared->header, IPC_EVENT_DATA, seen, IPC_FOREVER, 1000000);
  ipc_event_sleep(&shared->header, IPC_EVENT_DATA, seen, ipc_os_now() + 1000000, IPC_FOREVER);
  ipc_event_sleep(&shared->header, IPC_EVENT_DATA, seen, ipc_os_now() - 1, IPC_FOREVER);
  ipc_event_sleep(&shared->header, IPC_EVENT_DATA, seen, 0, IPC_FOREVER);
}

static void deadlines_are_right(void) {
  uint64_t now = ipc_os_now();
  CHECK(ipc_deadline(-1) == IPC_FOREVER);
  CHECK(ipc_deadline(INT32_MIN) == IPC_FOREVER);
  uint64_t longest = ipc_deadline(INT32_MAX), shortest = ipc_deadline(1);
  CHECK(longest >= now + INT32_MAX * UINT64_C(1000000) && longest < IPC_FOREVER);
  CHECK(shortest >= now + 1000000 && shortest < now + 60000000000u);
}

/* How often a wait may pause before it sleeps. */
static uint32_t pauses_of(const ipc_header *header, ipc_wait_history *history, bool helps) {
  ipc_wait_pauses pauses = ipc_wait_pauses_start(history, header);
  uint32_t count = 0;
  while (ipc_wait_pauses_next(&pauses, IPC_FOREVER))
    if (++count == 1 && helps) break;
  ipc_wait_pauses_end(&pauses, helps && count > 0);
  return count;
}

static void waits_leave_out_what_did_not_help(void) {
  board *shared = new_board();
  atomic_store(&shared->header.receiver_count, 1);
  ipc_wait_history history = {0};
  uint32_t all = pauses_of(&shared->header, &history, false);
  CHECK_GE(all, 2);
  for (uint32_t failures = 1; failures < 20; failures++) {
    uint32_t skipped = 0;
    while (pauses_of(&shared->header, &history, false) == 0) CHECK_LE(++skipped, 255);
    CHECK_EQ(skipped, failures < 8 ? (1u << failures) - 1 : 255);
  }
  while (pauses_of(&shared->header, &history, true) == 0) continue;
  for (int i = 0; i < 3; i++)
    CHECK_EQ(pauses_of(&shared->header, &history, true), 1); /* it helped: it is in every wait again */
  /* Where handles outnumber the processors no wait spins. */
  history = (ipc_wait_history){0};
  atomic_store(&shared->header.receiver_count, UINT16_MAX);
  uint32_t yields = pauses_of(&shared->header, &history, false);
  CHECK_GE(yields, 1);
  CHECK_LE(yields, all - 1);
  CHECK_EQ(pauses_of(&shared->header, &history, false), 0);
  CHECK_EQ(history.spins.failures, 0);
}

static uint32_t sleeps_at_once(ipc_sleep_history *history) {
  uint32_t count = 0;
  while (!ipc_sleep_history_pauses(history)) count++;
  return count;
}

static void receivers_that_sleep_each_time_pause_less(void) {
  ipc_sleep_history history = {0};
  const uint32_t expected[] = {0, 0, 1, 3, 7, 7, 7};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    CHECK_EQ(sleeps_at_once(&history), expected[i]);
    ipc_sleep_history_record(&history, true);
  }
  CHECK(!ipc_sleep_history_pauses(&history));
  ipc_sleep_history_record(&history, false); /* one wait ended while it paused */
  CHECK_EQ(sleeps_at_once(&history), 0);
  ipc_sleep_history_record(&history, true);
  CHECK_EQ(sleeps_at_once(&history), 0);
}

static void backoff_ends(void) {
  board *shared = new_board();
  for (uint32_t endpoints = 0; endpoints < 100; endpoints += 33) {
    atomic_store(&shared->header.receiver_count, endpoints);
    ipc_backoff backoff = ipc_backoff_start(&shared->header);
    uint32_t rounds = 0;
    while (ipc_backoff_pause(&backoff, IPC_FOREVER)) CHECK_LE(++rounds, 100000);
    CHECK(!ipc_backoff_pause(&backoff, IPC_FOREVER));
  }
}

typedef struct side {
  board *shared;
  uint32_t me, rounds;
} side;

/* No slice and no deadline: only a wake-up ends this sleep. */
static void await_turn(board *shared, uint32_t me, uint32_t round) {
  enum ipc_event_index event = me ? IPC_EVENT_DATA : IPC_EVENT_SPACE;
  for (;;) {
    uint32_t seen = ipc_event_prepare(&shared->header, event);
    if (atomic_load_explicit(&shared->turn[me], memory_order_acquire) >= round) return;
    ipc_event_sleep(&shared->header, event, seen, IPC_FOREVER, IPC_FOREVER);
  }
}

static void take_turns(void *argument) {
  side *mine = argument;
  board *shared = mine->shared;
  for (uint32_t round = 1; round <= mine->rounds; round++) {
    if (mine->me) await_turn(shared, 1, round);
    atomic_store_explicit(&shared->turn[!mine->me], round, memory_order_relaxed); /* the notify's fence orders it */
    ipc_event_notify(&shared->segment, mine->me ? IPC_EVENT_SPACE : IPC_EVENT_DATA);
    if (!mine->me) await_turn(shared, 0, round);
  }
}

static void check_turns(test_form form) {
  board *shared = new_board();
  side sides[2] = {{shared, 0, 5000 * TEST_SCALE}, {shared, 1, 5000 * TEST_SCALE}};
  test_worker worker = test_start(form, take_turns, &sides[1]);
  take_turns(&sides[0]);
  test_finish(worker);
}
static void processes_take_turns(void) { check_turns(TEST_PROCESS); }
static void threads_take_turns(void) { check_turns(TEST_THREAD); }

enum { WAITERS = 4 };

static void follow(void *argument) {
  side *mine = argument;
  for (uint32_t round = 1; round <= mine->rounds; round++) {
    await_turn(mine->shared, 1, round);
    atomic_fetch_add(&mine->shared->done, 1);
    ipc_event_notify(&mine->shared->segment, IPC_EVENT_SPACE);
  }
}

/* Many waiters and many notifiers on one event: the flag is cleared by one for all. */
static void check_crowd(test_form form) {
  board *shared = new_board();
  side all = {shared, 1, 500 * TEST_SCALE};
  test_worker workers[WAITERS];
  for (int i = 0; i < WAITERS; i++) workers[i] = test_start(form, follow, &all);
  for (uint32_t round = 1; round <= all.rounds; round++) {
    atomic_store_explicit(&shared->turn[1], round, memory_order_release);
    ipc_event_notify(&shared->segment, IPC_EVENT_DATA);
    for (;;) {
      uint32_t seen = ipc_event_prepare(&shared->header, IPC_EVENT_SPACE);
      if (atomic_load(&shared->done) == WAITERS * round) break;
      ipc_event_sleep(&shared->header, IPC_EVENT_SPACE, seen, IPC_FOREVER, IPC_FOREVER);
    }
  }
  for (int i = 0; i < WAITERS; i++) test_finish(workers[i]);
}
static void one_wake_reaches_all_processes(void) { check_crowd(TEST_PROCESS); }
static void one_wake_reaches_all_threads(void) { check_crowd(TEST_THREAD); }

typedef struct duel {
  board *shared;
  meeting starts, ends;
  bool is_over; /* set before the last meeting at the start of a round */
} duel;

static void notify_in_a_duel(void *argument) {
  duel *of = argument;
  uint32_t seed = 1;
  for (uint32_t round = 1;; round++) {
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 60);
    atomic_store_explicit(&of->shared->turn[0], round, memory_order_relaxed);
    ipc_event_notify(&of->shared->segment, IPC_EVENT_DATA);
    meet(&of->ends, round);
  }
}

/* The waiter sees the change, or the notifier sees that he wants to sleep: never neither. */
static void either_side_sees_the_other(void) {
  duel *of = test_shared(sizeof *of);
  of->shared = new_board();
  uint32_t seed = 2;
  test_worker worker = test_start(TEST_THREAD, notify_in_a_duel, of);
  double end = test_ms() + MEETING_MS;
  for (uint32_t round = 1;; round++) {
    of->is_over = test_ms() > end;
    meet(&of->starts, round);
    if (of->is_over) break;
    meeting_stagger(&seed, 60);
    uint32_t seen = ipc_event_prepare(&of->shared->header, IPC_EVENT_DATA);
    bool saw = atomic_load_explicit(&of->shared->turn[0], memory_order_relaxed) == round;
    meet(&of->ends, round);
    if (!saw && of->shared->header.event_words[IPC_EVENT_DATA].value == seen) FAIL("round %u: a lost wake-up", round);
    atomic_store(&of->shared->header.event_flags[IPC_EVENT_DATA].wanted, 0);
  }
  test_finish(worker);
}

TEST_MAIN(TEST_CASE(either_side_sees_the_other), TEST_CASE(notify_is_free_when_nobody_sleeps),
          TEST_CASE(notify_clears_the_flag_and_moves_the_word), TEST_CASE(word_wraps),
          TEST_CASE(sleep_ends_by_slice_and_deadline), TEST_CASE(deadlines_are_right), TEST_CASE(backoff_ends),
          TEST_CASE(waits_leave_out_what_did_not_help), TEST_CASE(receivers_that_sleep_each_time_pause_less),
          TEST_CASE(processes_take_turns), TEST_CASE(threads_take_turns), TEST_CASE(one_wake_reaches_all_processes),
          TEST_CASE(one_wake_reaches_all_threads))
