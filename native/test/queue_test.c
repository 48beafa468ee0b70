/* queue_test.c - each message to exactly one receiver: leases, order, giving back, and the dead. */
#include "queue.h"

#include "ends.h"
#include "interpose.h"
#include "slots.h"
#include "message.h"
#include "view.h"
#include "worker.h"

enum { CAPACITY = 4096, UNITS = CAPACITY / 8, RECORD = 24, LARGEST = CAPACITY / 2 - 16, MAX_WORKERS = 8 };

static const ipc_options queue = {.kind = IPC_QUEUE, .capacity = CAPACITY};
static const uint32_t starts[] = {0, 0x80000000u - 300, UINT32_MAX - 300, UINT32_MAX};
enum { STARTS = sizeof starts / sizeof starts[0] };

static uint8_t out[CAPACITY], in[CAPACITY];
static ipc_sender *sender;
static ipc_receiver *a, *b;

static void open_three(void) {
  sender = must_send(queue);
  a = must_receive(queue);
  b = must_receive(queue);
}

static void close_three(void) {
  ipc_receiver_close(a);
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}

static void put(uint64_t value) { CHECK_EQ(ipc_sender_send(sender, &value, 8, 0), IPC_OK); }

static void check_recv(ipc_receiver *by, uint64_t value) {
  uint64_t got;
  CHECK_EQ(ipc_receiver_recv(by, &got, 8, 0), 8);
  CHECK_EQ(got, value);
}

/* Takes the message `value`, which has been taken `attempts` times with this one: where it lies. */
static uint32_t check_take(ipc_receiver *by, uint64_t value, uint32_t attempts) {
  uint32_t lease[3];
  uint64_t got;
  CHECK_EQ(ipc_receiver_take(by, 0, lease), IPC_OK);
  CHECK_EQ(lease[1], 8);
  memcpy(&got, (const uint8_t *)ipc_receiver_ring(by) + lease[0], 8);
  CHECK_EQ(got, value);
  CHECK_EQ(lease[2], attempts);
  return lease[0];
}

static void check_empty(ipc_receiver *by) {
  uint32_t lease[3];
  CHECK_EQ(ipc_receiver_take(by, 0, lease), IPC_TIMED_OUT);
  CHECK_EQ(ipc_receiver_recv(by, in, sizeof in, 0), IPC_TIMED_OUT);
}

