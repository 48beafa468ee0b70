/*
 * observer_stress_test.c - observers and ordinary receivers on one ring, under load between processes and threads, with
 * stops and kills. Receiver 0 is ordinary: it gets everything. The others are observers, slower and slower.
 */
#include "overrun_crowd.h"

static ipc_options planned(void) {
  return (ipc_options){.struct_size = sizeof(ipc_options),
                       .kind = now.kind,
                       .capacity = now.capacity,
                       .first_position = now.first_position};
}

/* Sends one message: copied, lent, or as part of a batch. */
static int32_t send_one(ipc_sender *sender, uint8_t *mine, uint32_t length, uint32_t number) {
  uint32_t offset, accepted;
  if (number % 4 == 1 && length <= ipc_sender_max_loan(sender)) {
    int32_t status = ipc_sender_loan(sender, length + (length < 100 ? 40 : 0), -1, &offset);
    if (status != IPC_OK) return status;
    memcpy((uint8_t *)(uintptr_t)ipc_sender_ring(sender) + offset, mine, length);
    return ipc_sender_end_loan(sender, offset, (int32_t)length);
  }
  if (!now.batches || length > ipc_sender_max_record(sender)) return ipc_sender_send(sender, mine, length, -1);
  CHECK_EQ(ipc_sender_stage(sender, mine, length), IPC_OK);
  return ipc_sender_flush(sender, -1, &accepted);
}

static void send_all(void *number) {
  uint32_t me = *(uint32_t *)number;
  uint8_t *mine = malloc(now.range.max + 8);
  ipc_sender *sender = must_send(planned());
  for (uint32_t i = 0; i < now.count && !atomic_load(&shared->enough); i++) {
    uint32_t length = message_write(mine, (message_tag){me, i}, now.range);
    CHECK_EQ(send_one(sender, mine, length, i), IPC_OK);
    atomic_store(&shared->accepted[me], i + 1);
  }
  ipc_sender_close(sender);
  free(mine);
}

/* Until told to stop and nothing is left. */
static void receive_what_comes(void *number) {
  uint32_t me = *(uint32_t *)number, next[MESSAGE_SENDERS] = {0};
  uint8_t *mine = malloc(now.range.max + 8);
  ipc_options options = planned();
  options.lossy = me > 0;
  ipc_receiver *receiver = must_receive(options);
  uint64_t received = 0, missing = 0;
  atomic_fetch_add(&shared->ready, 1);
  for (;;) {
    bool last = atomic_load(&shared->stop);
    bool latest = me == 2 && received % 3 == 0;
    int32_t wait = last ? 0 : 20;
    int32_t length = latest ? ipc_receiver_recv_latest(receiver, mine, now.range.max, wait)
                            : ipc_receiver_recv(receiver, mine, now.range.max, wait);
    if (length == IPC_TIMED_OUT && last) break;
    if (length == IPC_TIMED_OUT) continue;
    if (length < MESSAGE_TAG) FAIL("receiver %u got %d", me, length);
    message_tag tag;
    memcpy(&tag, mine, sizeof tag);
    CHECK_LE(tag.sender, MESSAGE_SENDERS - 1);
    if (tag.sequence < next[tag.sender]) FAIL("%u of sender %u came again", tag.sequence, tag.sender);
    message_check(mine, length, tag, now.range);
    missing += tag.sequence - next[tag.sender];
    if (me == 0 && missing > 0) FAIL("%u of sender %u did not come", next[tag.sender], tag.sender);
    next[tag.sender] = tag.sequence + 1;
    received++;
    if (now.senders == 1) CHECK_EQ(ipc_receiver_lost(receiver) + ipc_receiver_skipped(receiver), missing);
    for (uint32_t pauses = received % 64 == 0 ? me : 0; pauses; pauses--) test_pause();
  }
  if (me == 0) CHECK_EQ(ipc_receiver_lost(receiver), 0);
  atomic_store(&shared->total[me],
               received + (uint64_t)ipc_receiver_lost(receiver) + (uint64_t)ipc_receiver_skipped(receiver));
  ipc_receiver_close(receiver);
  free(mine);
}

