/* drop_newest_test.c - drop-newest: the sender learns of each message that was not sent. */
#include "overrun_fixture.h"
#include "sender_state.h"

/* The other policy: a send into a full ring reports it at once, and no accepted message is lost. */
static void the_sender_learns_of_a_dropped_message(void) {
  for (uint32_t kind = IPC_ROUTE; kind <= IPC_CHANNEL; kind++) {
    const ipc_options options = {
        .struct_size = sizeof(ipc_options), .kind = kind, .capacity = CAPACITY, .overflow = IPC_DROP_NEWEST};
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
    CHECK_EQ(test_flush(sender, -1, IPC_DROPPED), 96); /* what the slow one has left room for, and told */
    CHECK_EQ(ipc_sender_stage(sender, &staged, 8), IPC_OK);
    CHECK_EQ(test_flush(sender, -1, IPC_DROPPED), 0);
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
    /* Six calls of one message, and what the two batches did not send: for list(). */
    CHECK_EQ(atomic_load(&sender->slot->lost), 6 + (120 - 96) + 1);
    ipc_receiver_close(receiver);
    ipc_receiver_close(slow);
    ipc_sender_close(sender);
  }
}

/* Sends each message again until it is accepted. */
static void send_until_accepted(void *number) {
  uint32_t me = *(uint32_t *)number, dropped = 0;
  const ipc_options options = {
      .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = CAPACITY, .overflow = IPC_DROP_NEWEST};
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
  const ipc_options options = {
      .struct_size = sizeof(ipc_options), .kind = IPC_CHANNEL, .capacity = CAPACITY, .overflow = IPC_DROP_NEWEST};
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

TEST_MAIN(TEST_CASE(the_sender_learns_of_a_dropped_message), TEST_CASE(processes_drop_newest),
          TEST_CASE(threads_drop_newest))
