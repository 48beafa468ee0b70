/* sender_receiver_test.c - every answer of the public calls, on one endpoint of each side. */
#include "libipc/libipc.h"

#include "interpose.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096, LARGEST = CAPACITY / 2 - 8 };

static uint8_t out[1 << 20], in[1 << 20];
static ipc_sender *sender;
static ipc_receiver *receiver;

static ipc_receiver *open_receiver(uint32_t kind, uint32_t capacity) {
  ipc_failure failure;
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = kind, .capacity = capacity};
  ipc_receiver *it = ipc_receiver_open(test_prefix, test_name, &options, &failure);
  if (!it) FAIL("a receiver could not open: %d", failure.code);
  return it;
}

static ipc_sender *open_sender(uint32_t kind, uint32_t capacity) {
  ipc_failure failure;
  const ipc_options options = {.struct_size = sizeof(ipc_options), .kind = kind, .capacity = capacity};
  ipc_sender *it = ipc_sender_open(test_prefix, test_name, &options, &failure);
  if (!it) FAIL("a sender could not open: %d", failure.code);
  return it;
}

static void open_both(uint32_t kind, uint32_t capacity) {
  sender = open_sender(kind, capacity);
  receiver = open_receiver(kind, capacity);
}

static void close_both(void) {
  ipc_sender_close(sender);
  ipc_receiver_close(receiver);
}

static void abi_is_told(void) {
  CHECK_EQ(ipc_abi_version(), IPC_ABI_VERSION);
  CHECK(ipc_now_ns() > 0);
  ipc_sender_close(NULL);
  ipc_receiver_close(NULL);
}

static void every_size_arrives(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    open_both(kind, CAPACITY);
    CHECK_EQ(ipc_sender_max_record(sender), LARGEST);
    CHECK_EQ(ipc_sender_max_message(sender), IPC_MAX_MESSAGE);
    CHECK_EQ(ipc_receiver_capacity(receiver), CAPACITY);
    for (uint32_t length = 0; length <= LARGEST; length++) {
      const message_range range = {length, length};
      message_write(out, (message_tag){kind, length}, range);
      CHECK_EQ(ipc_sender_send(sender, out, length, 0), IPC_OK);
      CHECK_EQ(ipc_receiver_next_length(receiver), length);
      memset(in, 0xee, length + 1);
      message_check(in, ipc_receiver_recv(receiver, in, length, 0), (message_tag){kind, length}, range);
      CHECK_EQ(in[length], 0xee); /* not a byte more */
    }
    CHECK_EQ(ipc_sender_send(sender, out, IPC_MAX_MESSAGE + 1, -1), IPC_E_MESSAGE_TOO_LARGE);
    CHECK_EQ(ipc_sender_send(sender, out, UINT32_MAX, -1), IPC_E_MESSAGE_TOO_LARGE);
    CHECK_EQ(ipc_sender_stage(sender, out, LARGEST + 1), IPC_E_MESSAGE_TOO_LARGE);
    CHECK_EQ(ipc_receiver_next_length(receiver), IPC_TIMED_OUT);
    close_both();
  }
}

static void large_messages_arrive(void) {
  open_both(IPC_CHANNEL, 1 << 20);
  const message_range range = {(1 << 19) - 8, (1 << 19) - 8};
  for (uint32_t i = 0; i < 20; i++) {
    uint32_t length = message_write(out, (message_tag){0, i}, range);
    CHECK_EQ(ipc_sender_send(sender, out, length, 0), IPC_OK);
    message_check(in, ipc_receiver_recv(receiver, in, sizeof in, 0), (message_tag){0, i}, range);
    CHECK_EQ(ipc_sender_stage(sender, out, length), IPC_OK); /* larger than the stage starts out */
    CHECK_EQ(test_flush(sender, 0, IPC_OK), 1);
    message_check(in, ipc_receiver_recv(receiver, in, sizeof in, 0), (message_tag){0, i}, range);
  }
  close_both();
}

static void small_buffer_keeps_the_message(void) {
  open_both(IPC_ROUTE, CAPACITY);
  CHECK_EQ(ipc_sender_send(sender, "0123456789", 10, 0), IPC_OK);
  CHECK_EQ(ipc_sender_send(sender, "next", 4, 0), IPC_OK);
  for (uint32_t room = 0; room < 10; room++) {
    CHECK_EQ(ipc_receiver_recv(receiver, in, room, -1), IPC_E_BUFFER_TOO_SMALL);
    CHECK_EQ(ipc_receiver_next_length(receiver), 10);
  }
  CHECK_EQ(ipc_receiver_recv(receiver, in, 10, -1), 10);
  CHECK_EQ(memcmp(in, "0123456789", 10), 0);
  CHECK_EQ(ipc_receiver_recv(receiver, in, 4, -1), 4);
  CHECK_EQ(memcmp(in, "next", 4), 0);
  close_both();
}

