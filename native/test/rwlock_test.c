/* rwlock_test.c - many readers or one writer, both in turn; a dead one holds nobody up. */
#include "libipc/rwlock.h"

#include "handles.h"
#include "libipc/list.h"
#include "queued_lock.h"

static const ipc_options rwlock = {.kind = IPC_RWLOCK};

typedef struct board {
  _Atomic uint32_t ready, go, stop, told, died_torn, mended, written, rounds[32], next;
  _Atomic int32_t readers, answer;
  uint64_t first, second; /* written by writers alone; equal whenever a reader is inside */
} board;
static board *shared;

static int32_t try_to_write(ipc_handle *it) { return ipc_rwlock_lock(it, 0, IPC_KEEP_FOR_TASK); }
static int32_t try_to_read(ipc_handle *it) { return ipc_rwlock_lock_shared(it, 0); }

static int32_t lock_somehow(ipc_handle *it, bool writes, uint32_t how, const waker *mine) {
  int32_t status;
  if (how % 4 == 3)
    return get_by_events(it, writes ? IPC_WAIT_FOR_LOCK : IPC_WAIT_FOR_SHARED, writes ? try_to_write : try_to_read,
                         mine);
  do {
    const int32_t timeout = how % 4 == 2 ? 1 : -1;
    status = writes ? ipc_rwlock_lock(it, timeout, 0) : ipc_rwlock_lock_shared(it, timeout);
  } while (status == IPC_TIMED_OUT);
  return status;
}

static void write_once(ipc_handle *it, bool yields) {
  CHECK_EQ(ipc_rwlock_held(it), -1);
  CHECK_EQ(shared->readers, 0);
  uint64_t before = shared->first;
  shared->first = before + 1;
  if (yields) ipc_os_yield(); /* let others come while it is held */
  CHECK_EQ(shared->readers, 0);
  CHECK_EQ(shared->second, before);
  shared->second = before + 1;
}

static void read_once(ipc_handle *it, bool yields) {
  CHECK_EQ(ipc_rwlock_held(it), 1);
  atomic_fetch_add(&shared->readers, 1);
  uint64_t before = shared->first;
  if (yields) ipc_os_yield();
  CHECK_EQ(shared->second, before);
  CHECK_EQ(shared->first, before);
  atomic_fetch_sub(&shared->readers, 1);
}

