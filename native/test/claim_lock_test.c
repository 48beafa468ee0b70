/* claim_lock_test.c - one sender moves head at a time, and a dead one blocks no other. */
#include "claim_lock.h"

#include "interpose.h"
#include "libipc/libipc.h"
#include "open.h"
#include "open_segments.h"
#include "slots.h"
#include "view.h"
#include "worker.h"

static const ipc_options channel = {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = 4096};
static const ipc_options route = {.struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = 4096};

enum { WORKERS = 4 };

typedef struct board {
  _Atomic uint32_t ready, go, stop, rounds[64];
  uint64_t counter; /* not atomic: the lock is what orders it */
  uint32_t inside;
} board;
static board *shared;

/* A sender's place on the case's channel, without the sender. */
typedef struct holder {
  ipc_segment segment;
  ipc_slot *slot;
  uint32_t instance;
} holder;

static holder join(void) {
  holder it;
  ipc_failure failure;
  int32_t fd = ipc_segment_open(&it.segment, test_prefix, test_name, &channel, &failure);
  CHECK_GE(fd, 0);
  int32_t index = ipc_slots_join_sender(&it.segment);
  CHECK_GE(index, 0);
  ipc_os_unlock(fd);
  it.slot = &it.segment.senders[index];
  it.instance = it.slot->instance;
  ipc_open_segments_remove(&it.segment); /* it knows the address, and this is a copy */
  return it;
}

static void leave(holder *it) {
  ipc_slots_leave(&it->segment, it->slot, it->instance);
  ipc_segment_close(&it->segment);
}

static void unlock(holder *it) {
  ipc_claim_unlock(&it->segment.header->claim);
  ipc_event_notify(&it->segment, IPC_EVENT_CLAIM_FREE);
}

static void lock_is_one_owners(void) {
  holder a = join(), b = join();
  uint32_t pid = 0;
  CHECK(a.instance != b.instance);
  CHECK(ipc_claim_try_lock(&a.segment.header->claim, a.instance));
  CHECK(!ipc_claim_try_lock(&b.segment.header->claim, b.instance));
  CHECK(!ipc_claim_try_lock(&a.segment.header->claim, a.instance));
  CHECK(!ipc_claim_take_over(&b.segment, &b.segment.header->claim, b.instance, &pid));
  CHECK_EQ(pid, getpid());
  CHECK(!ipc_claim_lock_slow(&b.segment, &b.segment.header->claim, b.instance, ipc_os_now() + 50000000u));
  CHECK_EQ(a.segment.header->claim, a.instance);
  unlock(&a);
  CHECK(ipc_claim_lock_slow(&b.segment, &b.segment.header->claim, b.instance, IPC_FOREVER));
  unlock(&b);
  CHECK(ipc_claim_take_over(&a.segment, &a.segment.header->claim, a.instance, &pid));
  unlock(&a);
  leave(&a);
  leave(&b);
}

static void enter(holder *it, uint32_t *inside) {
  if (!ipc_claim_try_lock(&it->segment.header->claim, it->instance))
    CHECK(ipc_claim_lock_slow(&it->segment, &it->segment.header->claim, it->instance, IPC_FOREVER));
  *inside = it->instance;
}

static void take_turns(void *unused) {
  (void)unused;
  holder it = join();
  for (int i = 0; i < 5000 * TEST_SCALE; i++) {
    enter(&it, &shared->inside);
    shared->counter++;
    if (i % 64 == 0) ipc_os_yield(); /* let others come while it is held */
    CHECK_EQ(shared->inside, it.instance);
    unlock(&it);
  }
  leave(&it);
}

static void check_exclusion(test_form form) {
  test_worker workers[WORKERS];
  shared = test_shared(sizeof *shared);
  hooks.patient = true; /* a lost wake-up would hang */
  for (int i = 0; i < WORKERS; i++) workers[i] = test_start(form, take_turns, NULL);
  for (int i = 0; i < WORKERS; i++) test_finish(workers[i]);
  CHECK_EQ(shared->counter, WORKERS * 5000 * TEST_SCALE);
}
static void processes_exclude_each_other(void) { check_exclusion(TEST_PROCESS); }
static void threads_exclude_each_other(void) { check_exclusion(TEST_THREAD); }

static holder current;

static void unlock_late(const char *call) {
  if (strcmp(call, "now") != 0 && strcmp(call, "wait") != 0) return;
  hooks.before = NULL;
  unlock(&current);
}

