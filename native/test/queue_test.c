/* queue_test.c - each message goes to one receiver; leases, retries, loans, damage. */
#include "queue_fixture.h"

static void check_recv(ipc_receiver *by, uint64_t value) {
  uint64_t got;
  CHECK_EQ(ipc_receiver_recv(by, &got, 8, 0), 8);
  CHECK_EQ(got, value);
}

static void each_message_goes_to_one_receiver_in_order(void) {
  open_three();
  check_empty(a);
  for (uint64_t i = 0; i < 1000; i++) {
    put(2 * i);
    put(2 * i + 1);
    check_recv(i % 3 ? a : b, 2 * i);
    check_recv(i % 5 ? a : b, 2 * i + 1);
    check_empty(a);
    check_empty(b);
  }
  close_three();
  CHECK(!view_exists(test_prefix, test_name, IPC_QUEUE));
}

static void every_size_arrives(void) {
  for (int i = 0; i < STARTS; i++) {
    ipc_options options = queue;
    options.first_position = starts[i];
    sender = must_send(options);
    a = must_receive(options);
    CHECK_EQ(ipc_sender_max_record(sender), LARGEST);
    CHECK_EQ(ipc_sender_max_message(sender), LARGEST);
    CHECK_EQ(ipc_sender_max_loan(sender), LARGEST - 8);
    for (uint32_t length = 0; length <= LARGEST; length++) {
      const message_range range = {length, length};
      message_write(out, (message_tag){1, length}, range);
      CHECK_EQ(length % 2 ? ipc_sender_stage(sender, out, length) : ipc_sender_send(sender, out, length, 0), IPC_OK);
      if (length % 2) CHECK_EQ(test_flush(sender, 0, IPC_OK), 1);
      CHECK_EQ(ipc_receiver_next_length(a), length);
      memset(in, 0xee, length + 1);
      message_check(in, ipc_receiver_recv(a, in, length, 0), (message_tag){1, length}, range);
      CHECK_EQ(in[length], 0xee);
    }
    uint32_t offset = 0;
    CHECK_EQ(ipc_sender_send(sender, out, LARGEST + 1, -1), IPC_E_MESSAGE_TOO_LARGE);
    CHECK_EQ(ipc_sender_stage(sender, out, LARGEST + 1), IPC_E_MESSAGE_TOO_LARGE);
    CHECK_EQ(ipc_sender_send_part(sender, out, LARGEST + 1, &offset), IPC_E_MESSAGE_TOO_LARGE);
    CHECK_EQ(ipc_sender_loan(sender, LARGEST - 7, 0, &offset), IPC_E_MESSAGE_TOO_LARGE);
    CHECK_EQ(ipc_receiver_next_length(a), IPC_TIMED_OUT);
    ipc_receiver_close(a);
    ipc_sender_close(sender);
  }
}

static void leases_are_confirmed_or_retried(void) {
  open_three();
  for (uint64_t i = 0; i < 5; i++) put(i);
  uint32_t first = check_take(a, 0, 1), second = check_take(b, 1, 1), third = check_take(a, 2, 1);
  CHECK_EQ(ipc_receiver_done(b, first), IPC_E_INVALID_ARGUMENT); /* not its own */
  CHECK_EQ(ipc_receiver_retry(b, first), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_retry(a, third), IPC_OK);
  CHECK_EQ(ipc_receiver_retry(a, third), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_done(a, third), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_retry(a, first), IPC_OK);
  first = check_take(b, 0, 2); /* back at the front, and 1 is still at work */
  third = check_take(b, 2, 2);
  CHECK_EQ(ipc_receiver_done(b, second), IPC_OK);
  CHECK_EQ(ipc_receiver_done(b, second), IPC_E_INVALID_ARGUMENT);
  check_recv(a, 3);
  CHECK_EQ(ipc_receiver_retry(b, third), IPC_OK);
  CHECK_EQ(ipc_receiver_retry(b, first), IPC_OK);
  first = check_take(a, 0, 3);
  CHECK_EQ(ipc_receiver_done(a, first), IPC_OK);
  check_recv(b, 2);
  check_recv(b, 4);
  check_empty(a);
  close_three();
}

