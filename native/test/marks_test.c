/* marks_test.c - record boundaries are found in order, whole and fresh, also while they are being left. */
#include "marks.h"

#include "meeting.h"
#include "message.h"
#include "worker.h"

/* Positions are far apart and start past 32 bits; the number follows from the position, so that halves of two marks
 * show. */
enum { STEP = 1000 };
static const uint64_t FIRST = UINT64_C(0xffffffff0);
static uint64_t position_of(uint64_t index) { return FIRST + index * STEP; }
static uint64_t number_of(uint64_t index) { return message_mix(index); }

static void add(ipc_header *header, uint64_t index) { ipc_marks_add(header, position_of(index), number_of(index)); }

static void check_run(const ipc_mark_copy *marks, uint32_t count, uint64_t first) {
  for (uint32_t i = 0; i < count; i++) {
    CHECK_EQ(marks[i].position, position_of(first + i));
    CHECK(marks[i].number == number_of(first + i));
  }
}

static void first_mark_is_the_last_mark(void) {
  ipc_header *header = test_shared(sizeof *header);
  ipc_mark_copy marks[IPC_MARKS];
  CHECK_EQ(ipc_marks_copy(header, marks), 0);
  ipc_marks_add(header, 0, 0); /* as a new segment at position 0 */
  CHECK_EQ(header->mark_count, 1);
  CHECK_EQ(ipc_marks_copy(header, marks), 1);
  CHECK_EQ(marks[0].position, 0);
  CHECK_EQ(marks[0].number, 0);
  ipc_mark_copy last = ipc_marks_last(header);
  CHECK_EQ(last.position, 0);
  CHECK_EQ(last.number, 0);
}

static void the_newest_are_kept_oldest_first(void) {
  ipc_header *header = test_shared(sizeof *header);
  ipc_mark_copy marks[IPC_MARKS];
  for (uint64_t index = 0; index < 5 * IPC_MARKS; index++) {
    add(header, index);
    uint32_t wanted = index + 1 < IPC_MARKS ? (uint32_t)index + 1 : IPC_MARKS - 1;
    CHECK_EQ(ipc_marks_copy(header, marks), wanted);
    check_run(marks, wanted, index + 1 - wanted);
    ipc_mark_copy last = ipc_marks_last(header);
    check_run(&last, 1, index);
  }
}

static void a_position_is_marked_once(void) {
  ipc_header *header = test_shared(sizeof *header);
  for (uint64_t index = 0; index < 2 * IPC_MARKS; index++) {
    add(header, index);
    ipc_marks_add(header, position_of(index), 4711);
    CHECK_EQ(header->mark_count, index + 1);
    CHECK(ipc_marks_last(header).number == number_of(index));
  }
  ipc_marks_add(header, position_of(0), 7); /* only the last one is compared: positions never come again */
  CHECK_EQ(header->mark_count, 2 * IPC_MARKS + 1);
}

typedef struct race {
  ipc_header header;
  _Atomic uint32_t stop;
} race;

/* In bursts of any length: copies meet a writer that goes on, a writer that stops halfway, and a writer that is all the
 * way round. */
static void leave_marks(void *argument) {
  race *of = argument;
  uint32_t seed = 1;
  for (uint64_t index = 1; !atomic_load_explicit(&of->stop, memory_order_relaxed);) {
    for (uint32_t burst = 1 + test_random(&seed) % 48; burst; burst--) add(&of->header, index++);
    meeting_stagger(&seed, 400);
  }
}

static void check_race(test_form form) {
  race *of = test_shared(sizeof *of);
  ipc_mark_copy marks[IPC_MARKS];
  uint64_t before = 0;
  add(&of->header, 0);
  test_worker writer = test_start(form, leave_marks, of);
  for (double end = test_ms() + MEETING_MS / 8; test_ms() < end || before < 1000;) {
    before = atomic_load(&of->header.mark_count);
    uint32_t count = ipc_marks_copy(&of->header, marks);
    CHECK_LE(count, IPC_MARKS - 1);
    if (count == 0) {
      CHECK_GE(atomic_load(&of->header.mark_count), before + IPC_MARKS - 1); /* there was no mark that stayed */
      continue;
    }
    uint64_t first = (marks[0].position - FIRST) / STEP;
    check_run(marks, count, first);
    CHECK_GE(first + count, before); /* none that was there already is missing at the end */
  }
  atomic_store(&of->stop, 1);
  test_finish(writer);
}
static void processes_never_copy_half_a_mark(void) { check_race(TEST_PROCESS); }
static void threads_never_copy_half_a_mark(void) { check_race(TEST_THREAD); }

TEST_MAIN(TEST_CASE(first_mark_is_the_last_mark), TEST_CASE(the_newest_are_kept_oldest_first),
          TEST_CASE(a_position_is_marked_once), TEST_CASE(processes_never_copy_half_a_mark),
          TEST_CASE(threads_never_copy_half_a_mark))
