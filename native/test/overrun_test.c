/* overrun_test.c - rings that do not wait: what is received is whole and in order, and what is lost is counted. */
#include "overrun.h"

#include "ends.h"
#include "interpose.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096, UNITS = CAPACITY / 8, RECORD = 16, MAX_ENDS = 8, VICTIMS = 8 * TEST_SCALE };

/* Where positions wrap: as signed numbers, as numbers, and at once. */
static const uint32_t starts[] = {0, 0x80000000u - 300, UINT32_MAX - 300, UINT32_MAX};
enum { STARTS = sizeof starts / sizeof starts[0] };

static ipc_options overwritten(uint32_t kind) {
  return (ipc_options){.kind = kind, .capacity = CAPACITY, .overflow = IPC_DROP_OLDEST};
}

static uint8_t bytes[1 << 20];

static void fail_on_sleep(const char *call) {
  if (strcmp(call, "wait") == 0) FAIL("somebody waits");
}

static void send_numbers(ipc_sender *sender, uint64_t *next, uint64_t count) {
  for (; count; count--, ++*next) CHECK_EQ(ipc_sender_send(sender, next, 8, *next % 2 ? -1 : 0), IPC_OK);
}

/* Nobody reads, then nobody is there at all, then somebody is too late for the first: it sends on. */
static void sender_never_waits_nor_needs_receivers(void) {
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

static void what_is_missing_is_counted(void) {
  for (int i = 0; i < STARTS; i++) {
    check_bursts(starts[i], CAPACITY, (message_range){MESSAGE_TAG, 100});
    check_bursts(starts[i], CAPACITY, (message_range){MESSAGE_TAG, CAPACITY / 2 - 8});
    check_bursts(starts[i], 4 * CAPACITY, (message_range){MESSAGE_TAG, CAPACITY * 3 / 2}); /* some in fragments */
    check_bursts(starts[i], 4 * CAPACITY, (message_range){CAPACITY * 2, CAPACITY * 2});    /* each in five */
  }
}

/* Overrun is no reason to start at the end: what is left of the ring is read, but for a quarter of it and what the
 * marks cost. */
static void half_the_ring_is_left_to_read(void) {
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
    const ipc_options options = {.kind = kind, .capacity = CAPACITY, .first_position = UINT32_MAX - 8};
    ipc_sender *sender = must_send(options);
    ipc_receiver *receiver = must_receive(options);
    view seen = view_open(test_prefix, test_name, kind);
    uint32_t offset = 0, wanted = 0;
    for (; wanted < 3; wanted++) CHECK_EQ(ipc_sender_send(sender, bytes, wanted, 0), IPC_OK);
    for (; wanted < 8; wanted++) CHECK_EQ(ipc_sender_stage(sender, bytes, wanted), IPC_OK);
    CHECK_EQ(ipc_sender_flush(sender, 0), 5);
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
  CHECK_EQ(ipc_sender_send(sender, bytes, 5000, 0), IPC_OK); /* more than the ring */
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

typedef struct plan {
  uint32_t kind, capacity, senders, receivers, count, first_position; /* count: messages of each sender */
  message_range range;
  bool batches;
  test_form form;
} plan;

typedef struct board {
  _Atomic uint32_t ready, stop, enough, accepted[MESSAGE_SENDERS];
  _Atomic uint64_t total[MAX_ENDS];
} board;
static board *shared;
static plan now;
static uint32_t numbers[MESSAGE_SENDERS];

static ipc_options planned(void) {
  return (ipc_options){
      .kind = now.kind, .capacity = now.capacity, .overflow = IPC_DROP_OLDEST, .first_position = now.first_position};
}

static void send_all(void *number) {
  uint32_t me = *(uint32_t *)number, staged = 0;
  uint8_t *mine = malloc(now.range.max + 8);
  ipc_sender *sender = must_send(planned());
  for (uint32_t i = 0; i < now.count && !atomic_load(&shared->enough); i++) {
    uint32_t length = message_write(mine, (message_tag){me, i}, now.range);
    if (!now.batches) {
      CHECK_EQ(ipc_sender_send(sender, mine, length, -1), IPC_OK);
      atomic_store(&shared->accepted[me], i + 1);
      continue;
    }
    int32_t status = ipc_sender_stage(sender, mine, length);
    if (status == IPC_TIMED_OUT) {
      CHECK_EQ(ipc_sender_flush(sender, -1), staged);
      atomic_store(&shared->accepted[me], i);
      staged = 0;
      status = ipc_sender_stage(sender, mine, length);
    }
    CHECK_EQ(status, IPC_OK);
    staged++;
  }
  CHECK_EQ(ipc_sender_flush(sender, -1), staged);
  ipc_sender_close(sender);
  free(mine);
}

/* Until told to stop and nothing is left. Receiver 0 reads as fast as it can, the others pause. */
static void receive_what_comes(void *number) {
  uint32_t me = *(uint32_t *)number, next[MESSAGE_SENDERS] = {0};
  uint8_t *mine = malloc(now.range.max + 8);
  ipc_receiver *receiver = must_receive(planned());
  uint64_t received = 0, missing = 0;
  atomic_fetch_add(&shared->ready, 1);
  for (;;) {
    bool last = atomic_load(&shared->stop);
    int32_t length = ipc_receiver_recv(receiver, mine, now.range.max, last ? 0 : 20);
    if (length == IPC_TIMED_OUT && last) break;
    if (length == IPC_TIMED_OUT) continue;
    CHECK_GE(length, MESSAGE_TAG);
    message_tag tag;
    memcpy(&tag, mine, sizeof tag);
    CHECK_LE(tag.sender, MESSAGE_SENDERS - 1);
    if (tag.sequence < next[tag.sender]) FAIL("%u of sender %u came again", tag.sequence, tag.sender);
    message_check(mine, length, tag, now.range);
    missing += tag.sequence - next[tag.sender];
    next[tag.sender] = tag.sequence + 1;
    received++;
    if (now.senders == 1) CHECK_EQ(ipc_receiver_lost(receiver), missing);
    if (me && received % 64 == 0) test_pause();
  }
  atomic_store(&shared->total[me], received + (uint64_t)ipc_receiver_lost(receiver));
  ipc_receiver_close(receiver);
  free(mine);
}

static void start_receivers(test_worker *receivers) {
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < MESSAGE_SENDERS; i++) numbers[i] = i;
  hooks.patient = true; /* a lost wake-up would hang */
  for (uint32_t i = 0; i < now.receivers; i++) receivers[i] = test_start(now.form, receive_what_comes, &numbers[i]);
  test_await(&shared->ready, now.receivers);
}

static void check_stream(plan wanted) {
  now = wanted;
  test_worker senders[MAX_ENDS], receivers[MAX_ENDS];
  start_receivers(receivers);
  for (uint32_t i = 0; i < now.senders; i++) senders[i] = test_start(now.form, send_all, &numbers[i]);
  for (uint32_t i = 0; i < now.senders; i++) test_finish(senders[i]);
  atomic_store(&shared->stop, 1);
  for (uint32_t i = 0; i < now.receivers; i++) test_finish(receivers[i]);
  for (uint32_t i = 0; i < now.receivers; i++) CHECK_EQ(shared->total[i], (uint64_t)now.senders * now.count);
}

static const message_range tiny = {MESSAGE_TAG, 64}, mixed = {MESSAGE_TAG, 2040}, large = {MESSAGE_TAG, 6000};
static const message_range fragmented = {4100, 4400}; /* of a ring of 8192 */

static void check_crowd(uint32_t kind, uint32_t senders, uint32_t receivers, test_form form) {
  uint32_t count = 1200 * TEST_SCALE / senders;
  for (int i = 0; i < STARTS; i++) {
    check_stream((plan){kind, 4096, senders, receivers, count, starts[i], tiny, .form = form});
    check_stream((plan){kind, 4096, senders, receivers, count / 2, starts[i], mixed, .form = form});
  }
  check_stream((plan){kind, 16384, senders, receivers, count / 4, UINT32_MAX - 5000, large, .form = form});
  check_stream((plan){kind, 8192, senders, receivers, count, 0x80000000u - 900, fragmented, .form = form});
  check_stream((plan){kind, 4096, senders, receivers, count, UINT32_MAX - 5000, tiny, true, form});
  check_stream((plan){kind, 65536, senders, receivers, count, 0x80000000u - 9000, mixed, true, form});
}
static void route_of_processes(void) { check_crowd(IPC_ROUTE, 1, 2, TEST_PROCESS); }
static void channel_of_processes(void) { check_crowd(IPC_CHANNEL, 3, 2, TEST_PROCESS); }
static void route_of_threads(void) { check_crowd(IPC_ROUTE, 1, 2, TEST_THREAD); }
static void channel_of_threads(void) { check_crowd(IPC_CHANNEL, 3, 2, TEST_THREAD); }

/* Several rings go by while it is stopped; the other one and the sender do not notice. */
static void a_stopped_receiver_is_told(void) {
  now = (plan){IPC_ROUTE, 4096, 1, 2, UINT32_MAX, UINT32_MAX - 5000, tiny, .form = TEST_PROCESS};
  test_worker receivers[2];
  start_receivers(receivers);
  test_worker sender = test_start(TEST_PROCESS, send_all, &numbers[0]);
  for (int stops = 0; stops < 5; stops++) {
    test_stop(receivers[stops % 2]);
    test_await(&shared->accepted[0], atomic_load(&shared->accepted[0]) + 10000 * TEST_SCALE);
    test_continue(receivers[stops % 2]);
  }
  atomic_store(&shared->enough, 1);
  test_finish(sender);
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 2; i++) {
    test_finish(receivers[i]);
    CHECK_EQ(shared->total[i], shared->accepted[0]);
  }
}

