/* mutex_wait_test.c - the order in which waiters get the mutex, asleep and in event loops. */
#include "mutex_fixture.h"

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

/* One unlock wakes one waiter, the oldest. All together would sleep 8 + 7 + 6 + … times. */
static void waiters_are_woken_one_by_one_in_order(void) {
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

static void event_loops_are_signalled_in_order(void) {
  waker mine = open_waker(), others = open_waker();
  ipc_handle *owner = must_handle(mutex), *it = must_handle(mutex), *other = must_handle(mutex);
  CHECK_EQ(ipc_mutex_lock(owner, 0), IPC_OK);
  CHECK_EQ(ipc_mutex_lock(it, 0), IPC_TIMED_OUT);
  arm(it, IPC_WAIT_FOR_LOCK, &mine);
  arm(other, IPC_WAIT_FOR_LOCK, &others);
  arm(it, IPC_WAIT_FOR_LOCK, &mine); /* stays where it is */
  CHECK_EQ(ipc_handle_armed(it), IPC_WAIT_FOR_LOCK);
  CHECK_EQ(ipc_mutex_lock(it, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_handle_armed(it), IPC_WAIT_FOR_LOCK); /* a failed try changes nothing */
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
static void a_cancelled_wait_passes_its_notification_on(void) {
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

/* It was woken but another handle was faster: it stays before the waits that began after it. */
static void an_overtaken_sleeper_keeps_its_queue_position(void) {
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

TEST_MAIN(TEST_CASE(waiters_are_woken_one_by_one_in_order), TEST_CASE(event_loops_are_signalled_in_order),
          TEST_CASE(waiter_that_is_about_to_sleep_is_woken), TEST_CASE(a_cancelled_wait_passes_its_notification_on),
          TEST_CASE(an_overtaken_sleeper_keeps_its_queue_position))