/* Every fourth turn is a writer's. */
static void take_turns(void *argument) {
  bool mixed = argument != NULL;
  ipc_handle *it = must_handle(rwlock);
  waker mine = open_waker();
  for (uint32_t i = 0; i < TURNS_EACH; i++) {
    bool writes = (i + it->instance) % 4 == 0;
    CHECK_EQ(lock_somehow(it, writes, mixed ? it->instance : 0, &mine), IPC_OK);
    CHECK_EQ(ipc_handle_armed(it), 0);
    (writes ? write_once : read_once)(it, i % 64 < 4);
    atomic_fetch_add(&shared->written, writes);
    CHECK_EQ(writes ? ipc_rwlock_unlock(it) : ipc_rwlock_unlock_shared(it), IPC_OK);
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
  ipc_handle *it = must_handle(rwlock);
  for (int i = 0; i < CROWD; i++) workers[i] = test_start(form, take_turns, mixed);
  test_await(&shared->ready, CROWD);
  CHECK_GE(shared->written, TURNS / 5);
  CHECK_EQ(shared->first, shared->written);
  CHECK_EQ(it->segment.header->waiting, 0);
  CHECK_EQ(it->segment.header->claim, 0);
  atomic_store(&shared->go, 1);
  for (int i = 0; i < CROWD; i++) test_finish(workers[i]);
  ipc_handle_close(it);
}
static void processes_read_and_write(void) { check_exclusion(TEST_PROCESS, NULL); }
static void threads_read_and_write(void) { check_exclusion(TEST_THREAD, NULL); }
static void sleepers_and_event_loops_mix(void) { check_exclusion(TEST_PROCESS, &shared); }
static void threads_mix(void) { check_exclusion(TEST_THREAD, &shared); }

static void free_lock_costs_no_call(void) {
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_OK); /* the first try looks around */
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  hooks.before = count_call;
  for (int i = 0; i < 1000; i++) {
    CHECK_EQ(ipc_rwlock_lock_shared(it, i % 3 - 1), IPC_OK);
    CHECK_EQ(ipc_rwlock_lock_shared(other, i % 3 - 1), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  }
  CHECK_EQ(calls_made, 0);
  for (int i = 0; i < 1000; i++) {
    CHECK_EQ(ipc_rwlock_lock(it, i % 3 - 1, 0), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  }
  hooks.before = NULL;
  CHECK_LE(calls_made, 1000); /* what the time is: no call to the system on any we know */
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void owners_alone_give_it_back(void) {
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_held(it), 0);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_mark_unusable(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_held(it), -1);
  CHECK_EQ(ipc_rwlock_unlock(other), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_E_NOT_OWNER);
  for (int32_t timeout = -1; timeout < 2; timeout++) {
    CHECK_EQ(ipc_rwlock_lock(it, timeout, 0), IPC_E_DEADLOCK);
    CHECK_EQ(ipc_rwlock_lock_shared(it, timeout), IPC_E_DEADLOCK);
    CHECK_EQ(ipc_rwlock_lock(other, timeout, 0), timeout ? IPC_E_DEADLOCK : IPC_TIMED_OUT);
    CHECK_EQ(ipc_rwlock_lock_shared(other, timeout), timeout ? IPC_E_DEADLOCK : IPC_TIMED_OUT);
    CHECK_EQ(ipc_rwlock_held(other), 0);
  }
  CHECK_EQ(ipc_rwlock_held(it), -1);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);
  for (int32_t timeout = -1; timeout < 2; timeout++) CHECK_EQ(ipc_rwlock_lock(it, timeout, 0), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_mark_unusable(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_held(it), 1);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
  CHECK_EQ(it->segment.header->claim, 0);
  ipc_handle_close(it);
  ipc_handle_close(other);
}

static void a_reader_may_come_in_again(void) {
  ipc_handle *it = must_handle(rwlock), *writer = must_handle(rwlock);
  for (int i = 1; i <= 5; i++) {
    CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_OK);
    CHECK_EQ(ipc_rwlock_held(it), i);
  }
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT); /* waits, and keeps new ones out */
  CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 10), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_TIMED_OUT);
  for (int i = 4; i >= 0; i--) {
    CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_TIMED_OUT);
    CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
    CHECK_EQ(ipc_rwlock_held(it), i);
  }
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_E_NOT_OWNER);
  CHECK_EQ(ipc_rwlock_lock(writer, 0, 1), IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock(writer), IPC_OK);
  ipc_handle_close(it);
  ipc_handle_close(writer);
}

static void the_next_writer_keeps_its_place(void) {
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
  ipc_handle_close(writer); /* gives the place up, and nobody died inside */
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
  ipc_handle_close(other);
  ipc_handle_close(reader);
}