static const message_range half = {1900, 2040}, huge = {9000, 12000}; /* of a ring of 4096 */

static void check_crowd(uint32_t kind, uint32_t senders, uint32_t receivers, test_form form) {
  uint32_t count = 1200 * TEST_SCALE / senders;
  for (int i = 0; i < STARTS; i++) {
    check_stream((plan){kind, 4096, senders, receivers, count, starts[i], tiny, .form = form});
    check_stream((plan){kind, 4096, senders, receivers, count / 2, starts[i], mixed, .form = form});
  }
  check_stream((plan){kind, 4096, senders, receivers, count / 2, 0x80000000u - 900, half, .form = form});
  check_stream((plan){kind, 4096, senders, receivers, count / 8, UINT32_MAX - 900, huge, .form = form});
  check_stream((plan){kind, 16384, senders, receivers, count / 4, UINT32_MAX - 5000, large, .form = form});
  check_stream((plan){kind, 4096, senders, receivers, count, UINT32_MAX - 5000, tiny, true, form});
}

static void route_of_processes(void) { check_crowd(IPC_ROUTE, 1, 3, TEST_PROCESS); }

static void channel_of_processes(void) { check_crowd(IPC_CHANNEL, 3, 3, TEST_PROCESS); }

static void route_of_threads(void) { check_crowd(IPC_ROUTE, 1, 3, TEST_THREAD); }

static void channel_of_threads(void) { check_crowd(IPC_CHANNEL, 3, 3, TEST_THREAD); }

/* Rings go by while observers are stopped and killed: the sender and the ordinary receiver do not notice. */
static void stopped_and_killed_observers_delay_nobody(void) {
  now = (plan){IPC_ROUTE, 4096, 1, 4, UINT32_MAX, UINT32_MAX - 5000, tiny, .form = TEST_PROCESS};
  test_worker receivers[4];
  start_receivers(receivers, true);
  test_worker sender = test_start(TEST_PROCESS, send_all, &numbers[0]);
  for (int stops = 0; stops < 4; stops++) {
    test_stop(receivers[1 + stops % 3]);
    test_await(&shared->accepted[0], atomic_load(&shared->accepted[0]) + 5000 * TEST_SCALE);
    if (stops == 2) test_kill(receivers[3]);
    if (stops < 2) test_continue(receivers[1 + stops % 3]);
  }
  test_continue(receivers[1]);
  test_await(&shared->accepted[0], atomic_load(&shared->accepted[0]) + 5000 * TEST_SCALE);
  atomic_store(&shared->enough, 1);
  test_finish(sender);
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 3; i++) {
    test_finish(receivers[i]);
    CHECK_EQ(shared->total[i], shared->accepted[0]);
  }
  test_reap(receivers[3]);
}

/* The ring itself says how many messages it has seen; a victim's last may or may not be among them. */
static void senders_are_killed_at_random(void) {
  now = (plan){IPC_CHANNEL, 4096, 2, 3, UINT32_MAX, UINT32_MAX - 5000, large, .form = TEST_PROCESS};
  test_worker receivers[3];
  start_receivers(receivers, false);
  uint32_t sum = kill_senders_at_random(20260302);
  atomic_store(&shared->stop, 1);
  for (int i = 0; i < 3; i++) test_finish(receivers[i]);
  for (int i = 0; i < 3; i++) {
    CHECK_GE(shared->total[i], sum);
    CHECK_LE(shared->total[i], sum + VICTIMS);
  }
}

TEST_MAIN(TEST_CASE(route_of_processes), TEST_CASE(channel_of_processes), TEST_CASE(route_of_threads),
          TEST_CASE(channel_of_threads), TEST_CASE(stopped_and_killed_observers_delay_nobody),
          TEST_CASE(senders_are_killed_at_random))
