/* observer_test.c - receivers that no sender waits for: what they miss is counted, what they read is whole. */
#include "overrun_fixture.h"

static ipc_options of_kind(uint32_t kind) {
  return (ipc_options){.struct_size = sizeof(ipc_options), .kind = kind, .capacity = CAPACITY};
}

static ipc_receiver *must_observe(ipc_options options) {
  options.lossy = 1;
  return must_receive(options);
}

static void send_numbers(ipc_sender *sender, uint64_t *next, uint64_t count) {
  for (; count; count--, ++*next) CHECK_EQ(ipc_sender_send(sender, next, 8, *next % 2 ? -1 : 0), IPC_OK);
}

/* What comes next for a receiver that senders wait for: all, in order. */
static void take_all(ipc_receiver *receiver, uint64_t *due, uint64_t until) {
  for (uint64_t got; *due < until; ++*due) {
    CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
    CHECK_EQ(got, *due);
  }
}

/* The observer reads nothing at all; with an ordinary receiver that keeps up, no sender ever waits. */
static void no_sender_waits_for_an_observer(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    uint64_t next = 0, due = 0, got;
    ipc_sender *sender = must_send(of_kind(kind));
    CHECK_EQ(ipc_sender_send(sender, &next, 8, 0), IPC_NO_RECEIVERS);
    ipc_receiver *observer = must_observe(of_kind(kind));
    CHECK_EQ(ipc_sender_receiver_count(sender), 0);
    CHECK_EQ(ipc_sender_observer_count(sender), 1);
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 0), IPC_TIMED_OUT);
    hooks.before = fail_on_sleep;
    send_numbers(sender, &next, 5000); /* with an observer only */
    hooks.before = NULL;
    ipc_receiver *ordinary = must_receive(of_kind(kind));
    CHECK_EQ(ipc_sender_receiver_count(sender), 1);
    CHECK_EQ(ipc_sender_wait_for_receivers(sender, 1, 0), IPC_OK);
    due = next;
    hooks.before = fail_on_sleep;
    for (int round = 0; round < 200; round++) {
      send_numbers(sender, &next, 50);
      take_all(ordinary, &due, next);
    }
    CHECK_EQ(ipc_receiver_lost(observer), 0); /* it has not looked yet */
    CHECK_EQ(ipc_receiver_recv(observer, &got, 8, 0), 8);
    CHECK_EQ(ipc_receiver_lost(observer), got);
    CHECK_GE(got, next - UNITS / 2);
    hooks.before = NULL;
    /* The ordinary one stops: the ring is full, whatever the observer has read. */
    int32_t status;
    while ((status = ipc_sender_send(sender, &next, 8, 0)) == IPC_OK) next++;
    CHECK_EQ(status, IPC_TIMED_OUT);
    CHECK_LE(next - due, UNITS / 2);
    take_all(ordinary, &due, next);
    ipc_receiver_close(ordinary);
    send_numbers(sender, &next, 1);
    ipc_receiver_close(observer);
    CHECK_EQ(ipc_sender_send(sender, &next, 8, 0), IPC_NO_RECEIVERS);
    ipc_sender_close(sender);
  }
}

/*
 * Bursts of all sizes, with an ordinary receiver that gets everything and observers that read now and then. What is
 * missing is what is counted, message by message.
 */
