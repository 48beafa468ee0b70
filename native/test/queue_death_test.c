/* queue_death_test.c - receivers of a queue are killed or stopped, also at random. */
#include "queue_fixture.h"

static void take_two_and_idle(void *unused) {
  (void)unused;
  ipc_receiver *mine = must_receive(queue);
  check_take(mine, 0, 1);
  check_take(mine, 1, 1);
  atomic_store(&shared->ready, 1);
  test_idle();
}

/* What a killed receiver worked on goes to another within a second: to a receiver that waits, that tries, or that has
 * other work. */
enum heir { WAITS, TRIES, IS_BUSY };

static void check_holder_killed(enum heir how, bool reaped) {
  new_board();
  sender = must_send(queue);
  put(0);
  put(1);
  test_worker victim = test_start(TEST_PROCESS, take_two_and_idle, NULL);
  test_await(&shared->ready, 1);
  b = must_receive(queue);
  check_empty(b);
  test_kill(victim);
  if (reaped) test_reap(victim);
  double started = test_ms();
  for (uint64_t next = 0, got; next < 2;) {
    if (how == IS_BUSY) { /* it never finds the queue empty, nor does the ring fill up behind what is held */
      put(1000);
      nanosleep(&(struct timespec){.tv_nsec = 8000000}, NULL);
    }
    int32_t status = ipc_receiver_recv(b, &got, 8, how == WAITS ? -1 : 0);
    if (status == 8 && got == next)
      next++;
    else if (how != IS_BUSY)
      CHECK_EQ(status, IPC_TIMED_OUT);
    check_not_hung(started);
  }
  check_within_a_second(started);
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}

static void leases_of_a_killed_receiver_go_to_a_waiting_one(void) { check_holder_killed(WAITS, false); }

static void leases_of_a_killed_receiver_go_to_a_polling_one(void) { check_holder_killed(TRIES, true); }

static void leases_of_a_killed_receiver_go_to_a_busy_one(void) { check_holder_killed(IS_BUSY, false); }

static void a_stopped_receiver_keeps_its_lease(void) {
  new_board();
  sender = must_send(queue);
  put(0);
  put(1);
  test_worker holder = test_start(TEST_PROCESS, take_two_and_idle, NULL);
  test_await(&shared->ready, 1);
  b = must_receive(queue);
  test_stop(holder);
  CHECK_EQ(ipc_receiver_recv(b, in, sizeof in, 600), IPC_TIMED_OUT);
  test_kill(holder);
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}

/* A place that holds the take lock: another endpoint's instance, alive or not. */
static void hold_take_lock(void *unused) {
  (void)unused;
  ipc_receiver *mine = must_receive(queue);
  view seen = view_open(test_prefix, test_name, IPC_QUEUE);
  for (uint32_t i = 0; i < 64; i++)
    if (atomic_load(&view_receivers(&seen)[i].pid) == (uint32_t)getpid())
      atomic_store(&seen.header->take_claim, atomic_load(&view_receivers(&seen)[i].instance));
  atomic_store(&shared->ready, 1);
  if (mine) test_idle();
}