/* The owner unlocks after the waiter's last check and before it announces that it will sleep: no notifier wakes it. */
static void waiter_looks_again_before_it_sleeps(void) {
  current = join();
  holder it = join();
  CHECK(ipc_claim_try_lock(&current.segment.header->claim, current.instance));
  hooks.patient = true;
  hooks.before = unlock_late;
  CHECK(ipc_claim_lock_slow(&it.segment, &it.segment.header->claim, it.instance, IPC_FOREVER));
  unlock(&it);
  leave(&it);
  leave(&current);
}

static void hold(void *unused) {
  (void)unused;
  holder it = join();
  CHECK(ipc_claim_try_lock(&it.segment.header->claim, it.instance));
  atomic_store(&shared->ready, 1);
  test_idle();
}

static test_worker start_holder(void) {
  shared = test_shared(sizeof *shared);
  test_worker worker = test_start(TEST_PROCESS, hold, NULL);
  test_await(&shared->ready, 1);
  return worker;
}

static void stopped_owner_keeps_it_killed_owner_loses_it(void) {
  holder it = join();
  test_worker worker = start_holder();
  test_stop(worker);
  CHECK(!ipc_claim_lock_slow(&it.segment, &it.segment.header->claim, it.instance, ipc_os_now() + 100000000u));
  test_kill(worker);
  double started = test_ms();
  CHECK(ipc_claim_lock_slow(&it.segment, &it.segment.header->claim, it.instance, IPC_FOREVER)); /* it is a zombie */
  check_within_a_second(started);
  unlock(&it);
  leave(&it);
}

static void take_over_from_a_reaped_place(void) {
  holder it = join();
  test_worker worker = start_holder();
  test_kill(worker);
  test_reap(worker);
  holder reaper = join(); /* empties the dead one's place, and takes it with another number */
  CHECK(ipc_claim_lock_slow(&it.segment, &it.segment.header->claim, it.instance, IPC_FOREVER));
  CHECK(
      !ipc_claim_lock_slow(&reaper.segment, &reaper.segment.header->claim, reaper.instance, ipc_os_now() + 50000000u));
  unlock(&it);
  leave(&reaper);
  leave(&it);
}

static void waiter_asleep_notices_the_death(void) {
  holder it = join();
  test_worker worker = start_holder();
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  pid_t killer = fork();
  if (killer == 0) {
    view_await_sleeper(&seen, IPC_EVENT_CLAIM_FREE);
    kill(worker.pid, SIGKILL);
    _exit(0);
  }
  double started = test_ms();
  CHECK(ipc_claim_lock_slow(&it.segment, &it.segment.header->claim, it.instance, IPC_FOREVER));
  check_within_a_second(started);
  unlock(&it);
  waitpid(killer, NULL, 0);
  leave(&it);
}

/* Independent of the timeout: a sender that only tries recovers the claim too. */
static void check_send_recovers(int32_t timeout_ms) {
  ipc_failure failure;
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &channel, &failure);
  ipc_sender *sender = ipc_sender_open(test_prefix, test_name, &channel, &failure);
  CHECK(sender && receiver);
  test_kill(start_holder());
  double started = test_ms();
  int32_t status;
  while ((status = ipc_sender_send(sender, "x", 1, timeout_ms)) == IPC_TIMED_OUT) check_not_hung(started);
  CHECK_EQ(status, IPC_OK);
  check_within_a_second(started);
  CHECK_EQ(ipc_receiver_recv(receiver, (char[1]){0}, 1, 0), 1);
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}
static void send_recovers(void) { check_send_recovers(-1); }
static void send_with_a_time_out_recovers(void) { check_send_recovers(2); }
static void send_that_only_tries_recovers(void) { check_send_recovers(0); }

static void work_until_killed(void *number) {
  holder it = join();
  for (uint32_t i = 1;; i++) {
    enter(&it, &shared->inside);
    uint64_t before = shared->counter;
    shared->counter = before + 1;
    if (i % 16 == 0) ipc_os_yield();
    CHECK_EQ(shared->inside, it.instance);
    CHECK_EQ(shared->counter, before + 1);
    unlock(&it);
    atomic_store(&shared->rounds[*(uint32_t *)number], i);
    if (atomic_load(&shared->stop)) break;
  }
  leave(&it);
}