static void event_loops_are_rung_in_line(void) {
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

/* Tasks of one event loop share a handle: the one that would write waits for the one that reads. */
static void a_task_waits_for_its_own_loops_readers(void) {
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
static void an_armed_writer_is_rung_for_what_it_waits_for_now(void) {
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

static void who_gives_its_turn_up_rings_the_next(void) {
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

enum { READ = 1, WRITE = 2 };

static void lock_and_tell(void *how) {
  ipc_handle *it = must_handle(rwlock);
  int32_t status = (uintptr_t)how == READ ? ipc_rwlock_lock_shared(it, -1) : ipc_rwlock_lock(it, -1, 0);
  atomic_store(&shared->answer, status);
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  if (status >= 0) CHECK_EQ((uintptr_t)how == READ ? ipc_rwlock_unlock_shared(it) : ipc_rwlock_unlock(it), IPC_OK);
  ipc_handle_close(it);
}

static test_worker start_locker(uintptr_t how) {
  if (!shared) shared = test_shared(sizeof *shared);
  return test_start(TEST_PROCESS, lock_and_tell, (void *)how);
}

static void finish_locker(test_worker worker, int32_t answer) {
  test_await(&shared->ready, 1);
  CHECK_EQ(shared->answer, answer);
  atomic_store(&shared->go, 1);
  test_finish(worker);
  atomic_store(&shared->go, 0);
  atomic_store(&shared->ready, 0);
}

static void waiters_learn_that_it_is_unusable(void) {
  hooks.patient = true;
  for (uintptr_t how = READ; how <= WRITE; how++) {
    ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
    waker mine = open_waker();
    CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_OK);
    test_worker waiter = start_locker(how);
    await_waits(it, 1);
    arm(other, IPC_WAIT_FOR_SHARED, &mine);
    CHECK_EQ(ipc_rwlock_mark_unusable(it), IPC_OK);
    finish_locker(waiter, IPC_E_UNUSABLE);
    CHECK_EQ(rings(&mine), 1);
    for (int32_t timeout = -1; timeout < 2; timeout++) {
      CHECK_EQ(ipc_rwlock_lock(it, timeout, timeout == 0), IPC_E_UNUSABLE);
      CHECK_EQ(ipc_rwlock_lock_shared(other, timeout), IPC_E_UNUSABLE);
      CHECK_EQ(ipc_rwlock_held(other), 0);
    }
    CHECK_EQ(it->segment.header->claim, 0);
    ipc_handle_close(it);
    ipc_handle_close(other);
    other = must_handle(rwlock);
    CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
    ipc_handle_close(other);
    close_waker(&mine);
  }
}

static ipc_handle *owner_now;
static void give_it_up_meanwhile(const char *call) {
  if (strcmp(call, "wake_all") != 0) return;
  hooks.before = NULL;
  CHECK_EQ(ipc_rwlock_mark_unusable(owner_now), IPC_OK);
}

/* A reader that has found the lock usable, and a writer inside, comes in only after that writer has given it up. */
static void a_reader_on_its_way_in_learns_that_it_is_unusable(void) {
  ipc_handle *it = must_handle(rwlock);
  owner_now = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock(owner_now, 0, 0), IPC_OK);
  int32_t wait = ipc_waits_enter(&it->segment, it->instance, IPC_WAIT_READERS, 0); /* somebody to be woken on the way */
  hooks.before = give_it_up_meanwhile;
  CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_E_UNUSABLE);
  CHECK(!hooks.before);
  CHECK_EQ(ipc_rwlock_held(it), 0);
  ipc_waits_leave(&it->segment, wait);
  ipc_handle_close(it);
  ipc_handle_close(owner_now);
}

static void waiters_learn_that_it_was_cleared(void) {
  hooks.patient = true;
  for (uintptr_t how = READ; how <= WRITE; how++)
    for (int inside = READ; inside <= WRITE; inside++) {
      if (how == READ && inside == READ) continue;
      ipc_failure failure;
      ipc_handle *it = must_handle(rwlock);
      CHECK_EQ(inside == READ ? ipc_rwlock_lock_shared(it, -1) : ipc_rwlock_lock(it, -1, 0), IPC_OK);
      test_worker waiter = start_locker(how);
      await_waits(it, 1);
      CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_RWLOCK, &failure), IPC_OK);
      finish_locker(waiter, IPC_E_ORPHANED);
      CHECK_EQ(inside == READ ? ipc_rwlock_unlock_shared(it) : ipc_rwlock_unlock(it), IPC_OK);
      CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_E_ORPHANED);
      CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_E_ORPHANED);
      CHECK_EQ(it->segment.header->claim, 0);
      ipc_handle_close(it);
    }
}

static void a_removed_name_is_noticed(void) {
  for (int inside = READ; inside <= WRITE; inside++) {
    ipc_handle *it = must_handle(rwlock);
    CHECK_EQ(inside == READ ? ipc_rwlock_lock_shared(it, -1) : ipc_rwlock_lock(it, -1, 0), IPC_OK);
    test_worker waiter = start_locker(WRITE);
    await_waits(it, 1);
    double started = test_ms();
    ipc_os_unlink(it->segment.key);
    finish_locker(waiter, IPC_E_ORPHANED);
    check_within_a_second(started);
    ipc_handle_close(it);
  }
}