static void check_bursts(uint32_t first_position, uint32_t capacity, message_range range, bool latest) {
  ipc_options options = of_kind(IPC_ROUTE);
  options.first_position = first_position;
  options.capacity = capacity;
  ipc_sender *sender = must_send(options);
  ipc_receiver *observer = must_observe(options), *ordinary = must_receive(options);
  view seen = view_open(test_prefix, test_name, IPC_ROUTE);
  uint32_t sent = 0, due = 0, received = 0, seed = 20260301, skipped = 0;
  uint64_t all = 0;
  for (int round = 0; round < 300; round++) {
    for (uint32_t burst = test_random(&seed) % 60 + 1; burst; burst--, sent++) {
      uint32_t length = message_write(bytes, (message_tag){0, sent}, range);
      uint32_t offset = 0;
      if (length <= capacity / 2 - 16 && sent % 5 == 0) {
        CHECK_EQ(ipc_sender_loan(sender, length, 0, &offset), IPC_OK);
        memcpy((uint8_t *)(uintptr_t)ipc_sender_ring(sender) + offset, bytes, length);
        CHECK_EQ(ipc_sender_end_loan(sender, offset, (int32_t)length), IPC_OK);
      } else {
        CHECK_EQ(ipc_sender_send(sender, bytes, length, -1), IPC_OK);
      }
      CHECK_EQ(ipc_receiver_recv(ordinary, bytes, sizeof bytes, 0), length);
      message_check(bytes, length, (message_tag){0, sent}, range);
      all++;
    }
    bool is_first = true;
    for (int32_t length; due < sent; due++) {
      message_tag tag;
      length = latest && is_first ? ipc_receiver_recv_latest(observer, bytes, sizeof bytes, 0)
                                  : ipc_receiver_recv(observer, bytes, sizeof bytes, 0);
      CHECK_GE(length, MESSAGE_TAG);
      memcpy(&tag, bytes, sizeof tag);
      CHECK_GE(tag.sequence, due);
      message_check(bytes, length, tag, range);
      if (latest && is_first) CHECK_EQ(tag.sequence, sent - 1);
      is_first = false;
      due = tag.sequence;
      received++;
      skipped = (uint32_t)ipc_receiver_skipped(observer);
      CHECK_EQ(ipc_receiver_lost(observer) + skipped, due + 1 - received);
      CHECK_EQ(atomic_load(&view_receivers(&seen)[0].lost), due + 1 - received - skipped); /* where others look */
    }
    CHECK_EQ(ipc_receiver_recv(observer, bytes, sizeof bytes, 0), IPC_TIMED_OUT);
  }
  CHECK_EQ(all, sent);
  CHECK_GE(sent, received + 100);
  if (latest) CHECK_GE(skipped, 1);
  view_close(&seen);
  ipc_receiver_close(observer);
  ipc_receiver_close(ordinary);
  ipc_sender_close(sender);
}

static void missed_messages_are_counted(void) {
  for (int i = 0; i < STARTS; i++)
    for (int latest = 0; latest < 2; latest++) {
      check_bursts(starts[i], CAPACITY, (message_range){MESSAGE_TAG, 400}, latest);
      check_bursts(starts[i], CAPACITY, (message_range){MESSAGE_TAG, CAPACITY / 2 - 8}, latest);
      check_bursts(starts[i], CAPACITY, (message_range){CAPACITY / 2 - 16, CAPACITY / 2 - 8}, latest);
      check_bursts(starts[i], 4 * CAPACITY, (message_range){MESSAGE_TAG, CAPACITY * 3 / 2},
                   latest); /* some in fragments */
    }
}

/* For an observer (which goes to a mark) and for a receiver that senders wait for (which reads all headers). */
static void the_newest_of_small_messages_is_found(void) {
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *observer = must_observe(of_kind(IPC_CHANNEL)), *ordinary = must_receive(of_kind(IPC_CHANNEL));
  uint64_t next = 0, due, got, received = 0;
  for (uint64_t round = 1; round < 240; round++) {
    CHECK_EQ(ipc_receiver_recv_latest(observer, &got, 8, 0), IPC_TIMED_OUT);
    CHECK_EQ(ipc_receiver_recv_latest(ordinary, &got, 8, 1), IPC_TIMED_OUT);
    send_numbers(sender, &next, round);
    CHECK_EQ(ipc_receiver_recv_latest(observer, &got, 8, 0), 8);
    CHECK_EQ(got, next - 1);
    CHECK_EQ(ipc_receiver_recv_latest(ordinary, &got, 8, -1), 8);
    CHECK_EQ(got, next - 1);
    received++;
    due = next;
    send_numbers(sender, &next, 3);
    take_all(ordinary, &due, next);
    due = next - 3;
    take_all(observer, &due, next);
    received += 3;
    CHECK_EQ(ipc_receiver_lost(observer) + ipc_receiver_skipped(observer), next - received);
    CHECK_EQ(ipc_receiver_skipped(ordinary), next - received);
  }
  ipc_receiver_close(observer);
  ipc_receiver_close(ordinary);
  ipc_sender_close(sender);
}