static void owners_are_killed_at_random(void) {
  static uint32_t numbers[64];
  uint32_t seed = 20260101, victims = 30;
  shared = test_shared(sizeof *shared);
  test_worker survivors[2], victim;
  for (uint32_t i = 0; i < 64; i++) numbers[i] = i;
  for (uint32_t i = 0; i < 2; i++) survivors[i] = test_start(TEST_PROCESS, work_until_killed, &numbers[i]);
  for (uint32_t i = 0; i < victims; i++) {
    victim = test_start(TEST_PROCESS, work_until_killed, &numbers[2 + i]);
    test_await(&shared->rounds[2 + i], 1 + test_random(&seed) % 200);
    for (uint32_t spin = test_random(&seed) % 5000; spin; spin--) ipc_cpu_relax();
    test_kill(victim);
    if (i % 2) test_reap(victim);
    uint32_t before[2] = {shared->rounds[0], shared->rounds[1]};
    for (int s = 0; s < 2; s++) test_await(&shared->rounds[s], before[s] + 1);
  }
  atomic_store(&shared->stop, 1);
  for (uint32_t i = 0; i < 2; i++) test_finish(survivors[i]);
}

static void hold_route(void *unused) {
  (void)unused;
  ipc_failure failure;
  CHECK(ipc_sender_open(test_prefix, test_name, &route, &failure));
  atomic_store(&shared->ready, 1);
  test_idle();
}

static int32_t open_second(int32_t *pid) {
  ipc_failure failure;
  ipc_sender *second = ipc_sender_open(test_prefix, test_name, &route, &failure);
  *pid = failure.pid;
  if (!second) return failure.code;
  ipc_sender_close(second);
  return IPC_OK;
}

static void route_has_one_live_sender(void) {
  shared = test_shared(sizeof *shared);
  ipc_failure failure;
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &route, &failure);
  CHECK(receiver);
  test_worker first = test_start(TEST_PROCESS, hold_route, NULL);
  test_await(&shared->ready, 1);
  int32_t pid = 0;
  CHECK_EQ(open_second(&pid), IPC_E_HAS_SENDER);
  CHECK_EQ(pid, first.pid);
  test_stop(first);
  CHECK_EQ(open_second(&pid), IPC_E_HAS_SENDER);
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  CHECK_EQ(seen.header->sender_count, 1); /* a refused sender is not counted */
  test_kill(first);
  double started = test_ms();
  CHECK_EQ(open_second(&pid), IPC_OK);
  check_within_a_second(started);
  ipc_receiver_close(receiver);
}

static void route_is_free_after_close(void) {
  int32_t pid = 0;
  ipc_failure failure;
  ipc_receiver *receiver = ipc_receiver_open(test_prefix, test_name, &route, &failure);
  ipc_sender *first = ipc_sender_open(test_prefix, test_name, &route, &failure);
  CHECK(receiver && first);
  CHECK_EQ(open_second(&pid), IPC_E_HAS_SENDER); /* also within one thread */
  CHECK_EQ(pid, getpid());
  CHECK_EQ(ipc_sender_send(first, "1", 1, 0), IPC_OK);
  ipc_sender_close(first);
  CHECK_EQ(open_second(&pid), IPC_OK);
  first = ipc_sender_open(test_prefix, test_name, &route, &failure);
  CHECK(first);
  CHECK_EQ(ipc_sender_send(first, "2", 1, 0), IPC_OK);
  char got[2];
  CHECK_EQ(ipc_receiver_recv(receiver, &got[0], 1, 0), 1);
  CHECK_EQ(ipc_receiver_recv(receiver, &got[1], 1, 0), 1);
  CHECK_EQ(memcmp(got, "12", 2), 0);
  ipc_sender_close(first);
  ipc_receiver_close(receiver);
}

TEST_MAIN(TEST_CASE(lock_is_one_owners), TEST_CASE(processes_exclude_each_other), TEST_CASE(threads_exclude_each_other),
          TEST_CASE(waiter_looks_again_before_it_sleeps), TEST_CASE(stopped_owner_keeps_it_killed_owner_loses_it),
          TEST_CASE(take_over_from_a_reaped_place), TEST_CASE(waiter_asleep_notices_the_death),
          TEST_CASE(send_recovers), TEST_CASE(send_with_a_time_out_recovers), TEST_CASE(send_that_only_tries_recovers),
          TEST_CASE(owners_are_killed_at_random), TEST_CASE(route_has_one_live_sender),
          TEST_CASE(route_is_free_after_close))