/* At once: `patient` waits would hang. All are told that a writer left inside, until one has unlocked. */
static void close_while_it_is_held(void) {
  hooks.patient = true;
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock), *third = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_OK);
  test_worker waiter = start_locker(READ);
  await_waits(it, 1);
  ipc_handle_close(it);
  finish_locker(waiter, IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_lock_shared(other, -1), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_lock_shared(third, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_unlock_shared(third), IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(other, 0, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_unlock(other), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(third, 0), IPC_OK);
  waiter = start_locker(WRITE); /* a reader that closes */
  await_waits(third, 1);
  ipc_handle_close(third);
  finish_locker(waiter, IPC_OK);
  ipc_handle_close(other);
}

static void a_writer_that_dies_waiting_is_not_told_of(void) {
  ipc_handle *it = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);
  test_worker waiter = start_locker(WRITE);
  while (atomic_load(&it->segment.header->claim) == 0) test_pause();
  test_kill(waiter);
  ipc_handle *other = must_handle(rwlock);
  double started = test_ms();
  CHECK_EQ(ipc_rwlock_lock_shared(other, -1), IPC_OK);
  check_within_a_second(started);
  ipc_handle_close(it);
  CHECK_EQ(ipc_rwlock_unlock_shared(other), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(other, -1, 0), IPC_OK);
  ipc_handle_close(other);
}

/* The holder reads or writes; who comes then does, too. */
static void check_a_dead_holder(uintptr_t holders, uintptr_t mine, int way) {
  ipc_handle *it = must_handle(rwlock);
  test_worker holder = start_locker(holders);
  test_await(&shared->ready, 1);
  ipc_handle *behind = must_handle(rwlock); /* so that the dead one's place stays among those that are looked at */
  test_stop(holder);
  if (way == 0) CHECK_EQ(mine == READ ? ipc_rwlock_lock_shared(it, 450) : ipc_rwlock_lock(it, 450, 0), IPC_TIMED_OUT);
  test_kill(holder);
  if (way == 1) test_reap(holder);
  double started = test_ms();
  int32_t status;
  do {
    const int32_t timeout = way == 2 ? 0 : -1;
    status = mine == READ ? ipc_rwlock_lock_shared(it, timeout) : ipc_rwlock_lock(it, timeout, 0);
    check_within_a_second(started);
  } while (status == IPC_TIMED_OUT);
  CHECK_EQ(status, holders == READ ? IPC_OK : IPC_OWNER_DIED);
  CHECK_EQ(mine == READ ? ipc_rwlock_unlock_shared(it) : ipc_rwlock_unlock(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(it, -1, 0), holders == WRITE && mine == READ ? IPC_OWNER_DIED : IPC_OK);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, -1), IPC_OK);
  ipc_handle_close(it);
  ipc_handle_close(behind);
  atomic_store(&shared->ready, 0);
}

static void stopped_holders_keep_it_killed_holders_lose_it(void) {
  for (int way = 0; way < 3; way++) {
    check_a_dead_holder(READ, WRITE, way);
    check_a_dead_holder(WRITE, READ, way);
    check_a_dead_holder(WRITE, WRITE, way);
  }
}

/* Stopped in line, before the others: it does not hold up who need not wait for it. */
static void stopped_or_killed_waiter_holds_nobody_up(void) {
  for (int way = 0; way < 4; way++) {
    ipc_handle *it = must_handle(rwlock);
    CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_OK);
    test_worker first = start_locker(way & 2 ? READ : WRITE);
    await_waits(it, 1);
    test_worker second = start_locker(way & 2 ? WRITE : READ);
    await_waits(it, 2);
    test_stop(first);
    if (way & 1) test_kill(first);
    double started = test_ms();
    CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
    test_await(&shared->ready, 1);
    check_within_a_second(started);
    CHECK_EQ(shared->answer, IPC_OK);
    atomic_store(&shared->go, 1);
    test_finish(second);
    if (way & 1) {
      test_reap(first);
    } else {
      test_continue(first);
      test_finish(first);
    }
    atomic_store(&shared->go, 0);
    atomic_store(&shared->ready, 0);
    ipc_handle_close(it);
  }
}