/* A large message of another sender has begun before the newest message, and ends after it. */
static void the_newest_message_leaves_others_that_have_begun(void) {
  ipc_options options = of_kind(IPC_CHANNEL);
  options.capacity = 4 * CAPACITY;
  for (uint32_t lossy = 0; lossy < 2; lossy++) {
    options.lossy = 0;
    ipc_sender *sender = must_send(options), *other = must_send(options);
    options.lossy = lossy;
    ipc_receiver *receiver = must_receive(options);
    enum { LARGE = 10000 };
    uint32_t progress = 0;
    uint64_t next = 0, got = 0;
    memset(bytes, 0x5a, LARGE);
    /* As much of it as fits: the ring is full then. */
    while (next < 400 && ipc_sender_send(sender, &next, 8, 0) == IPC_OK) next++;
    CHECK_EQ(ipc_sender_send_part(other, bytes, LARGE, &progress), lossy ? IPC_OK : IPC_TIMED_OUT);
    if (lossy) { /* no sender waits: all of it is there, and is the newest */
      memset(bytes, 0, LARGE);
      CHECK_EQ(ipc_receiver_recv_latest(receiver, bytes, LARGE, 0), LARGE);
      for (int i = 0; i < LARGE; i++) CHECK_EQ(bytes[i], 0x5a);
      CHECK_EQ(ipc_receiver_skipped(receiver) + ipc_receiver_lost(receiver), next);
    } else {
      CHECK_GE(progress, 1);
      CHECK_EQ(ipc_receiver_recv_latest(receiver, &got, 8, 0), 8);
      CHECK_EQ(got, next - 1);
      CHECK_EQ(ipc_receiver_skipped(receiver), next - 1);
      send_numbers(sender, &next, 10);
      CHECK_EQ(ipc_receiver_recv_latest(receiver, &got, 8, 0), 8);
      CHECK_EQ(got, next - 1);
      while (ipc_sender_send_part(other, bytes, LARGE, &progress) == IPC_TIMED_OUT)
        CHECK_EQ(ipc_receiver_recv_latest(receiver, &got, 8, 0), IPC_TIMED_OUT);
      CHECK_EQ(progress, LARGE);
      memset(bytes, 0, LARGE);
      CHECK_EQ(ipc_receiver_recv_latest(receiver, bytes, 8, 0), IPC_E_BUFFER_TOO_SMALL);
      CHECK_EQ(ipc_receiver_next_length(receiver), LARGE);
      CHECK_EQ(ipc_receiver_recv_latest(receiver, bytes, LARGE, 0), LARGE);
      for (int i = 0; i < LARGE; i++) CHECK_EQ(bytes[i], 0x5a);
      CHECK_EQ(ipc_receiver_skipped(receiver), next - 2);
    }
    ipc_receiver_close(receiver);
    ipc_sender_close(sender);
    ipc_sender_close(other);
  }
}

/* A message that was too large for the target, and then a newer one. */
static void a_newer_message_replaces_one_that_was_too_large(void) {
  ipc_sender *sender = must_send(of_kind(IPC_ROUTE));
  ipc_receiver *observer = must_observe(of_kind(IPC_ROUTE));
  for (uint32_t large = 100; large < 3000; large += 2400) { /* whole, in fragments */
    memset(bytes, 1, large);
    CHECK_EQ(ipc_sender_send(sender, bytes, large, 0), IPC_OK);
    CHECK_EQ(ipc_receiver_recv_latest(observer, bytes, 8, 0), IPC_E_BUFFER_TOO_SMALL);
    CHECK_EQ(ipc_sender_send(sender, "newest", 6, 0), IPC_OK);
    CHECK_EQ(ipc_receiver_recv_latest(observer, bytes, 8, 0), 6);
    CHECK_EQ(memcmp(bytes, "newest", 6), 0);
    CHECK_EQ(ipc_receiver_recv(observer, bytes, 8, 0), IPC_TIMED_OUT);
  }
  CHECK_EQ(ipc_receiver_skipped(observer), 2);
  CHECK_EQ(ipc_receiver_lost(observer), 0);
  ipc_receiver_close(observer);
  ipc_sender_close(sender);
}

