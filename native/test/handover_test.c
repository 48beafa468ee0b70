/* handover_test.c - a sender of a route waits for the one before it to leave, and takes its place. */
#include "ends.h"
#include "handles.h"
#include "view.h"

static const ipc_options route = {
    .struct_size = sizeof(ipc_options), .kind = IPC_ROUTE, .capacity = 4096, .max_receivers = 4};

/* A wait that must not end by its timeout. A case that hangs is ended earlier. */
enum { LONG_MS = 50000 };

typedef struct board {
  _Atomic uint32_t ready, go, count, present;
} board;

static board *shared;

static void start(void) { shared = test_shared(sizeof *shared); }

static ipc_sender *must_succeed(ipc_options options) {
  ipc_failure failure;
  ipc_sender *sender = ipc_sender_open_successor(test_prefix, test_name, &options, &failure);
  if (!sender) FAIL("a successor could not open: %d, errno %d", failure.code, failure.system_error);
  return sender;
}

static int32_t take_over(ipc_sender *sender, int32_t timeout_ms) {
  ipc_failure failure;
  int32_t status = ipc_sender_take_over(sender, timeout_ms, &failure);
  CHECK_EQ(failure.code, status);
  return status;
}

static void send_byte(ipc_sender *sender, uint8_t byte) { CHECK_EQ(ipc_sender_send(sender, &byte, 1, 0), IPC_OK); }

static void expect_bytes(ipc_receiver *receiver, const char *wanted) {
  for (uint8_t byte; *wanted; wanted++) {
    CHECK_EQ(ipc_receiver_recv(receiver, &byte, 1, 0), 1);
    CHECK_EQ(byte, *wanted);
  }
}

/* Holds the route, and leaves when it may go. */
static void hold(void *unused) {
  (void)unused;
  ipc_sender *sender = must_send(route);
  atomic_fetch_add(&shared->ready, 1);
  test_await(&shared->go, 1);
  ipc_sender_close(sender);
}

static test_worker start_holder(test_form form) {
  test_worker worker = test_start(form, hold, NULL);
  test_await(&shared->ready, 1);
  return worker;
}

static void the_name_and_its_messages_outlive_the_other_one(void) {
  ipc_options keeps = route;
  keeps.overflow = IPC_DROP_OLDEST;
  ipc_sender *old = must_send(keeps), *sender = must_succeed(keeps);
  send_byte(old, '1');
  CHECK_EQ(take_over(sender, 0), IPC_E_HAS_SENDER);
  send_byte(old, '2');
  ipc_sender_close(old);
  CHECK(view_exists(test_prefix, test_name, IPC_ROUTE));
  CHECK_EQ(take_over(sender, 0), IPC_OK);
  CHECK_EQ(take_over(sender, 0), IPC_OK); /* it has the place already */
  send_byte(sender, '3');
  ipc_receiver *receiver = must_replay(keeps);
  expect_bytes(receiver, "123");
  ipc_failure failure;
  CHECK(ipc_sender_open(test_prefix, test_name, &keeps, &failure) == NULL);
  CHECK_EQ(failure.code, IPC_E_HAS_SENDER);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
  CHECK(!view_exists(test_prefix, test_name, IPC_ROUTE));
}

static void the_place_is_free_if_no_other_one_has_it(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    ipc_options options = route;
    options.kind = kind;
    ipc_receiver *receiver = must_receive(options);
    ipc_sender *other = kind == IPC_ROUTE ? NULL : must_send(options), *sender = must_succeed(options);
    CHECK_EQ(take_over(sender, -1), IPC_OK);
    send_byte(sender, 'a');
    expect_bytes(receiver, "a");
    ipc_sender_close(other);
    ipc_sender_close(sender);
    ipc_receiver_close(receiver);
  }
}

static void before_its_turn_it_sends_nothing_and_takes_nothing_away(void) {
  ipc_receiver *receiver = must_receive(route);
  ipc_sender *old = must_send(route), *sender = must_succeed(route);
  uint32_t accepted, offset;
  for (int32_t timeout_ms = 0; timeout_ms <= 1; timeout_ms++) {
    CHECK_EQ(ipc_sender_send(sender, "x", 1, timeout_ms), IPC_TIMED_OUT);
    CHECK_EQ(ipc_sender_loan(sender, 8, timeout_ms, &offset), IPC_TIMED_OUT);
    CHECK_EQ(ipc_sender_stage(sender, "x", 1), IPC_OK);
    CHECK_EQ(ipc_sender_flush(sender, timeout_ms, &accepted), IPC_TIMED_OUT);
    CHECK_EQ(accepted, 0);
  }
  send_byte(old, '1');
  ipc_sender_close(sender); /* it leaves the place to the other one */
  send_byte(old, '2');
  ipc_failure failure;
  CHECK(ipc_sender_open(test_prefix, test_name, &route, &failure) == NULL);
  CHECK_EQ(failure.code, IPC_E_HAS_SENDER);
  expect_bytes(receiver, "12");
  ipc_sender_close(old);
  ipc_receiver_close(receiver);
}

