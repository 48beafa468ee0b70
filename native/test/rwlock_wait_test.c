/* rwlock_wait_test.c - the order in which readers and writers get in, asleep and in event loops. */
#include "rwlock_fixture.h"

static void the_next_writer_keeps_its_queue_position(void) {
  ipc_handle *reader = must_handle(rwlock), *other = must_handle(rwlock), *writer = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock_shared(reader, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 0), IPC_TIMED_OUT); /* keeps nothing */
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  for (int32_t keep = IPC_KEEP_QUEUE_POSITION; keep <= IPC_KEEP_FOR_TASK; keep++) {
    CHECK_EQ(ipc_rwlock_lock(writer, 0, keep), IPC_TIMED_OUT);
    CHECK_EQ(ipc_rwlock_held(writer), 0); /* next, not inside */
    CHECK_EQ(ipc_rwlock_unlock(writer), IPC_E_NOT_OWNER);
    CHECK_EQ(ipc_rwlock_mark_unusable(writer), IPC_E_NOT_OWNER);
    CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_TIMED_OUT);
    CHECK_EQ(ipc_rwlock_lock_shared(writer, 0), IPC_TIMED_OUT); /* another task of this loop is the next writer */
    CHECK_EQ(ipc_rwlock_lock_shared(writer, -1), IPC_E_DEADLOCK);
    CHECK_EQ(ipc_rwlock_lock(writer, 0, 0), IPC_TIMED_OUT); /* it has the place: still has it then */
    CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_TIMED_OUT);
    ipc_handle_disarm(writer, IPC_WAIT_FOR_SHARED);
    CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_TIMED_OUT);
    ipc_handle_disarm(writer, IPC_WAIT_FOR_LOCK);
    CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  }
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT);
  ipc_handle_close(writer); /* leaves the wait queue; no handle died inside */
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
  ipc_handle_close(other);
  ipc_handle_close(reader);
}

static void event_loops_are_signalled_in_order(void) {
  waker wakers[3];
  ipc_handle *reader = must_handle(rwlock), *other = must_handle(rwlock), *writer = must_handle(rwlock);
  for (int i = 0; i < 3; i++) wakers[i] = open_waker();
  CHECK_EQ(ipc_rwlock_lock_shared(reader, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT);
  arm(writer, IPC_WAIT_FOR_LOCK, &wakers[0]);
  CHECK_EQ(ipc_handle_armed(writer), IPC_WAIT_FOR_LOCK);
  CHECK_EQ(ipc_rwlock_unlock_shared(reader), IPC_OK);
  rings(&wakers[0]); /* one has left; or not yet all */
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT);
  arm(writer, IPC_WAIT_FOR_LOCK, &wakers[0]);
  arm(reader, IPC_WAIT_FOR_SHARED, &wakers[1]);
  CHECK_EQ(ipc_rwlock_lock_shared(reader, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_handle_armed(reader), IPC_WAIT_FOR_SHARED);
  CHECK_GE(rings(&wakers[0]), 0); /* the reader that looked in may have rung */
  CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  arm(other, IPC_WAIT_FOR_LOCK, &wakers[2]);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_OK);
  CHECK_EQ(ipc_handle_armed(writer), 0);
  CHECK_EQ(rings(&wakers[1]), 0);
  CHECK_EQ(ipc_rwlock_unlock(writer), IPC_OK);
  CHECK_EQ(rings(&wakers[1]), 1); /* the first in line */
  CHECK_EQ(rings(&wakers[2]), 0);
  CHECK_EQ(ipc_rwlock_lock_shared(reader, 0), IPC_OK);
  CHECK_EQ(rings(&wakers[2]), 1); /* it is inside, and the turn is free for the next */
  CHECK_EQ(ipc_rwlock_lock(other, 0, 1), IPC_TIMED_OUT);
  arm(other, IPC_WAIT_FOR_LOCK, &wakers[2]);
  CHECK_EQ(ipc_rwlock_unlock_shared(reader), IPC_OK);
  CHECK_EQ(rings(&wakers[2]), 1);
  CHECK_EQ(ipc_rwlock_lock(other, 0, 1), IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock(other), IPC_OK);
  CHECK_EQ(writer->segment.header->waiting, 0);
  ipc_handle_close(reader);
  ipc_handle_close(other);
  ipc_handle_close(writer);
  for (int i = 0; i < 3; i++) close_waker(&wakers[i]);
}

/* Tasks of one event loop share a handle: the task that would write waits for the task that reads. */
static void a_task_waits_for_readers_of_its_own_event_loop(void) {
  waker mine = open_waker();
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(it, 0, IPC_KEEP_QUEUE_POSITION), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_lock(it, 0, IPC_KEEP_FOR_TASK), IPC_TIMED_OUT);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_TIMED_OUT);
  rings(&mine); /* the other one looked in */
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_rwlock_lock(it, 0, IPC_KEEP_FOR_TASK), IPC_OK);
  CHECK_EQ(ipc_rwlock_held(it), -1);
  ipc_handle_close(it);
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OWNER_DIED);
  ipc_handle_close(other);
  close_waker(&mine);
}

