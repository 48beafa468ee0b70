/* overrun_test.c - drop-oldest: what is missed is counted, what is read is whole; damage. */
#include "overrun_fixture.h"

static ipc_options overwritten(uint32_t kind) {
  return (ipc_options){
      .struct_size = sizeof(ipc_options), .kind = kind, .capacity = CAPACITY, .overflow = IPC_DROP_OLDEST};
}

static void send_numbers(ipc_sender *sender, uint64_t *next, uint64_t count) {
  for (; count; count--, ++*next) CHECK_EQ(ipc_sender_send(sender, next, 8, *next % 2 ? -1 : 0), IPC_OK);
}

/* No receiver reads, then none is connected, then one joins too late for the first message: the sender continues. */
static void a_sender_neither_waits_nor_needs_receivers(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    uint64_t next = 0, got;
    ipc_sender *sender = must_send(overwritten(kind));
    hooks.before = fail_on_sleep;
    send_numbers(sender, &next, 5000);
    CHECK_EQ(ipc_sender_receiver_count(sender), 0);
    ipc_receiver *idle = must_receive(overwritten(kind)), *late = must_receive(overwritten(kind));
    CHECK_EQ(ipc_receiver_recv(late, &got, 8, 0), IPC_TIMED_OUT); /* nothing of what came before it */
    send_numbers(sender, &next, 5000);
    hooks.before = NULL;
    CHECK_EQ(ipc_receiver_recv(late, &got, 8, 0), 8);
    CHECK_EQ(ipc_receiver_lost(late), got - 5000);
    CHECK_EQ(ipc_receiver_lost(idle), 0); /* it has not looked yet */
    ipc_receiver_close(idle);
    ipc_receiver_close(late);
    ipc_sender_close(sender);
  }
}

/* Bursts of all sizes up to several rings. What is missing is what is counted, message by message. */
static void check_bursts(uint32_t first_position, uint32_t capacity, message_range range) {
  ipc_options options = overwritten(IPC_ROUTE);
  uint32_t all = capacity / 8, largest = range.max <= capacity / 2 - 8 ? ipc_ring_units(range.max) : all;
  options.first_position = first_position;
  options.capacity = capacity;
  ipc_sender *sender = must_send(options);
  ipc_receiver *receiver = must_receive(options);
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  uint32_t sent = 0, due = 0, received = 0, seed = 20260201;
  for (int round = 0; round < 400; round++) {
    uint32_t burst = 0, most = test_random(&seed) % (test_random(&seed) % 4 ? all / 2 : 6 * all);
    bool fits = true;
    for (uint32_t units = 0; units < most; burst++, sent++) {
      uint32_t length = message_write(bytes, (message_tag){0, sent}, range);
      units += ipc_ring_units(length);
      fits = units + all / 8 + largest <= all; /* no more than an eighth is announced ahead */
      CHECK_EQ(ipc_sender_send(sender, bytes, length, -1), IPC_OK);
    }
    uint32_t unread = sent - due;
    for (int32_t length; (length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0)) != IPC_TIMED_OUT; due++) {
      message_tag tag;
      CHECK_GE(length, MESSAGE_TAG);
      memcpy(&tag, bytes, sizeof tag);
      CHECK_GE(tag.sequence, due);
      message_check(bytes, length, tag, range);
      if (fits) CHECK_EQ(tag.sequence, due);
      due = tag.sequence;
      received++;
      CHECK_EQ(ipc_receiver_lost(receiver), due + 1 - received);
      CHECK_EQ(atomic_load(&view_receivers(&seen)[0].lost), due + 1 - received); /* where others look */
      if (unread && test_random(&seed) % 16 == 0) { /* the ring moves on while it is read */
        CHECK_EQ(ipc_sender_send(sender, bytes, message_write(bytes, (message_tag){0, sent}, range), 0), IPC_OK);
        sent++;
        fits = false;
        unread--;
      }
    }
    CHECK_EQ(due, sent); /* the last one is never lost */
  }
  CHECK_GE(sent, received + 100);
  view_close(&seen);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* An event loop polls, finds a message, and receives later: by then the ring may have been overwritten. */