/* What others have written there is not followed out of the table of places. */
static void a_wild_limit_is_not_followed(void) {
  const uint32_t wild[] = {65, 1000, 1u << 31, UINT32_MAX};
  ipc_handle *it = must_handle(rwlock);
  for (int i = 0; i < 4; i++) {
    for (uint32_t n = 0; n < it->segment.max_waits; n++)
      memset(&it->segment.waits[n], 0xff, sizeof it->segment.waits[n]);
    atomic_store(&it->segment.header->receiver_slots_used, wild[i]);
    CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_OK);
    CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  }
  ipc_handle_close(it);
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
    CHECK_LE(test_ms() - started, 2000);
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
    CHECK_LE(test_ms() - started, 2000);
    CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
  }
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 3; i++) test_finish(writers[i]);
  ipc_handle_close(it);
}

static uint32_t random_state;
enum { VICTIMS = 10, KILLS = 250 * TEST_SCALE };

static void mend(int32_t status) {
  if (shared->first == shared->second) return;
  CHECK_EQ(status, IPC_OWNER_DIED);
  shared->second = shared->first;
  atomic_fetch_add(&shared->mended, 1);
}

static void work_until_stopped(void *number) {
  uint32_t index = (uint32_t)(uintptr_t)number;
  ipc_handle *it = must_handle(rwlock);
  random_state = index * 2654435761u + 1 + atomic_fetch_add(&shared->next, 1) * 7919;
  while (!atomic_load(&shared->stop)) {
    bool writes = test_random(&random_state) % 3 == 0;
    const int32_t timeout = index == 1 ? 25 : -1;
    int32_t status = writes ? ipc_rwlock_lock(it, timeout, 0) : ipc_rwlock_lock_shared(it, timeout);
    if (status == IPC_TIMED_OUT) continue;
    CHECK_GE(status, 0);
    if (status == IPC_OWNER_DIED) atomic_fetch_add(&shared->told, 1);
    bool dies = index >= 2 && test_random(&random_state) % 64 == 0;
    if (writes) {
      mend(status);
      shared->first++;
      if (dies) {
        atomic_fetch_add(&shared->died_torn, 1);
        raise(SIGKILL);
      }
      if (test_random(&random_state) % 16 == 0) ipc_os_yield();
      shared->second++;
    } else {
      uint64_t first = shared->first;
      if (dies) raise(SIGKILL);
      if (test_random(&random_state) % 16 == 0) ipc_os_yield();
      if (status == IPC_OK) CHECK_EQ(shared->second, first);
      CHECK_EQ(shared->first, first);
    }
    CHECK_EQ(writes ? ipc_rwlock_unlock(it) : ipc_rwlock_unlock_shared(it), IPC_OK);
    atomic_fetch_add(&shared->rounds[index], 1);
  }
  ipc_handle_close(it);
}

static void readers_and_writers_are_killed_at_random(void) {
  uint32_t seed = 20260304;
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(rwlock);
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
  mend(ipc_rwlock_lock(it, -1, 0));
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  CHECK_GE(shared->mended, shared->died_torn);
  CHECK_GE(shared->told, shared->died_torn);
  ipc_handle_close(it);
}

static void live_a_life(void *unused) {
  (void)unused;
  hooks.before = die_at_last_call;
  ipc_handle *it = must_handle(rwlock);
  for (int i = 0; i < 3; i++) {
    if (ipc_rwlock_lock(it, 30, 0) >= 0) {
      mend(IPC_OWNER_DIED);
      shared->first++;
      shared->second++;
      ipc_rwlock_unlock(it);
    }
    if (ipc_rwlock_lock_shared(it, 30) >= 0) ipc_rwlock_unlock_shared(it);
  }
  ipc_rwlock_lock(it, 0, 1);
  ipc_handle_close(it);
  hooks.before = NULL;
}

static void keep_locking(void *unused) {
  (void)unused;
  ipc_handle *it = must_handle(rwlock);
  for (uint32_t i = 0; !atomic_load(&shared->stop); i++) {
    int32_t status = i % 2 ? ipc_rwlock_lock(it, -1, 0) : ipc_rwlock_lock_shared(it, -1);
    CHECK_GE(status, 0);
    for (int n = 0; n < 20; n++) ipc_os_yield();
    if (status == IPC_OK) CHECK_EQ(shared->first, shared->second);
    CHECK_EQ(i % 2 ? ipc_rwlock_unlock(it) : ipc_rwlock_unlock_shared(it), IPC_OK);
    atomic_fetch_add(&shared->rounds[0], 1);
  }
  ipc_handle_close(it);
}

