/* queue_wait_test.c - what frees space wakes senders, what arrives wakes receivers. */
#include "queue_fixture.h"

typedef struct plan {
  uint32_t senders, takers, count, first_position; /* count: messages of each sender */
  message_range range;
  bool leases, slow;
  test_form form;
} plan;

static plan now;

static ipc_options planned(void) {
  ipc_options options = queue;
  options.first_position = now.first_position;
  return options;
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

/* Space that no receiver has taken from since: all messages behind a retried one are confirmed. */
static void done_frees_all_confirmed_messages(void) {
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

/* Also of loans that were never sent, and without receivers. */
static void an_aborted_loan_frees_its_space(void) {
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
static void loans_of_dead_senders_free_their_space(void) {
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

static void receivers_are_woken_by_sends_retries_and_closes(void) {
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

/* While others take what comes, a receiver with a time-out still ends its wait. */
static void other_receivers_do_not_prolong_a_wait(void) {
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
    check_within_a_second(started);
  }
  ipc_receiver_close(b);
  test_finish(stream);
  send_ends();
  for (int i = 0; i < 3; i++) test_finish(busy[i]);
}

TEST_MAIN(TEST_CASE(processes_share_the_work), TEST_CASE(threads_share_the_work),
          TEST_CASE(done_wakes_a_blocked_sender), TEST_CASE(done_frees_all_confirmed_messages),
          TEST_CASE(an_aborted_loan_frees_its_space), TEST_CASE(loans_of_dead_senders_free_their_space),
          TEST_CASE(receivers_are_woken_by_sends_retries_and_closes), TEST_CASE(other_receivers_do_not_prolong_a_wait))