/* In all positions of the ring, wrapping: what is tried again is found where it lies. */
static void retries_wrap(void) {
  for (int i = 0; i < STARTS; i++) {
    ipc_options options = queue;
    options.first_position = starts[i];
    sender = must_send(options);
    a = must_receive(options);
    uint64_t value = 0;
    for (int round = 0; round < 2000; round++) {
      uint32_t leases[4];
      for (uint64_t n = 0; n < 4; n++) put(value + n);
      for (uint64_t n = 0; n < 4; n++) leases[n] = check_take(a, value + n, 1);
      CHECK_EQ(ipc_receiver_done(a, leases[1]), IPC_OK);
      CHECK_EQ(ipc_receiver_retry(a, leases[2]), IPC_OK);
      CHECK_EQ(ipc_receiver_retry(a, leases[0]), IPC_OK);
      CHECK_EQ(ipc_receiver_done(a, leases[3]), IPC_OK);
      CHECK_EQ(check_take(a, value, 2), leases[0]);
      CHECK_EQ(ipc_receiver_done(a, leases[0]), IPC_OK);
      check_recv(a, value + 2);
      check_empty(a);
      value += 4;
    }
    ipc_receiver_close(a);
    ipc_sender_close(sender);
  }
}

static void a_close_puts_leases_back(void) {
  open_three();
  for (uint64_t i = 0; i < 4; i++) put(i);
  check_take(a, 0, 1);
  uint32_t mine = check_take(b, 1, 1);
  check_take(a, 2, 1);
  ipc_receiver_close(a);
  check_recv(b, 0);
  check_take(b, 2, 2);
  check_recv(b, 3);
  CHECK_EQ(ipc_receiver_done(b, mine), IPC_OK);
  check_empty(b);
  a = must_receive(queue);
  ipc_receiver_close(b);
  check_recv(a, 2);
  b = must_receive(queue);
  close_three();
}

static void a_small_buffer_keeps_the_message(void) {
  open_three();
  CHECK_EQ(ipc_sender_send(sender, "0123456789", 10, 0), IPC_OK);
  put(1);
  for (uint32_t room = 0; room < 10; room++) {
    CHECK_EQ(ipc_receiver_recv(room % 2 ? a : b, in, room, -1), IPC_E_BUFFER_TOO_SMALL);
    CHECK_EQ(ipc_receiver_next_length(a), 10);
  }
  uint32_t lease[3];
  CHECK_EQ(ipc_receiver_take(b, 0, lease), IPC_OK);
  CHECK_EQ(lease[2], 1); /* looking is not taking */
  CHECK_EQ(ipc_receiver_retry(b, lease[0]), IPC_OK);
  CHECK_EQ(ipc_receiver_recv(a, in, 10, 0), 10);
  CHECK_EQ(memcmp(in, "0123456789", 10), 0);
  check_recv(a, 1);
  CHECK_EQ(ipc_sender_send(sender, "", 0, 0), IPC_OK);
  for (int i = 0; i < 3; i++) CHECK_EQ(ipc_receiver_next_length(i % 2 ? a : b), 0);
  CHECK_EQ(ipc_receiver_take(a, 0, lease), IPC_OK);
  CHECK_EQ(lease[1], 0);
  CHECK_EQ(lease[2], 1);
  CHECK_EQ(ipc_receiver_done(a, lease[0]), IPC_OK);
  close_three();
}

static void messages_wait_for_later_receivers(void) {
  sender = must_send(queue);
  for (uint64_t i = 0; i < 50; i++) put(i);
  a = must_receive(queue);
  check_recv(a, 0);
  ipc_receiver_close(a);
  put(50);
  a = must_receive(queue);
  for (uint64_t i = 1; i < 51; i++) check_recv(a, i);
  check_empty(a);
  uint32_t span[2];
  CHECK_EQ(ipc_receiver_peek(a, span, 1, NULL, 0, 0), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_consume(a, 1), IPC_E_INVALID_ARGUMENT);
  ipc_receiver_close(a);
  ipc_sender_close(sender);
}