static void nobody_connected_is_told(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    sender = open_sender(kind, CAPACITY);
    CHECK_EQ(ipc_sender_receiver_count(sender), 0);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_NO_RECEIVERS);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, -1), IPC_NO_RECEIVERS);
    CHECK_EQ(ipc_sender_stage(sender, "x", 1), IPC_OK);
    CHECK_EQ(test_flush(sender, -1, IPC_NO_RECEIVERS), 0);
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 0, 0), IPC_OK);
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 0), IPC_TIMED_OUT);
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 20), IPC_TIMED_OUT);
    receiver = open_receiver(kind, CAPACITY);
    CHECK_EQ(ipc_sender_receiver_count(sender), 1);
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 0), IPC_OK);
    CHECK_EQ(ipc_receiver_recv(receiver, in, 8, 0), IPC_TIMED_OUT); /* nothing of what came before it */
    ipc_receiver_close(receiver);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, 0), IPC_NO_RECEIVERS);
    ipc_sender_close(sender);
  }
}

static void peek_reads_in_place(void) {
  open_both(IPC_ROUTE, CAPACITY);
  uint32_t spans[2 * 8], sent = 0, taken = 0, seed = 20260105;
  const message_range range = {0, 200};
  const uint8_t *ring = ipc_receiver_ring(receiver);
  CHECK_EQ(ipc_receiver_peek(receiver, spans, 8, NULL, 0, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_peek(receiver, spans, 8, NULL, 0, 5), IPC_TIMED_OUT);
  while (taken < 5000) {
    for (;;) { /* fill it up, so that what a peek shows is what holds the sender back */
      uint32_t length = message_write(out, (message_tag){0, sent}, range);
      if (ipc_sender_send(sender, out, length, 0) != IPC_OK) break;
      sent++;
    }
    CHECK_EQ(ipc_receiver_peek(receiver, spans, 0, NULL, 0, 0), 0);
    uint32_t max = 1 + test_random(&seed) % 8;
    int32_t count = ipc_receiver_peek(receiver, spans, max, NULL, 0, 0);
    CHECK_GE(count, 1);
    CHECK_LE(count, max);
    CHECK_EQ(ipc_sender_send(sender, out, LARGEST, 0), IPC_TIMED_OUT);
    for (int32_t i = 0; i < count; i++)
      message_check(ring + spans[2 * i], spans[2 * i + 1], (message_tag){0, taken + (uint32_t)i}, range);
    uint32_t consumed = test_random(&seed) % ((uint32_t)count + 1);
    CHECK_EQ(ipc_receiver_consume(receiver, consumed), IPC_OK);
    taken += consumed;
    if (taken < sent) CHECK_EQ(ipc_receiver_next_length(receiver), message_length((message_tag){0, taken}, range));
  }
  while (taken < sent) {
    CHECK_EQ(ipc_receiver_consume(receiver, 1), IPC_OK);
    taken++;
  }
  CHECK_EQ(ipc_receiver_consume(receiver, 1), IPC_E_INVALID_ARGUMENT);
  close_both();
}

static void stage_and_flush_keep_order(void) {
  open_both(IPC_CHANNEL, CAPACITY);
  const message_range range = {0, 300};
  uint32_t staged = 0, received = 0;
  CHECK_EQ(test_flush(sender, -1, IPC_OK), 0); /* nothing staged */
  while (received < 3000) {
    int32_t count = 0;
    for (;;) { /* until the stage is full */
      uint32_t length = message_write(out, (message_tag){0, staged}, range);
      int32_t status = ipc_sender_stage(sender, out, length);
      if (status == IPC_TIMED_OUT) break;
      CHECK_EQ(status, IPC_OK);
      memset(out, 0, length); /* it was copied */
      staged++;
      count++;
    }
    CHECK_GE(count, 1);
    CHECK_EQ(ipc_receiver_next_length(receiver), IPC_TIMED_OUT); /* staged is not sent */
    CHECK_EQ(test_flush(sender, 0, IPC_OK), count);
    for (; count; count--)
      message_check(in, ipc_receiver_recv(receiver, in, sizeof in, 0), (message_tag){0, received++}, range);
    CHECK_EQ(ipc_receiver_next_length(receiver), IPC_TIMED_OUT);
  }
  close_both();
}

static void flush_tells_how_many_were_accepted(void) {
  for (int32_t timeout = 0; timeout <= 20; timeout += 20) {
    open_both(IPC_CHANNEL, CAPACITY);
    uint64_t value = 0, got;
    for (; value < 250; value++) CHECK_EQ(ipc_sender_send(sender, &value, 8, 0), IPC_OK);
    for (int i = 0; i < 20; i++, value++) CHECK_EQ(ipc_sender_stage(sender, &value, 8), IPC_OK);
    CHECK_EQ(test_flush(sender, timeout, IPC_TIMED_OUT), 6); /* 256 of 16 bytes each fill it */
    CHECK_EQ(test_flush(sender, timeout, IPC_OK), 0);        /* the others are gone from the stage */
    for (uint64_t i = 0; i < 256; i++) {
      CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
      CHECK_EQ(got, i);
    }
    CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), IPC_TIMED_OUT);
    close_both();
  }
}