/* The ring itself says how many messages it has seen; a victim's last may or may not be among them. */
static void check_kills(message_range range, uint32_t capacity) {
  now = (plan){IPC_CHANNEL, capacity, 2, 2, UINT32_MAX, UINT32_MAX - 5000, range, .form = TEST_PROCESS};
  test_worker receivers[2];
  uint32_t seed = 20260202, sum = 0;
  start_receivers(receivers);
  hooks.patient = false; /* nobody is woken by the dead */
  for (uint32_t i = 0; i < VICTIMS; i += 2) {
    test_worker victims[2];
    for (uint32_t v = 0; v < 2; v++) victims[v] = test_start(TEST_PROCESS, send_all, &numbers[i + v]);
    for (uint32_t v = 0; v < 2; v++) {
      test_await(&shared->accepted[i + v], 1 + test_random(&seed) % 300);
      for (uint32_t spin = test_random(&seed) % 20000; spin; spin--) atomic_signal_fence(memory_order_seq_cst);
      test_kill(victims[v]);
      if (v) test_reap(victims[v]);
    }
  }
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  uint32_t count = (uint32_t)(atomic_load(&seen.header->head) >> 32);
  atomic_store(&shared->stop, 1);
  for (uint32_t i = 0; i < VICTIMS; i++) sum += shared->accepted[i];
  CHECK_GE(count, sum);
  CHECK_LE(count, sum + VICTIMS);
  for (int i = 0; i < 2; i++) {
    test_finish(receivers[i]);
    CHECK_EQ(shared->total[i], count);
  }
  view_close(&seen);
}
static void senders_are_killed_at_random(void) { check_kills(tiny, 4096); }
static void senders_of_fragments_are_killed_at_random(void) { check_kills(large, 16384); }

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
 * What lies at its old position while a receiver sleeps is bytes of somebody's message; here they look like a loan.
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
  CHECK_EQ(ring[2 * 2 + 1], IPC_RECORD_LOAN); /* nobody wrote into that message */
  view_close(&seen);
  ipc_sender_close(sender);
}