static void the_failure_says_whose_the_other_one_is(void) {
  ipc_failure failure;
  start();
  ipc_sender *old = must_send(route), *sender = must_succeed(route);
  CHECK_EQ(ipc_sender_take_over(sender, -1, &failure), IPC_E_HAS_SENDER); /* its own thread: it does not wait */
  CHECK_EQ(failure.found, 2);
  CHECK_EQ(failure.pid, getpid());
  ipc_sender_close(old);

  test_worker other = start_holder(TEST_PROCESS);
  for (int32_t timeout_ms = 0; timeout_ms <= 1; timeout_ms++) {
    CHECK_EQ(ipc_sender_take_over(sender, timeout_ms, &failure), IPC_E_HAS_SENDER);
    CHECK_EQ(failure.found, 0);
    CHECK_EQ(failure.pid, other.pid);
  }
  atomic_store(&shared->go, 1);
  test_finish(other);

  start();
  other = start_holder(TEST_THREAD);
  CHECK_EQ(ipc_sender_take_over(sender, 1, &failure), IPC_E_HAS_SENDER);
  CHECK_EQ(failure.found, 1);
  CHECK_EQ(failure.pid, getpid());
  atomic_store(&shared->go, 1);
  test_finish(other);
  CHECK_EQ(ipc_sender_take_over(sender, 0, &failure), IPC_OK);
  CHECK_EQ(failure.pid, 0);
  ipc_sender_close(sender);
}

static void wait_for_the_place(void *unused) {
  (void)unused;
  ipc_sender *sender = must_succeed(route);
  atomic_fetch_add(&shared->ready, 1);
  CHECK_EQ(take_over(sender, LONG_MS), IPC_OK);
  send_byte(sender, 's');
  ipc_sender_close(sender);
}

/* When it sleeps, the other one leaves: by its close, killed, and when it was stopped before. */
static void a_wait_ends_when_the_other_one_leaves_or_is_killed(void) {
  for (int way = 0; way < 3; way++) {
    start();
    ipc_receiver *receiver = must_receive(route);
    view seen = view_open(test_prefix, test_name, IPC_ROUTE);
    test_worker old = start_holder(TEST_PROCESS);
    if (way == 2) test_stop(old);
    test_worker waiter = test_start(TEST_PROCESS, wait_for_the_place, NULL);
    test_await(&shared->ready, 2);
    view_await_sleeper(&seen, IPC_EVENT_PEERS);
    if (way == 0) {
      atomic_store(&shared->go, 1);
      test_finish(old);
    } else {
      test_kill(old); /* a zombie: not reaped yet */
    }
    test_finish(waiter);
    if (way > 0) test_reap(old);
    expect_bytes(receiver, "s");
    view_close(&seen);
    ipc_receiver_close(receiver);
    CHECK(!view_exists(test_prefix, test_name, IPC_ROUTE));
  }
}

static void a_stopped_one_keeps_its_place(void) {
  start();
  ipc_sender *sender = must_succeed(route);
  CHECK_EQ(take_over(sender, 0), IPC_OK);
  ipc_sender_close(sender);
  test_worker old = start_holder(TEST_PROCESS);
  test_stop(old);
  sender = must_succeed(route);
  CHECK_EQ(take_over(sender, 500), IPC_E_HAS_SENDER); /* it has asked for liveness once */
  atomic_store(&shared->go, 1);
  test_continue(old);
  CHECK_EQ(take_over(sender, LONG_MS), IPC_OK);
  test_finish(old);
  ipc_sender_close(sender);
}

enum { WAITERS = 5 };

static void take_a_turn(void *unused) {
  (void)unused;
  ipc_sender *sender = must_succeed(route);
  atomic_fetch_add(&shared->ready, 1);
  CHECK_EQ(take_over(sender, LONG_MS), IPC_OK);
  CHECK_EQ(atomic_fetch_add(&shared->present, 1), 0); /* no other one has the place */
  send_byte(sender, 't');
  atomic_fetch_sub(&shared->present, 1);
  ipc_sender_close(sender);
}