static void an_observer_begins_where_it_is_told(void) {
  for (int i = 0; i < STARTS; i++) {
    ipc_options options = of_kind(IPC_CHANNEL);
    options.first_position = starts[i];
    ipc_sender *sender = must_send(options);
    ipc_receiver *first = must_observe(options);
    uint64_t next = 0, got;
    for (uint64_t total = 0; total < 3000; total += 1 + total / 3) {
      send_numbers(sender, &next, total - next);
      ipc_receiver *late = must_observe(options);
      options.from_oldest = 1;
      ipc_receiver *replay = must_observe(options);
      options.from_oldest = 0;
      CHECK_EQ(ipc_receiver_recv(late, &got, 8, 0), IPC_TIMED_OUT);
      uint64_t count = 0, oldest = next;
      while (ipc_receiver_recv(replay, &got, 8, 0) == 8) {
        if (count == 0) oldest = got;
        CHECK_EQ(got, oldest + count++);
      }
      CHECK_EQ(oldest + count, next);
      if (next * 2 > UNITS) CHECK_GE(count * 2, UNITS / 4 * 3);
      send_numbers(sender, &next, 1);
      CHECK_EQ(ipc_receiver_recv(late, &got, 8, 0), 8);
      CHECK_EQ(got, next - 1);
      CHECK_EQ(ipc_receiver_lost(late) + ipc_receiver_lost(replay), 0);
      ipc_receiver_close(late);
      ipc_receiver_close(replay);
    }
    ipc_receiver_close(first);
    ipc_sender_close(sender);
  }
}

/* Nobody but the sender protects a loan where no receiver waits at it. */
static void an_open_loan_is_not_overwritten(void) {
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL)), *lender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *observer = must_observe(of_kind(IPC_CHANNEL));
  uint8_t *ring = (uint8_t *)(uintptr_t)ipc_sender_ring(lender);
  uint64_t next = 0, got = 0;
  for (int round = 0; round < 20; round++) {
    uint32_t offsets[3];
    const int order[3] = {round % 3, (round + 1) % 3, (round + 2) % 3};
    send_numbers(sender, &next, 100);
    for (int i = 0; i < 3; i++) {
      CHECK_EQ(ipc_sender_loan(lender, 8, 0, &offsets[i]), IPC_OK);
      send_numbers(sender, &next, 10);
    }
    bool is_open[3] = {true, true, true};
    for (int i = 0; i < 3; i++) {
      int32_t status;
      uint64_t before = next;
      while ((status = ipc_sender_send(sender, &next, 8, 0)) == IPC_OK) next++;
      CHECK_EQ(status, IPC_TIMED_OUT);
      CHECK_LE(next - before, UNITS / 2);
      memcpy(ring + offsets[order[i]], "lent", 4);
      CHECK_EQ(ipc_sender_end_loan(lender, offsets[order[i]], round % 4 ? 4 : -1), IPC_OK);
      is_open[order[i]] = false;
      /* The ring goes on up to the first loan that is open. */
      if (!is_open[0]) send_numbers(sender, &next, 1);
    }
    uint64_t lent = 0, received = 0, total = next + 3 * (uint64_t)(round + 1);
    for (int32_t length; (length = ipc_receiver_recv(observer, bytes, 8, 0)) != IPC_TIMED_OUT; received++) {
      if (length == 4) {
        CHECK_EQ(memcmp(bytes, "lent", 4), 0);
        lent++;
      } else {
        CHECK_EQ(length, 8);
        memcpy(&got, bytes, 8);
      }
    }
    CHECK_EQ(got, next - 1);
    static uint64_t all_received;
    if (round == 0) all_received = 0;
    all_received += received;
    /* Cancelled loans that were passed are no messages; those that were overwritten count as lost. */
    CHECK_LE(all_received + (uint64_t)ipc_receiver_lost(observer), total);
    CHECK_GE(all_received + (uint64_t)ipc_receiver_lost(observer) + 3 * (uint64_t)(round / 4 + 1), total);
  }
  ipc_receiver_close(observer);
  ipc_sender_close(sender);
  ipc_sender_close(lender);
}