static void check_timeouts(uint32_t kind) {
  open_both(kind, CAPACITY);
  double started = test_ms();
  CHECK_EQ(ipc_receiver_recv(receiver, in, 8, 30), IPC_TIMED_OUT);
  CHECK_GE(test_ms() - started, 30);
  check_not_hung(started);
  CHECK_EQ(ipc_receiver_recv(receiver, in, 8, 1), IPC_TIMED_OUT);
  while (ipc_sender_send(sender, out, 100, 0) == IPC_OK) continue;
  started = test_ms();
  CHECK_EQ(ipc_sender_send(sender, out, 100, 30), IPC_TIMED_OUT);
  CHECK_GE(test_ms() - started, 30);
  check_not_hung(started);
  CHECK_EQ(ipc_sender_send(sender, out, 100, 1), IPC_TIMED_OUT);
  started = test_ms();
  CHECK_EQ(ipc_sender_wait_for_receivers(sender, 2, 30), IPC_TIMED_OUT);
  CHECK_GE(test_ms() - started, 30);
  check_not_hung(started);
  close_both();
}

static void timeouts_end_not_before_their_time(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) check_timeouts(kind);
}

static view seen;
static uint32_t kind_now;

static void send_one_when_it_sleeps(void *unused) {
  (void)unused;
  ipc_sender *mine = open_sender(kind_now, CAPACITY);
  view_await_sleeper(&seen, IPC_EVENT_DATA);
  CHECK_EQ(ipc_sender_send(mine, "woken", 6, 0), IPC_OK);
  ipc_sender_close(mine);
}

static void take_all_when_it_sleeps(void *unused) {
  (void)unused;
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  while (ipc_receiver_recv(receiver, in, sizeof in, 0) >= 0) continue;
}

static _Atomic bool was_counted;

/* Stays until it was counted: the receiver of a thread that has ended is dead, and not waited for. */
static void join_when_it_sleeps(void *unused) {
  (void)unused;
  view_await_sleeper(&seen, IPC_EVENT_PEERS);
  receiver = open_receiver(kind_now, CAPACITY);
  while (!atomic_load(&was_counted)) test_pause();
}

/* Sleeps that only a wake-up ends: it has to come from the other side, and in time. */
static void check_sleepers(uint32_t kind) {
  const int32_t long_waits[] = {-1, INT32_MIN, INT32_MAX};
  hooks.patient = true;
  kind_now = kind;
  for (int i = 0; i < 3; i++) {
    sender = open_sender(kind_now, CAPACITY);
    seen = view_open(test_prefix, test_name, kind_now);
    atomic_store(&was_counted, false);
    test_worker worker = test_start(TEST_THREAD, join_when_it_sleeps, NULL);
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, long_waits[i]), IPC_OK);
    atomic_store(&was_counted, true);
    test_finish(worker);
    ipc_receiver_close(receiver); /* its thread has ended: open it again here */
    receiver = open_receiver(kind_now, CAPACITY);
    worker = test_start(TEST_THREAD, send_one_when_it_sleeps, NULL);
    CHECK_EQ(ipc_receiver_recv(receiver, in, 8, long_waits[i]), 6);
    CHECK_EQ(memcmp(in, "woken", 6), 0);
    test_finish(worker);
    while (ipc_sender_send(sender, out, 100, 0) == IPC_OK) continue;
    worker = test_start(TEST_THREAD, take_all_when_it_sleeps, NULL);
    CHECK_EQ(ipc_sender_send(sender, out, LARGEST - 8, long_waits[i]), IPC_OK);
    test_finish(worker);
    view_close(&seen);
    close_both();
  }
}
static void sleepers_are_woken(void) {
  for (uint32_t kind = IPC_CHANNEL; kind <= IPC_QUEUE; kind++) check_sleepers(kind);
}