static void a_full_ring_is_reported(void) {
  for (uint32_t overflow = IPC_BLOCK; overflow <= IPC_DROP_NEWEST; overflow++) {
    ipc_options options = queue;
    options.overflow = overflow;
    sender = must_send(options);
    uint64_t sent = 0;
    int32_t full = overflow == IPC_BLOCK ? IPC_TIMED_OUT : IPC_DROPPED, status;
    while ((status = ipc_sender_send(sender, &sent, 8, overflow == IPC_BLOCK ? 0 : -1)) == IPC_OK) sent++;
    CHECK_EQ(status, full);
    CHECK_EQ(sent, CAPACITY / RECORD);
    CHECK_EQ(ipc_sender_send(sender, &sent, 8, overflow == IPC_BLOCK ? 20 : -1), full);
    a = must_receive(options);
    uint32_t first = check_take(a, 0, 1);
    check_recv(a, 1);
    CHECK_EQ(ipc_sender_send(sender, &sent, 8, 0), full); /* the first is not done: what lies behind it is not free */
    CHECK_EQ(ipc_receiver_done(a, first), IPC_OK);
    put(sent);
    for (uint64_t i = 2; i <= sent; i++) check_recv(a, i);
    check_empty(a);
    ipc_receiver_close(a);
    ipc_sender_close(sender);
  }
}

static void loans_are_taken_when_they_end(void) {
  open_three();
  uint8_t *ring = (uint8_t *)(uintptr_t)ipc_sender_ring(sender);
  for (uint64_t i = 0; i < 500; i++) {
    uint32_t offset, given_up;
    put(3 * i);
    CHECK_EQ(ipc_sender_loan(sender, 100, 0, &offset), IPC_OK);
    CHECK_EQ(ipc_sender_loan(sender, 100, 0, &given_up), IPC_OK);
    put(3 * i + 2);
    check_recv(a, 3 * i);
    check_empty(a); /* the loan comes first */
    check_empty(b);
    CHECK_EQ(ipc_receiver_next_length(a), IPC_TIMED_OUT);
    uint64_t value = 3 * i + 1;
    memcpy(ring + offset, &value, 8);
    CHECK_EQ(ipc_sender_end_loan(sender, offset, 101), IPC_E_INVALID_ARGUMENT);
    CHECK_EQ(ipc_sender_end_loan(sender, offset, 8), IPC_OK);
    CHECK_EQ(ipc_sender_end_loan(sender, offset, 8), IPC_E_INVALID_ARGUMENT);
    uint32_t lease = check_take(b, value, 1);
    check_empty(a);
    CHECK_EQ(ipc_sender_end_loan(sender, given_up, -1), IPC_OK);
    check_recv(a, 3 * i + 2);
    CHECK_EQ(ipc_receiver_retry(b, lease), IPC_OK);
    CHECK_EQ(ipc_receiver_done(a, check_take(a, value, 2)), IPC_OK);
    check_empty(a);
  }
  close_three();
}

static void lend_and_end(void *unused) {
  (void)unused;
  uint32_t offset;
  ipc_sender *mine = must_send(queue);
  CHECK_EQ(ipc_sender_loan(mine, 100, 0, &offset), IPC_OK);
}

static void loans_of_dead_senders_block_no_receiver(void) {
  open_three();
  put(1);
  test_finish(test_start(TEST_PROCESS, lend_and_end, NULL));
  put(2);
  ipc_sender *closing = must_send(queue);
  uint32_t offset;
  CHECK_EQ(ipc_sender_loan(closing, 100, 0, &offset), IPC_OK);
  ipc_sender_close(closing);
  put(3);
  check_recv(a, 1);
  uint64_t got;
  double started = test_ms();
  CHECK_EQ(ipc_receiver_recv(a, &got, 8, -1), 8);
  CHECK_EQ(got, 2);
  CHECK_EQ(ipc_receiver_recv(b, &got, 8, -1), 8);
  CHECK_EQ(got, 3);
  check_within_a_second(started);
  close_three();
}

