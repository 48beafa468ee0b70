/* send_part_test.c - large messages in steps that never wait, and timeouts for progress. */
#include "fragments_fixture.h"

static void steps_never_wait(void) {
  open_both(IPC_CHANNEL);
  hooks.patient = true; /* a wait would hang */
  for (uint32_t i = 0; i < 30; i++) {
    uint32_t length = i * 997, offset = 0, calls = 0;
    int32_t status, got = IPC_TIMED_OUT;
    write_out(i, length);
    memset(in, 0xee, length + 1);
    while ((status = ipc_sender_send_part(sender, out, length, &offset)) == IPC_TIMED_OUT) {
      CHECK_LE(++calls, 100);
      CHECK_LE(offset, length - 1);
      CHECK_EQ(got, IPC_TIMED_OUT);
      got = ipc_receiver_recv(receiver, in, sizeof in, 0);
    }
    CHECK_EQ(status, IPC_OK);
    CHECK_EQ(offset, length);
    check_in(ipc_receiver_recv(receiver, in, sizeof in, 0), i, length);
  }
  uint32_t offset = 1;
  CHECK_EQ(ipc_sender_send_part(sender, out, 5000, &offset), IPC_E_INVALID_ARGUMENT); /* nothing to go on with */
  CHECK_EQ(ipc_sender_send_part(sender, out, IPC_MAX_MESSAGE + 1u, &offset), IPC_E_MESSAGE_TOO_LARGE);
  close_both();
}

static void an_aborted_message_is_absent(void) {
  open_both(IPC_CHANNEL);
  for (uint32_t i = 0; i < 10; i++) {
    uint32_t offset = 0;
    write_out(i, 6000);
    CHECK_EQ(ipc_sender_send_part(sender, out, 6000, &offset), IPC_TIMED_OUT);
    CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
    if (i % 2 == 0) ipc_sender_abort_part(sender); /* else by beginning another */
    if (i % 2 == 0) CHECK_EQ(ipc_sender_send_part(sender, out, 6000, &offset), IPC_E_INVALID_ARGUMENT);
    offset = 0;
    write_out(100 + i, 2500);
    CHECK_EQ(ipc_sender_send_part(sender, out, 2500, &offset), IPC_OK);
    check_next(100 + i, 2500);
    CHECK_EQ(has_parts(), 0);
    CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
  }
  close_both();
}

/* Nobody gives up what has not begun: it must not keep what others have begun and left. */
static void a_message_that_never_began_holds_nothing(void) {
  open_both(IPC_CHANNEL);
  uint32_t offset = 0, tag = 0;
  while (ipc_sender_send(sender, out, 500, 0) == IPC_OK) tag++;
  CHECK_EQ(ipc_sender_send_part(sender, out, 6000, &offset), IPC_TIMED_OUT);
  CHECK_EQ(offset, 0);
  while (tag-- > 0) CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), 500);
  for (uint32_t i = 0; i < 10; i++) {
    CHECK_EQ(ipc_sender_send(sender, out, 6000, 1), IPC_TIMED_OUT);
    CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
    CHECK_EQ(has_parts(), 1);
    write_out(100 + i, 2500);
    CHECK_EQ(ipc_sender_send(sender, out, 2500, 0), IPC_OK);
    check_next(100 + i, 2500);
    CHECK_EQ(has_parts(), 0);
  }
  close_both();
}

static void one_in_steps_and_one_at_once(void) {
  open_both(IPC_CHANNEL);
  uint32_t offset = 0, at = 0;
  static uint8_t stepped[9000];
  message_write(stepped, (message_tag){7, 1}, (message_range){9000, 9000});
  while (ipc_sender_send_part(sender, stepped, 9000, &offset) != IPC_OK) {
    CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
    write_out(50 + at, 2100);
    CHECK_EQ(ipc_sender_send(sender, out, 2100, 0), IPC_OK);
    check_next(50 + at++, 2100);
    write_out(50 + at, 5000);
    CHECK_EQ(ipc_sender_send(sender, out, 5000, 0), IPC_TIMED_OUT); /* a third one, that is given up */
    CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 0), IPC_TIMED_OUT);
  }
  CHECK_GE(at, 2);
  check_next(1, 9000);
  close_both();
}