static ipc_sender *early;

static void send_as_soon_as_it_is_counted(const char *call) {
  if (strcmp(call, "unlock") != 0) return;
  hooks.before = NULL;
  CHECK_EQ(ipc_sender_wait_for_receivers(early, 1, 0), IPC_OK);
  CHECK_EQ(ipc_sender_send(early, "first", 5, 0), IPC_OK);
}

/* Who waits for receivers and then sends must not find out that they were counted before they were there. */
static void who_is_counted_gets_what_is_sent(void) {
  for (uint32_t overflow = IPC_BLOCK; overflow <= IPC_DROP_OLDEST; overflow++)
    for (uint32_t oldest = 0; oldest < 2; oldest++) {
      const ipc_options options = {.kind = IPC_CHANNEL, .overflow = overflow, .from_oldest = oldest};
      early = must_send(options);
      for (int i = 0; i < 3 && overflow == IPC_DROP_OLDEST && !oldest; i++) ipc_sender_send(early, "before", 6, 0);
      hooks.before = send_as_soon_as_it_is_counted;
      ipc_receiver *receiver = must_receive(options);
      CHECK(!hooks.before);
      CHECK_EQ(ipc_receiver_recv(receiver, bytes, 8, 0), 5);
      CHECK_EQ(memcmp(bytes, "first", 5), 0);
      CHECK_EQ(ipc_receiver_lost(receiver), 0);
      ipc_receiver_close(receiver);
      ipc_sender_close(early);
    }
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

/* The other policy: who finds the ring full is told at once, and nothing that was accepted is lost. */
static void drop_newest_tells_the_sender(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    const ipc_options options = {.kind = kind, .capacity = CAPACITY, .overflow = IPC_DROP_NEWEST};
    ipc_sender *sender = must_send(options);
    CHECK_EQ(ipc_sender_send(sender, "x", 1, -1), IPC_NO_RECEIVERS);
    ipc_receiver *receiver = must_receive(options), *slow = must_receive(options);
    uint64_t sent = 0, staged, got, read = 0;
    hooks.before = fail_on_sleep;
    for (; ipc_sender_send(sender, &sent, 8, -1) == IPC_OK; sent++) continue;
    CHECK_EQ(sent, CAPACITY / RECORD);
    CHECK_EQ(ipc_sender_send(sender, &sent, 8, -1), IPC_DROPPED);
    CHECK_EQ(ipc_sender_send(sender, &sent, 8, 0), IPC_DROPPED);
    uint32_t offset = 0;
    CHECK_EQ(ipc_sender_loan(sender, 8, -1, &offset), IPC_DROPPED);
    CHECK_EQ(ipc_sender_send(sender, bytes, 3 * CAPACITY, -1), IPC_DROPPED);
    for (; read < 96; read++) {
      CHECK_EQ(ipc_receiver_recv(slow, &got, 8, 0), 8);
      CHECK_EQ(got, read);
    }
    CHECK_EQ(ipc_sender_send(sender, &sent, 8, -1), IPC_DROPPED); /* the other one has not read */
    for (uint64_t i = 0; i < sent; i++) {
      CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
      CHECK_EQ(got, i);
    }
    for (staged = sent; staged < sent + 120; staged++) CHECK_EQ(ipc_sender_stage(sender, &staged, 8), IPC_OK);
    CHECK_EQ(ipc_sender_flush(sender, -1), 96); /* what the slow one has left room for, and told */
    CHECK_EQ(ipc_sender_flush(sender, -1), 0);
    hooks.before = NULL;
    for (; read < sent + 96; read++) {
      CHECK_EQ(ipc_receiver_recv(slow, &got, 8, 0), 8);
      CHECK_EQ(got, read);
    }
    for (uint64_t i = sent; i < sent + 96; i++) {
      CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), 8);
      CHECK_EQ(got, i);
    }
    CHECK_EQ(ipc_receiver_recv(slow, &got, 8, 0), IPC_TIMED_OUT); /* what was dropped left nothing */
    CHECK_EQ(ipc_receiver_recv(receiver, &got, 8, 0), IPC_TIMED_OUT);
    CHECK_EQ(ipc_receiver_lost(slow), 0);
    ipc_receiver_close(receiver);
    ipc_receiver_close(slow);
    ipc_sender_close(sender);
  }
}