/* A name that was cleared: what was sent is read first, also what lies behind a loan that is still written. */
static void orphaned_receivers_read_what_was_sent(void) {
  open_three();
  ipc_failure failure;
  uint32_t offset;
  put(1);
  CHECK_EQ(ipc_sender_loan(sender, 8, 0, &offset), IPC_OK);
  put(3);
  CHECK_EQ(ipc_clear(test_prefix, test_name, IPC_QUEUE, &failure), IPC_OK);
  check_recv(a, 1);
  CHECK_EQ(ipc_receiver_recv(a, in, 8, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_recv(a, in, 8, 20), IPC_TIMED_OUT);
  uint64_t two = 2;
  memcpy((uint8_t *)(uintptr_t)ipc_sender_ring(sender) + offset, &two, 8);
  CHECK_EQ(ipc_sender_end_loan(sender, offset, 8), IPC_OK);
  check_recv(a, 2);
  check_recv(a, 3);
  CHECK_EQ(ipc_receiver_recv(a, in, 8, -1), IPC_E_ORPHANED);
  CHECK_EQ(ipc_sender_send(sender, "x", 1, -1), IPC_E_ORPHANED);
  close_three();
}

/* Offsets and leases that cannot be: refused, and the queue goes on. */
static void bad_offsets_are_refused(void) {
  open_three();
  put(0);
  uint32_t lease = check_take(a, 0, 1);
  const uint32_t wild[] = {0,        8,          lease + 1,     lease + 4, lease - 8, CAPACITY, CAPACITY + 8,
                           1u << 31, UINT32_MAX, UINT32_MAX - 7};
  for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
    CHECK_EQ(ipc_receiver_done(a, wild[i]), IPC_E_INVALID_ARGUMENT);
    CHECK_EQ(ipc_receiver_retry(a, wild[i]), IPC_E_INVALID_ARGUMENT);
  }
  CHECK_EQ(ipc_receiver_done(a, lease), IPC_OK);
  const ipc_options other = {.struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL};
  ipc_receiver *elsewhere = must_receive(other);
  uint32_t ignored[3];
  CHECK_EQ(ipc_receiver_take(elsewhere, -1, ignored), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_done(elsewhere, 16), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_retry(elsewhere, 16), IPC_E_INVALID_ARGUMENT);
  ipc_receiver_close(elsewhere);
  close_three();
}

/* Wild words, one at a time: an answer, and no crash, no hang. */
static void damage_is_survived(void) {
  static const uint32_t wild[] = {1, 3, 4, 7, 77, 0x7fffffff, 0x80000000u, UINT32_MAX - 1, UINT32_MAX};
  for (int field = 0; field < 6; field++)
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++) {
      open_three();
      view seen = view_open(test_prefix, test_name, IPC_QUEUE);
      for (uint64_t value = 0; value < 4; value++) put(value);
      uint32_t mine = check_take(a, 0, 1);
      uint32_t *ring = (uint32_t *)view_ring(&seen);
      uint32_t *fields[] = {
          (uint32_t *)&seen.header->cursor,    (uint32_t *)&seen.header->tail, &ring[6], &ring[7], &ring[8],
          (uint32_t *)&seen.header->take_claim};
      *fields[field] = wild[i];
      for (int again = 0; again < 8; again++) {
        CHECK_LE(ipc_receiver_recv(again % 2 ? a : b, in, sizeof in, 0), CAPACITY);
        ipc_sender_send(sender, out, 1000, 0);
      }
      ipc_receiver_retry(a, mine);
      ipc_receiver_recv(b, in, sizeof in, 10);
      view_close(&seen);
      close_three();
    }
  open_three();
  view seen = view_open(test_prefix, test_name, IPC_QUEUE);
  put(1);
  ((ipc_record *)view_ring(&seen))->length = 4; /* no room for its lease */
  CHECK_EQ(ipc_receiver_recv(a, in, sizeof in, -1), IPC_E_CORRUPT);
  ((ipc_record *)view_ring(&seen))->length = 16;
  ((ipc_record *)view_ring(&seen))->kind = IPC_RECORD_FRAGMENT; /* a queue has none */
  CHECK_EQ(ipc_receiver_recv(a, in, sizeof in, -1), IPC_E_CORRUPT);
  CHECK_EQ(ipc_receiver_next_length(a), IPC_E_CORRUPT);
  view_close(&seen);
  close_three();
}

TEST_MAIN(TEST_CASE(each_message_goes_to_one_receiver_in_order), TEST_CASE(every_size_arrives),
          TEST_CASE(leases_are_confirmed_or_retried), TEST_CASE(retries_wrap), TEST_CASE(a_close_puts_leases_back),
          TEST_CASE(a_small_buffer_keeps_the_message), TEST_CASE(messages_wait_for_later_receivers),
          TEST_CASE(a_full_ring_is_reported), TEST_CASE(loans_are_taken_when_they_end),
          TEST_CASE(loans_of_dead_senders_block_no_receiver), TEST_CASE(orphaned_receivers_read_what_was_sent),
          TEST_CASE(bad_offsets_are_refused), TEST_CASE(damage_is_survived))