static void a_death_at_every_call_is_survived(void) {
  shared = test_shared(sizeof *shared);
  ipc_handle *it = must_handle(rwlock);
  test_worker survivor = test_start(TEST_PROCESS, keep_locking, NULL);
  for (uint32_t n = 0, finished = 0; finished < 1 && n < 400; n++) {
    calls_left = n;
    finished += test_survived(test_start(TEST_PROCESS, live_a_life, NULL));
    double started = test_ms();
    test_await(&shared->rounds[0], atomic_load(&shared->rounds[0]) + 4);
    check_within_a_second(started);
  }
  atomic_store(&shared->stop, 1);
  test_finish(survivor);
  CHECK_GE(ipc_rwlock_lock(it, 1000, 0), 0);
  ipc_handle_close(it);
}

static void die_writing(void *unused) {
  (void)unused;
  CHECK_EQ(ipc_rwlock_lock(must_handle(rwlock), -1, 0), IPC_OK);
  atomic_fetch_add(&shared->ready, 1);
  pause();
}

/* Nobody else had it open: the next to open it makes it anew, and is told all the same, as a reader, too. */
static void who_comes_after_a_death_is_told(void) {
  shared = test_shared(sizeof *shared);
  test_worker owner = test_start(TEST_PROCESS, die_writing, NULL);
  test_await(&shared->ready, 1);
  test_kill(owner);
  ipc_handle *it = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_unlock_shared(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_OWNER_DIED);
  CHECK_EQ(ipc_rwlock_unlock(it), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);
  ipc_handle_close(it);
}

static void a_writer_does_not_wait_for_its_own_thread(void) {
  ipc_handle *it = must_handle(rwlock), *other = must_handle(rwlock);
  CHECK_EQ(ipc_rwlock_lock_shared(other, 0), IPC_OK);
  CHECK_EQ(ipc_rwlock_lock(it, -1, 0), IPC_E_DEADLOCK);
  CHECK_EQ(ipc_rwlock_lock(it, 0, 0), IPC_TIMED_OUT); /* a task may */
  CHECK_EQ(ipc_rwlock_lock_shared(it, 0), IPC_OK);    /* it does not keep others out */
  ipc_handle_close(it);
  ipc_handle_close(other);
}

TEST_MAIN(TEST_CASE(who_comes_after_a_death_is_told), TEST_CASE(a_writer_does_not_wait_for_its_own_thread),
          TEST_CASE(processes_read_and_write), TEST_CASE(threads_read_and_write),
          TEST_CASE(sleepers_and_event_loops_mix), TEST_CASE(threads_mix), TEST_CASE(free_lock_costs_no_call),
          TEST_CASE(owners_alone_give_it_back), TEST_CASE(a_reader_may_come_in_again),
          TEST_CASE(the_next_writer_keeps_its_place), TEST_CASE(event_loops_are_rung_in_line),
          TEST_CASE(a_task_waits_for_its_own_loops_readers),
          TEST_CASE(an_armed_writer_is_rung_for_what_it_waits_for_now), TEST_CASE(who_gives_its_turn_up_rings_the_next),
          TEST_CASE(waiters_learn_that_it_is_unusable), TEST_CASE(a_reader_on_its_way_in_learns_that_it_is_unusable),
          TEST_CASE(waiters_learn_that_it_was_cleared), TEST_CASE(a_removed_name_is_noticed),
          TEST_CASE(close_while_it_is_held), TEST_CASE(a_writer_that_dies_waiting_is_not_told_of),
          TEST_CASE(stopped_holders_keep_it_killed_holders_lose_it),
          TEST_CASE(stopped_or_killed_waiter_holds_nobody_up), TEST_CASE(a_wild_limit_is_not_followed),
          TEST_CASE(overlapping_readers_do_not_starve_a_writer), TEST_CASE(looping_writers_do_not_starve_a_reader),
          TEST_CASE(readers_and_writers_are_killed_at_random), TEST_CASE(a_death_at_every_call_is_survived))