/* Sends each message again until it is accepted. */
static void send_until_accepted(void *number) {
  uint32_t me = *(uint32_t *)number, dropped = 0;
  const ipc_options options = {.kind = IPC_CHANNEL, .capacity = CAPACITY, .overflow = IPC_DROP_NEWEST};
  ipc_sender *sender = must_send(options);
  CHECK_EQ(ipc_sender_wait_for_receivers(sender, 2, -1), IPC_OK);
  for (uint32_t i = 0; i < now.count;) {
    uint8_t mine[3000];
    int32_t status = ipc_sender_send(sender, mine, message_write(mine, (message_tag){me, i}, now.range), -1);
    i += status == IPC_OK;
    if (status == IPC_OK) continue;
    CHECK_EQ(status, IPC_DROPPED);
    dropped++;
    ipc_os_yield();
  }
  atomic_fetch_add(&shared->accepted[0], dropped);
  ipc_sender_close(sender);
}

static void receive_what_was_accepted(void *number) {
  message_log log = {0};
  const ipc_options options = {.kind = IPC_CHANNEL, .capacity = CAPACITY, .overflow = IPC_DROP_NEWEST};
  ipc_receiver *receiver = must_receive(options);
  while (log.total < 2 * now.count) {
    uint8_t mine[3000];
    message_accept(&log, mine, ipc_receiver_recv(receiver, mine, sizeof mine, -1), now.range);
    if (log.total % 128 == 0) test_pause();
  }
  atomic_store(&shared->total[*(uint32_t *)number], log.order);
  ipc_receiver_close(receiver);
}