/* Armed for the turn, a loop gets it and finds readers inside: it is to be rung when they leave. And back again. */
static void an_armed_writer_is_signalled_for_its_current_wait(void) {
  waker mine = open_waker();
  ipc_handle *owner = must_handle(rwlock), *reader = must_handle(rwlock), *it = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock(owner, 0, 0), IPC_OK);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_rwlock_unlock(owner), IPC_OK);
  CHECK_EQ(rings(&mine), 1);
  CHECK_EQ(ipc_rwlock_lock_shared(reader, 0), IPC_OK);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 1), IPC_TIMED_OUT);
  CHECK_EQ(ipc_handle_armed(it), IPC_WAIT_FOR_LOCK);
  CHECK_EQ(ipc_rwlock_unlock_shared(reader), IPC_OK);
  CHECK_EQ(rings(&mine), 1);
  ipc_handle_disarm(it, IPC_WAIT_FOR_LOCK);
  CHECK_EQ(ipc_rwlock_lock_shared(reader, 0), IPC_OK);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_TIMED_OUT); /* had the turn, and gave it back */
  rings(&mine);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  CHECK_EQ(ipc_rwlock_lock(owner, 0, 1), IPC_TIMED_OUT);
  CHECK_EQ(rings(&mine), 0);
  ipc_handle_disarm(owner, IPC_WAIT_FOR_LOCK);
  CHECK_EQ(rings(&mine), 1);
  ipc_handle_close(owner);
  ipc_handle_close(reader);
  ipc_handle_close(it);
  close_waker(&mine);
}

static void a_cancelled_wait_signals_the_next(void) {
  waker mine = open_waker(), others = open_waker();
  ipc_handle *inside = must_handle(rwlock), *it = must_handle(rwlock), *other = must_handle(rwlock);
  for (int closes = 0; closes < 2; closes++) {
    CHECK_EQ(ipc_rwlock_lock_shared(inside, 0), IPC_OK);
    CHECK_EQ(ipc_rwlock_lock(it, 0, 1), IPC_TIMED_OUT);
    arm(it, IPC_WAIT_FOR_LOCK, &mine);
    arm(other, IPC_WAIT_FOR_SHARED, &others);
    CHECK_EQ(rings(&others), 0);
    if (closes)
      ipc_handle_close(it);
    else
      ipc_handle_disarm(it, IPC_WAIT_FOR_LOCK);
    CHECK_EQ(rings(&others), 1);
    CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock_shared(inside), IPC_OK);
  }
  ipc_handle_close(inside);
  ipc_handle_close(other);
  close_waker(&mine);
  close_waker(&others);
}

static void overlap(void *number) {
  ipc_handle *it = must_handle(rwlock);
  const uint32_t mine = (uint32_t)(uintptr_t)number;
  while (!atomic_load(&shared->stop)) {
    CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_OK);
    atomic_fetch_add(&shared->rounds[mine], 1);
    /* Stays until another one has come in after it, so that there is always one inside; unless they are kept out. */
    uint32_t others = atomic_load(&shared->rounds[mine ^ 1]);
    double end = test_ms() + 20;
    while (atomic_load(&shared->rounds[mine ^ 1]) == others && test_ms() < end && !atomic_load(&shared->stop))
      ipc_os_yield();
    CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
  }
  ipc_handle_close(it);
}

static void overlapping_readers_do_not_starve_a_writer(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(rwlock);
  test_worker readers[2];
  for (uintptr_t i = 0; i < 2; i++) readers[i] = test_start(TEST_PROCESS, overlap, (void *)i);
  test_await(&shared->rounds[0], 2);
  for (int i = 0; i < 5 * TEST_SCALE; i++) {
    double started = test_ms();
    CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_OK);
    check_within_a_second(started);
    CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  }
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 2; i++) test_finish(readers[i]);
  ipc_handle_close(it);
}

static void keep_writing(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(rwlock);
  while (!atomic_load(&shared->stop)) {
    CHECK_GE(ipc_rwlock_lock(it, -1, 0), 0);
    CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
    atomic_fetch_add(&shared->rounds[0], 1);
  }
  ipc_handle_close(it);
}

static void looping_writers_do_not_starve_a_reader(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(rwlock);
  test_worker writers[3];
  for (int i = 0; i < 3; i++) writers[i] = test_start(TEST_PROCESS, keep_writing, NULL);
  test_await(&shared->rounds[0], 100);
  for (int i = 0; i < 5 * TEST_SCALE; i++) {
    double started = test_ms();
    CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_OK);
    check_within_a_second(started);
    CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
  }
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 3; i++) test_finish(writers[i]);
  ipc_handle_close(it);
}

TEST_MAIN(TEST_CASE(the_next_writer_keeps_its_queue_position), TEST_CASE(event_loops_are_signalled_in_order),
          TEST_CASE(a_task_waits_for_readers_of_its_own_event_loop),
          TEST_CASE(an_armed_writer_is_signalled_for_its_current_wait), TEST_CASE(a_cancelled_wait_signals_the_next),
          TEST_CASE(overlapping_readers_do_not_starve_a_writer), TEST_CASE(looping_writers_do_not_starve_a_reader))