static void lend_and_die(void *argument) {
  uint32_t offset;
  ipc_sender *lender = must_send(of_kind(IPC_CHANNEL));
  (void)argument;
  CHECK_EQ(ipc_sender_loan(lender, 8, -1, &offset), IPC_OK);
  atomic_store(&shared->ready, 1);
  test_idle();
}

/* It blocks senders and observers while the lender runs, and no longer. No observer changes a byte of the ring. */
static void a_loan_of_a_dead_sender_is_passed(void) {
  shared = test_shared(sizeof *shared);
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *observer = must_observe(of_kind(IPC_CHANNEL));
  uint64_t next = 0, got;
  test_worker lender = test_start(TEST_PROCESS, lend_and_die, NULL);
  test_await(&shared->ready, 1);
  send_numbers(sender, &next, 5);
  CHECK_EQ(ipc_receiver_recv(observer, &got, 8, 0), IPC_TIMED_OUT);
  test_kill(lender);
  CHECK_EQ(ipc_receiver_recv(observer, &got, 8, 10000), 8);
  CHECK_EQ(got, 0);
  for (int i = 0; i < 1000; i++, next++) CHECK_EQ(ipc_sender_send(sender, &next, 8, 10000), IPC_OK);
  for (uint64_t due = 1; due < next; due = got + 1) {
    CHECK_EQ(ipc_receiver_recv(observer, &got, 8, 0), 8);
    CHECK_GE(got, due);
  }
  test_reap(lender);
  ipc_receiver_close(observer);
  ipc_sender_close(sender);
}

/* A sender in TypeScript stores the count of messages first and head then. It is killed in between. */
static void the_count_of_a_dead_sender_is_corrected(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    ipc_options options = of_kind(kind);
    ipc_sender *sender = must_send(options);
    ipc_receiver *observer = must_observe(options), *ordinary = must_receive(options);
    view seen = view_open(test_prefix, test_name, kind);
    uint64_t next = 0, due = 0, got;
    uint32_t offset;
    send_numbers(sender, &next, 40);
    CHECK_EQ(ipc_sender_loan(sender, 8, 0, &offset), IPC_OK);
    CHECK_EQ(ipc_sender_end_loan(sender, offset, -1), IPC_OK);
    CHECK_EQ(ipc_sender_send(sender, bytes, 2100, 0), IPC_OK); /* in fragments */
    uint64_t right = atomic_load(&seen.header->head);
    CHECK_EQ(right >> 32, 42);
    ipc_sender_close(sender);
    atomic_store(&seen.header->head, right + (7ull << 32));
    atomic_store(&seen.header->claim, 0x7fffffff); /* of no endpoint */
    ipc_receiver *late = must_observe(options);
    sender = must_send(options);
    if (kind == IPC_CHANNEL) CHECK_EQ(ipc_sender_send(sender, &next, 8, 10000), IPC_OK);
    CHECK_EQ(atomic_load(&seen.header->head) >> 32, 42 + (kind == IPC_CHANNEL));
    take_all(ordinary, &due, 40);
    CHECK_EQ(ipc_receiver_recv(ordinary, bytes, sizeof bytes, 0), 2100);
    if (kind == IPC_CHANNEL) take_all(ordinary, &due, 41);
    next += kind == IPC_CHANNEL;
    for (int i = 0; i < 100; i++) {
      send_numbers(sender, &next, 20);
      take_all(ordinary, &due, next);
    }
    CHECK_EQ(ipc_receiver_recv(late, &got, 8, 0), 8);
    CHECK_EQ(ipc_receiver_lost(late), got - 40);
    CHECK_EQ(ipc_receiver_recv(observer, &got, 8, 0), 8);
    CHECK_EQ(ipc_receiver_lost(observer), got + 2); /* the large one, and the loan that was cancelled */
    view_close(&seen);
    ipc_receiver_close(late);
    ipc_receiver_close(observer);
    ipc_receiver_close(ordinary);
    ipc_sender_close(sender);
  }
}