static void what_a_poll_found_may_be_overwritten(void) {
  ipc_sender *sender = must_send(overwritten(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(overwritten(IPC_CHANNEL));
  uint64_t next = 0, got = UINT64_MAX, due = 0;
  for (int round = 0; round < 200; round++) {
    send_numbers(sender, &next, 1);
    CHECK_EQ(ipc_receiver_poll(receiver, IPC_WAIT_FOR_DATA, 0, 0), 1);
    send_numbers(sender, &next, round % 3 ? (uint64_t)round * 7 : 0);
    for (int32_t length; (length = ipc_receiver_recv(receiver, &got, 8, 0)) != IPC_TIMED_OUT; due++) {
      CHECK_EQ(length, 8);
      CHECK_EQ(ipc_receiver_lost(receiver), got - due);
    }
    CHECK_EQ(got, next - 1);
  }
  CHECK_GE(ipc_receiver_lost(receiver), 1);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

static void missed_messages_are_counted(void) {
  for (int i = 0; i < STARTS; i++) {
    check_bursts(starts[i], CAPACITY, (message_range){MESSAGE_TAG, 100});
    check_bursts(starts[i], CAPACITY, (message_range){MESSAGE_TAG, CAPACITY / 2 - 8});
    check_bursts(starts[i], 4 * CAPACITY, (message_range){MESSAGE_TAG, CAPACITY * 3 / 2}); /* some in fragments */
    check_bursts(starts[i], 4 * CAPACITY, (message_range){CAPACITY * 2, CAPACITY * 2});    /* each in five */
  }
}

/* Overrun is no reason to start at the end: what is left of the ring is read, but for a quarter of it and what the
 * marks cost. */
static void half_of_the_ring_stays_readable(void) {
  ipc_sender *sender = must_send(overwritten(IPC_ROUTE));
  ipc_receiver *receiver = must_receive(overwritten(IPC_ROUTE));
  uint64_t next = 0, got = 0;
  for (uint64_t burst = 2 * UNITS; burst < 3 * UNITS; burst += 7) {
    send_numbers(sender, &next, burst);
    CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
    CHECK_GE(next - got, UNITS / 2 / 2); /* of 2 units each */
    CHECK_LE(next - got, UNITS / 4 * 3 / 2);
    while (++got < next) {
      uint64_t value;
      CHECK_EQ(ipc_receiver_recv(receiver, &value, 8, 0), 8);
      CHECK_EQ(value, got);
    }
  }
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

static void from_oldest_replays_a_suffix(void) {
  for (int i = 0; i < STARTS; i++) {
    ipc_options options = overwritten(IPC_CHANNEL);
    options.first_position = starts[i];
    ipc_sender *sender = must_send(options);
    uint64_t next = 0, got;
    for (uint64_t total = 0; total < 3000; total += 1 + total / 3) {
      send_numbers(sender, &next, total - next);
      ipc_receiver *receiver = must_replay(options);
      uint64_t count = 0, first = 0;
      while (ipc_receiver_recv(receiver, &got, 8, 0) == 8) {
        if (count == 0) first = got;
        CHECK_EQ(got, first + count++);
      }
      CHECK_EQ(first + count, next);
      if (next * 2 <= UNITS - UNITS / 8)
        CHECK_EQ(first, 0);
      else
        CHECK_GE(count * 2, UNITS / 4 * 3);
      CHECK_EQ(ipc_receiver_lost(receiver), 0);
      send_numbers(sender, &next, 1);
      CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
      CHECK_EQ(got, next - 1);
      ipc_receiver_close(receiver);
    }
    ipc_sender_close(sender);
  }
}

/* The high half of head counts messages, however they were sent, in every ring. */
static void head_counts_messages(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_QUEUE; kind++) {
    const ipc_options options = {
        .struct_size = sizeof(ipc_options), .kind = kind, .capacity = CAPACITY, .first_position = UINT32_MAX - 8};
    ipc_sender *sender = must_send(options);
    ipc_receiver *receiver = must_receive(options);
    view seen = view_open(test_prefix, test_name, kind);
    uint32_t offset = 0, wanted = 0;
    for (; wanted < 3; wanted++) CHECK_EQ(ipc_sender_send(sender, bytes, wanted, 0), IPC_OK);
    for (; wanted < 8; wanted++) CHECK_EQ(ipc_sender_stage(sender, bytes, wanted), IPC_OK);
    CHECK_EQ(test_flush(sender, 0, IPC_OK), 5);
    CHECK_EQ(ipc_sender_loan(sender, 8, 0, &offset), IPC_OK);
    CHECK_EQ(ipc_sender_end_loan(sender, offset, 8), IPC_OK);
    wanted++;
    if (kind != IPC_QUEUE) {
      CHECK_EQ(ipc_sender_send(sender, bytes, 2100, 0), IPC_OK);        /* in fragments: one message */
      CHECK_EQ(ipc_sender_send(sender, bytes, 5000, 0), IPC_TIMED_OUT); /* none */
      wanted++;
    }
    CHECK_EQ(atomic_load(&seen.header->head) >> 32, wanted);
    view_close(&seen);
    ipc_receiver_close(receiver);
    ipc_sender_close(sender);
  }
}

static void nothing_is_lent_or_read_in_place(void) {
  ipc_sender *sender = must_send(overwritten(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(overwritten(IPC_CHANNEL));
  uint32_t spans[2], offset;
  CHECK_EQ(ipc_sender_loan(sender, 8, 0, &offset), IPC_NOT_IN_PLACE);
  CHECK_EQ(ipc_receiver_peek(receiver, spans, 1, NULL, 0, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_sender_send(sender, "12345", 5, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_peek(receiver, spans, 1, NULL, 0, 0), IPC_NOT_IN_PLACE);
  CHECK_EQ(ipc_receiver_consume(receiver, 1), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_next_length(receiver), 5);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, 4, 0), IPC_E_BUFFER_TOO_SMALL);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, 5, 0), 5);
  CHECK_EQ(memcmp(bytes, "12345", 5), 0);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* What did not fit the buffer stays the next message until it is overwritten; then it is lost like any other. */
static void a_refused_message_may_be_overwritten(void) {
  ipc_sender *sender = must_send(overwritten(IPC_ROUTE));
  ipc_receiver *receiver = must_receive(overwritten(IPC_ROUTE));
  uint64_t next = 0, got;
  send_numbers(sender, &next, 1);
  CHECK_EQ(ipc_receiver_recv(receiver, &got, 7, 0), IPC_E_BUFFER_TOO_SMALL);
  send_numbers(sender, &next, 1000);
  CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
  CHECK_GE(got, 1);
  CHECK_EQ(ipc_receiver_lost(receiver), got);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* A message of fragments too: put together, not received, overwritten. And one that began before we joined is not ours
 * to lose. */
static void fragments_are_lost_as_one_message(void) {
  ipc_sender *sender = must_send(overwritten(IPC_CHANNEL));
  ipc_receiver *receiver = must_receive(overwritten(IPC_CHANNEL));
  const message_range large = {3000, 3000};
  uint64_t next = 0, got;
  message_write(bytes, (message_tag){1, 1}, large);
  CHECK_EQ(ipc_sender_send(sender, bytes, 3000, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_next_length(receiver), 3000);
  message_check(bytes, ipc_receiver_recv(receiver, bytes, 3000, 0), (message_tag){1, 1}, large);
  CHECK_EQ(ipc_sender_send(sender, bytes, 3000, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_next_length(receiver), 3000);
  send_numbers(sender, &next, 1000);
  CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
  CHECK_EQ(ipc_receiver_lost(receiver), 1 + got);
  while (ipc_receiver_recv(receiver, &got, 8, 0) == 8) continue;
  message_write(bytes, (message_tag){1, 2}, large);
  CHECK_EQ(ipc_sender_send(sender, bytes, 3000, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_next_length(receiver), 3000);
  double before = ipc_receiver_lost(receiver);
  for (uint32_t i = 3; i < 8; i++) { /* nothing but fragments lies in the ring then */
    message_write(bytes, (message_tag){1, i}, large);
    CHECK_EQ(ipc_sender_send(sender, bytes, 3000, 0), IPC_OK);
  }
  int32_t length = ipc_receiver_recv(receiver, bytes, sizeof bytes, 0);
  CHECK_EQ(length == IPC_TIMED_OUT ? 6 : 5,
           ipc_receiver_lost(receiver) - before); /* the last may be too long for what is left */
  if (length != IPC_TIMED_OUT) message_check(bytes, length, (message_tag){1, 7}, large);
  CHECK_EQ(ipc_sender_send(sender, bytes, 5000, 0), IPC_E_MESSAGE_TOO_LARGE); /* more than the ring */
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), IPC_TIMED_OUT);
  double lost = ipc_receiver_lost(receiver);
  uint32_t offset = 0;
  ipc_receiver *joins = NULL;
  ipc_sender *parts = must_send(overwritten(IPC_CHANNEL));
  memset(bytes, 7, 2100);
  CHECK_EQ(ipc_sender_send_part(parts, bytes, 2100, &offset), IPC_OK);
  CHECK_EQ(offset, 2100);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), 2100);
  CHECK_EQ(ipc_receiver_lost(receiver), lost);
  joins = must_replay(overwritten(IPC_CHANNEL)); /* in the middle of the long one */
  CHECK_EQ(ipc_receiver_recv(joins, bytes, sizeof bytes, 0), 2100);
  CHECK_EQ(ipc_receiver_lost(joins), 0);
  ipc_receiver_close(joins);
  ipc_receiver_close(receiver);
  ipc_sender_close(parts);
  ipc_sender_close(sender);
}

static void wait_for_one(void *unused) {
  (void)unused;
  const message_range range = {1000, 1008};
  ipc_receiver *receiver = must_receive(overwritten(IPC_ROUTE));
  atomic_store(&shared->ready, 1);
  CHECK_EQ(ipc_receiver_recv(receiver, bytes, 8, -1), 8);
  int32_t length = ipc_receiver_recv(receiver, bytes, sizeof bytes, -1);
  CHECK_EQ(length, range.max);
  for (int32_t i = 0; i < length; i++) CHECK_EQ(bytes[i], i % 4 ? 0 : IPC_RECORD_LOAN);
  ipc_receiver_close(receiver);
}

/*
 * What lies at its old position while a receiver sleeps is bytes of another message; here they look like a loan.
 * There are no loans in such a ring: it must neither wait for one to end nor end it.
 */
static void a_sleeper_does_not_read_what_overwrote_it(void) {
  hooks.patient = true;
  shared = test_shared(sizeof *shared);
  ipc_sender *sender = must_send(overwritten(IPC_ROUTE));
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  test_worker receiver = test_start(TEST_PROCESS, wait_for_one, NULL);
  test_await(&shared->ready, 1);
  CHECK_EQ(ipc_sender_send(sender, "position", 8, 0), IPC_OK);
  while (atomic_load(&view_receivers(&seen)[0].position) != 2) test_pause();
  view_await_sleeper(&seen, IPC_EVENT_DATA);
  test_stop(receiver);
  uint32_t threes[1008 / 4], *ring = (uint32_t *)view_ring(&seen);
  for (size_t i = 0; i < sizeof threes / 4; i++) threes[i] = IPC_RECORD_LOAN;
  for (int i = 0; i < 8; i++) CHECK_EQ(ipc_sender_send(sender, threes, sizeof threes, 0), IPC_OK);
  CHECK_EQ(ring[2 * 2 + 1], IPC_RECORD_LOAN);
  test_continue(receiver);
  test_finish(receiver);
  CHECK_EQ(ring[2 * 2 + 1], IPC_RECORD_LOAN); /* no one wrote into that message */
  view_close(&seen);
  ipc_sender_close(sender);
}

/* Wild marks: any answer will do, but none is a crash or a hang. */
static void damaged_marks_are_survived(void) {
  ipc_sender *sender = must_send(overwritten(IPC_ROUTE));
  ipc_receiver *receiver = must_receive(overwritten(IPC_ROUTE));
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  uint32_t seed = 20260203;
  uint64_t next = 0;
  for (int round = 0; round < 300; round++) {
    send_numbers(sender, &next, 600);
    uint64_t count = atomic_load(&seen.header->mark_count);
    if (round % 2)
      atomic_store(&seen.header->mark_count, round % 6 == 1 ? 0 : test_random(&seed) >> test_random(&seed) % 32);
    for (int i = 0; i < IPC_MARKS && round % 2 == 0; i++) {
      atomic_store(&seen.header->marks[i].position, (uint64_t)test_random(&seed) << test_random(&seed) % 32);
      atomic_store(&seen.header->marks[i].number, test_random(&seed));
    }
    for (int i = 0; i < 50; i++) CHECK_LE(ipc_receiver_recv(receiver, bytes, sizeof bytes, 0), CAPACITY);
    ipc_receiver_close(must_replay(overwritten(IPC_ROUTE)));
    ipc_receiver_close(must_receive(overwritten(IPC_ROUTE)));
    if (round % 2) atomic_store(&seen.header->mark_count, count);
  }
  view_close(&seen);
  ipc_receiver_close(receiver);
  ipc_sender_close(sender);
}

/* Wherever in the ring it begins, a receiver that reads after all of it was sent gets it. */
static void the_largest_message_always_arrives(void) {
  static uint8_t got[1 << 20];
  const struct {
    uint32_t capacity, step;
  } rings[] = {{4096, 1}, {65536, 509}, {1 << 20, 10007}};
  for (uint32_t i = 0; i < 3; i++) {
    ipc_options options = overwritten(IPC_CHANNEL);
    uint32_t units = rings[i].capacity / 8, offset = 0;
    options.capacity = rings[i].capacity;
    for (uint32_t start = 0; start < units; start += rings[i].step) {
      options.first_position = UINT32_MAX - units + start; /* wraps on the way */
      ipc_sender *sender = must_send(options);
      ipc_receiver *receiver = must_receive(options);
      uint32_t most = ipc_sender_max_message(sender);
      const message_range range = {most, most};
      CHECK_GE(most, options.capacity / 4 * 3);
      CHECK_LE(most, options.capacity / 8 * 7);
      message_write(bytes, (message_tag){0, start}, range);
      CHECK_EQ(ipc_sender_send(sender, bytes, most + 1, 0), IPC_E_MESSAGE_TOO_LARGE);
      CHECK_EQ(ipc_sender_send_with_progress_timeout(sender, bytes, most + 1, 0), IPC_E_MESSAGE_TOO_LARGE);
      CHECK_EQ(ipc_sender_send_part(sender, bytes, most + 1, &offset), IPC_E_MESSAGE_TOO_LARGE);
      for (int twice = 0; twice < 2; twice++) {
        CHECK_EQ(ipc_sender_send(sender, bytes, most, 0), IPC_OK);
        CHECK_EQ(ipc_receiver_recv(receiver, got, sizeof got, 0), (int32_t)most);
        message_check(got, (int32_t)most, (message_tag){0, start}, range);
      }
      CHECK_EQ(ipc_receiver_lost(receiver), 0);
      CHECK_EQ(ipc_receiver_recv(receiver, got, sizeof got, 0), IPC_TIMED_OUT);
      ipc_receiver_close(receiver);
      ipc_sender_close(sender);
    }
  }
}

TEST_MAIN(TEST_CASE(a_sender_neither_waits_nor_needs_receivers), TEST_CASE(what_a_poll_found_may_be_overwritten),
          TEST_CASE(missed_messages_are_counted), TEST_CASE(half_of_the_ring_stays_readable),
          TEST_CASE(from_oldest_replays_a_suffix), TEST_CASE(head_counts_messages),
          TEST_CASE(nothing_is_lent_or_read_in_place), TEST_CASE(a_refused_message_may_be_overwritten),
          TEST_CASE(fragments_are_lost_as_one_message), TEST_CASE(a_sleeper_does_not_read_what_overwrote_it),
          TEST_CASE(damaged_marks_are_survived), TEST_CASE(the_largest_message_always_arrives))