static void a_stopped_receiver_does_not_prolong_waits(void) {
  new_board();
  sender = must_send(queue);
  b = must_receive(queue);
  put(7);
  test_worker holder = test_start(TEST_PROCESS, hold_take_lock, NULL);
  test_await(&shared->ready, 1);
  test_stop(holder);
  double started = test_ms();
  CHECK_EQ(ipc_receiver_recv(b, in, sizeof in, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_recv(b, in, sizeof in, 50), IPC_TIMED_OUT);
  check_within_a_second(started);
  test_kill(holder);
  uint64_t got;
  started = test_ms();
  CHECK_EQ(ipc_receiver_recv(b, &got, 8, -1), 8);
  check_within_a_second(started);
  CHECK_EQ(got, 7);
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}

/* Who finds the lock taken does not know whether there is something: it must not fall asleep over it. */
static void a_held_take_lock_is_not_an_empty_queue(void) {
  new_board();
  hooks.patient = true;
  open_three();
  view seen = view_open(test_prefix, test_name, IPC_QUEUE);
  uint32_t value = 7;
  for (int i = 0; i < 3; i++) {
    put(value);
    CHECK(ipc_claim_try_lock(&seen.header->take_claim, atomic_load(&view_receivers(&seen)[0].instance)));
    test_worker worker = test_start(TEST_PROCESS, receive_one, &value);
    test_await(&shared->ready, (uint32_t)i + 1);
    for (int pauses = 0; pauses < 200; pauses++) test_pause();
    ipc_claim_unlock(&seen.header->take_claim); /* no notification: it was sent with the message */
    test_finish(worker);
  }
  view_close(&seen);
  close_three();
}

static void a_slow_machine(const char *call) {
  if (strcmp(call, "now") == 0) hooks.clock_ahead_ns += 10000000;
}

/* On a busy machine each look at the clock comes milliseconds after the last: the lock of a dead one is taken over even
 * so. */
static void the_take_lock_of_a_dead_receiver_is_taken_over_on_a_busy_machine(void) {
  new_board();
  sender = must_send(queue);
  b = must_receive(queue);
  put(7);
  test_worker holder = test_start(TEST_PROCESS, hold_take_lock, NULL);
  test_await(&shared->ready, 1);
  test_kill(holder);
  hooks.before = a_slow_machine;
  uint64_t got;
  uint64_t limit = ipc_os_now() + TEST_PATIENCE_MS * UINT64_C(1000000); /* test_ms() has the hook's clock */
  int32_t status;
  while ((status = ipc_receiver_recv(b, &got, 8, 0)) == IPC_TIMED_OUT) CHECK_LE(ipc_os_now(), limit);
  CHECK_EQ(status, 8);
  CHECK_EQ(got, 7);
  hooks.before = NULL;
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}

/* Says what it is about to work on before it says that it is done: what it held when it was killed is known. */
static void take_until_killed(void *number) {
  uint32_t me = *(uint32_t *)number, lease[3];
  ipc_receiver *mine = must_receive(queue);
  const uint8_t *ring = ipc_receiver_ring(mine);
  atomic_fetch_add(&shared->ready, 1);
  while (!atomic_load(&shared->stop)) {
    int32_t status = ipc_receiver_take(mine, 20, lease);
    if (status == IPC_TIMED_OUT) continue;
    CHECK_EQ(status, IPC_OK);
    message_tag tag;
    memcpy(&tag, ring + lease[0], sizeof tag);
    message_check(ring + lease[0], lease[1], tag, tiny);
    CHECK_LE(tag.sequence, MOST - 1);
    if (tag.sequence % 16 == 3 && lease[2] < 3) {
      CHECK_EQ(ipc_receiver_retry(mine, lease[0]), IPC_OK);
      continue;
    }
    /* Two may say so of one message: the first was killed between saying and done. Then the first is not alive. */
    atomic_store(&shared->holds[me], tag.sequence + 1);
    atomic_fetch_add(&shared->times[0][tag.sequence], 1);
    CHECK_EQ(ipc_receiver_done(mine, lease[0]), IPC_OK);
    atomic_store(&shared->holds[me], 0);
    atomic_fetch_add(&shared->taken, 1);
  }
  ipc_receiver_close(mine);
}

static void send_until_told(void *unused) {
  (void)unused;
  ipc_sender *mine = must_send(queue);
  uint8_t bytes[128];
  uint32_t i = 0;
  for (; i < MOST && !atomic_load(&shared->ready); i++) test_pause();
  for (i = 0; i < MOST && !atomic_load(&shared->accepted[1]); i++) {
    CHECK_EQ(ipc_sender_send(mine, bytes, message_write(bytes, (message_tag){0, i}, tiny), -1), IPC_OK);
    atomic_store(&shared->sent, i + 1);
    if (i % 64 == 0) test_pause();
  }
  ipc_sender_close(mine);
}

static void receivers_are_killed_at_random(void) {
  new_board();
  enum { VICTIMS = 15 * TEST_SCALE };
  uint32_t seed = 20260401, excess = 0, held = 0;
  ipc_sender *keeper = must_send(queue);
  test_worker survivors[2], stream;
  for (uint32_t i = 0; i < 2; i++) survivors[i] = test_start(TEST_PROCESS, take_until_killed, &numbers[i]);
  test_await(&shared->ready, 2);
  stream = test_start(TEST_PROCESS, send_until_told, NULL);
  for (uint32_t i = 2; i < 2 + VICTIMS; i++) {
    test_worker victim = test_start(TEST_PROCESS, take_until_killed, &numbers[i]);
    test_await(&shared->ready, i + 1);
    for (uint32_t spin = test_random(&seed) % 200000; spin; spin--) atomic_signal_fence(memory_order_seq_cst);
    test_kill(victim);
    if (i % 3) test_reap(victim);
  }
  atomic_store(&shared->accepted[1], 1);
  test_finish(stream);
  double started = test_ms();
  for (uint32_t i = 0; i < atomic_load(&shared->sent); i++)
    while (shared->times[0][i] == 0) {
      test_pause();
      if (test_ms() - started > TEST_PATIENCE_MS) FAIL("message %u was lost", i);
    }
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 2; i++) test_finish(survivors[i]);
  for (uint32_t i = 0; i < shared->sent; i++) excess += shared->times[0][i] - 1u;
  for (uint32_t i = 2; i < 2 + VICTIMS; i++) held += shared->holds[i] != 0;
  CHECK_LE(excess, held); /* twice: only leases of killed receivers */
  for (uint32_t i = 0; i < shared->sent; i++) {
    if (shared->times[0][i] == 1) continue;
    bool was_held = false;
    for (uint32_t v = 2; v < 2 + VICTIMS; v++) was_held |= shared->holds[v] == i + 1;
    if (!was_held) FAIL("message %u was delivered %u times", i, shared->times[0][i]);
  }
  ipc_receiver *last = must_receive(queue);
  CHECK_EQ(ipc_receiver_recv(last, in, sizeof in, 500), IPC_TIMED_OUT);
  ipc_receiver_close(last);
  ipc_sender_close(keeper);
}

TEST_MAIN(TEST_CASE(leases_of_a_killed_receiver_go_to_a_waiting_one),
          TEST_CASE(leases_of_a_killed_receiver_go_to_a_polling_one),
          TEST_CASE(leases_of_a_killed_receiver_go_to_a_busy_one), TEST_CASE(a_stopped_receiver_keeps_its_lease),
          TEST_CASE(a_stopped_receiver_does_not_prolong_waits), TEST_CASE(a_held_take_lock_is_not_an_empty_queue),
          TEST_CASE(the_take_lock_of_a_dead_receiver_is_taken_over_on_a_busy_machine),
          TEST_CASE(receivers_are_killed_at_random))