static void observers_are_listed(void) {
  ipc_options options = of_kind(IPC_ROUTE);
  ipc_receiver *observer = must_observe(options), *ordinary = must_receive(options);
  ipc_sender *sender = must_send(options);
  ipc_peer peers[3];
  ipc_failure failure;
  ipc_listed_name name;
  ipc_listed_endpoint endpoint;
  CHECK_EQ(ipc_sender_peers(sender, peers, 3), 2);
  CHECK_EQ(peers[0].observer, 1);
  CHECK_EQ(peers[1].observer, 0);
  uint32_t observers = 0, others = 0;
  ipc_listing *listing = ipc_list_open(test_prefix, &failure);
  while (ipc_list_next(listing, &name, &failure) == 1)
    while (strcmp(name.name, test_name) == 0 && ipc_list_endpoint(listing, &endpoint) == 1)
      endpoint.observer ? observers++ : others++;
  ipc_list_close(listing);
  CHECK_EQ(observers, 1);
  CHECK_EQ(others, 2);
  ipc_receiver_close(ordinary);
  ipc_receiver_close(observer);
  /* The slot of an observer, with an ordinary receiver: senders wait for it. */
  ordinary = must_receive(options);
  CHECK_EQ(ipc_sender_receiver_count(sender), 1);
  uint64_t next = 0, due = 0;
  while (ipc_sender_send(sender, &next, 8, 0) == IPC_OK) next++;
  CHECK_LE(next, UNITS / 2);
  take_all(ordinary, &due, next);
  ipc_receiver_close(ordinary);
  ipc_sender_close(sender);
}

static void nothing_is_read_in_place(void) {
  ipc_sender *sender = must_send(of_kind(IPC_CHANNEL));
  ipc_receiver *observer = must_observe(of_kind(IPC_CHANNEL));
  uint32_t spans[2];
  CHECK_EQ(ipc_receiver_peek(observer, spans, 1, NULL, 0, 0), IPC_TIMED_OUT);
  CHECK_EQ(ipc_sender_send(sender, "12345", 5, 0), IPC_OK);
  CHECK_EQ(ipc_receiver_peek(observer, spans, 1, NULL, 0, 0), IPC_NOT_IN_PLACE);
  CHECK_EQ(ipc_receiver_consume(observer, 1), IPC_E_INVALID_ARGUMENT);
  CHECK_EQ(ipc_receiver_next_length(observer), 5);
  CHECK_EQ(ipc_receiver_recv(observer, bytes, 5, 0), 5);
  CHECK_EQ(memcmp(bytes, "12345", 5), 0);
  ipc_receiver_close(observer);
  ipc_sender_close(sender);
}

TEST_MAIN(TEST_CASE(no_sender_waits_for_an_observer), TEST_CASE(missed_messages_are_counted),
          TEST_CASE(the_newest_of_small_messages_is_found), TEST_CASE(the_newest_message_leaves_others_that_have_begun),
          TEST_CASE(a_newer_message_replaces_one_that_was_too_large), TEST_CASE(an_observer_begins_where_it_is_told),
          TEST_CASE(an_open_loan_is_not_overwritten), TEST_CASE(a_loan_of_a_dead_sender_is_passed),
          TEST_CASE(the_count_of_a_dead_sender_is_corrected), TEST_CASE(observers_are_listed),
          TEST_CASE(nothing_is_read_in_place))