/*
 * The other side acts between a waiter's last look and its announcement that it will
 * sleep: no notifier wakes it, so it must check once more. `moment` is which of the waiter's
 * calls for the time that is; if there are fewer, the other side acts before the sleep.
 */
static int moment;
static void (*other_side)(void);

static void act_at_the_moment(const char *call) {
  if (strcmp(call, "now") == 0 ? --moment != 0 : strcmp(call, "wait") != 0) return;
  hooks.before = NULL;
  other_side();
}

static void send_one(void) { CHECK_EQ(ipc_sender_send(sender, "late", 5, 0), IPC_OK); }
static void take_everything(void) {
  while (ipc_receiver_recv(receiver, in, sizeof in, 0) >= 0) continue;
}
static ipc_receiver *joiner;
static void join_late(void) { joiner = open_receiver(kind_now, CAPACITY); }

static void check_waiters(uint32_t kind) {
  hooks.patient = true; /* a waiter that does not check again hangs */
  kind_now = kind;
  for (int which = 1; which <= 4; which++)
    for (int forever = 0; forever < 2; forever++) {
      const int32_t timeout = forever ? -1 : INT32_MAX;
      open_both(kind_now, CAPACITY);
      moment = which;
      other_side = send_one;
      hooks.before = act_at_the_moment;
      CHECK_EQ(ipc_receiver_recv(receiver, in, 8, timeout), 5);
      hooks.before = NULL;
      while (ipc_sender_send(sender, out, 100, 0) == IPC_OK) continue;
      moment = which;
      other_side = take_everything;
      hooks.before = act_at_the_moment;
      CHECK_EQ(ipc_sender_send(sender, out, LARGEST - 8, timeout), IPC_OK);
      moment = which;
      other_side = join_late;
      hooks.before = act_at_the_moment;
      CHECK_EQ(ipc_sender_wait_for_receivers(sender, 2, timeout), IPC_OK);
      hooks.before = NULL;
      ipc_receiver_close(joiner);
      close_both();
    }
}
static void waiters_look_again_before_they_sleep(void) {
  for (uint32_t kind = IPC_CHANNEL; kind <= IPC_QUEUE; kind++) check_waiters(kind);
}

static void unread_messages_of_one_hold_all_back(void) {
  open_both(IPC_ROUTE, CAPACITY);
  ipc_receiver *slow = open_receiver(IPC_ROUTE, CAPACITY);
  uint32_t sent = 0, got;
  for (; ipc_sender_send(sender, &sent, 4, 0) == IPC_OK; sent++) CHECK_EQ(ipc_receiver_recv(receiver, &got, 4, 0), 4);
  CHECK_EQ(sent, CAPACITY / 16);
  CHECK_EQ(ipc_sender_receiver_count(sender), 2); /* it is slow, not gone */
  for (uint32_t i = 0; i < sent; i++) {
    CHECK_EQ(ipc_receiver_recv(slow, &got, 4, 0), 4);
    CHECK_EQ(got, i);
  }
  CHECK_EQ(ipc_sender_send(sender, &sent, 4, 0), IPC_OK);
  ipc_receiver_close(slow);
  close_both();
}

TEST_MAIN(TEST_CASE(abi_is_told), TEST_CASE(every_size_arrives), TEST_CASE(large_messages_arrive),
          TEST_CASE(small_buffer_keeps_the_message), TEST_CASE(nobody_connected_is_told),
          TEST_CASE(peek_reads_in_place), TEST_CASE(stage_and_flush_keep_order),
          TEST_CASE(flush_tells_how_many_were_accepted), TEST_CASE(timeouts_end_not_before_their_time),
          TEST_CASE(sleepers_are_woken), TEST_CASE(waiters_look_again_before_they_sleep),
          TEST_CASE(unread_messages_of_one_hold_all_back))