static void of_several_each_has_its_turn(void) {
  for (uint32_t round = 0; round < 5 * TEST_SCALE; round++) {
    start();
    ipc_receiver *receiver = must_receive(route);
    ipc_sender *old = must_send(route);
    test_worker waiters[WAITERS];
    for (int i = 0; i < WAITERS; i++) waiters[i] = test_start(TEST_PROCESS, take_a_turn, NULL);
    test_await(&shared->ready, WAITERS);
    ipc_sender_close(old);
    for (int i = 0; i < WAITERS; i++) test_finish(waiters[i]);
    expect_bytes(receiver, "ttttt");
    ipc_receiver_close(receiver);
  }
}

static void wait_to_be_killed(void *unused) {
  (void)unused;
  ipc_sender *sender = must_succeed(route);
  atomic_fetch_add(&shared->ready, 1);
  take_over(sender, -1);
  FAIL("a sender took the place of one that is open");
}

static void a_waiter_that_is_killed_leaves_nothing(void) {
  start();
  ipc_sender *old = must_send(route);
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  test_worker waiter = test_start(TEST_PROCESS, wait_to_be_killed, NULL);
  test_await(&shared->ready, 1);
  view_await_sleeper(&seen, IPC_EVENT_PEERS);
  test_kill(waiter);
  ipc_sender *next = must_succeed(route);
  ipc_sender_close(old);
  CHECK_EQ(take_over(next, 0), IPC_OK);
  ipc_sender_close(next);
  CHECK(!view_exists(test_prefix, test_name, IPC_ROUTE));
  test_reap(waiter);
  view_close(&seen);
}

static void wait_for_the_end_of_the_name(void *unused) {
  (void)unused;
  ipc_sender *sender = must_succeed(route);
  atomic_fetch_add(&shared->ready, 1);
  CHECK_EQ(take_over(sender, -1), IPC_E_ORPHANED);
  ipc_sender_close(sender);
}

static void a_cleared_name_ends_the_wait(void) {
  start();
  ipc_sender *old = must_send(route);
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  test_worker waiter = test_start(TEST_PROCESS, wait_for_the_end_of_the_name, NULL);
  test_await(&shared->ready, 1);
  view_await_sleeper(&seen, IPC_EVENT_PEERS);
  ipc_failure failure;
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_ROUTE, &failure), IPC_OK);
  test_finish(waiter);
  ipc_sender_close(old);
  view_close(&seen);
}

static void be_refused(void *sender) {
  CHECK_EQ(take_over(sender, -1), IPC_E_FORKED);
  ipc_sender_close(sender);
}

static void a_forked_child_is_refused(void) {
  ipc_sender *old = must_send(route), *sender = must_succeed(route);
  test_finish(test_start(TEST_PROCESS, be_refused, sender));
  ipc_sender_close(old);
  CHECK_EQ(take_over(sender, 0), IPC_OK);
  ipc_sender_close(sender);
}

/* As an event loop waits. */
static void an_event_loop_is_signalled(void) {
  start();
  test_worker old = start_holder(TEST_PROCESS);
  ipc_sender *sender = must_succeed(route);
  waker mine = open_waker();
  ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]);
  CHECK_EQ(take_over(sender, 0), IPC_E_HAS_SENDER);
  atomic_store(&shared->go, 1);
  while (take_over(sender, 0) != IPC_OK) {
    await_signal(&mine);
    ipc_sender_arm(sender, IPC_WAIT_FOR_PEERS, mine.number[0], mine.number[1]);
  }
  test_finish(old);
  ipc_sender_close(sender);
  close_waker(&mine);
}

TEST_MAIN(TEST_CASE(the_name_and_its_messages_outlive_the_other_one),
          TEST_CASE(the_place_is_free_if_no_other_one_has_it),
          TEST_CASE(before_its_turn_it_sends_nothing_and_takes_nothing_away),
          TEST_CASE(the_failure_says_whose_the_other_one_is),
          TEST_CASE(a_wait_ends_when_the_other_one_leaves_or_is_killed), TEST_CASE(a_stopped_one_keeps_its_place),
          TEST_CASE(of_several_each_has_its_turn), TEST_CASE(a_waiter_that_is_killed_leaves_nothing),
          TEST_CASE(a_cleared_name_ends_the_wait), TEST_CASE(a_forked_child_is_refused),
          TEST_CASE(an_event_loop_is_signalled))