/* A fragment of a sender that never finishes is not a message: the wait ends at its timeout. */
static void trickle(void *unused) {
  (void)unused;
  uint32_t offset = 0, endless = 256u << 20; /* more than can be sent in the time that is waited */
  void *zeros = mmap(NULL, endless, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(zeros != MAP_FAILED);
  ipc_sender *it = must_send(small_ring(IPC_CHANNEL));
  atomic_store(&shared->ready, 1);
  while (!atomic_load(&shared->stop)) {
    int32_t status = ipc_sender_send_part(it, zeros, endless, &offset);
    if (status == IPC_NO_RECEIVERS) break;
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  ipc_sender_close(it);
}

static void fragments_do_not_prolong_a_wait(void) {
  new_board();
  receiver = must_receive(small_ring(IPC_CHANNEL));
  test_worker worker = test_start(TEST_PROCESS, trickle, NULL);
  test_await(&shared->ready, 1);
  double started = test_ms();
  CHECK_EQ(ipc_receiver_recv(receiver, in, sizeof in, 50), IPC_TIMED_OUT);
  check_within_a_second(started);
  atomic_store(&shared->stop, 1);
  test_finish(worker);
  ipc_receiver_close(receiver);
}

/* In calls that end sooner than all of it can pass. */
enum { SLOW = 40000, PATIENCE_MS = 300, PAUSE_MS = 60 };

static void send_slowly(void *unused) {
  (void)unused;
  static uint8_t bytes[SLOW];
  message_write(bytes, (message_tag){7, 1}, (message_range){SLOW, SLOW});
  ipc_sender *it = must_send(small_ring(IPC_CHANNEL));
  int32_t status = IPC_TIMED_OUT;
  while (status == IPC_TIMED_OUT && !atomic_load(&shared->stop))
    status = ipc_sender_send_with_progress_timeout(it, bytes, SLOW, PATIENCE_MS);
  if (!atomic_load(&shared->stop)) CHECK_EQ(status, IPC_OK);
  ipc_sender_close(it);
}

static void a_message_in_progress_is_not_restarted(void) {
  new_board();
  receiver = must_receive(small_ring(IPC_CHANNEL));
  test_worker worker = test_start(TEST_PROCESS, send_slowly, NULL);
  int32_t got = IPC_TIMED_OUT;
  /* Each look takes what the ring holds of it, a tenth: twice the patience for all of it. */
  for (int looks = 0; got == IPC_TIMED_OUT && looks < 200; looks++) {
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    got = ipc_receiver_recv(receiver, in, SLOW, 0);
  }
  atomic_store(&shared->stop, 1);
  if (got == IPC_TIMED_OUT) ipc_receiver_close(receiver);
  CHECK_EQ(got, SLOW);
  message_check(in, got, (message_tag){7, 1}, (message_range){SLOW, SLOW});
  test_finish(worker);
  ipc_receiver_close(receiver);
}

static void the_send_ends_when_all_receivers_leave(void) {
  open_both(IPC_ROUTE);
  uint32_t offset = 0;
  write_out(1, 5000);
  CHECK_EQ(ipc_sender_send_part(sender, out, 5000, &offset), IPC_TIMED_OUT);
  ipc_receiver_close(receiver);
  CHECK_EQ(ipc_sender_send_part(sender, out, 5000, &offset), IPC_NO_RECEIVERS);
  CHECK_EQ(ipc_sender_send(sender, out, 5000, -1), IPC_NO_RECEIVERS);
  receiver = must_receive(small_ring(IPC_ROUTE));
  CHECK_EQ(ipc_sender_send_part(sender, out, 5000, &offset), IPC_E_INVALID_ARGUMENT);
  write_out(2, 2500);
  CHECK_EQ(ipc_sender_send(sender, out, 2500, 0), IPC_OK);
  check_next(2, 2500);
  close_both();
}

TEST_MAIN(TEST_CASE(steps_never_wait), TEST_CASE(an_aborted_message_is_absent),
          TEST_CASE(a_message_that_never_began_holds_nothing), TEST_CASE(one_in_steps_and_one_at_once),
          TEST_CASE(fragments_do_not_prolong_a_wait), TEST_CASE(a_message_in_progress_is_not_restarted),
          TEST_CASE(the_send_ends_when_all_receivers_leave))