static void each_goes_to_one_in_order(void) {
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
      if (length % 2) CHECK_EQ(ipc_sender_flush(sender, 0), 1);
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

static void leases_are_done_or_tried_again(void) {
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

static void closing_gives_back(void) {
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

static void they_are_kept_when_nobody_is_there(void) {
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

static void full_is_told(void) {
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

static void loans_of_the_dead_block_nobody(void) {
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
  CHECK_LE(test_ms() - started, 2000);
  close_three();
}

/* A name that was cleared: what was sent is read first, also what lies behind a loan that is still written. */
static void orphans_read_what_was_sent(void) {
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
  const ipc_options other = {.kind = IPC_CHANNEL};
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

typedef struct plan {
  uint32_t senders, takers, count, first_position; /* count: messages of each sender */
  message_range range;
  bool leases, slow;
  test_form form;
} plan;

enum { MOST = 40000 };

typedef struct board {
  _Atomic uint32_t ready, stop, taken, sent, accepted[MESSAGE_SENDERS];
  _Atomic uint32_t holds[MAX_WORKERS * 64]; /* message + 1 that a taker may have taken and not said so */
  _Atomic uint8_t times[MAX_WORKERS][MOST];
} board;
static board *shared;
static plan now;
static uint32_t numbers[MESSAGE_SENDERS];

static ipc_options planned(void) {
  ipc_options options = queue;
  options.first_position = now.first_position;
  return options;
}

static void new_board(void) {
  shared = test_shared(sizeof *shared);
  for (uint32_t i = 0; i < MESSAGE_SENDERS; i++) numbers[i] = i;
}

static void send_all(void *number) {
  uint32_t me = *(uint32_t *)number;
  ipc_sender *mine = must_send(planned());
  uint8_t bytes[CAPACITY];
  for (uint32_t i = 0; i < now.count; i++) {
    CHECK_EQ(ipc_sender_send(mine, bytes, message_write(bytes, (message_tag){me, i}, now.range), -1), IPC_OK);
    if (now.slow && i % 16 == 0) test_pause();
  }
  ipc_sender_close(mine);
}

/* Every message once: what this taker sees of each sender only grows, unless it is tried again. */
static void take_all(void *number) {
  uint32_t me = *(uint32_t *)number, next[MESSAGE_SENDERS] = {0}, lease[3] = {0}, seed = me + 1;
  ipc_receiver *mine = must_receive(planned());
  const uint8_t *ring = ipc_receiver_ring(mine);
  uint8_t copy[CAPACITY];
  atomic_fetch_add(&shared->ready, 1);
  for (;;) {
    int32_t length = now.leases ? ipc_receiver_take(mine, -1, lease) : ipc_receiver_recv(mine, copy, sizeof copy, -1);
    if (now.leases && length == IPC_OK) length = (int32_t)lease[1];
    if (length == 0) break; /* the end */
    const uint8_t *bytes = now.leases ? ring + lease[0] : copy;
    message_tag tag;
    CHECK_GE(length, MESSAGE_TAG);
    memcpy(&tag, bytes, sizeof tag);
    CHECK_LE(tag.sender, now.senders - 1);
    message_check(bytes, length, tag, now.range);
    if (!now.leases || lease[2] == 1) {
      if (tag.sequence < next[tag.sender]) FAIL("%u of sender %u is out of order", tag.sequence, tag.sender);
      next[tag.sender] = tag.sequence + 1;
    }
    if (now.leases && test_random(&seed) % 8 == 0) {
      CHECK_EQ(ipc_receiver_retry(mine, lease[0]), IPC_OK);
      continue;
    }
    if (now.leases && test_random(&seed) % 8 == 0) ipc_os_yield(); /* others overtake it */
    CHECK_EQ(atomic_fetch_add(&shared->times[tag.sender][tag.sequence], 1), 0);
    if (now.leases) CHECK_EQ(ipc_receiver_done(mine, lease[0]), IPC_OK);
  }
  if (now.leases) CHECK_EQ(ipc_receiver_done(mine, lease[0]), IPC_OK);
  ipc_receiver_close(mine);
}

/* One for each taker, behind everything else. */
static void send_ends(void) {
  ipc_sender *mine = must_send(planned());
  for (uint32_t i = 0; i < now.takers; i++) CHECK_EQ(ipc_sender_send(mine, "", 0, -1), IPC_OK);
  ipc_sender_close(mine);
}

static void check_all(plan wanted) {
  now = wanted;
  CHECK_LE(now.count, MOST);
  new_board();
  hooks.patient = true; /* a lost wake-up would hang */
  test_worker takers[MAX_WORKERS], senders[MAX_WORKERS];
  for (uint32_t i = 0; i < now.takers; i++) takers[i] = test_start(now.form, take_all, &numbers[i]);
  test_await(&shared->ready, now.takers); /* or the last endpoint could leave before one has come, with what is its */
  for (uint32_t i = 0; i < now.senders; i++) senders[i] = test_start(now.form, send_all, &numbers[i]);
  for (uint32_t i = 0; i < now.senders; i++) test_finish(senders[i]);
  send_ends();
  for (uint32_t i = 0; i < now.takers; i++) test_finish(takers[i]);
  for (uint32_t s = 0; s < now.senders; s++)
    for (uint32_t i = 0; i < now.count; i++) CHECK_EQ(shared->times[s][i], 1);
}

static const message_range tiny = {MESSAGE_TAG, 64}, mixed = {MESSAGE_TAG, LARGEST};

static void check_crowd(test_form form) {
  uint32_t count = 2000 * TEST_SCALE;
  for (int i = 0; i < STARTS; i++) check_all((plan){2, 3, count / 4, starts[i], tiny, i % 2, false, form});
  check_all((plan){1, 1, count, 0, tiny, .form = form});
  check_all((plan){4, 1, count / 4, 0, mixed, .form = form});
  check_all((plan){1, 4, count, UINT32_MAX - 5000, tiny, .leases = true, .form = form});
  check_all((plan){3, 3, count / 8, 0x80000000u - 5000, mixed, .leases = true, .form = form});
  check_all((plan){1, 3, count / 4, 0, tiny, .slow = true, .form = form});
}
static void processes_share_the_work(void) { check_crowd(TEST_PROCESS); }
static void threads_share_the_work(void) { check_crowd(TEST_THREAD); }

/* Only a wake-up ends that wait. */
static void wait_with_a_full_ring(void *unused) {
  (void)unused;
  ipc_sender *mine = must_send(queue);
  uint64_t sent = 0;
  while (ipc_sender_send(mine, &sent, 8, 0) == IPC_OK) sent++;
  atomic_store(&shared->sent, (uint32_t)sent);
  CHECK_EQ(ipc_sender_send(mine, &sent, 8, -1), IPC_OK);
  ipc_sender_close(mine);
}

static void done_wakes_a_blocked_sender(void) {
  new_board();
  hooks.patient = true;
  a = must_receive(queue);
  view seen = view_open(test_prefix, test_name, IPC_QUEUE);
  test_worker worker = test_start(TEST_PROCESS, wait_with_a_full_ring, NULL);
  test_await(&shared->sent, CAPACITY / RECORD);
  uint32_t leases[CAPACITY / RECORD];
  for (uint32_t i = 0; i < CAPACITY / RECORD; i++) leases[i] = check_take(a, i, 1);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  for (uint32_t i = CAPACITY / RECORD - 1; i > 0; i--) CHECK_EQ(ipc_receiver_done(a, leases[i]), IPC_OK);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  check_empty(a); /* it still waits: for the first */
  CHECK_EQ(ipc_receiver_done(a, leases[0]), IPC_OK);
  uint64_t got;
  CHECK_EQ(ipc_receiver_recv(a, &got, 8, -1), 8);
  CHECK_EQ(got, CAPACITY / RECORD);
  test_finish(worker);
  view_close(&seen);
  ipc_receiver_close(a);
}

static void send_a_large_one(void *unused) {
  (void)unused;
  ipc_sender *mine = must_send(queue);
  CHECK_EQ(ipc_sender_send(mine, out, LARGEST, 0), IPC_TIMED_OUT);
  atomic_store(&shared->sent, 1);
  CHECK_EQ(ipc_sender_send(mine, out, LARGEST, -1), IPC_OK);
  ipc_sender_close(mine);
}

/* Room that nobody has taken from since: behind one that was tried again all are done. */
static void done_frees_all_that_is_done(void) {
  new_board();
  hooks.patient = true; /* only a wake-up helps, and there is one */
  open_three();
  view seen = view_open(test_prefix, test_name, IPC_QUEUE);
  uint32_t leases[CAPACITY / RECORD];
  for (uint64_t i = 0; i < CAPACITY / RECORD; i++) put(i);
  for (uint32_t i = 0; i < CAPACITY / RECORD; i++) leases[i] = check_take(a, i, 1);
  for (uint32_t i = 1; i < CAPACITY / RECORD; i++) CHECK_EQ(ipc_receiver_done(a, leases[i]), IPC_OK);
  CHECK_EQ(ipc_receiver_retry(a, leases[0]), IPC_OK);
  CHECK_EQ(check_take(a, 0, 2), leases[0]);
  test_worker worker = test_start(TEST_PROCESS, send_a_large_one, NULL);
  test_await(&shared->sent, 1);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  CHECK_EQ(ipc_receiver_done(a, leases[0]), IPC_OK);
  test_finish(worker);
  CHECK_EQ(ipc_receiver_recv(b, in, sizeof in, 0), LARGEST);
  check_empty(a);
  view_close(&seen);
  close_three();
}

/* Of those too that were never sent, also when nobody is there to take. */
static void a_loan_given_up_frees_its_room(void) {
  new_board();
  hooks.patient = true;
  sender = must_send(queue);
  view seen = view_open(test_prefix, test_name, IPC_QUEUE);
  uint32_t offsets[2];
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_sender_loan(sender, LARGEST - 8, 0, &offsets[i]), IPC_OK);
  test_worker worker = test_start(TEST_PROCESS, send_a_large_one, NULL);
  test_await(&shared->sent, 1);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_sender_end_loan(sender, offsets[i], -1), IPC_OK);
  test_finish(worker);
  view_close(&seen);
  ipc_sender_close(sender);
}

static void lend_all_and_end(void *unused) {
  (void)unused;
  uint32_t offset;
  ipc_sender *mine = must_send(queue);
  for (int i = 0; i < 2; i++) CHECK_EQ(ipc_sender_loan(mine, LARGEST - 8, 0, &offset), IPC_OK);
}

static void send_a_large_one_patiently(void *unused) {
  hooks.patient = true;
  send_a_large_one(unused);
}

/* Who finds a dead one's loans tells the senders that sleep. */
static void loans_of_the_dead_free_their_room(void) {
  new_board();
  a = must_receive(queue);
  view seen = view_open(test_prefix, test_name, IPC_QUEUE);
  test_finish(test_start(TEST_PROCESS, lend_all_and_end, NULL));
  test_worker worker = test_start(TEST_PROCESS, send_a_large_one_patiently, NULL);
  test_await(&shared->sent, 1);
  view_await_sleeper(&seen, IPC_EVENT_SPACE);
  CHECK_EQ(ipc_receiver_recv(a, in, sizeof in, -1), LARGEST);
  test_finish(worker);
  view_close(&seen);
  ipc_receiver_close(a);
}

static void receive_one(void *value) {
  uint64_t got;
  ipc_receiver *mine = must_receive(queue);
  atomic_fetch_add(&shared->ready, 1);
  CHECK_EQ(ipc_receiver_recv(mine, &got, 8, -1), 8);
  CHECK_EQ(got, *(uint32_t *)value);
  ipc_receiver_close(mine);
}

static void takers_are_woken_by_sends_retries_and_closing(void) {
  new_board();
  hooks.patient = true;
  open_three();
  view seen = view_open(test_prefix, test_name, IPC_QUEUE);
  for (uint32_t way = 0; way < 4; way++) {
    uint32_t lease = 0, offset = 0;
    numbers[0] = way;
    if (way == 1 || way == 2) put(way);
    if (way == 1 || way == 2) lease = check_take(a, way, 1);
    if (way == 3) CHECK_EQ(ipc_sender_loan(sender, 8, 0, &offset), IPC_OK);
    test_worker worker = test_start(TEST_PROCESS, receive_one, &numbers[0]);
    test_await(&shared->ready, way + 1);
    view_await_sleeper(&seen, IPC_EVENT_DATA);
    uint64_t value = way;
    if (way == 0) put(0);
    if (way == 1) CHECK_EQ(ipc_receiver_retry(a, lease), IPC_OK);
    if (way == 2) ipc_receiver_close(a);
    if (way == 3) memcpy((uint8_t *)(uintptr_t)ipc_sender_ring(sender) + offset, &value, 8);
    if (way == 3) CHECK_EQ(ipc_sender_end_loan(sender, offset, 8), IPC_OK);
    test_finish(worker);
    if (way == 2) a = must_receive(queue);
  }
  view_close(&seen);
  close_three();
}

static void take_two_and_idle(void *unused) {
  (void)unused;
  ipc_receiver *mine = must_receive(queue);
  check_take(mine, 0, 1);
  check_take(mine, 1, 1);
  atomic_store(&shared->ready, 1);
  test_idle();
}

/* What a killed one was at work on goes to another within a second: to one that waits, that tries, or that has other
 * work. */
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
    CHECK_LE(test_ms() - started, 1000);
  }
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}
static void work_of_the_killed_goes_to_who_waits(void) { check_holder_killed(WAITS, false); }
static void work_of_the_killed_goes_to_who_tries(void) { check_holder_killed(TRIES, true); }
static void work_of_the_killed_goes_to_who_is_busy(void) { check_holder_killed(IS_BUSY, false); }

static void stopped_is_not_dead(void) {
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

static void a_stopped_taker_does_not_prolong_waits(void) {
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
  CHECK_LE(test_ms() - started, 2000);
  test_kill(holder);
  uint64_t got;
  CHECK_EQ(ipc_receiver_recv(b, &got, 8, 1000), 8);
  CHECK_EQ(got, 7);
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}

/* Who finds the lock taken does not know whether there is something: it must not fall asleep over it. */
static void a_taken_lock_is_not_an_empty_queue(void) {
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
    ipc_claim_unlock(&seen.header->take_claim); /* nobody is told: all have been, when it was sent */
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
static void a_dead_takers_lock_is_taken_over_on_a_busy_machine(void) {
  new_board();
  sender = must_send(queue);
  b = must_receive(queue);
  put(7);
  test_worker holder = test_start(TEST_PROCESS, hold_take_lock, NULL);
  test_await(&shared->ready, 1);
  test_kill(holder);
  hooks.before = a_slow_machine;
  uint64_t got;
  uint64_t limit = ipc_os_now() + 1000000000u; /* not test_ms(), which goes by the hook's clock */
  int32_t status;
  while ((status = ipc_receiver_recv(b, &got, 8, 0)) == IPC_TIMED_OUT) CHECK_LE(ipc_os_now(), limit);
  CHECK_EQ(status, 8);
  CHECK_EQ(got, 7);
  hooks.before = NULL;
  ipc_receiver_close(b);
  ipc_sender_close(sender);
}

/* While others take what comes, a receiver with a time-out still ends its wait. */
static void others_do_not_prolong_a_wait(void) {
  new_board();
  now = (plan){1, 3, MOST, 0, tiny, .form = TEST_PROCESS};
  test_worker busy[3];
  for (uint32_t i = 0; i < 3; i++) busy[i] = test_start(TEST_PROCESS, take_all, &numbers[i]);
  test_await(&shared->ready, 3);
  test_worker stream = test_start(TEST_PROCESS, send_all, &numbers[0]);
  b = must_receive(queue);
  for (int i = 0; i < 20; i++) {
    double started = test_ms();
    int32_t status = ipc_receiver_recv(b, in, 0, 5); /* it cannot take one: there is none, or it is too large */
    if (status != IPC_E_BUFFER_TOO_SMALL) CHECK_EQ(status, IPC_TIMED_OUT);
    CHECK_LE(test_ms() - started, 1000);
  }
  ipc_receiver_close(b);
  test_finish(stream);
  send_ends();
  for (int i = 0; i < 3; i++) test_finish(busy[i]);
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

static void takers_are_killed_at_random(void) {
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
      if (test_ms() - started > 5000) FAIL("message %u was lost", i);
    }
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 2; i++) test_finish(survivors[i]);
  for (uint32_t i = 0; i < shared->sent; i++) excess += shared->times[0][i] - 1u;
  for (uint32_t i = 2; i < 2 + VICTIMS; i++) held += shared->holds[i] != 0;
  CHECK_LE(excess, held); /* twice: only what somebody was killed with */
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

TEST_MAIN(TEST_CASE(each_goes_to_one_in_order), TEST_CASE(every_size_arrives),
          TEST_CASE(leases_are_done_or_tried_again), TEST_CASE(retries_wrap), TEST_CASE(closing_gives_back),
          TEST_CASE(a_small_buffer_keeps_the_message), TEST_CASE(they_are_kept_when_nobody_is_there),
          TEST_CASE(full_is_told), TEST_CASE(loans_are_taken_when_they_end), TEST_CASE(loans_of_the_dead_block_nobody),
          TEST_CASE(orphans_read_what_was_sent), TEST_CASE(bad_offsets_are_refused), TEST_CASE(damage_is_survived),
          TEST_CASE(processes_share_the_work), TEST_CASE(threads_share_the_work),
          TEST_CASE(done_wakes_a_blocked_sender), TEST_CASE(done_frees_all_that_is_done),
          TEST_CASE(a_loan_given_up_frees_its_room), TEST_CASE(loans_of_the_dead_free_their_room),
          TEST_CASE(takers_are_woken_by_sends_retries_and_closing), TEST_CASE(work_of_the_killed_goes_to_who_waits),
          TEST_CASE(work_of_the_killed_goes_to_who_tries), TEST_CASE(work_of_the_killed_goes_to_who_is_busy),
          TEST_CASE(stopped_is_not_dead), TEST_CASE(a_stopped_taker_does_not_prolong_waits),
          TEST_CASE(a_taken_lock_is_not_an_empty_queue), TEST_CASE(a_dead_takers_lock_is_taken_over_on_a_busy_machine),
          TEST_CASE(others_do_not_prolong_a_wait), TEST_CASE(takers_are_killed_at_random))
