/* overrun_stress_test.c - drop-oldest under load between processes and threads, with stops and kills. */
#include "overrun_crowd.h"

static ipc_options planned(void) {
  return (ipc_options){.struct_size = sizeof(ipc_options),
                       .kind = now.kind,
                       .capacity = now.capacity,
                       .overflow = IPC_DROP_OLDEST,
                       .first_position = now.first_position};
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
      CHECK_EQ(test_flush(sender, -1, IPC_OK), staged);
      atomic_store(&shared->accepted[me], i);
      staged = 0;
      status = ipc_sender_stage(sender, mine, length);
    }
    CHECK_EQ(status, IPC_OK);
    staged++;
  }
  CHECK_EQ(test_flush(sender, -1, IPC_OK), staged);
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
static void a_stopped_receiver_counts_what_it_missed(void) {
  now = (plan){IPC_ROUTE, 4096, 1, 2, UINT32_MAX, UINT32_MAX - 5000, tiny, .form = TEST_PROCESS};
  test_worker receivers[2];
  start_receivers(receivers, true);
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
  start_receivers(receivers, false);
  uint32_t sum = kill_senders_at_random(20260202);
  view seen = view_open(test_prefix, test_name, IPC_CHANNEL);
  uint32_t count = (uint32_t)(atomic_load(&seen.header->head) >> 32);
  atomic_store(&shared->stop, 1);
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

static ipc_sender *early;

static void send_as_soon_as_it_is_counted(const char *call) {
  if (strcmp(call, "unlock") != 0) return;
  hooks.before = NULL;
  CHECK_EQ(ipc_sender_wait_for_receivers(early, 1, 0), IPC_OK);
  CHECK_EQ(ipc_sender_send(early, "first", 5, 0), IPC_OK);
}

/* Who waits for receivers and then sends must not find out that they were counted before they were there. */
static void a_counted_receiver_gets_what_is_sent(void) {
  for (uint32_t overflow = IPC_BLOCK; overflow <= IPC_DROP_OLDEST; overflow++)
    for (uint32_t oldest = 0; oldest < 2; oldest++) {
      const ipc_options options = {
          .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .overflow = overflow, .from_oldest = oldest};
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

TEST_MAIN(TEST_CASE(route_of_processes), TEST_CASE(channel_of_processes), TEST_CASE(route_of_threads),
          TEST_CASE(channel_of_threads), TEST_CASE(a_stopped_receiver_counts_what_it_missed),
          TEST_CASE(senders_are_killed_at_random), TEST_CASE(senders_of_fragments_are_killed_at_random),
          TEST_CASE(a_counted_receiver_gets_what_is_sent))