static void check_drops(test_form form) {
  now = (plan){.count = 1000 * TEST_SCALE, .range = {MESSAGE_TAG, 2600}}; /* some in fragments */
  shared = test_shared(sizeof *shared);
  test_worker workers[4];
  for (uint32_t i = 0; i < 4; i++) {
    numbers[i] = i % 2;
    workers[i] = test_start(form, i < 2 ? receive_what_was_accepted : send_until_accepted, &numbers[i]);
  }
  for (int i = 0; i < 4; i++) test_finish(workers[i]);
  CHECK_EQ(shared->total[0], shared->total[1]);
  CHECK_GE(shared->accepted[0], 1); /* there were drops */
}
static void processes_drop_newest(void) { check_drops(TEST_PROCESS); }
static void threads_drop_newest(void) { check_drops(TEST_THREAD); }

TEST_MAIN(TEST_CASE(sender_never_waits_nor_needs_receivers), TEST_CASE(what_is_missing_is_counted),
          TEST_CASE(half_the_ring_is_left_to_read), TEST_CASE(from_oldest_replays_a_suffix),
          TEST_CASE(head_counts_messages), TEST_CASE(nothing_is_lent_or_read_in_place),
          TEST_CASE(a_refused_message_may_be_overwritten), TEST_CASE(fragments_are_lost_as_one_message),
          TEST_CASE(route_of_processes), TEST_CASE(channel_of_processes), TEST_CASE(route_of_threads),
          TEST_CASE(channel_of_threads), TEST_CASE(a_stopped_receiver_is_told), TEST_CASE(senders_are_killed_at_random),
          TEST_CASE(senders_of_fragments_are_killed_at_random), TEST_CASE(a_sleeper_does_not_read_what_overwrote_it),
          TEST_CASE(who_is_counted_gets_what_is_sent), TEST_CASE(damaged_marks_are_survived),

          TEST_CASE(drop_newest_tells_the_sender), TEST_CASE(processes_drop_newest), TEST_CASE(threads_drop_newest))
